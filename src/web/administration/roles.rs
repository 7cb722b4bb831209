//! What a member may do, given and taken role by role.

use super::{member::answer, members::gives};
use crate::{
    accounts::{
        api::AccountView,
        reach::{ReachView, meant},
        roles::{api::RolesView, custom::Defined, ops},
    },
    app::App,
    authz::{Action, Principal, Role, RoleName},
    error::InField,
    web::{
        PageError,
        form::Signed,
        forms::{Form, Kind},
        words,
    },
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};
use std::collections::BTreeSet;

const GIVE: &str = "role";
const TAKE: &str = "role-end";

/// The forms for the roles that the member could have, and for those that somebody gave them.
pub fn offers(who: &Principal, member: &AccountView, roles: &RolesView, custom: &[Defined]) -> Vec<Form> {
    let is_own = who.name == member.name;
    let form = |deed: &str, title: &str, says: &'static str, button: &'static str| {
        Form::new(deed, &format!("/members/{}/{deed}", member.name), title, says, button)
    };
    let mut forms = Vec::new();
    let is_held = |role: &Role| roles.roles.iter().any(|held| held.role == role.name());
    let goes = |role: &Role| match member.kind.as_str() {
        "user" => *role != Role::Worker,
        _ => !role.judges() && !matches!(role, Role::Admin | Role::Worker),
    };
    let own = custom.iter().filter(|_| !roles.roles.iter().any(|held| held.role == Role::Worker.name()));
    let own = own.map(|own| (format!("custom:{}", own.name), said(own)));
    let new: Vec<_> = Role::ALL
        .iter()
        // One that is held can be given for other places.
        .filter(|role| goes(role) && (!is_held(role) || role.has_places()))
        .map(|role| (role.name().to_owned(), format!("{}: {}", words::spoken(role.name()), gives(*role))))
        .chain(own)
        .collect();
    if !is_own && member.state == "active" && !new.is_empty() && who.may(Action::RoleGive) {
        let says = "It holds from their next request on. Who made or measured something still decides on none of it.";
        let form = form(GIVE, "Give it a role", says, "Give it").ask("role", "Role", Kind::Choice(new));
        let form =
            form.may("models", "For these models alone", Kind::Line).hint("names, with spaces between; all if empty");
        let form = form.may("environments", "In these environments alone", Kind::Line);
        forms.push(form.hint("names, with spaces between; all if empty"));
    }
    let given = roles.roles.iter().filter(|held| held.group.is_none());
    let given: Vec<_> = given.map(|held| (held.role.clone(), words::spoken(&held.role))).collect();
    if !is_own && !given.is_empty() && who.may(Action::RoleTake) {
        let says = "From their next request on. Approvals that were given by it alone count no more.";
        forms.push(form(TAKE, "Take a role from it", says, "Take it").ask("role", "Role", Kind::Choice(given)));
    }
    forms
}

/// A role of the workspace's own, by what it allows.
fn said(own: &Defined) -> String {
    format!("{}: {}", own.name, own.actions.join(", "))
}

/// Names with spaces or commas between; nothing is all.
fn listed(typed: &str) -> Option<BTreeSet<String>> {
    let names: BTreeSet<_> = typed.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (!names.is_empty()).then_some(names)
}

#[post("/members/{member}/role")]
pub async fn give(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        let role = RoleName::parse(sent.fields.get("role")).in_field("role")?;
        let scope = ReachView {
            actions: None,
            models: listed(sent.fields.get("models")),
            environments: listed(sent.fields.get("environments")),
        };
        let limits = meant(&app, &sent.visitor.who, scope.parse()?).await?;
        ops::give(&app, &sent.visitor.who, &name, &role, limits).await.map(drop)
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, GIVE, done).await
}

#[post("/members/{member}/role-end")]
pub async fn take(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        let role = RoleName::parse(sent.fields.get("role")).in_field("role")?;
        ops::take(&app, &sent.visitor.who, &name, &role).await.map(drop)
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, TAKE, done).await
}
