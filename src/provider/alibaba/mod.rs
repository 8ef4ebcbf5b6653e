//! Alibaba Cloud Service Catalog.

mod acs3;
