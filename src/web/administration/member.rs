//! One member: what binds them to others, where they are signed in, and what an administrator may do about them.

use super::{
    SECTION, roles,
    shown_once::{self, Shown},
};
use crate::{
    accounts::{
        api::AccountView,
        ops,
        passwords::ops as passwords,
        people::{
            self,
            api::{BondsView, view},
        },
        roles::{api::RolesView, custom, ops as role_ops},
        second_factor::ops as factors,
        sessions::{self, api::SessionView},
    },
    app::App,
    authz::{Action, Kind as AccountKind},
    core::{clock::rfc3339, ids::TokenId, name::Name},
    error::{Error, InField},
    web::{
        PageError,
        form::{Fields, Signed},
        forms::{self, Form, Kind, Typed, confirmed, kept, misnamed},
        frame::{Frame, page_with, see_other},
        once,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post,
    web::{Data, Path},
};
use askama::Template;

#[derive(Template)]
#[template(path = "administration/member.html")]
struct MemberPage {
    frame: Frame,
    here: &'static str,
    member: AccountView,
    roles: RolesView,
    /// Only of people.
    bonds: Option<BondsView>,
    /// For administrators, and of oneself.
    sessions: Option<Vec<SessionView>>,
    forms: Vec<Form>,
    /// Id and error of the form that did not succeed.
    failed: (String, String),
}

#[get("/members/{member}")]
pub async fn show(app: Data<App>, visitor: Visitor, name: Path<String>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, &name, StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    name: &str,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let (account, bonds) = people::ops::bonds(app, who, name).await?;
    let is_person = account.kind == AccountKind::User;
    let bonds = view(app, (account.clone(), bonds)).await?;
    let roles = RolesView::of(app, who, role_ops::of(app, who, name).await?).await?;
    let sessions = match is_person && (who.may(Action::AccountCreate) || who.id == Some(account.id)) {
        true => Some(sessions::ops::list(app, who, Some(name)).await?),
        false => None,
    };
    let sessions = sessions.map(|live| live.into_iter().map(|session| SessionView::of(session, who)).collect());
    let member = AccountView::from(account);
    let custom = match who.may(Action::RoleGive) {
        true => custom::ops::list(app, who).await?,
        false => Vec::new(),
    };
    let mut forms = roles::offers(who, &member, &roles, &custom);
    forms.extend(offers(visitor, &member, &bonds));
    let forms = forms.into_iter().map(|form| form.with(typed)).collect();
    let bonds = is_person.then_some(bonds);
    let failed = (typed.form.clone(), typed.error.clone());
    let frame = Frame::new(SECTION, visitor);
    page_with(status, &MemberPage { frame, here: "", member, roles, bonds, sessions, forms, failed })
}

/// What the visitor may do about a member as they are.
fn offers(visitor: &Visitor, member: &AccountView, bonds: &BondsView) -> Vec<Form> {
    let who = &visitor.who;
    let (is_person, is_active, is_own) = (member.kind == "user", member.state == "active", who.name == member.name);
    let form = |deed: &str, title: &str, says: &'static str, button: &'static str| {
        Form::new(deed, &format!("/members/{}/{deed}", member.name), title, says, button)
    };
    let mut forms = Vec::new();
    if is_person && who.may(Action::PersonLink) {
        let says = "Two accounts of one person count as one wherever two are needed. Left empty, the account is that of a \
            person of its own.";
        let form = form("person", "Say whose account it is", says, "Keep it");
        let same = bonds.same_person.first().map_or("", String::as_str);
        forms.push(form.may("same_as", "Another account of the same person", Kind::Line).filled("same_as", same));
    }
    if is_person && who.may(Action::TeamSet) {
        let says = "Policies may ask for approvals of different teams. Left empty, the account is in none.";
        let form = form("team", "Put it into a team", says, "Keep it");
        let team = bonds.team.as_deref().unwrap_or_default();
        forms.push(form.may("team", "Team", Kind::Line).filled("team", team));
    }
    if is_person && is_active && who.may(Action::PasswordReset) {
        let says = "For a person who lost their password: a code that works once and for an hour. It replaces those before \
            it. You learn and choose no password.";
        forms.push(form("password-reset", "Issue a code for a new password", says, "Issue it").once());
    }
    if is_person && is_active && !is_own && who.may(Action::SecondFactorTake) {
        let says = "For a person who lost their authenticator and their recovery codes. Their password alone signs them in \
            then, and their sessions end. Make sure who asks you.";
        let form = form("second-factor", "Take the second factor away", says, "Take it away");
        forms.push(form.confirmed_by(&member.name));
    }
    if is_active && !is_own && who.may(Action::AccountDeactivate) {
        let says = "Sessions, tokens and the service accounts that it owns stop at once. What it answered for is a finding \
            from then on. An account never becomes active again.";
        forms.push(form("deactivation", "Deactivate it", says, "Deactivate it").confirmed_by(&member.name));
    }
    if !is_active && who.may(Action::AccountErase) {
        let says = "Its name, its display name and the names of its tokens are forgotten. What it did stays on record under \
            its id, and every proof holds. This can't be taken back.";
        forms.push(form("erasure", "Forget who it belonged to", says, "Erase it").confirmed_by(&member.name));
    }
    forms
}

#[post("/members/{member}/person")]
pub async fn link(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let same = Some(sent.fields.get("same_as").trim()).filter(|same| !same.is_empty());
    let done = people::ops::link(&app, &sent.visitor.who, &name, same).await.map(drop);
    answer(&app, &sent.visitor, sent.fields, &name, "person", done).await
}

#[post("/members/{member}/team")]
pub async fn set_team(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        let team = Some(sent.fields.get("team").trim()).filter(|team| !team.is_empty());
        let team = team.map(Name::parse).transpose().in_field("team")?;
        people::ops::set_team(&app, &sent.visitor.who, &name, team).await.map(drop)
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, "team", done).await
}

#[post("/members/{member}/password-reset")]
pub async fn issue_reset(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let issued =
        once::carry_out(&app, &visitor.who, &fields, async |who| passwords::issue_reset(&app, who, &name).await);
    match issued.await {
        Ok(issued) => shown_once::answer(
            &visitor,
            Shown {
                title: format!("A new password for {name}"),
                says: "With this code the person sets a new password; their sessions and tokens end then.".to_owned(),
                label: "Code",
                secret: issued.secret,
                advice:
                    "Give it to the person alone, over a channel on which you know them. They type it at /reset. It \
                    works once."
                        .to_owned(),
                expires_at: rfc3339(issued.reset.expires_at),
                back: format!("/members/{name}"),
                back_to: "To the member",
            },
        ),
        Err(failure) => answer(&app, &visitor, fields, &name, "password-reset", Err(failure)).await,
    }
}

#[post("/members/{member}/second-factor")]
pub async fn take_factor(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        confirmed(&sent.fields, &name)?;
        factors::take(&app, &sent.visitor.who, &name).await
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, "second-factor", done).await
}

#[post("/members/{member}/deactivation")]
pub async fn deactivate(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        confirmed(&sent.fields, &name)?;
        ops::deactivate(&app, &sent.visitor.who, &name).await.map(drop)
    };
    let done = done.await;
    answer(&app, &sent.visitor, sent.fields, &name, "deactivation", done).await
}

#[post("/members/{member}/erasure")]
pub async fn erase(app: Data<App>, sent: Signed, name: Path<String>) -> Result<HttpResponse, PageError> {
    let done = async {
        confirmed(&sent.fields, &name)?;
        ops::erase(&app, &sent.visitor.who, &name).await
    };
    match done.await {
        // Under the name that is left.
        Ok(erased) => Ok(see_other(&format!("/members/{}", erased.name))),
        Err(failure) => answer(&app, &sent.visitor, sent.fields, &name, "erasure", Err(failure)).await,
    }
}

#[post("/members/{member}/sessions/{session}/end")]
pub async fn end_session(
    app: Data<App>,
    sent: Signed,
    path: Path<(String, TokenId)>,
) -> Result<HttpResponse, PageError> {
    let (name, session) = path.into_inner();
    sessions::ops::end(&app, &sent.visitor.who, session).await?;
    Ok(see_other(&format!("/members/{name}#sessions")))
}

/// The member as they are then, or again with what was typed.
pub(super) async fn answer(
    app: &App,
    visitor: &Visitor,
    fields: Fields,
    name: &str,
    form: &str,
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/members/{name}"))),
        // Of the member itself there is no page to come back to.
        Err(failure @ Error::NotFound { kind: "account" }) => Err(failure.into()),
        Err(failure) => {
            let (status, typed) = kept(misnamed(failure), form, fields)?;
            render(app, visitor, name, status, &typed).await
        }
    }
}
