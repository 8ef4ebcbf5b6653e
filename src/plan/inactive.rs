//! A product whose version was deactivated in the catalog. It goes on running, and its owner and launch role can change;
//! only an update would have to send the version, which the service refuses.

use super::Action;
use super::planner::{Matched, Planner};
use super::update::Update;
use crate::model::{LiveParameters, ParameterSpec, Template};
use crate::problem::Problem;

impl<'a> Planner<'a> {
    /// Compares what runs with the files, and reports a difference that cannot be sent. Returns the tags that cannot be
    /// removed; `None` while something is not known.
    pub fn inactive(
        &mut self,
        m: &Matched<'a>,
        update: Update<'a>,
        stack: Option<&LiveParameters>,
    ) -> Option<Vec<String>> {
        let mut differs = update.differs();
        if let Some(stack) = stack
            && m.spec.parameters.is_some()
        {
            let template = as_it_runs(stack);
            let (difference, usable) = self.parameters(m, &update.version, &template, Some(stack), Action::Update);
            if !usable {
                return None;
            }
            differs |= !difference.fields.is_empty();
        }
        if differs {
            let (version, product) = (&update.version.name, &m.catalog.name);
            let problem = Problem::failed(format!(
                "version `{version}` of `{product}` was deactivated in the catalog, and an update would have to send it"
            ))
            .hint("write an active version, or take the other changes of version, parameters and tags back");
            self.finding(&m.spec.address, true, true, problem);
            return None;
        }
        Some(update.tags.held_back)
    }
}

/// The template of a version that the catalog shows no more, as far as the stack tells it: what is not declared keeps its
/// value.
fn as_it_runs(stack: &LiveParameters) -> Template {
    let parameter = |masked: bool, value: &str| ParameterSpec {
        kind: "String".to_owned(),
        default: Some(value.to_owned()),
        no_echo: masked,
        ..ParameterSpec::default()
    };
    let all = stack.parameters.iter();
    let parameters = all.map(|(key, live)| (key.clone(), parameter(live.masked, &live.value))).collect();
    Template { parameters, outputs: None }
}
