//! Alibaba Cloud Service Catalog.
#![allow(dead_code, unused_imports, reason = "signing and credentials come before the calls that need them")]

mod acs3;
mod credentials;
