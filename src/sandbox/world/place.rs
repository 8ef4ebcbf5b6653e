//! Accounts and regions, and whose they are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose services an account is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    Aws,
    Alibaba,
}

impl Cloud {
    /// An account's id tells its cloud: AWS has twelve digits, Alibaba Cloud sixteen. A seed is held to that.
    pub fn of_account(id: &str) -> Cloud {
        if id.len() == 16 { Cloud::Alibaba } else { Cloud::Aws }
    }
}

/// An account and a region: nothing in the world reaches across two of them but names of principals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub account: String,
    pub region: String,
}

impl Place {
    pub fn cloud(&self) -> Cloud {
        Cloud::of_account(&self.account)
    }

    /// The partition that ARNs of this place are in.
    pub fn partition(&self) -> &'static str {
        if self.cloud() == Cloud::Alibaba {
            "acs"
        } else if self.region.starts_with("cn-") {
            "aws-cn"
        } else if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}
