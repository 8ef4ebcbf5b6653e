//! All integration tests, in one binary: it is linked once.

mod alibaba_provider;
mod architecture;
mod bench;
mod config;
mod examples;
mod kill;
mod laws;
mod observed;
mod plan;
mod random;
mod refusals;
mod runs;
mod schemas;
mod secrets;
mod simulation;
mod templates;
mod transcripts;
mod world;
