//! What a member may do, given and taken role by role.

use super::{member::answer, members::gives};
use crate::{
    accounts::{
        api::AccountView,
        roles::{api::RolesView, ops},
    },
    app::App,
    authz::{Action, Principal, Role},
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

const GIVE: &str = "role";
const TAKE: &str = "role-end";

/// The forms for the roles that the member could have, and for those that somebody gave them.
pub fn offers(who: &Principal, member: &AccountView, roles: &RolesView) -> Vec<Form> {
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
    let new: Vec<_> = Role::ALL
        .iter()
        .filter(|role| !is_held(role) && goes(role))
        .map(|role| (role.name().to_owned(), format!("{}: {}", words::spoken(role.name()), gives(*role))))
        .collect();
    if !is_own && member.state == "active" && !new.is_empty() && who.may(Action::RoleGive) {
        let says = "It holds from their next request on. Who made or measured something still decides on none of it.";
        forms.push(form(GIVE, "Give it a role", says, "Give it").ask("role", "Role", Kind::Choice(new)));
    }
    let given = roles.roles.iter().filter(|held| held.group.is_none());
    let given: Vec<_> = given.map(|held| (held.role.clone(), words::spoken(&held.role))).collect();
    if !is_own && !given.is_empty() && who.may(Action::RoleTake) {
        let says = "From their next request on. Approvals that were given by it alone count no more.";
        forms.push(form(TAKE, "Take a role from it", says, "Take it").ask("role", "Role", Kind::Choice(given)));
    }
    forms
}

#[post("/members/{member}/role")]
pub async fn give(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        let role = Role::parse(sent.fields.get("role")).in_field("role")?;
        ops::give(&app, &sent.visitor.who, &name, role).await.map(drop)
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, GIVE, done).await
}

#[post("/members/{member}/role-end")]
pub async fn take(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        let role = Role::parse(sent.fields.get("role")).in_field("role")?;
        ops::take(&app, &sent.visitor.who, &name, role).await.map(drop)
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, TAKE, done).await
}
