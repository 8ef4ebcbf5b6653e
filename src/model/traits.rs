//! What the service of a cloud can and cannot do: plain facts for whoever plans, applies and settles.

use super::{Cloud, Status};

/// Everything in which the clouds differ and that is not the provider's own business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// A write that is sent again with the same token is not done twice.
    pub replays_tokens: bool,
    /// The owner can be changed. Where not, an owner in the files is compared with the one that is there.
    pub changes_owner: bool,
    /// Owners are told by an id of the service's own, not by the ARN that callers have.
    pub owners_by_id: bool,
    /// A parameter can be left to the service as it is. Where not, the last known value is sent.
    pub keeps_previous: bool,
    /// Lists show tags. Where not, they are read together with parameters.
    pub lists_tags: bool,
    /// Tags and launch path can be updated while version and parameters stay.
    pub updates_tags_alone: bool,
    /// The last tag can be removed.
    pub removes_all_tags: bool,
    /// Something can be sent again although nothing differs (`--reapply`).
    pub reapplies: bool,
    /// Some changes may need somebody's approval.
    pub asks_approval: bool,
    /// What a launch path is called.
    pub path_word: &'static str,
    /// The kind of provisioned product whose parameters can be read and updated.
    pub stack_kind: &'static str,
}

impl Traits {
    /// AWS: the four kinds of token are "if multiple requests differ only by the idempotency token, the same response
    /// is returned for each repeated request" (API reference).
    pub const AWS: Traits = Traits {
        replays_tokens: true,
        changes_owner: true,
        owners_by_id: false,
        keeps_previous: true,
        lists_tags: true,
        updates_tags_alone: true,
        removes_all_tags: true,
        reapplies: true,
        asks_approval: false,
        path_word: "launch path",
        stack_kind: "CFN_STACK",
    };

    /// Alibaba Cloud: no operation takes a token or an owner, lists show neither parameters nor tags, an empty array
    /// cannot be sent (SDK 1.2.5), and "if `ProductVersionId` and `Parameters` are not changed, the information about
    /// the product instance cannot be updated" (UpdateProvisionedProduct).
    pub const ALIBABA: Traits = Traits {
        replays_tokens: false,
        changes_owner: false,
        owners_by_id: true,
        keeps_previous: false,
        lists_tags: false,
        updates_tags_alone: false,
        removes_all_tags: false,
        reapplies: false,
        asks_approval: true,
        path_word: "portfolio",
        stack_kind: "RosStack",
    };
}

impl Cloud {
    #[must_use]
    pub fn traits(self) -> Traits {
        match self {
            Cloud::Aws => Traits::AWS,
            Cloud::Alibaba => Traits::ALIBABA,
        }
    }

    /// The cloud's own word for a status.
    #[must_use]
    pub fn word(self, status: Status) -> &'static str {
        match (self, status) {
            (Cloud::Aws, Status::Available) => "AVAILABLE",
            (Cloud::Aws, Status::Tainted) => "TAINTED",
            (Cloud::Aws, Status::Error) => "ERROR",
            (Cloud::Aws, Status::UnderChange) => "UNDER_CHANGE",
            (Cloud::Aws, Status::PlanInProgress) => "PLAN_IN_PROGRESS",
            (Cloud::Alibaba, Status::Available) => "Available",
            (Cloud::Alibaba, Status::Tainted | Status::Error) => "Error",
            (Cloud::Alibaba, Status::UnderChange | Status::PlanInProgress) => "UnderChange",
        }
    }
}
