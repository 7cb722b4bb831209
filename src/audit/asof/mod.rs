//! The state on any date, as the log tells it: what ran where under which limits, who answered
//! for what, what was waiting for a decision.
//!
//! Invariants: pure; read from replayed records alone, so it can be had from an export offline and
//! can't differ from what was logged; what the log shows only as a hash is left out.

pub mod api;
pub mod beside;
mod kept;
pub mod ops;

pub use kept::States;

use crate::audit::{changes::Row, replay::Tables};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use utoipa::ToSchema;

/// What to look at; all if absent.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names.
    pub environment: Option<String>,
    pub model: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct State {
    pub environments: Vec<EnvironmentState>,
    pub models: Vec<ModelState>,
    /// Requests that were not closed.
    pub open_requests: Vec<RequestState>,
    /// Who had which roles; ids of accounts, with names where they are still known.
    pub roles: Vec<RoleState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentState {
    pub name: String,
    /// The newest revision of each document: `profile`, `constraints`, `policy`.
    pub documents: BTreeMap<String, RevisionState>,
    /// What was released, one for each model.
    pub releases: Vec<ReleaseState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RevisionState {
    pub revision: i64,
    pub digest: String,
    pub since: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseState {
    pub id: String,
    pub model: String,
    pub version: i64,
    pub version_digest: String,
    /// `sealed`, or `revoked`: a revoked version blocks every pull.
    pub version_state: String,
    pub since: String,
    /// The request that it was approved by, and what exactly was approved.
    pub promotion: String,
    pub decision_digest: String,
    pub approved_by: Vec<Person>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelState {
    pub name: String,
    pub risk_tier: String,
    /// Of the model's record.
    pub revision: i64,
    /// By accountability.
    pub owners: BTreeMap<String, Person>,
    pub versions: Vec<VersionState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionState {
    pub number: i64,
    pub state: String,
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestState {
    pub id: String,
    pub model: String,
    pub version: i64,
    pub environment: String,
    pub state: String,
    pub since: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoleState {
    pub account: Person,
    pub roles: Vec<String>,
}

/// An account. The log has its id only; the name is the one of today, if it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Person {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the account was active then.
    pub active: bool,
}

/// What the tables say of `wanted`; `names` are those of accounts, by id.
pub fn state(tables: &Tables, wanted: &Selection, names: &BTreeMap<String, String>) -> State {
    whole(tables).part(wanted, usize::MAX).0.named(names)
}

/// How many of a kind fit the selection and were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub models: usize,
    pub requests: usize,
}

impl State {
    /// A copy of what fits, at most so many models and requests of it.
    pub fn part(&self, wanted: &Selection, most: usize) -> (Self, LeftOut) {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        let environments = self.environments.iter().filter(|e| fits(&wanted.environment, &e.name)).map(|e| {
            let releases = e.releases.iter().filter(|release| fits(&wanted.model, &release.model)).cloned().collect();
            EnvironmentState { name: e.name.clone(), documents: e.documents.clone(), releases }
        });
        let (models, more_models) = first(self.models.iter().filter(|m| fits(&wanted.model, &m.name)), most);
        let requests = self.open_requests.iter();
        let requests = requests.filter(|r| fits(&wanted.environment, &r.environment) && fits(&wanted.model, &r.model));
        let (open_requests, more_requests) = first(requests, most);
        let part = Self { environments: environments.collect(), models, open_requests, roles: self.roles.clone() };
        (part, LeftOut { models: more_models, requests: more_requests })
    }

    /// With these names of accounts, and the accounts in their order.
    pub fn named(mut self, names: &BTreeMap<String, String>) -> Self {
        self.people_mut().for_each(|person| person.name = names.get(&person.id).cloned());
        self.roles.sort_by(|a, b| a.account.name.cmp(&b.account.name).then_with(|| a.account.id.cmp(&b.account.id)));
        self
    }

    /// Ids of the accounts that it names.
    pub fn people(&mut self) -> BTreeSet<String> {
        self.people_mut().map(|person| person.id.clone()).collect()
    }

    fn people_mut(&mut self) -> impl Iterator<Item = &mut Person> {
        let approvers = self.environments.iter_mut().flat_map(|e| &mut e.releases).flat_map(|r| &mut r.approved_by);
        let owners = self.models.iter_mut().flat_map(|model| model.owners.values_mut());
        approvers.chain(owners).chain(self.roles.iter_mut().map(|held| &mut held.account))
    }
}

/// The first ones, and how many there are beyond them.
fn first<'a, T: Clone + 'a>(mut all: impl Iterator<Item = &'a T>, most: usize) -> (Vec<T>, usize) {
    let shown = all.by_ref().take(most).cloned().collect();
    (shown, all.count())
}

/// All that the tables say, without names.
pub fn whole(tables: &Tables) -> State {
    let view = View::of(tables);
    let mut environments: Vec<_> = tables.rows("environment").map(|(id, row)| view.environment(id, row)).collect();
    environments.sort_by(|a, b| a.name.cmp(&b.name));
    let mut models: Vec<_> = tables.rows("model").map(|(id, row)| view.model(id, row)).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    let open = tables.rows("promotion_request").filter(|(_, row)| !row.contains_key("closed_at"));
    let open_requests = open.map(|(id, row)| view.request(id, row)).collect();
    State { environments, models, open_requests, roles: view.roles() }
}

/// Rows of a table by what one of their columns names.
struct Children<'a>(HashMap<&'a str, Vec<(&'a String, &'a Row)>>);

impl<'a> Children<'a> {
    fn of(tables: &'a Tables, table: &str, column: &str) -> Self {
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for (key, row) in tables.rows(table) {
            children.entry(text(row, column)).or_default().push((key, row));
        }
        Self(children)
    }

    fn rows(&self, id: &str) -> impl Iterator<Item = (&'a String, &'a Row)> {
        self.0.get(id).into_iter().flatten().copied()
    }
}

struct View<'a> {
    tables: &'a Tables,
    revisions: Children<'a>,
    releases: Children<'a>,
    approvals: Children<'a>,
    owners: Children<'a>,
    versions: Children<'a>,
}

impl<'a> View<'a> {
    fn of(tables: &'a Tables) -> Self {
        Self {
            tables,
            revisions: Children::of(tables, "environment_revision", "environment_id"),
            releases: Children::of(tables, "release", "environment_id"),
            approvals: Children::of(tables, "approval", "promotion_id"),
            owners: Children::of(tables, "model_owner", "model_id"),
            versions: Children::of(tables, "model_version", "model_id"),
        }
    }

    fn environment(&self, id: &str, row: &Row) -> EnvironmentState {
        let mut documents: BTreeMap<String, RevisionState> = BTreeMap::new();
        for (_, row) in self.revisions.rows(id) {
            let revision = number(row, "revision");
            let (digest, since) = (text(row, "digest").to_owned(), text(row, "created_at").to_owned());
            let newer = documents.get(text(row, "kind")).is_none_or(|known| known.revision < revision);
            if newer {
                documents.insert(text(row, "kind").to_owned(), RevisionState { revision, digest, since });
            }
        }
        let active = self.releases.rows(id).filter(|(_, row)| text(row, "state") == "active");
        let mut releases: Vec<_> = active.map(|(id, row)| self.release(id, row)).collect();
        releases.sort_by(|a, b| a.model.cmp(&b.model));
        EnvironmentState { name: text(row, "name").to_owned(), documents, releases }
    }

    fn release(&self, id: &str, row: &Row) -> ReleaseState {
        let promotion = text(row, "promotion_id");
        let approved = self.approvals.rows(promotion).filter(|(_, row)| text(row, "outcome") == "approve");
        let decision = self.tables.row("promotion_request", promotion);
        let (version, digest, version_state) = self.version(text(row, "version_id"));
        ReleaseState {
            id: id.to_owned(),
            model: self.name_of("model", text(row, "model_id")),
            version,
            version_digest: digest,
            version_state,
            since: text(row, "activated_at").to_owned(),
            promotion: promotion.to_owned(),
            decision_digest: decision.map_or("", |row| text(row, "decision_digest")).to_owned(),
            approved_by: approved.map(|(_, row)| self.person(text(row, "account_id"))).collect(),
        }
    }

    fn model(&self, id: &str, row: &Row) -> ModelState {
        let owners = self.owners.rows(id);
        let owners =
            owners.map(|(_, row)| (text(row, "accountability").to_owned(), self.person(text(row, "account_id"))));
        let versions = self.versions.rows(id);
        let mut versions: Vec<_> = versions
            .map(|(_, row)| VersionState {
                number: number(row, "number"),
                state: text(row, "state").to_owned(),
                digest: text(row, "manifest_digest").to_owned(),
            })
            .collect();
        versions.sort_by_key(|version| version.number);
        ModelState {
            name: text(row, "name").to_owned(),
            risk_tier: text(row, "risk_tier").to_owned(),
            revision: number(row, "revision"),
            owners: owners.collect(),
            versions,
        }
    }

    fn request(&self, id: &str, row: &Row) -> RequestState {
        RequestState {
            id: id.to_owned(),
            model: self.name_of("model", text(row, "model_id")),
            version: self.version(text(row, "version_id")).0,
            environment: self.name_of("environment", text(row, "environment_id")),
            state: text(row, "state").to_owned(),
            since: text(row, "requested_at").to_owned(),
        }
    }

    fn roles(&self) -> Vec<RoleState> {
        let mut held: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (_, row) in self.tables.rows("membership") {
            let place = if text(row, "reach").is_empty() { "" } else { " (for some models or environments)" };
            held.entry(text(row, "account_id")).or_default().push(format!("{}{place}", text(row, "role")));
        }
        let held = held.into_iter().map(|(account, mut roles)| {
            roles.sort();
            RoleState { account: self.person(account), roles }
        });
        held.collect()
    }

    /// Number, digest and state.
    fn version(&self, id: &str) -> (i64, String, String) {
        let told =
            |row: &Row| (number(row, "number"), text(row, "manifest_digest").to_owned(), text(row, "state").to_owned());
        self.tables.row("model_version", id).map(told).unwrap_or_default()
    }

    fn name_of(&self, table: &str, id: &str) -> String {
        self.tables.row(table, id).map_or("", |row| text(row, "name")).to_owned()
    }

    fn person(&self, id: &str) -> Person {
        let active = self.tables.row("account", id).is_some_and(|row| text(row, "state") == "active");
        Person { id: id.to_owned(), name: None, active }
    }
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Option::as_ref).and_then(|value| value.as_str()).unwrap_or_default()
}

fn number(row: &Row, column: &str) -> i64 {
    row.get(column).and_then(Option::as_ref).and_then(serde_json::Value::as_i64).unwrap_or_default()
}
