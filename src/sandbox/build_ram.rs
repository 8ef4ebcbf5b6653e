//! What a seed says about Alibaba Cloud alone: the numbers of users and roles, and the constraints of that cloud.

use toml::Spanned;

use super::build::Builder;
use super::ids;
use super::seed::{ConstraintSeed, SeedFile};
use super::world::model::{Cloud, Constraint, ConstraintKind, Place};
use super::world::ram;
use crate::problem::Problem;

const OPERATIONS: [&str; 4] = ["All", "LaunchProduct", "UpdateProvisionedProduct", "TerminateProvisionedProduct"];

impl Builder<'_> {
    /// Takes note of a RAM user or role, and gives it a number if the seed does not.
    pub fn register(&mut self, arn: &Spanned<String>, id: Option<&Spanned<String>>) -> Result<(), Problem> {
        let Some(who) = ram::identity(arn.get_ref()) else {
            return Err(self.file.wrong(arn, "this needs the ARN of a RAM role or user: acs:ram::ACCOUNT:role/NAME"));
        };
        if !self.catalog.accounts.contains_key(who.account) {
            let message = format!("the account {} of this identity is not in the seed", who.account);
            return Err(self.file.wrong(arn, message));
        }
        let number = match id {
            Some(id) if id.get_ref().is_empty() || !id.get_ref().bytes().all(|b| b.is_ascii_digit()) => {
                return Err(self.file.wrong(id, "an `id` of a RAM user or role consists of digits"));
            }
            Some(id) => id.get_ref().clone(),
            None => {
                let number = ids::number(self.catalog.seed, "ram", arn.get_ref());
                format!("3{:017}", number % 100_000_000_000_000_000)
            }
        };
        let taken = self.catalog.ram.iter().any(|(other, known)| *known == number && other != arn.get_ref());
        if taken {
            return Err(self.file.wrong(id.unwrap_or(arn), "two users or roles have this `id`"));
        }
        match self.catalog.ram.insert(arn.get_ref().clone(), number.clone()) {
            Some(other) if other != number => Err(self.file.wrong(arn, "this identity has two different ids")),
            _ => Ok(()),
        }
    }

    /// A constraint, if it is one of the cloud that its portfolio is in.
    pub fn constraint(&self, place: &Place, product: String, seed: &ConstraintSeed) -> Result<Constraint, Problem> {
        let wrong = |message: &str| Err(self.file.wrong(&seed.product, message));
        use ConstraintKind::{Approval, Launch, Notification, ResourceUpdate, StackRegion, Stackset};
        let kind = seed.kind;
        match (place.cloud(), kind) {
            (Cloud::Aws, Approval | StackRegion) => {
                return wrong("APPROVAL and STACK_REGION are constraints of Alibaba Cloud");
            }
            (Cloud::Alibaba, Notification | ResourceUpdate | Stackset) => {
                return wrong("Alibaba Cloud's constraints are LAUNCH, TEMPLATE, APPROVAL and STACK_REGION");
            }
            _ => {}
        }
        if (kind == Launch) != seed.role.is_some() {
            return wrong("a LAUNCH constraint needs a `role`, and no other constraint has one");
        }
        if (kind == Approval) == seed.operations.is_empty() || (kind == Approval) == seed.approvers.is_empty() {
            return wrong(
                "an APPROVAL constraint needs `operations` and `approvers`, and no other constraint has them",
            );
        }
        if (kind == StackRegion) == seed.regions.is_empty() {
            return wrong("a STACK_REGION constraint needs `regions`, and no other constraint has them");
        }
        for operation in &seed.operations {
            if !OPERATIONS.contains(&operation.get_ref().as_str()) {
                return Err(self.file.unknown("operation", operation, OPERATIONS));
            }
        }
        for approver in &seed.approvers {
            if !self.catalog.principals.contains_key(approver.get_ref()) {
                return Err(self.file.unknown(
                    "principal",
                    approver,
                    self.catalog.principals.keys().map(String::as_str),
                ));
            }
        }
        let texts = |list: &[Spanned<String>]| list.iter().map(|text| text.get_ref().clone()).collect();
        Ok(Constraint {
            product,
            kind,
            role: seed.role.clone(),
            operations: texts(&seed.operations),
            approvers: texts(&seed.approvers),
            regions: seed.regions.clone(),
        })
    }
}

/// The owner of an instance: `role/ID`, `user/ID`, `role/NAME`, `user/NAME`, or an ARN.
pub fn owner(
    file: &SeedFile,
    numbers: &std::collections::BTreeMap<String, String>,
    account: &str,
    owner: &Spanned<String>,
) -> Result<String, Problem> {
    let text = owner.get_ref();
    let (whole, relative) = (ram::identity(text), ram::kind_and_rest(text));
    if whole.is_some_and(|who| who.account != account) {
        return Err(file.wrong(owner, "the owner is of another account"));
    }
    let (kind, rest) = match (whole, relative) {
        (Some(who), _) => (who.kind, who.name),
        (None, Some(found)) => found,
        (None, None) => {
            return Err(file.wrong(owner, "`owner` is \"role/ID\", \"user/ID\" or the ARN of a RAM role or user"));
        }
    };
    if whole.is_none() && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.clone());
    }
    let arn = format!("acs:ram::{account}:{}/{rest}", kind.word());
    match numbers.get(&arn) {
        Some(id) => Ok(format!("{}/{id}", kind.word())),
        None => Err(file
            .wrong(owner, "this owner has no number in the seed")
            .hint("write \"role/ID\" or \"user/ID\", or add it as [principal.KEY] or [ram.KEY]")),
    }
}
