//! What a cloud takes of a provisioned product. A product's cloud is that of its target, which may stand in another file, so
//! this is asked when all files have been read.

use super::findings::Findings;
use super::product::{Draft, Table};
use super::{alibaba, names, section, value};
use crate::model::Cloud;
use crate::problem::{Place, Problem};

type Check = fn(&str, &str) -> Result<(), Problem>;

/// The rules of one cloud; what is not documented has no limit.
struct Rules {
    cloud: &'static str,
    name: Check,
    product: usize,
    version: usize,
    path: usize,
    parameters: usize,
    parameter_key: usize,
    parameter_value: usize,
    tags: usize,
    tag_key: Check,
    tag_value: Check,
}

const AWS: Rules = Rules {
    cloud: "AWS",
    name: names::entity,
    product: 8191,
    version: 8192,
    path: 100,
    parameters: usize::MAX,
    parameter_key: 1000,
    parameter_value: 4096,
    tags: 50,
    tag_key: names::tag_key,
    tag_value: names::tag_value,
};

/// LaunchProduct and UpdateProvisionedProduct of the API 2021-09-01.
const ALIBABA: Rules = Rules {
    cloud: "Alibaba Cloud",
    name: alibaba::name,
    product: usize::MAX,
    version: usize::MAX,
    path: usize::MAX,
    parameters: 200,
    parameter_key: usize::MAX,
    parameter_value: usize::MAX,
    tags: 20,
    tag_key: alibaba::tag_key,
    tag_value: alibaba::tag_value,
};

/// Reports everything that `cloud` would not take.
pub(super) fn check(draft: &Draft, cloud: Cloud, findings: &Findings) {
    let rules = match cloud {
        Cloud::Aws => &AWS,
        Cloud::Alibaba => &ALIBABA,
    };
    let report = Report { rules, findings };
    for (key, place) in &draft.of_one_cloud {
        report.refused(key.foreign(cloud).map_or(Ok(()), Err), place);
    }
    if let Some(name) = &draft.name {
        report.refused((rules.name)("`name`", &name.value), &name.place);
    }
    if let Some(region) = draft.stack_region.as_ref().filter(|_| cloud == Cloud::Alibaba) {
        report.refused(alibaba::region("stack_region", &region.value), &region.place);
    }
    let texts = [
        ("product", &draft.product, rules.product),
        ("version", &draft.version, rules.version),
        ("path", &draft.path, rules.path),
    ];
    for (key, text, most) in texts {
        if let Some(text) = text {
            report.characters(text.value.chars().count(), most, &text.place, || format!("`{key}` has"));
        }
    }
    draft.parameters.iter().for_each(|table| report.parameters(table));
    draft.tags.iter().for_each(|table| report.tags(table));
}

struct Report<'a> {
    rules: &'static Rules,
    findings: &'a Findings,
}

impl Report<'_> {
    fn refused(&self, result: Result<(), Problem>, place: &Place) {
        if let Err(problem) = result {
            self.findings.problem(problem.at(place));
        }
    }

    fn parameters(&self, table: &Table<value::Draft>) {
        self.count("parameters", table.count, self.rules.parameters, &table.place);
        for (key, entry) in &table.entries {
            let label = || format!("`parameters.{}` has", section::quoted_key(key));
            let name = || format!("{} a name of", label());
            self.characters(key.chars().count(), self.rules.parameter_key, &entry.key, name);
            if let Some(value) = &entry.value {
                let text = || format!("{} a value of", label());
                self.characters(value.value.length(), self.rules.parameter_value, &value.place, text);
            }
        }
    }

    fn tags(&self, table: &Table<String>) {
        self.count("tags", table.count, self.rules.tags, &table.place);
        for (key, entry) in &table.entries {
            let label = format!("tags.{}", section::quoted_key(key));
            self.refused((self.rules.tag_key)(&label, key), &entry.key);
            if let Some(text) = &entry.value {
                self.refused((self.rules.tag_value)(&label, &text.value), &text.place);
            }
        }
    }

    fn characters(&self, length: usize, most: usize, place: &Place, what: impl Fn() -> String) {
        if length > most {
            let message = format!("{} {length} characters; {} allows {most}", what(), self.rules.cloud);
            self.findings.problem(Problem::input(message).at(place));
        }
    }

    fn count(&self, table: &str, count: usize, most: usize, place: &Place) {
        if count > most {
            let message = format!("`{table}` has {count} {table}; {} allows {most}", self.rules.cloud);
            self.findings.problem(Problem::input(message).at(place));
        }
    }
}
