//! Puts the drafts of all files together: one definition for each name, targets and references found, owners completed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::findings::Findings;
use super::{file, links, product, rules, target};
use crate::model::{Cloud, Desired, Limits, Project};
use crate::problem::{Place, Problem};

/// Everything that the files define, by name; the first definition where there are two.
pub(super) struct Names {
    pub targets: BTreeMap<String, target::Draft>,
    /// Provisioned products with the target that they name.
    pub products: BTreeMap<String, Option<String>>,
    /// Whether what seems to be missing may be in a file that could not be read.
    pub incomplete: bool,
}

impl Names {
    /// The cloud that a product is for. Where its target is unknown, it is the only one that the project has targets of.
    fn cloud(&self, product: &product::Draft) -> Option<Cloud> {
        let target = product.target.as_ref().and_then(|target| self.targets.get(&target.value));
        if target.is_some() || self.incomplete {
            return target?.cloud;
        }
        let mut clouds = self.targets.values().map(|target| target.cloud);
        let first = clouds.next()?;
        first.filter(|_| clouds.all(|cloud| cloud == first))
    }
}

/// The project. It is whole only if there are no problems among the findings.
pub(super) fn project(root: &Path, files: Files, findings: &Findings) -> Project {
    let mut project = Project {
        root: root.to_owned(),
        name: None,
        ledger: default_ledger(root),
        limits: Limits::default(),
        targets: BTreeMap::new(),
        desired: Desired::new(),
        warnings: Vec::new(),
    };
    let mut once = Once { seen: BTreeMap::new(), findings };
    let mut names = Names { targets: BTreeMap::new(), products: BTreeMap::new(), incomplete: files.incomplete };
    // With whether it is the first of its key.
    let mut drafts = Vec::new();
    for file in files.drafts {
        settings(&mut project, &mut once, &file);
        for target in file.targets {
            if once.first("target", Some(&target.name), &target.place) {
                names.targets.insert(target.name.clone(), target);
            }
        }
        for draft in file.products {
            let first = once.first("provisioned_product", Some(&draft.key.value), &draft.place);
            if first {
                let target = draft.target.as_ref().map(|target| target.value.clone());
                names.products.insert(draft.key.value.clone(), target);
            }
            drafts.push((first, draft));
        }
    }
    for (first, draft) in drafts {
        if let Some(cloud) = names.cloud(&draft) {
            rules::check(&draft, cloud, findings);
        }
        if let Some(spec) = first.then(|| links::spec(draft, &names, findings)).flatten() {
            project.desired.insert(spec.address.clone(), spec);
        }
    }
    project.targets = names.targets.into_iter().filter_map(|(name, draft)| Some((name, draft.target?))).collect();
    one_product_for_each_name(&project, findings);
    project
}

/// Where the ledger is unless the files say otherwise: beside `tenure.toml`, because it has to be kept. In 0.1 it was in
/// `.tenure`, and one that is there still opens.
pub fn default_ledgers(root: &Path) -> [PathBuf; 2] {
    [root.join("tenure.ledger.jsonl"), root.join(".tenure").join("ledger.jsonl")]
}

pub fn is_default_ledger(project: &Project) -> bool {
    default_ledgers(&project.root).contains(&project.ledger)
}

fn default_ledger(root: &Path) -> PathBuf {
    let [usual, former] = default_ledgers(root);
    if former.exists() && !usual.exists() { former } else { usual }
}

/// `[project]`, `[ledger]` and `[limits]`.
fn settings(project: &mut Project, once: &mut Once<'_>, file: &file::Draft) {
    if let Some(name) = file.name.as_ref().filter(|name| once.first("project", None, &name.place)) {
        project.name.clone_from(&name.value);
    }
    if let Some(ledger) = file.ledger.as_ref().filter(|ledger| once.first("ledger", None, &ledger.place))
        && let Some(path) = &ledger.value
    {
        project.ledger = project.root.join(path);
    }
    if let Some(limits) = file.limits.as_ref().filter(|limits| once.first("limits", None, &limits.place)) {
        project.limits = limits.value;
    }
}

/// Sees to it that two files do not define the same thing.
struct Once<'a> {
    seen: BTreeMap<(&'static str, Option<String>), Place>,
    findings: &'a Findings,
}

impl Once<'_> {
    fn first(&mut self, kind: &'static str, name: Option<&str>, place: &Place) -> bool {
        match self.seen.entry((kind, name.map(str::to_owned))) {
            Entry::Vacant(entry) => {
                entry.insert(place.clone());
                true
            }
            Entry::Occupied(entry) => {
                let label = name.map_or_else(|| kind.to_owned(), |name| format!("{kind}.{name}"));
                let problem = Problem::input(format!("`{label}` is already defined at {}", entry.get()));
                let hint = match name {
                    Some(_) => "keep one of the two, or give one another name",
                    None => "keep one of the two",
                };
                self.findings.problem(problem.at(place).hint(hint));
                false
            }
        }
    }
}

/// Within an account and region a name belongs to one provisioned product, whatever the targets are called.
fn one_product_for_each_name(project: &Project, findings: &Findings) {
    let mut seen: BTreeMap<_, &crate::model::Spec> = BTreeMap::new();
    let mut specs: Vec<_> = project.desired.values().collect();
    specs.sort_by(|a, b| a.place.cmp(&b.place));
    for spec in specs {
        let Some(target) = project.targets.get(&spec.address.target) else { continue };
        match seen.entry((target.site(), &spec.name.value)) {
            Entry::Vacant(entry) => {
                entry.insert(spec);
            }
            Entry::Occupied(entry) => {
                let first = entry.get();
                let message = format!(
                    "`{}` and `{}` ({}) have the same `name` in one account and region",
                    spec.address, first.address, first.place
                );
                let problem = Problem::input(message).at(&spec.name.place);
                findings.problem(problem.hint("give one of the two another `name`"));
            }
        }
    }
}
