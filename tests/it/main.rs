//! All integration tests, in one binary: it is linked once.

mod config;
mod kill;
mod laws;
mod random;
mod runs;
mod simulation;
mod templates;
mod world;
