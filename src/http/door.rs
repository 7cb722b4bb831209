//! What whoever comes to an address has to be allowed, declared once for each: the server asks it before a handler begins, the
//! document of the API says it (`x-actions`), and the matrix of roles and addresses (`docs/security/roles.md`) follows from it.
//!
//! Invariants: an address without a row is open to nobody; what a handler asks besides only takes away.

use crate::{
    authz::{Action, Principal, Role, policy},
    error::Error,
};
use actix_web::{HttpRequest, dev::ResourceDef, http::Method};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nobody has to be signed in.
    Nothing,
    /// A caller, whatever their roles.
    Caller,
    /// Leave for this.
    One(Action),
    /// Leave for one of these: which, says what is sent, and the use-case asks for it.
    OneOf(&'static [Action]),
}

/// A method, an address with its parts in braces, and what it needs.
pub type Row = (&'static str, &'static str, Needs);

/// The rows of one edge of the service.
pub struct Doors {
    exact: HashMap<(&'static str, &'static str), Needs>,
    /// Those with the fewest parts in braces first: what is spelled out is not also one of a form.
    forms: Vec<(&'static str, ResourceDef, Needs)>,
}

impl Needs {
    pub fn actions(&self) -> &[Action] {
        match self {
            Self::Nothing | Self::Caller => &[],
            Self::One(action) => std::slice::from_ref(action),
            Self::OneOf(actions) => actions,
        }
    }

    /// Whether somebody with this role, and no other, gets past it.
    pub fn is_met_by(&self, role: Role) -> bool {
        self.actions().is_empty() || self.actions().iter().any(|action| role.allows(*action))
    }
}

impl Doors {
    pub fn new(rows: &'static [Row]) -> Self {
        let mut forms: Vec<_> = rows.iter().collect();
        forms.sort_by_key(|(_, path, _)| path.matches('{').count());
        Self {
            exact: rows.iter().map(|(method, path, needs)| ((*method, *path), *needs)).collect(),
            forms: forms
                .into_iter()
                .map(|(method, path, needs)| (*method, ResourceDef::new(path.replace("{path}", "{path:.*}")), *needs))
                .collect(),
        }
    }

    /// # Errors
    /// `Denied` where the caller's roles do not allow what the address needs.
    pub fn pass(&self, request: &HttpRequest, who: &Principal) -> Result<(), Error> {
        let needs = self.of(request).ok_or_else(|| Error::internal("an address says nowhere what it needs"))?;
        let actions = needs.actions();
        // Who may do none of it is refused the first of them, before anything is read.
        if let Some(first) = actions.first().filter(|_| !actions.iter().any(|action| who.may(*action))) {
            policy::read(who, *first).map(drop)?;
        }
        Ok(())
    }

    /// What the address of a request needs.
    pub fn of(&self, request: &HttpRequest) -> Option<Needs> {
        let method = request.method();
        let pattern = request.match_pattern().map(|pattern| pattern.replace("{path:.*}", "{path}"));
        let exact = pattern.and_then(|pattern| self.exact.get(&(method.as_str(), pattern.as_str())).copied());
        // Another method's address may have been the first to match.
        exact.or_else(|| self.matching(method, request.path()))
    }

    fn matching(&self, method: &Method, path: &str) -> Option<Needs> {
        let found = self.forms.iter().find(|(of, form, _)| *of == method.as_str() && form.is_match(path));
        found.map(|(.., needs)| *needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_out_is_not_one_of_a_form() {
        let doors = Doors::new(&[
            ("PUT", "/places/{place}/{document}", Needs::One(Action::PolicyPublish)),
            ("GET", "/places/{place}/records", Needs::One(Action::RecordRead)),
            ("GET", "/places/{place}/{document}", Needs::Caller),
            ("GET", "/files/{path}", Needs::Nothing),
        ]);
        let of = |method: Method, path: &str| doors.matching(&method, path);
        assert_eq!(of(Method::GET, "/places/a/records"), Some(Needs::One(Action::RecordRead)));
        assert_eq!(of(Method::GET, "/places/a/policy"), Some(Needs::Caller));
        assert_eq!(of(Method::PUT, "/places/a/records"), Some(Needs::One(Action::PolicyPublish)));
        assert_eq!(of(Method::GET, "/files/a/b/c"), Some(Needs::Nothing));
        assert_eq!(of(Method::POST, "/places/a/policy"), None);
    }

    #[test]
    fn a_role_gets_past_what_one_of_its_actions_opens() {
        const EITHER: Needs = Needs::OneOf(&[Action::PromotionApprove, Action::PromotionReject]);
        assert!(EITHER.is_met_by(Role::Reviewer) && !EITHER.is_met_by(Role::Contributor));
        assert!(Needs::Caller.is_met_by(Role::Deployer) && Needs::Nothing.is_met_by(Role::Worker));
    }
}
