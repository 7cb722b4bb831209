//! `docs/security/roles.md`: what each role may, and where it gets, as the service goes by it.

use plimsoll::{
    authz::{Action, CustomRole, Role},
    http::{
        door::{Needs, Row},
        operations::OPERATIONS,
    },
    web::addresses::ADDRESSES,
};
use std::{fmt::Write, path::Path};

const BEFORE: &str = "\
# Roles, and what each may

Written by the service's own tables; `UPDATE=1 cargo nextest run roles_document` writes it again, and a test compares. Each cell of
the second and the third table is asserted against a running service (`each_role_gets_what_the_matrix_says`,
`each_role_gets_the_pages_that_the_matrix_says`).

Roles are named sets of actions (`authz::role`). What an operation, a page or a form needs, it declares once (`http::operations`,
`web::addresses`): the service asks it before a handler begins, and an address without a declaration is open to nobody. What the
tables do not say only takes away: whose an object is, who had a part in it, a password that was given too long ago, a second factor
that is missing, an account that nobody has said the person of, the models and environments that a role is held for, and the limits of a token.

What a role that the workspace made itself can hold says the column `custom` (`authz::custom`). Such a role opens the addresses of the
actions that it names, and of what is one's own (`a_role_with_one_action_opens_the_addresses_of_that_action_and_no_others`).

A role is held in one workspace, and what belongs to another one does not exist: 404, with the same bytes as for what never was
(`what_another_workspace_holds_is_answered_like_what_never_existed`).
";

fn heads(of: &str, more: &[&str]) -> String {
    let roles = Role::ALL.iter().map(|role| role.name().replace('_', " "));
    let all: Vec<_> = more.iter().map(|head| (*head).to_owned()).chain(roles).collect();
    format!("\n## {of}\n\n| {} |\n|{}\n", all.join(" | "), " --- |".repeat(all.len()))
}

fn marks(may: impl Fn(Role) -> bool) -> String {
    Role::ALL.iter().map(|role| if may(*role) { " ● |" } else { "  |" }).collect()
}

fn rows(text: &mut String, rows: &[Row]) {
    for (method, path, needs) in rows {
        let asked = match needs {
            Needs::Nothing => "nothing: it is public".to_owned(),
            Needs::Caller => "somebody who is signed in".to_owned(),
            Needs::One(_) | Needs::OneOf(_) => {
                needs.actions().iter().map(|action| format!("`{action}`")).collect::<Vec<_>>().join(" or ")
            }
        };
        let _ = writeln!(text, "| {method} | `{path}` | {asked} |{}", marks(|role| needs.is_met_by(role)));
    }
}

fn written() -> String {
    let mut text = BEFORE.to_owned();
    text.push_str(&heads("Actions", &["action", "custom"]));
    for action in Action::ALL.iter().filter(|action| Role::ALL.iter().any(|role| role.allows(**action))) {
        let custom = if CustomRole::may_hold(*action) { "●" } else { "" };
        let _ = writeln!(text, "| `{action}` | {custom} |{}", marks(|role| role.allows(*action)));
    }
    text.push_str(&heads("Operations of the API", &["", "address", "needs"]));
    rows(&mut text, OPERATIONS);
    text.push_str(&heads("Pages and forms", &["", "address", "needs"]));
    text.push_str(&{
        let mut pages = String::new();
        rows(&mut pages, ADDRESSES);
        pages
    });
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "`UPDATE=1` is for the person who runs the test")]
fn the_roles_document_says_what_the_service_goes_by() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security/roles.md");
    let now = written();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).expect("write");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == now,
        "docs/security/roles.md is not what the service goes by; look at the change and run: UPDATE=1 cargo nextest run roles_document"
    );
}
