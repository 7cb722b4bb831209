//! Two tenants: whatever belongs to another workspace is answered like what never existed, by every operation and every page.

use crate::{
    authz_matrix::{MATRIX, expected, send_as},
    harness::{Reply, TestApp, commit_unlogged},
    pages::stage::Browser,
    pages_matrix::filled,
    workspaces::stranger,
    world::World,
};
use plimsoll::{
    core::ids::TokenId,
    crypto::tokens::Token,
    db::entity::{account, api_token},
    http::door::Needs,
    web::addresses::ADDRESSES,
};
use sea_orm::{EntityTrait, QueryFilter, Set, TransactionTrait};

/// Parts of addresses that are names or ids of what a workspace holds, and what nothing is called.
const OBJECTS: &[(&str, &str)] = &[
    ("{account}", "never-was"),
    ("{member}", "never-was"),
    ("{model}", "never-was"),
    ("{environment}", "never-was"),
    ("{dataset}", "never-was"),
    ("{reference}", "model:never-was"),
    ("{index}", "999999"),
    ("{session}", NEVER),
    ("{token}", NEVER),
    ("{trust}", NEVER),
    ("{delegation}", NEVER),
    ("{key}", NEVER),
    ("{evidence}", NEVER),
    ("{run}", NEVER),
    ("{comparison}", NEVER),
    ("{promotion}", NEVER),
    ("{rehearsal}", NEVER),
    ("{release}", NEVER),
    ("{finding}", NEVER),
    ("{waiver}", NEVER),
    ("{break_glass}", NEVER),
];
const NEVER: &str = "0190a000-0000-7000-8000-000000000000";

/// Addresses of no object of a workspace.
const OF_NOBODY: &[&str] = &[
    // The catalog of regulations is the same for everybody.
    "/api/v1/frameworks/{framework}/revisions/{revision}",
    "/frameworks/{framework}/{revision}",
    // Made by the name that it shall have.
    "/api/v1/datasets/{dataset}",
    // Levels and paths of the whole log, which is not a workspace's: another workspace gets none of it.
    "/api/v1/audit/tile/entries/{path}",
    "/api/v1/audit/tile/{level}/{path}",
];

/// The same address with other names in it; `None` where it names nothing that a workspace holds.
fn never(path: &str, filled: &str) -> Option<String> {
    let (filled, query) = filled.split_once('?').map_or((filled, None), |(path, query)| (path, Some(query)));
    let mut is_named = false;
    let parts: Vec<_> = path
        .split('/')
        .zip(filled.split('/'))
        .map(|(part, is)| match OBJECTS.iter().find(|(object, _)| *object == part) {
            Some((_, never)) => {
                is_named = true;
                *never
            }
            None => is,
        })
        .collect();
    // A path within a version has any number of parts; those of the matrix have one.
    let address = parts.join("/") + &query.map(|query| format!("?{query}")).unwrap_or_default();
    is_named.then_some(address)
}

/// What was said, without the id of the request and without what it named itself.
fn said(answer: &Reply, named: &str) -> String {
    let mut text = answer.text().replace(answer.header("x-request-id"), "REQUEST");
    let path = named.split('?').next().unwrap_or_default();
    for part in path.split('/').filter(|part| 3 < part.len() && !part.contains("v1")) {
        text = text.replace(part, "NAMED");
    }
    text
}

/// The same address twice: of what another workspace holds, and of what never was.
fn fault(what: &str, (theirs, answer): (&str, &Reply), (never, other): (&str, &Reply)) -> Option<String> {
    let (one, two) = (said(answer, theirs), said(other, never));
    let same = answer.status == 404 && other.status == 404 && one == two;
    (!same).then(|| format!("{what}: {} for {theirs}, {} for {never}:\n  {one}\n  {two}", answer.status, other.status))
}

#[actix_web::test]
async fn what_another_workspace_holds_is_answered_like_what_never_existed() {
    let world = World::build().await;
    let stranger = stranger(&world.app).await;
    let before = world.app.events().await;
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for row @ (method, path, address, body, _) in MATRIX {
        let address = world.fill(if address.is_empty() { path } else { address });
        let Some(never) = never(path, &address).filter(|_| !OF_NOBODY.contains(path)) else { continue };
        // Nobody but a worker, which has no other role.
        if expected(row)[1..].iter().all(|status| *status == 403) {
            continue;
        }
        tried += 1;
        let answer = send_as(&world, &stranger, method, &address, body).await;
        let other = send_as(&world, &stranger, method, &never, body).await;
        wrong.extend(fault(&format!("{method} {path}"), (&address, &answer), (&never, &other)));
    }
    assert!(70 < tried, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.app.events().await, before, "nothing was done, and nothing was refused: it does not exist");
}

/// A browser in which the stranger is signed in.
async fn browser(t: &TestApp) -> Browser<'_> {
    let db = t.app.db.raw_for_tests();
    let query = account::Entity::find().filter(account::COLUMN.name.eq("stranger"));
    let account = query.one(db).await.expect("read").expect("the stranger");
    let (secret, at) = (Token::generate().expect("token"), t.app.db.clock().now());
    let row = api_token::ActiveModel {
        id: Set(TokenId::generate()),
        workspace_id: Set(account.home_id.expect("a home")),
        account_id: Set(account.id),
        kind: Set("session".to_owned()),
        name: Set("test".to_owned()),
        accessor: Set(secret.accessor()),
        secret_hash: Set(secret.hash()),
        created_at: Set(at),
        expires_at: Set(at + chrono::TimeDelta::hours(1)),
        revoked_at: Set(None),
        client: Set(None),
        device: Set(None),
        seen_at: Set(Some(at)),
        proven_at: Set(Some(at)),
        reach: Set(None),
        trust_id: Set(None),
    };
    let tx = db.begin().await.expect("begin");
    api_token::Entity::insert(row).exec_without_returning(&tx).await.expect("session");
    commit_unlogged(tx).await;
    let cookies = format!("__Host-plimsoll={}", secret.reveal());
    let mut browser = Browser { app: t, cookies, token: String::new() };
    let page = browser.get("/").await.expect(200);
    browser.keep(&page);
    browser
}

#[actix_web::test]
async fn the_pages_of_what_another_workspace_holds_are_those_of_what_never_existed() {
    let world = World::build().await;
    stranger(&world.app).await;
    let browser = browser(&world.app).await;
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (method, path, needs) in ADDRESSES {
        let address = filled(&world, path);
        let Some(never) = never(path, &address).filter(|_| !OF_NOBODY.contains(path)) else { continue };
        if *needs == Needs::Nothing {
            continue;
        }
        tried += 1;
        let (answer, other) = match *method {
            "GET" => (browser.get(&address).await, browser.get(&never).await),
            _ => (browser.send(&address, FIELDS).await, browser.send(&never, FIELDS).await),
        };
        wrong.extend(fault(&format!("{method} {path}"), (&address, &answer), (&never, &other)));
    }
    assert!(40 < tried, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What gets a form past the reading of its fields, whichever it is.
const FIELDS: &[(&str, &str)] = &[
    ("reason", "a test"),
    ("body", "a test"),
    ("role", "auditor"),
    ("confirm", "twin"),
    ("mode", "advisory"),
    ("until", "2026-02-01"),
    ("outcome", "justified"),
    ("name", "spare"),
    ("days", "1"),
    ("certificate", "serial:0b"),
    ("once", "0190a000-0000-7000-8000-00000000abcd"),
];
