//! Instances on Alibaba Cloud: launch, update and terminate, by its rules.
//!
//! There are no tokens and no names of products; a task is a [`super::model::Record`], and what a client is told of it is the dialect's
//! business. What the service does not document is marked as assumed.

use super::catalog::{Chosen, ProductRef};
use super::launch::{Given, Outlook};
use super::model::{
    Answer, Constraint, ConstraintKind, Place, Product, Provisioned, Record, RecordKind, ServiceError, Status, Tags,
    Version, Work,
};
use super::{Caller, Created, World};

/// How long the service takes to delete a stack, unless its version takes longer.
const TERMINATION: i64 = 30_000;

/// What launches, updates and plans have in common.
#[derive(Debug, Clone, Default)]
pub struct RosRequest {
    pub product: String,
    pub version: String,
    pub portfolio: Option<String>,
    pub parameters: Vec<(String, String)>,
    /// Absent: an update leaves them as they are (assumed).
    pub tags: Option<Tags>,
}

/// What an approval can be needed for, in the service's words.
pub fn operation_type(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::ProvisionProduct => "LaunchProduct",
        RecordKind::UpdateProvisionedProduct => "UpdateProvisionedProduct",
        RecordKind::TerminateProvisionedProduct => "TerminateProvisionedProduct",
    }
}

fn missing(what: &str, id: &str) -> ServiceError {
    ServiceError::new(format!("Invalid{what}.NotFound"), format!("The specified {what} does not exist: {id}"))
}

/// A product has a default launch option if it was added to only one portfolio (GetProductAsEndUser).
pub fn has_default_launch_option(product: &Product) -> bool {
    product.portfolios.len() == 1
}

impl World {
    /// An instance that the caller may act on.
    pub fn instance(&self, caller: &Caller, id: &str) -> Answer<&Provisioned> {
        let found = self.state.provisioned.get(id).filter(|p| p.place == caller.place && !p.terminated);
        found.filter(|p| caller.reaches(&p.owner)).ok_or_else(|| missing("ProvisionedProduct", id))
    }

    /// A product that the caller has access to by way of a portfolio.
    pub fn launchable(&self, caller: &Caller, id: &str) -> Answer<&Product> {
        let wanted = ProductRef { id: Some(id.to_owned()), name: None };
        self.product(caller, &wanted).map_err(|_| missing("Product", id))
    }

    /// A version that the caller has access to; an inactive one is hidden from end users.
    pub fn launchable_version(&self, caller: &Caller, id: &str) -> Answer<(&Product, &Version)> {
        let product = self.indexes.versions.get(id).ok_or_else(|| missing("ProductVersion", id))?;
        let product = self.launchable(caller, product).map_err(|_| missing("ProductVersion", id))?;
        let version = product.versions.iter().find(|v| v.id == id && (v.active || caller.administers()));
        Ok((product, version.ok_or_else(|| missing("ProductVersion", id))?))
    }

    pub(super) fn choose_ros(&self, caller: &Caller, request: &RosRequest) -> Answer<Chosen> {
        let product = self.launchable(caller, &request.product)?;
        let version = product.versions.iter().find(|v| v.id == request.version && v.active);
        let version = version.ok_or_else(|| missing("ProductVersion", &request.version))?;
        let paths = self.paths(caller, product);
        let portfolio = match &request.portfolio {
            Some(id) => paths.into_iter().find(|p| p.id == *id).ok_or_else(|| missing("Portfolio", id))?,
            None if has_default_launch_option(product) => {
                paths.first().copied().ok_or_else(|| missing("Product", &product.id))?
            }
            None => {
                let message =
                    "PortfolioId is required: the product is in several portfolios and has no default launch option.";
                return Err(ServiceError::new("MissingPortfolioId", message));
            }
        };
        Ok(Chosen { product: product.clone(), version: version.clone(), portfolio: portfolio.clone() })
    }

    /// The constraint under which an operation needs an approval, if there is one.
    pub fn approval(&self, product: &str, portfolio: &str, kind: RecordKind) -> Option<&Constraint> {
        let covers = |name: &String| name == "All" || name == operation_type(kind);
        let portfolio = self.catalog.portfolios.get(portfolio)?;
        let mut constraints = portfolio.constraints.iter().filter(|c| c.product == product);
        constraints.find(|c| c.kind == ConstraintKind::Approval && c.operations.iter().any(covers))
    }

    fn needs_no_approval(&self, product: &str, portfolio: &str, kind: RecordKind) -> Answer<()> {
        match self.approval(product, portfolio, kind) {
            None => Ok(()),
            Some(_) => Err(ServiceError::new(
                "OperationDenied.ApprovalRequired",
                format!("{} needs an approval: create a provisioned product plan.", operation_type(kind)),
            )),
        }
    }

    pub(super) fn stack_region_fits(&self, chosen: &Chosen, region: &str) -> Answer<()> {
        let mut limits =
            Self::constraints(&chosen.portfolio, &chosen.product.id).filter(|c| c.kind == ConstraintKind::StackRegion);
        // Region ids have this form; which of them exist is for another service to say.
        let plausible =
            region.contains('-') && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if plausible && limits.all(|c| c.regions.iter().any(|known| known == region)) {
            return Ok(());
        }
        Err(ServiceError::new("InvalidStackRegionId", "The specified StackRegionId is not valid for this product."))
    }

    /// What a launch or an update comes to. Unknown parameters are refused at once, values that break a rule when the
    /// stack is made (assumed).
    pub(super) fn ros_outlook(
        &self,
        id: &str,
        existing: Option<&Provisioned>,
        chosen: &Chosen,
        request: &RosRequest,
    ) -> Answer<Outlook> {
        let given =
            |(key, value): &(String, String)| Given { key: key.clone(), value: Some(value.clone()), previous: false };
        let given: Vec<Given> = request.parameters.iter().map(given).collect();
        let kept = || existing.map(|p| p.tags.clone()).unwrap_or_default();
        let tags = request.tags.clone().unwrap_or_else(kept);
        let outlook = self.outlook(id, existing, chosen, &given, tags, Vec::new());
        let mut outlook = outlook.map_err(|error| ServiceError::new("InvalidParameter", error.message))?;
        // A value that is kept was asked for before, and the task tells it again (assumed).
        let last = existing.and_then(|product| self.record_of_success(product));
        let kept = last.into_iter().flat_map(|record| record.entered.keys().cloned());
        outlook.launch.entered = request.parameters.iter().map(|(key, _)| key.clone()).chain(kept).collect();
        Ok(outlook)
    }

    fn record_of_success(&self, product: &Provisioned) -> Option<&Record> {
        self.state.records.get(product.last_successful_record.as_ref()?)
    }

    /// LaunchProduct. Names need not be unique: the documentation has no such rule.
    pub fn launch(
        &mut self,
        caller: &Caller,
        name: String,
        stack_region: String,
        request: &RosRequest,
    ) -> Answer<String> {
        let kind = RecordKind::ProvisionProduct;
        let chosen = self.choose_ros(caller, request)?;
        self.needs_no_approval(&chosen.product.id, &chosen.portfolio.id, kind)?;
        self.stack_region_fits(&chosen, &stack_region)?;
        let id = self.new_id("pp");
        let outlook = self.ros_outlook(&id, None, &chosen, request)?;
        let mut product = self.newborn(caller, id.clone(), name, &chosen, &outlook.launch.tags, "");
        product.stack_region = Some(stack_region);
        let work = Work::Launch { launch: outlook.launch, plan: None };
        self.begin(product, kind, work, outlook.failure, chosen.version.duration);
        Ok(id)
    }

    /// UpdateProvisionedProduct.
    pub fn update_instance(&mut self, caller: &Caller, id: &str, request: &RosRequest) -> Answer<()> {
        let kind = RecordKind::UpdateProvisionedProduct;
        let mut product = self.instance(caller, id)?.clone();
        Self::is_settled(&product)?;
        let chosen = self.choose_ros(caller, request)?;
        self.needs_no_approval(&chosen.product.id, &chosen.portfolio.id, kind)?;
        let outlook = self.ros_outlook(id, Some(&product), &chosen, request)?;
        self.says_something_new(&product, &outlook)?;
        product.tags.clone_from(&outlook.launch.tags);
        let work = Work::Launch { launch: outlook.launch, plan: None };
        self.begin(product, kind, work, outlook.failure, chosen.version.duration);
        Ok(())
    }

    /// Neither a tag nor a portfolio alone makes an update. An instance in Error may be sent the same again (assumed).
    pub(super) fn says_something_new(&self, product: &Provisioned, outlook: &Outlook) -> Answer<()> {
        let launch = &outlook.launch;
        let same = self.stack_of(product).is_some_and(|s| s.parameters == launch.parameters)
            && product.product == launch.product
            && product.version == launch.version
            && product.status == Status::Available;
        if !same {
            return Ok(());
        }
        // The words of UpdateProvisionedProduct's page; its code is nowhere documented.
        let message = "If ProductVersionId and Parameters are not changed, the information about the product instance cannot be updated.";
        Err(ServiceError::new("InvalidParameter.NotChanged", message))
    }

    /// TerminateProvisionedProduct.
    pub fn terminate_instance(&mut self, caller: &Caller, id: &str) -> Answer<()> {
        let product = self.instance(caller, id)?.clone();
        Self::is_settled(&product)?;
        self.needs_no_approval(&product.product, &product.path, RecordKind::TerminateProvisionedProduct)?;
        self.begin_termination(product, None);
        Ok(())
    }

    pub(super) fn begin_termination(&mut self, product: Provisioned, plan: Option<String>) {
        let failure = self.cannot_run(&product);
        let usual = self.version_by_id(&product.product, &product.version).map_or(0, |(_, v)| v.duration);
        let length = if usual == 0 { 0 } else { usual.max(TERMINATION) };
        let work = Work::Terminate { retain: false, plan };
        self.begin(product, RecordKind::TerminateProvisionedProduct, work, failure, length);
    }

    /// Whether nothing runs; that the service refuses anything while something does is assumed.
    pub(super) fn is_settled(product: &Provisioned) -> Answer<()> {
        Self::is_idle(product, "InvalidProvisionedProduct.UnderChange").map_err(|error| {
            ServiceError::new(error.code, format!("The provisioned product {} is under change.", product.id))
        })
    }

    /// The instances of a place, or of one holder in it, by the time of their creation.
    pub fn created(&self, place: &Place, holder: Option<&str>) -> &[Created] {
        let key = (place.clone(), holder.map(str::to_owned));
        self.indexes.created.get(&key).map_or(&[], Vec::as_slice)
    }

    pub fn provisioned(&self, id: &str) -> Option<&Provisioned> {
        self.state.provisioned.get(id)
    }

    /// Ids of an instance's tasks, in the order of their creation.
    pub fn records_of(&self, id: &str) -> &[String] {
        self.indexes.records_of.get(id).map_or(&[], Vec::as_slice)
    }

    /// Ids of the instances with this name, whatever its case.
    pub fn named(&self, place: &Place, name: &str) -> Vec<&str> {
        let ids = self.indexes.folded.get(place).and_then(|names| names.get(&name.to_lowercase()));
        ids.into_iter().flatten().map(String::as_str).collect()
    }

    /// Keeps the indexes of one instance: its creation, and its name in lower case.
    pub(super) fn index_instance(&mut self, value: &Provisioned) {
        let entry = (value.created, value.id.clone());
        for holder in [None, Some(value.owner.session.clone())] {
            let list = self.indexes.created.entry((value.place.clone(), holder)).or_default();
            match (list.binary_search(&entry), value.terminated) {
                (Err(at), false) => list.insert(at, entry.clone()),
                (Ok(at), true) => {
                    list.remove(at);
                }
                _ => {}
            }
        }
        let names = self.indexes.folded.entry(value.place.clone()).or_default();
        let name = value.name.to_lowercase();
        if !value.terminated {
            names.entry(name).or_default().insert(value.id.clone());
        } else if let Some(ids) = names.get_mut(&name) {
            ids.remove(&value.id);
            if ids.is_empty() {
                names.remove(&name);
            }
        }
    }
}
