//! Who gets which page and which form, for every address that a page is registered at, as it follows from what the address
//! needs and what the roles give.

use crate::{
    harness::Reply,
    pages::stage::Browser,
    world::{ROLES, World},
};
use plimsoll::{authz::Role, http::door::Needs, web::addresses::ADDRESSES};
use std::{collections::BTreeSet, path::Path};

/// Everybody who may send it, but one of the two sides and an administrator.
const STRANGERS: &[&str] =
    &["viewer", "contributor", "environment_manager", "deployer", "auditor", "risk_officer", "compliance_officer"];
/// Who may look at requests, and decided nothing.
const NO_JUDGES: &[&str] = &["viewer", "contributor", "environment_manager", "auditor", "admin"];

/// What some of those who may get instead of 200 for a page, and of whatever a form does.
const BUT: &[(&str, u16, &[&str])] = &[
    // There is none.
    ("/comparisons/{comparison}", 404, &ROLES),
    // It is somebody else's, or out of sight.
    ("/delegations/{delegation}/revocation", 403, STRANGERS),
    // A receipt is of one's own decision.
    ("/promotions/{promotion}/receipt", 404, NO_JUDGES),
    ("/promotions/{promotion}/receipt/statement", 404, NO_JUDGES),
];

/// An address of the first workspace.
pub fn filled(world: &World, path: &str) -> String {
    // The one that was decided has a receipt.
    let promotion = if path.contains("/receipt") { "{first}" } else { "{promotion}" };
    let named = [
        ("{member}", "twin"),
        ("{model}", "scorer"),
        ("{version}", "1"),
        ("{environment}", "production"),
        ("{document}", "policy"),
        ("{framework}", "gdpr"),
        ("{revision}", "1"),
        ("{index}", "0"),
        ("{path}", "README.md"),
        ("{comparison}", "{run}"),
        ("{release}", "{run}"),
        ("{promotion}", promotion),
    ];
    let path = named.iter().fold(path.to_owned(), |path, (from, to)| path.replace(from, to));
    let query = match path.as_str() {
        "/lineage" => "?digest=sha256:00",
        path if path.ends_with("dossier.zip") => "?profile=model-card&environment=production",
        _ => "",
    };
    world.fill(&path) + query
}

/// Those that the code registers, by the attributes of their handlers.
fn registered() -> BTreeSet<(String, String)> {
    fn walk(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a file");
            assert!(!text.contains(".route(") && !text.contains("web::resource("), "{path:?}: give pages an attribute");
            for line in text.lines() {
                for (start, method) in [("#[get(\"", "GET"), ("#[post(\"", "POST")] {
                    let Some(address) = line.trim_start().strip_prefix(start).and_then(|rest| rest.split('"').next())
                    else {
                        continue;
                    };
                    let address = address.replace("{path:.*}", "{path}");
                    assert!(found.insert((method.to_owned(), address.clone())), "{method} {address} stands twice");
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web"), &mut found);
    found
}

#[test]
fn every_page_and_every_form_says_what_it_needs() {
    let known: BTreeSet<_> = ADDRESSES.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(known.len(), ADDRESSES.len(), "an address stands twice in src/web/addresses.rs");
    let registered = registered();
    let absent: Vec<_> = registered.difference(&known).collect();
    let gone: Vec<_> = known.difference(&registered).collect();
    assert!(absent.is_empty() && gone.is_empty(), "without a row: {absent:?}; without a page: {gone:?}");
}

fn asks_to_sign_in(answer: &Reply) -> bool {
    answer.status == 303 && answer.header("location").starts_with("/login")
}

async fn visit(browser: &Browser<'_>, method: &str, address: &str) -> Reply {
    if method == "GET" { browser.get(address).await } else { browser.send(address, &[]).await }
}

/// What is wrong with an answer to somebody with this role, or to nobody.
fn fault(role: &str, (method, path, needs): (&str, &str, Needs), answer: &Reply) -> Option<String> {
    let is_met = Role::parse(role).is_ok_and(|role| needs.is_met_by(role));
    let other = BUT.iter().find(|(of, _, roles)| *of == path && roles.contains(&role)).map(|(_, status, _)| *status);
    let is_forbidden = answer.status == 403 && answer.text().contains("<code>forbidden</code>");
    let holds = match needs {
        Needs::Nothing => answer.status != 403 && (path.starts_with("/login") || !asks_to_sign_in(answer)),
        _ if role.is_empty() => asks_to_sign_in(answer),
        _ if !is_met => is_forbidden,
        _ if other.is_some() => Some(answer.status) == other,
        _ if is_forbidden => false,
        _ if method == "GET" => answer.status == 200,
        // An empty form does something, or says what is missing.
        _ => ![401, 403, 405].contains(&answer.status) && (path == "/logout" || !asks_to_sign_in(answer)),
    };
    let said: String = answer.text().split("<main").nth(1).unwrap_or_default().chars().take(500).collect();
    let who = if role.is_empty() { "nobody" } else { role };
    (!holds || 500 <= answer.status).then(|| format!("{method} {path} as {who}: {} {said}", answer.status))
}

#[actix_web::test]
async fn each_role_gets_the_pages_that_the_matrix_says() {
    let world = World::build().await;
    let mut browsers = vec![("", Browser::open(&world.app).await)];
    for role in ROLES {
        browsers.push((role, Browser::open(&world.app).await.sign_in(&format!("a-{role}")).await));
    }
    // What is looked at first, then forms, and last what ends the session.
    let order = |(method, path, _): &(&str, &str, Needs)| (*method != "GET", *path == "/logout");
    let mut addresses = ADDRESSES.to_vec();
    addresses.sort_by_key(order);
    let mut wrong = Vec::new();
    for row @ (method, path, needs) in addresses {
        // Those who may not go first, so that no refusal is for another reason than the role.
        let is_met = |role: &str| Role::parse(role).is_ok_and(|role| needs.is_met_by(role));
        browsers.sort_by_key(|(role, _)| is_met(role));
        for (role, browser) in &browsers {
            if method == "POST" && needs == Needs::Nothing && !role.is_empty() {
                continue;
            }
            let answer = visit(browser, method, &filled(&world, path)).await;
            wrong.extend(fault(role, row, &answer));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn what_is_refused_on_a_page_is_in_the_log_with_what_was_asked_for() {
    let world = World::build().await;
    let viewer = Browser::open(&world.app).await.sign_in("a-viewer").await;
    let before = world.app.events().await;
    viewer.send("/members/twin/role", &[("role", "admin")]).await.expect(403);
    viewer.get("/audit").await.expect(403);
    assert_eq!(world.app.events().await, before + 2);
    let newest = world.app.get(world.token("auditor"), "/api/v1/audit/events?limit=2").await.expect(200).json();
    let told: Vec<_> = newest["items"].as_array().expect("events").iter().map(|event| &event["action"]).collect();
    assert_eq!(told, ["audit.read", "role.give"]);
}
