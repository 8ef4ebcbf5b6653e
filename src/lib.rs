//! `tenure`: plan and apply provisioned products of AWS and Alibaba Cloud Service Catalog.

pub mod apply;
pub mod cli;
pub mod config;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod problem;
pub mod provider;
pub mod render;
pub mod run;
pub mod sandbox;
pub mod seam;
