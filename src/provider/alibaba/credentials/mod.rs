//! Whose requests these are: the default credential chain of Alibaba Cloud, roles on top of it, and the account guard.
//!
//! Order, file formats and variables are those of the official libraries (alibabacloud-credentials 1.0.12 for Python,
//! credentials-go); where this differs, `tests/clients/alibaba_credentials.py` says why.

mod chain;
mod cli;
mod door;
mod environment;
mod external;
mod ini;
mod loan;
mod metadata;
mod reply;
mod source;
mod sts;

use std::sync::Arc;

use tokio::sync::Mutex;

use self::chain::Place;
use self::cli::{SESSION_NAME, SESSION_SECONDS};
pub(super) use self::door::Door;
pub(super) use self::environment::Environment;
use self::loan::{Failure, Loan};
pub(super) use self::sts::Caller;
use self::sts::{Office, Role as RamRole};
use super::acs3::Key;
use crate::problem::Problem;
use crate::provider::ProviderError;

/// Whose credentials a call is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `read_role_arn`, or the writer where there is none.
    Reader,
    /// `role_arn`, or the target's own credentials.
    Writer,
}

/// A key whose account has been checked.
#[derive(Debug)]
pub(super) struct Session {
    loan: Loan,
    pub(super) caller: Caller,
    /// Where the key is from, for problems: "role `acs:…`".
    pub(super) with: String,
}

impl Session {
    pub(super) fn key(&self) -> &Key {
        &self.loan.key
    }
}

/// The credentials of one target: its own, and at most two roles on top of them.
pub(super) struct Wallet {
    door: Door,
    fixed: Option<Key>,
    base: Mutex<Base>,
    writer: Slot,
    reader: Slot,
}

/// Held while the key is fetched: whoever needs the same one waits instead of fetching it again.
type Slot = Mutex<Option<Arc<Session>>>;

#[derive(Default)]
struct Base {
    /// The place of the default chain that has served once is asked again, and no other.
    place: Option<Place>,
    loan: Option<Loan>,
}

impl Wallet {
    /// No I/O happens here. `fixed` is a key that is given rather than found.
    pub(super) fn new(door: Door, fixed: Option<Key>) -> Self {
        Wallet { door, fixed, base: Mutex::default(), writer: Slot::default(), reader: Slot::default() }
    }

    /// A key that will do for the next minutes.
    pub(super) async fn session(&self, role: Role) -> Result<Arc<Session>, ProviderError> {
        let (slot, assume) = self.slot(role);
        let mut held = slot.lock().await;
        let now = self.door.now();
        if let Some(session) = held.as_ref().filter(|session| session.loan.serves(now)) {
            return Ok(Arc::clone(session));
        }
        let (loan, with) = match (self.loan(assume).await, held.as_ref()) {
            (Ok(found), _) => found,
            // It could not be renewed, and still works for a while.
            (Err(_), Some(session)) if session.loan.lasts(now) => return Ok(Arc::clone(session)),
            (Err(problem), _) => return Err(problem),
        };
        let caller = match held.as_ref().filter(|session| session.loan.key == loan.key) {
            Some(session) => session.caller.clone(),
            None => self.guarded(&loan.key, &with).await?,
        };
        let session = Arc::new(Session { loan, caller, with });
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Who the target's own credentials belong to, whatever account the target names.
    pub(super) async fn whoami(&self) -> Result<Caller, ProviderError> {
        let (loan, with) = self.base_loan().await?;
        self.identity(&loan.key, &with).await
    }

    /// Drops a key that Alibaba Cloud calls expired; `false` when there is no way to have another.
    pub(super) async fn forget(&self, expired: &Arc<Session>) -> bool {
        for slot in [&self.writer, &self.reader] {
            let mut held = slot.lock().await;
            if held.as_ref().is_some_and(|session| Arc::ptr_eq(session, expired)) {
                *held = None;
            }
        }
        self.base.lock().await.loan = None;
        self.fixed.is_none() || expired.loan.ends.is_some()
    }

    fn slot(&self, role: Role) -> (&Slot, Option<&str>) {
        let target = &self.door.target;
        match (&target.read_role_arn, role) {
            (Some(arn), Role::Reader) => (&self.reader, Some(arn)),
            _ => (&self.writer, target.role_arn.as_deref()),
        }
    }

    /// A key, and in words where it is from.
    async fn loan(&self, assume: Option<&str>) -> Result<(Loan, String), ProviderError> {
        let (base, with) = self.base_loan().await?;
        let Some(arn) = assume else { return Ok((base, with)) };
        let target = &self.door.target;
        let role = RamRole {
            arn: arn.to_owned(),
            session_name: target.role_session_name.as_deref().unwrap_or(SESSION_NAME).to_owned(),
            external_id: target.external_id.clone(),
            policy: None,
            seconds: SESSION_SECONDS,
            at: Office::default(),
        };
        let assumed = sts::assume(&self.door, &base.key, &role).await;
        if assumed.is_err() {
            // The next try begins with a key that is read anew: this one may have been the reason.
            self.base.lock().await.loan = None;
        }
        let loan = assumed.map_err(|failure| self.failed(&format!("role `{arn}`, assumed with {with}"), failure))?;
        Ok((loan, format!("role `{arn}`")))
    }

    /// The target's own key, before any role.
    async fn base_loan(&self) -> Result<(Loan, String), ProviderError> {
        let mut base = self.base.lock().await;
        let now = self.door.now();
        let profile = self.door.target.profile.as_deref();
        if let Some(loan) = base.loan.as_ref().filter(|loan| loan.serves(now)) {
            return Ok((loan.clone(), self.words(base.place)));
        }
        let found = match (&self.fixed, profile, base.place) {
            (Some(key), _, _) => Ok((None, Loan::without_end(key.clone()))),
            // A profile that the files name is used alone: in the default chain the environment would win over it.
            (None, Some(name), _) => self.of_profile(name).await.map(|loan| (None, loan)),
            (None, None, Some(place)) => place.fetch(&self.door).await.map(|loan| (Some(place), loan)),
            (None, None, None) => chain::first(&self.door).await.map(|(place, loan)| (Some(place), loan)),
        };
        let (place, loan) = match (found, &base.loan) {
            (Ok(found), _) => found,
            (Err(_), Some(loan)) if loan.lasts(now) => return Ok((loan.clone(), self.words(base.place))),
            (Err(failure), _) => return Err(self.failed(&self.words(base.place), failure)),
        };
        *base = Base { place, loan: Some(loan.clone()) };
        Ok((loan, self.words(place)))
    }

    async fn of_profile(&self, name: &str) -> Result<Loan, Failure> {
        chain::named(&self.door, name)?.fetch(&self.door).await
    }

    fn words(&self, place: Option<Place>) -> String {
        match (&self.fixed, &self.door.target.profile, place) {
            (Some(_), _, _) => "the given access key".to_owned(),
            (None, Some(profile), _) => format!("profile `{profile}`"),
            (None, None, Some(place)) => format!("the default credentials ({})", place.name()),
            (None, None, None) => "the default credentials".to_owned(),
        }
    }

    async fn identity(&self, key: &Key, with: &str) -> Result<Caller, ProviderError> {
        sts::caller(&self.door, key).await.map_err(|failure| self.failed(with, failure))
    }

    /// Nobody else's account: a key of another account is refused before anything is read or written with it.
    async fn guarded(&self, key: &Key, with: &str) -> Result<Caller, ProviderError> {
        let caller = self.identity(key, with).await?;
        let target = &self.door.target;
        if caller.account == target.account {
            return Ok(caller);
        }
        let problem = Problem::access(format!(
            "target `{}` is account {}, but these credentials ({with}) are of account {} ({})",
            target.name, target.account, caller.account, caller.arn
        ))
        .hint("use the `profile` or `role_arn` of the right account, or correct `account`")
        .at(&target.place);
        Err(ProviderError::Rejected(problem))
    }

    fn failed(&self, with: &str, failure: Failure) -> ProviderError {
        if let Some(wait) = failure.wait {
            return ProviderError::Throttled(wait);
        }
        let target = &self.door.target;
        let hint = failure.hint.unwrap_or_else(|| "check `profile` and `role_arn` of the target".to_owned());
        let problem = Problem::access(format!("target `{}`: {with}: {}", target.name, failure.text));
        ProviderError::Rejected(problem.hint(hint).at(&target.place))
    }
}

#[cfg(test)]
#[path = "../tests/credentials.rs"]
mod tests;
