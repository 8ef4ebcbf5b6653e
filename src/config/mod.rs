//! TOML files to a [`Project`]: what the files ask for, with the place of every value.
//!
//! ```text
//! source    bytes → text with places
//! section   a TOML table, read key by key       (keys: which keys there are; names, arn, duration: what they may say;
//!                                                alibaba, ram: the same where Alibaba Cloud differs)
//! file      one file → drafts                   (target, product, value, interpolation: its parts)
//! files     tenure.toml and its includes
//! resolve   the drafts of all files → Project   (links: what one table names in another; rules: what its cloud takes)
//! ```
//!
//! Nothing stops at the first problem: a wrong key is reported and reading goes on, and a draft that is faulty is not
//! blamed a second time by what refers to it. Messages name keys, never values, because a value may be a secret.

mod alibaba;
mod arn;
mod duration;
mod file;
mod files;
mod findings;
mod interpolation;
mod keys;
mod links;
mod names;
mod product;
mod ram;
mod resolve;
mod rules;
mod schema;
mod section;
mod select;
mod source;
mod target;
mod value;

use std::path::Path;

pub use resolve::{default_ledgers, is_default_ledger};
pub use schema::schema;
pub use select::{matches, select};

use crate::model::Project;
use crate::problem::Problems;

/// Reads the project in `root`: `tenure.toml` and everything that it includes.
///
/// # Errors
///
/// All problems of the files at once, in the order of reading, each with its place.
pub fn load(root: &Path) -> Result<Project, Problems> {
    let findings = findings::Findings::default();
    let files = files::read(root, &findings);
    let names = files.names.clone();
    let mut project = resolve::project(root, files, &findings);
    let (problems, warnings) = findings.into_sorted(&names);
    if !problems.is_empty() {
        return Err(problems);
    }
    project.warnings = warnings;
    Ok(project)
}
