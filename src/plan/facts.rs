//! What the planner looks up for one product: version, path, template, parameters, outputs, and who was there.

use super::existing::Running;
use super::knowledge::Fact;
use super::parameters::{self, Comparison, Output};
use super::planner::{Matched, Planner};
use super::{Action, resolve, secrets};
use crate::model::{
    Address, CatalogProduct, LaunchPath, LiveParameters, ProvisionedProduct, Spec, Template, TemplateKey, Version,
};
use crate::problem::{Place, Problem, nearest};

/// A stack's parameters, as far as they are known.
pub enum Reading<'a> {
    Known(&'a LiveParameters),
    Asked,
    /// They cannot be read, which has been said.
    Blocked,
}

impl<'a> Planner<'a> {
    /// The version that the files ask for. `running` is the one that runs, as far as it is known by id and name: the
    /// catalog need not show it any more.
    pub fn version(&mut self, m: &Matched<'a>, running: Option<(&str, &str)>) -> Option<Version> {
        match resolve::version(&m.spec.version, m.catalog, running.map(|(id, _)| id)) {
            Ok(version) => Some(version.clone()),
            Err(problem) => {
                let asked = m.spec.version.value.as_str();
                let listed = |id: &str| m.catalog.versions.iter().any(|version| version.id == id);
                let running = running.filter(|(id, name)| (asked == *id || asked == *name) && !listed(id));
                if running.is_none() {
                    self.problems.push(problem);
                }
                let (id, name) = running?;
                Some(Version { id: id.to_owned(), name: name.to_owned(), deprecated: false, active: false })
            }
        }
    }

    /// `Some(None)`: the product's only or default path, which needs no naming.
    pub fn path(&mut self, m: &Matched<'a>, current: Option<&str>) -> Option<Option<&'a LaunchPath>> {
        resolve::path(m.spec.path.as_ref(), m.catalog, current, &m.spec.place, m.target.cloud.traits().path_word)
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    /// The path that the product was launched through; looked up only where there is a choice.
    pub fn current_path(
        &mut self,
        m: &Matched<'a>,
        product: &'a ProvisionedProduct,
        running: &Running<'a>,
    ) -> Option<Option<&'a str>> {
        if m.catalog.paths.len() < 2 {
            return Some(m.catalog.paths.first().map(|path| path.id.as_str()));
        }
        if running.path_id.is_some() {
            return Some(running.path_id);
        }
        // Where a path is a portfolio, the list tells it.
        let listed = product.portfolio_id.as_deref();
        if listed.is_some_and(|id| m.catalog.paths.iter().any(|path| path.id == id)) {
            return Some(listed);
        }
        let Some(last) = &product.last_successful else { return Some(None) };
        match self.knowledge.operation(&m.target.name, last) {
            Fact::Known(operation) => Some(operation.path_id.as_deref()),
            Fact::Unreadable(_) => Some(None),
            Fact::Asked => None,
        }
    }

    pub fn template(&mut self, m: &Matched<'a>, version: &Version, path: Option<&LaunchPath>) -> Option<&'a Template> {
        let key = TemplateKey {
            product_id: m.catalog.id.clone(),
            version_id: version.id.clone(),
            path_id: sent_path(m.spec, m.catalog, path),
        };
        match self.knowledge.template(&m.target.name, &key) {
            Fact::Known(template) => Some(template),
            Fact::Asked => None,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!(
                    "the parameters of `{}` version {} cannot be read: {reason}",
                    m.catalog.name, version.name
                ))
                .hint("the identity that reads must be associated with a portfolio that holds the product");
                self.finding(&m.spec.address, true, true, problem);
                None
            }
        }
    }

    pub fn stack(&mut self, m: &Matched<'a>, product: &ProvisionedProduct) -> Reading<'a> {
        match self.knowledge.parameters(&m.target.name, product) {
            Fact::Known(stack) => Reading::Known(stack),
            Fact::Asked => Reading::Asked,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("the parameters of {} cannot be read: {reason}", product.id))
                    .hint("allow cloudformation:DescribeStacks to the identity that reads");
                self.finding(&m.spec.address, true, true, problem);
                Reading::Blocked
            }
        }
    }

    /// Which operation after our last one changed the product, and when; `Some(None)` when none is known: what was changed
    /// in the stack itself has no operation.
    pub fn outside(&mut self, m: &Matched<'a>, product: &'a ProvisionedProduct) -> Option<Option<String>> {
        let Some(applied) = m.managed.map(|managed| &managed.applied) else { return Some(None) };
        // One that failed was rolled back: what runs is the work of the last that did not.
        let (Some(last), Some(ours)) = (&product.last_successful, &applied.operation) else { return Some(None) };
        if last == ours {
            return Some(None);
        }
        match self.knowledge.operation(&m.target.name, last) {
            // Our own last step may have been another than the one that provisioned.
            Fact::Known(operation) if operation.updated.is_some() && operation.updated <= applied.at => Some(None),
            Fact::Known(operation) => {
                let at = operation.updated.map(|at| at.strftime(", %Y-%m-%d %H:%MZ").to_string());
                Some(Some(format!("{last}{}", at.unwrap_or_default())))
            }
            Fact::Unreadable(_) => Some(Some(last.clone())),
            Fact::Asked => None,
        }
    }

    /// Reports what a block asks of the catalog in vain, where the product's state keeps it from being planned.
    pub fn check_block(&mut self, m: &Matched<'a>, running: Option<(&str, &str)>) {
        let Some(version) = self.version(m, running) else { return };
        let path = match (m.spec.path.is_some(), m.catalog.paths.as_slice()) {
            (true, _) => self.path(m, None),
            // Which of several the product was launched through does not matter to its block.
            (false, paths) => Some(paths.first()),
        };
        let (Some(declared), Some(path)) = (&m.spec.parameters, path) else { return };
        if version.active
            && let Some(template) = self.template(m, &version, path)
        {
            self.problems.extend(parameters::check_written(declared, template, &version.name));
        }
    }

    /// The parameters, and whether they can be used: all known and without problems.
    pub fn parameters(
        &mut self,
        m: &Matched<'a>,
        version: &Version,
        template: &Template,
        live: Option<&LiveParameters>,
        action: Action,
    ) -> (parameters::Difference, bool) {
        let mut problems = Vec::new();
        let comparison = Comparison {
            place: &m.spec.place,
            declared: m.spec.parameters.as_ref(),
            template,
            version: &version.name,
            live,
            applied: m.managed.map(|managed| &managed.applied),
            action,
            adopts: m.managed.is_none(),
            keeps_previous: m.target.cloud.traits().keeps_previous,
        };
        let mut known = true;
        let difference = parameters::compare(&comparison, &mut problems, |address, output, place| {
            let output = self.output(&m.spec.address, address, output, place);
            known &= !matches!(output, Output::Unusable);
            output
        });
        let usable = known && problems.is_empty();
        self.problems.extend(problems);
        (difference, usable)
    }

    /// An output of `address` that `reader` asks for.
    fn output(&mut self, reader: &Address, address: &Address, name: &str, place: &Place) -> Output {
        if let Some(draft) = self.drafts.get(address)
            && draft.changes_outputs()
        {
            return match &draft.outputs {
                Some(outputs) if !outputs.contains(name) => {
                    self.problems.push(unknown_output(address, name, place, outputs.iter()));
                    Output::Unusable
                }
                _ => Output::Later,
            };
        }
        // What is blocked blocks whoever reads it, and its finding says why. It may well have no outputs.
        if self.findings.iter().any(|finding| finding.blocks && finding.address == *address) {
            return Output::Unusable;
        }
        let id = self.base.get(address).map(|product| product.id.as_str());
        let id = id.or_else(|| self.inputs.ledger.managed.get(address).map(|managed| managed.id.as_str()));
        let Some(id) = id.map(str::to_owned) else {
            // A product that this run is about and that could not be planned has said why already.
            if !self.inputs.scope.contains(address) {
                self.problems.push(
                    Problem::input(format!("`{address}` is not ours yet and is left out of this run"))
                        .at(place)
                        .hint(format!("leave `{address}` in, or apply it first")),
                );
            }
            return Output::Unusable;
        };
        self.output_of(reader, address, &id, name, place)
    }

    /// An output of a product that is there and stays as it is.
    fn output_of(&mut self, reader: &Address, address: &Address, id: &str, name: &str, place: &Place) -> Output {
        // Asked for together: one look at a stack answers both.
        let (outputs, secrets) = (self.knowledge.outputs(&address.target, id), self.bare_secrets(address, id));
        let secrets = match secrets {
            Fact::Known(secrets) => secrets,
            Fact::Asked => return Output::Unusable,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!(
                    "whether output `{name}` of `{address}` ({id}) repeats a secret cannot be told: {reason}"
                ))
                .hint("allow cloudformation:DescribeStacks to the identity that reads");
                self.finding(reader, true, true, problem);
                return Output::Unusable;
            }
        };
        if let Some(key) = self.knowledge.repeated(&address.target, id, name) {
            self.problems.push(secrets::repeated(address, name, key).at(place));
            return Output::Unusable;
        }
        match outputs {
            Fact::Known(outputs) => match outputs.get(name) {
                Some(value) => match secrets.iter().find(|(_, sieve)| sieve.catches(value)) {
                    None => Output::Known(value.clone()),
                    Some((key, _)) => {
                        self.problems.push(secrets::repeated(address, name, key).at(place));
                        Output::Unusable
                    }
                },
                None => {
                    self.problems.push(unknown_output(address, name, place, outputs.keys()));
                    Output::Unusable
                }
            },
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("the outputs of `{address}` ({id}) cannot be read: {reason}"))
                    .hint("allow cloudformation:DescribeStacks to the identity that reads");
                self.finding(reader, true, true, problem);
                Output::Unusable
            }
            Fact::Asked => Output::Unusable,
        }
    }
}

fn unknown_output<'o>(
    address: &Address,
    name: &str,
    place: &Place,
    known: impl Iterator<Item = &'o String>,
) -> Problem {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has no outputs at all".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    Problem::input(format!("`{address}` has no output `{name}`")).at(place).hint(hint)
}

/// The path as it is sent: named only where it must be or was asked for, because ids depend on who asks.
pub fn sent_path(spec: &Spec, catalog: &CatalogProduct, path: Option<&LaunchPath>) -> Option<String> {
    path.filter(|_| spec.path.is_some() || !catalog.default_path).map(|path| path.id.clone())
}

/// What a path is called whoever asks: its name, or its id where several have that name.
pub fn unique_name(catalog: &CatalogProduct, path: Option<&LaunchPath>) -> Option<String> {
    let path = path?;
    let several = catalog.paths.iter().filter(|other| other.name == path.name).count() > 1;
    Some(if several { path.id.clone() } else { path.name.clone() })
}
