//! Whose token reaches what.

use crate::{
    authz::{
        Action, Actor, Cause, Credential, Denied, Kind, Permit, Principal, Proof, Reach, ReadPermit, Scope, Touched,
    },
    core::{
        event::Object,
        ids::{AccountId, WorkspaceId},
    },
};

/// Everything that is touched is within the reach of the credential.
pub fn require_reach(actor: &Actor, action: Action, touched: &Touched, about: Vec<Object>) -> Result<(), Denied> {
    if actor.reach.covers(touched) {
        return Ok(());
    }
    let reason = format!(
        "this token of {} is good for some models or environments alone, and this is about others, or about many at once; use \
         another token",
        actor.name
    );
    Err(Denied { actor: Box::new(actor.clone()), action, code: "beyond_the_token", reason, about })
}

/// Everything that is touched is within one of the places for which the roles are held that allow it.
pub fn require_range(actor: &Actor, action: Action, touched: &Touched, about: Vec<Object>) -> Result<(), Denied> {
    if actor.ranges.is_empty() || actor.ranges.iter().any(|range| range.covers(touched)) {
        return Ok(());
    }
    let reason = format!(
        "{} may {action} for some models or environments alone, and this is about others, or about many at once; ask somebody who \
         holds the role here, or a workspace administrator for it",
        actor.name
    );
    Err(Denied { actor: Box::new(actor.clone()), action, code: "out_of_range", reason, about })
}

/// Leave to find out what a request of somebody is about, for the decision whether they may make it.
pub fn within_workspace(who: &Principal) -> ReadPermit {
    ReadPermit { scope: Scope::Workspace(who.workspace) }
}

/// That a workload of a trusted issuer gets a token is the act of the service account that it stands for.
pub fn admit_workload(workspace: WorkspaceId, account: (AccountId, &str), cause: Cause) -> Permit {
    let (id, name) = account;
    let actor = Actor {
        kind: Kind::Service,
        id: Some(id),
        name: name.to_owned(),
        credential: Credential::None,
        proof: Proof::Standing,
        reach: Reach::default(),
        ranges: Vec::new(),
        workspace: Some(workspace),
        cause,
    };
    Permit { actor, action: Action::TokenExchange }
}
