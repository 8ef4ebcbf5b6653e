//! The commands that read files only: `validate`, `graph`, `schema`.

use std::collections::{BTreeMap, BTreeSet};

use super::args::{self, GraphFormat, SchemaOf};
use super::{Ended, Settings, print};
use crate::model::Address;
use crate::render::graph;
use crate::render::ui::Ui;
use crate::{config, ledger, plan, render};

pub fn validate(ui: &mut Ui, settings: &Settings) -> Ended {
    let project = config::load(&settings.root)?;
    ui.warnings(&project.warnings);
    plan::validate(&project)?;
    let (products, targets) = (project.desired.len(), project.targets.len());
    print(
        ui,
        &format!("The files are well: {}, {}.\n", counted(products, "provisioned product"), counted(targets, "target")),
    )?;
    ui.next(&settings.command(&["plan".to_owned()]));
    Ok(0)
}

pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub fn graph(ui: &mut Ui, settings: &Settings, args: &args::Graph) -> Ended {
    let project = config::load(&settings.root)?;
    let needs: BTreeMap<Address, BTreeSet<Address>> = project
        .desired
        .iter()
        .map(|(address, spec)| (address.clone(), spec.prerequisites().into_keys().collect()))
        .collect();
    let format = match args.format {
        GraphFormat::Dot => graph::GraphFormat::Dot,
        GraphFormat::Mermaid => graph::GraphFormat::Mermaid,
        GraphFormat::Json => graph::GraphFormat::Json,
    };
    print(ui, &graph::graph(&needs, format))
}

pub fn schema(ui: &mut Ui, args: &args::Schema) -> Ended {
    let schema = match args.of {
        SchemaOf::Config => config::schema(),
        SchemaOf::Plan => render::json::plan_schema(),
        SchemaOf::Ledger => ledger::schema(),
    };
    print(ui, &format!("{schema:#}\n"))
}
