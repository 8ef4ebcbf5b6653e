//! `tenure`: plan and apply provisioned products of AWS and Alibaba Cloud Service Catalog.

pub mod problem;
pub mod sandbox;
pub mod seam;
