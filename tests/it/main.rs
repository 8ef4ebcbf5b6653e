//! All integration tests, in one binary: it is linked once.

mod alibaba_provider;
mod approvals;
mod architecture;
mod bench;
mod clouds;
mod config;
mod doubts;
mod examples;
mod kill;
mod laws;
mod observed;
mod people;
mod plan;
mod random;
mod refusals;
mod runs;
mod schemas;
mod secrets;
mod simulation;
mod templates;
mod transcripts;
mod wire;
mod world;
