//! All integration tests, in one binary: it is linked once.

mod config;
mod plan;
mod random;
mod simulation;
mod templates;
mod world;
