//! Reaches as people write them: by the names of models and environments, which are ids inside.

pub(in crate::accounts) mod store;

use crate::{
    app::App,
    authz::{Limits, Principal, policy},
    core::name::Name,
    db::Reader,
    error::{Error, InField},
};
use std::collections::BTreeSet;
use utoipa::ToSchema;

const MAX_NAMED: usize = 100;

/// How far a token reaches within what its account may; each of these is unlimited where it is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReachView {
    /// Names of actions, such as `version.create` and `release.pull`; `look` is every action that only looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<String>>,
    /// Models, by name. What concerns an environment as a whole is then out of reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<BTreeSet<String>>,
    /// Environments, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeSet<String>>,
}

/// A reach as it is asked for, every name one that could be.
#[derive(Clone, Debug, Default)]
pub struct Named {
    actions: Option<BTreeSet<String>>,
    models: Option<BTreeSet<Name>>,
    environments: Option<BTreeSet<Name>>,
}

impl ReachView {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `as its account`, or what it is limited to.
    pub fn spoken(&self) -> String {
        let listed = |all: &Option<BTreeSet<String>>| {
            all.as_ref().map(|all| all.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        let parts = [("", &self.actions), ("on ", &self.models), ("in ", &self.environments)];
        let said: Vec<_> = parts.iter().filter_map(|(word, all)| Some(format!("{word}{}", listed(all)?))).collect();
        if said.is_empty() { "as its account".to_owned() } else { said.join("; ") }
    }

    /// # Errors
    /// `Invalid` for an empty list, which would be of no use, and for what is no name or no action.
    pub fn parse(self) -> Result<Named, Error> {
        let sized = |field: &str, len: Option<usize>| match len {
            Some(0) => Err(Error::invalid(field, "name at least one, or leave it out for all")),
            Some(len) if MAX_NAMED < len => Err(Error::invalid(field, format!("{MAX_NAMED} are the most"))),
            _ => Ok(()),
        };
        sized("scope.actions", self.actions.as_ref().map(BTreeSet::len))?;
        sized("scope.models", self.models.as_ref().map(BTreeSet::len))?;
        sized("scope.environments", self.environments.as_ref().map(BTreeSet::len))?;
        let names = |field: &str, all: Option<BTreeSet<String>>| match all {
            Some(all) => all.iter().map(|name| Name::parse(name)).collect::<Result<_, _>>().in_field(field).map(Some),
            None => Ok(None),
        };
        if let Some(actions) = &self.actions {
            Limits::check_actions(actions).in_field("scope.actions")?;
        }
        Ok(Named {
            actions: self.actions,
            models: names("scope.models", self.models)?,
            environments: names("scope.environments", self.environments)?,
        })
    }
}

/// The ids behind the names that somebody gave.
pub async fn meant(app: &App, who: &Principal, named: Named) -> Result<Limits, Error> {
    resolve(&app.db.read(&policy::within_workspace(who)), named).await
}

/// The ids behind the names.
///
/// # Errors
/// `Invalid` for a name that nothing has in the reader's workspace.
pub async fn resolve(reader: &Reader<'_>, named: Named) -> Result<Limits, Error> {
    let mut limits = Limits { actions: named.actions, ..Limits::default() };
    let missing = |field: &str, name: &Name| Error::invalid(field, format!("there is no \"{name}\" in this workspace"));
    if let Some(names) = named.models {
        let mut ids = BTreeSet::new();
        for name in names {
            let found = store::model(reader, name.as_str()).await?;
            ids.insert(found.ok_or_else(|| missing("scope.models", &name))?);
        }
        limits.models = Some(ids);
    }
    if let Some(names) = named.environments {
        let mut ids = BTreeSet::new();
        for name in names {
            let found = store::environment(reader, name.as_str()).await?;
            ids.insert(found.ok_or_else(|| missing("scope.environments", &name))?);
        }
        limits.environments = Some(ids);
    }
    Ok(limits)
}

/// The names behind the ids, for showing.
pub async fn shown(app: &App, who: &Principal, limits: &Limits) -> Result<ReachView, Error> {
    let sight = policy::within_workspace(who);
    let reader = app.db.read(&sight);
    let mut view = ReachView { actions: limits.actions.clone(), ..ReachView::default() };
    if let Some(ids) = &limits.models {
        view.models = Some(store::model_names(&reader, ids).await?);
    }
    if let Some(ids) = &limits.environments {
        view.environments = Some(store::environment_names(&reader, ids).await?);
    }
    Ok(view)
}
