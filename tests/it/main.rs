//! All integration tests, in one binary: it is linked once.

mod architecture;
mod bench;
mod config;
mod examples;
mod refusals;
mod schemas;
mod transcripts;
