//! What people and programs read: plans, progress, reports and histories, from plain data.
//!
//! A renderer takes data and returns text; it decides nothing, and only [`ui`] prints. Everything that came from a file
//! or a cloud passes [`safe`] on its way, so that no value can move a cursor, colour a line or forge one. Secrets need
//! no care here: [`crate::plan::Shown`] has no text for them.

pub mod arn;
pub mod graph;
pub mod history;
pub mod json;
pub mod markdown;
pub mod progress;
pub mod report;
pub mod safe;
pub mod style;
pub mod text;
pub mod time;
pub mod ui;

mod group;
mod line;
mod summary;
mod value;

#[cfg(test)]
mod samples;

pub use style::Style;
