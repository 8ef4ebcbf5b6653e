//! `tenure`: plan and apply provisioned products of AWS and Alibaba Cloud Service Catalog.

pub mod config;
pub mod model;
pub mod problem;
pub mod provider;
pub mod sandbox;
pub mod seam;
