//! How far a token reaches within what its account may: which actions, on which models, in which environments.
//!
//! Invariants: a reach only ever takes away; without one, the account's roles say everything. What a thing belongs to is
//! found out by whoever asks; what follows from it is decided here, by a pure function.

use crate::{
    authz::{Action, Role},
    core::{
        Malformed,
        ids::{EnvironmentId, ModelId},
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// What stands for every action that only looks.
const LOOK: &str = "look";

/// What would make, or get at, a credential that reaches further: no limited one does it.
const NEVER: &[Action] = &[
    Action::TokenCreate,
    Action::WorkloadTrust,
    Action::AccountCreate,
    Action::RoleGive,
    Action::RoleTake,
    Action::RoleDefine,
    Action::RoleDiscard,
    Action::PasswordReset,
    Action::PasswordChange,
    Action::SecondFactorAdd,
    Action::SecondFactorRemove,
    Action::SecondFactorTake,
    Action::RecoveryCodesRenew,
];

/// Limits of one credential. Cheap to copy, since every request has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(Option<Arc<Limits>>);

/// Each of these is unlimited where it is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<BTreeSet<ModelId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeSet<EnvironmentId>>,
}

/// What a request or a change bears on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    pub models: BTreeSet<ModelId>,
    pub environments: BTreeSet<EnvironmentId>,
}

impl Limits {
    pub fn is_empty(&self) -> bool {
        self.actions.is_none() && self.models.is_none() && self.environments.is_none()
    }

    /// # Errors
    /// When an action is not one that a role could give.
    pub fn check_actions(actions: &BTreeSet<String>) -> Result<(), Malformed> {
        let given = |name: &str| {
            let known = Action::named(name).filter(|action| !NEVER.contains(action));
            name == LOOK || known.is_some_and(|action| Role::ALL.iter().any(|role| role.allows(action)))
        };
        match actions.iter().find(|name| !given(name)) {
            Some(name) => Err(Malformed::new(format!(
                "\"{name}\" is no action that a token can be limited to; use names such as version.create and release.pull, or {LOOK} for all that \
                 only looks"
            ))),
            None => Ok(()),
        }
    }
}

impl Reach {
    pub fn new(limits: Limits) -> Self {
        Self((!limits.is_empty()).then(|| Arc::new(limits)))
    }

    /// As it is stored; nothing is no limit.
    ///
    /// # Errors
    /// When it cannot be read: it must not become none.
    pub fn read(stored: Option<&str>) -> Result<Self, serde_json::Error> {
        Ok(Self::new(stored.map(serde_json::from_str::<Limits>).transpose()?.unwrap_or_default()))
    }

    pub fn limits(&self) -> Option<&Limits> {
        self.0.as_deref()
    }

    pub fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it matters which model or environment something bears on.
    pub fn asks_where(&self) -> bool {
        self.limits().is_some_and(|limits| limits.models.is_some() || limits.environments.is_some())
    }

    pub fn allows(&self, action: Action) -> bool {
        let Some(limits) = self.limits() else { return true };
        if NEVER.contains(&action) {
            return false;
        }
        let Some(actions) = &limits.actions else { return true };
        actions.contains(action.name()) || (Role::is_look(action) && actions.contains(LOOK))
    }

    /// Whether everything that is touched is within the limits. What belongs to no model and no environment is within none,
    /// and what concerns an environment as a whole concerns every model there.
    pub fn covers(&self, touched: &Touched) -> bool {
        let Some(limits) = self.limits().filter(|_| self.asks_where()) else { return true };
        if touched.models.is_empty() && touched.environments.is_empty() {
            return false;
        }
        let models =
            limits.models.as_ref().is_none_or(|models| !touched.models.is_empty() && touched.models.is_subset(models));
        let environments = limits.environments.as_ref().is_none_or(|all| touched.environments.is_subset(all));
        models && environments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<T: Ord + Copy>(ids: &[T]) -> BTreeSet<T> {
        ids.iter().copied().collect()
    }

    fn touched(models: &[ModelId], environments: &[EnvironmentId]) -> Touched {
        Touched { models: set(models), environments: set(environments) }
    }

    #[test]
    fn without_limits_everything_is_in_reach() {
        let all = Reach::default();
        assert!(Action::ALL.iter().all(|action| all.allows(*action)) && all.covers(&Touched::default()));
        assert!(!all.is_limited() && !Reach::new(Limits::default()).is_limited());
    }

    #[test]
    fn actions_are_those_that_are_named_or_all_that_only_look() {
        let of = |names: &[&str]| {
            let actions = Some(names.iter().map(|name| (*name).to_owned()).collect());
            Reach::new(Limits { actions, ..Limits::default() })
        };
        let ci = of(&["version.create", "look"]);
        assert!(ci.allows(Action::VersionCreate) && ci.allows(Action::ModelRead));
        assert!(!ci.allows(Action::VersionSeal) && !ci.allows(Action::TokenCreate));
        assert!(!of(&["version.create"]).allows(Action::ModelRead) && !of(&[]).allows(Action::ModelRead));
        let check = |name: &str| Limits::check_actions(&BTreeSet::from([name.to_owned()]));
        assert!(check("release.pull").is_ok() && check("look").is_ok());
        for bad in ["", "king", "run.finish", "LOOK", "token.create"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        // Whatever it is limited to, it makes no credential that is not.
        let of_model = Reach::new(Limits { models: Some(set(&[ModelId::generate()])), ..Limits::default() });
        assert!(of_model.allows(Action::VersionSeal) && !NEVER.iter().any(|action| of_model.allows(*action)));
    }

    #[test]
    fn models_and_environments_are_those_that_are_named_and_no_others_beside_them() {
        let (mine, other) = (ModelId::generate(), ModelId::generate());
        let (staging, production) = (EnvironmentId::generate(), EnvironmentId::generate());
        let (models, environments) = (Some(set(&[mine])), Some(set(&[staging])));
        let placed = Reach::new(Limits { environments: environments.clone(), ..Limits::default() });
        let of_model = Reach::new(Limits { models: models.clone(), ..Limits::default() });
        let both = Reach::new(Limits { actions: None, models, environments });
        for (what, by_place, by_model, by_both) in [
            (touched(&[mine], &[staging]), true, true, true),
            (touched(&[mine], &[production]), false, true, false),
            (touched(&[other], &[staging]), true, false, false),
            (touched(&[mine], &[staging, production]), false, true, false),
            (touched(&[mine, other], &[staging]), true, false, false),
            // A version is in no environment; an environment's policy is about every model.
            (touched(&[mine], &[]), true, true, true),
            (touched(&[], &[staging]), true, false, false),
            (touched(&[], &[]), false, false, false),
        ] {
            assert_eq!(
                (placed.covers(&what), of_model.covers(&what), both.covers(&what)),
                (by_place, by_model, by_both)
            );
        }
    }
}
