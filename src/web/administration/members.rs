//! The members of the workspace, people and service accounts, and making one.

use super::{
    SECTION,
    shown_once::{self, Shown},
};
use crate::{
    accounts::{
        NewAccount,
        api::AccountView,
        ops::{self, Made},
    },
    app::App,
    authz::{Action, Role},
    core::{
        clock::rfc3339,
        page::{self, PageRequest},
    },
    error::Error,
    web::{
        PageError,
        form::{Fields, Signed},
        forms::{self, Form, Kind, Typed, kept},
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
    web::{Data, Query},
};
use askama::Template;

const LIST: &str = "accounts";
const MAKE: &str = "make";

#[derive(Template)]
#[template(path = "administration/members.html")]
struct MembersPage {
    frame: Frame,
    here: &'static str,
    members: Vec<AccountView>,
    next: Option<String>,
    forms: Vec<Form>,
    has_failed: bool,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    cursor: Option<String>,
}

#[get("/members")]
pub async fn list(app: Data<App>, visitor: Visitor, params: Query<ListParams>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, params.into_inner(), StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    params: ListParams,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), None).map_err(Error::from)?;
    let found = ops::list(app, &visitor.who, request).await?.map(AccountView::from);
    let next = found.next.map(|id| format!("/members?cursor={}", page::encode(LIST, id)));
    let forms = match visitor.who.may(Action::AccountCreate) {
        true => vec![form().with(typed)],
        false => Vec::new(),
    };
    let frame = Frame::new(SECTION, visitor);
    let has_failed = !typed.error.is_empty();
    page_with(status, &MembersPage { frame, here: "Members", members: found.items, next, forms, has_failed })
}

fn form() -> Form {
    let says = "A person gets a code with which they choose their password; nobody else learns one. A service account is \
        yours to answer for, has no password, and works with tokens.";
    let form = Form::new(MAKE, "/members", "Make an account", says, "Make it")
        .once()
        .ask("name", "Name", Kind::Line)
        .hint("1 to 64 of a-z, 0-9, '.', '_' and '-'")
        .may("display_name", "Name in full", Kind::Line)
        .ask(
            "kind",
            "Kind",
            Kind::Choice(vec![("user".into(), "person".into()), ("service".into(), "service account".into())]),
        );
    Role::ALL.iter().fold(form, |form, role| {
        let name = role.name();
        form.ask(name, &format!("Role: {}", words::spoken(name)), Kind::Tick).hint(gives(*role))
    })
}

/// What a role is for, in a few words.
pub(super) fn gives(role: Role) -> &'static str {
    match role {
        Role::Viewer => "looks at everything but the log",
        Role::Contributor => "registers, pushes, measures, asks",
        Role::Reviewer => "decides on requests; people only",
        Role::EnvironmentManager => "limits and policies; activates, suspends, rolls back",
        Role::Deployer => "pulls what is active, and nothing else",
        Role::Auditor => "looks at everything and the log; takes dossiers",
        Role::Admin => "members, tokens, trusted keys; approves nothing; people only",
        Role::RiskOfficer => "decides where the risk is asked about; people only",
        Role::ComplianceOfficer => "decides where the law is asked about; people only",
        Role::Worker => "measures on a device; a service account's only role",
    }
}

fn wanted(fields: &Fields) -> Result<NewAccount, Error> {
    let roles = Role::ALL.iter().map(|role| role.name()).filter(|name| fields.get(name) == "yes").map(str::to_owned);
    let roles: Vec<String> = roles.collect();
    if roles.is_empty() {
        return Err(Error::invalid("roles", "choose at least one; an account without a role is no member"));
    }
    NewAccount::parse(fields.get("name").trim(), fields.get("display_name").trim(), fields.get("kind"), &roles, None)
}

#[post("/members")]
pub async fn create(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let made = async {
        let new = wanted(&fields)?;
        once::carry_out(&app, &visitor.who, &fields, async |who| ops::create(&app, who, new).await).await
    };
    match made.await {
        Ok(Made { account, invitation: None }) => Ok(see_other(&format!("/members/{}", account.name))),
        Ok(Made { account, invitation: Some(issued) }) => shown_once::answer(
            &visitor,
            Shown {
                title: format!("{} is a member now", account.name),
                says: "With this code the person chooses their password.".to_owned(),
                label: "Code",
                secret: issued.secret,
                advice:
                    "Give it to the person alone, over a channel on which you know them. They type it at /reset. It \
                    works once."
                        .to_owned(),
                expires_at: rfc3339(issued.reset.expires_at),
                back: format!("/members/{}", account.name),
                back_to: "To the member",
            },
        ),
        Err(failure) => {
            let (status, typed) = kept(failure, MAKE, fields)?;
            render(&app, &visitor, ListParams::default(), status, &typed).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
            .expect("fields")
    }

    #[test]
    fn what_is_ticked_are_the_roles() {
        let sent = fields(&[("name", "mara"), ("kind", "user"), ("reviewer", "yes"), ("viewer", "yes"), ("admin", "")]);
        let roles: Vec<_> = wanted(&sent).expect("an account").roles.into_iter().collect();
        assert_eq!(roles, [Role::Viewer, Role::Reviewer]);
        assert!(wanted(&fields(&[("name", "mara"), ("kind", "user")])).is_err(), "no role");
        assert!(
            wanted(&fields(&[("name", "ci"), ("kind", "service"), ("reviewer", "yes")])).is_err(),
            "no robot judges"
        );
    }
}
