//! Members, tokens, trusted keys and workers as pages: who is offered what, and that a click too many does no harm.

use super::{
    assert_page,
    stage::{Browser, PASSWORD},
};
use crate::story::{Story, text};
use chrono::TimeDelta;
use plimsoll::crypto::keys::SigningKey;

async fn sign_in<'a>(story: &'a Story, name: &str) -> Browser<'a> {
    Browser::open(&story.app).await.sign_in(name).await
}

async fn page(browser: &Browser<'_>, address: &str) -> String {
    let page = browser.get(address).await.expect(200);
    assert_page(address, &page);
    page.text()
}

#[track_caller]
fn assert_says(page: &str, all: &[&str]) {
    for wanted in all {
        assert!(page.contains(wanted), "the page lacks {wanted}: {page}");
    }
}

/// The key of the form that leads to an address.
#[track_caller]
fn once(page: &str, action: &str) -> String {
    let form = page.split_once(&format!("action=\"{action}\"")).expect("the form").1;
    let field = form.split_once("name=\"once\" value=\"").expect("a key").1;
    field.split('"').next().unwrap_or_default().to_owned()
}

/// The secret that a page shows.
#[track_caller]
fn secret(page: &str, label: &str) -> String {
    let shown = page.split_once(&format!("<dt>{label}</dt><dd><code>")).expect("a secret").1;
    shown.split('<').next().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn a_member_is_made_with_a_code_that_is_shown_once_and_a_second_click_makes_no_other() {
    let story = Story::begin_without_runtime(&[]).await;
    let (olga, mara) = (sign_in(&story, "olga").await, sign_in(&story, "mara").await);
    assert!(!page(&mara, "/members").await.contains("id=\"make\""), "only administrators make accounts");
    let key = once(&page(&olga, "/members").await, "/members");
    let new = |name: &'static str| [("name", name), ("kind", "user"), ("reviewer", "yes"), ("once", key.as_str())];
    mara.send("/members", &new("nils")).await.expect(403);
    let kept = olga.send("/members", &[("name", "No Name"), ("kind", "user"), ("viewer", "yes"), ("once", &key)]).await;
    let kept = kept.expect(422);
    assert_page("kept", &kept);
    assert_says(&kept.text(), &["value=\"No Name\"", "name=\"viewer\" value=\"yes\" checked", "Nothing was changed."]);
    olga.send("/members", &[("name", "nils"), ("kind", "user"), ("once", &key)]).await.expect(422);

    let made = olga.send("/members", &new("nils")).await.expect(200);
    assert_page("made", &made);
    let code = secret(&made.text(), "Code");
    let events = story.app.events().await;
    let again = olga.send("/members", &new("nils")).await.expect(409);
    assert_says(&again.text(), &["sent twice"]);
    assert!(!again.text().contains(&code), "a secret is shown once");
    assert_eq!(story.app.events().await, events, "the second click did nothing");
    let chosen = [("code", code.as_str()), ("new_password", PASSWORD)];
    Browser::open(&story.app).await.send("/reset", &chosen).await.expect(303);
    let nils = sign_in(&story, "nils").await;
    assert_says(&page(&nils, "/members/nils").await, &["reviewer", "Where they are signed in"]);
}

#[actix_web::test]
async fn what_weighs_much_wants_the_password_again_and_a_name_that_is_typed() {
    let story = Story::begin_without_runtime(&[]).await;
    let mut olga = sign_in(&story, "olga").await;
    story.app.user("zoe", &["viewer"]).await;
    let zoe = sign_in(&story, "zoe").await;
    let shown = page(&olga, "/members/zoe").await;
    assert_says(&shown, &["id=\"deactivation\"", "id=\"team\"", "id=\"person\"", "Type zoe to confirm", "End it now"]);
    assert!(!page(&zoe, "/members/olga").await.contains("id=\"deactivation\""));
    assert!(!page(&olga, "/members/olga").await.contains("id=\"deactivation\""), "nobody shuts themselves out");
    olga.send("/members/zoe/team", &[("team", "risk")]).await.expect(303);
    olga.send("/members/zoe/team", &[("team", "Not A Name")]).await.expect(422);
    olga.send("/members/zoe/person", &[("same_as", "nobody-here")]).await.expect(422);
    olga.send("/members/zoe/person", &[("same_as", "mara")]).await.expect(303);
    assert_says(&page(&olga, "/members/zoe").await, &["<dt>Team</dt><dd>risk</dd>", "href=\"/members/mara\""]);

    let wrong = olga.send("/members/zoe/deactivation", &[("confirm", "zo")]).await.expect(422);
    assert_says(&wrong.text(), &["type zoe", "id=\"deactivation\" open"]);
    zoe.send("/members/zoe/deactivation", &[("confirm", "zoe")]).await.expect(403);
    story.app.app.db.clock().advance(TimeDelta::minutes(20));
    let asked = olga.send("/members/zoe/deactivation", &[("confirm", "zoe")]).await.expect(403);
    assert_says(&asked.text(), &["name=\"confirm_password\"", "name=\"confirm\" value=\"zoe\""]);
    let with = [("confirm", "zoe"), ("confirm_password", PASSWORD)];
    let done = olga.send("/members/zoe/deactivation", &with).await.expect(303);
    olga.keep(&done);
    zoe.get("/").await.expect(303);
    assert_says(&page(&olga, "/members/zoe").await, &["deactivated", "id=\"erasure\""]);
    let erased = olga.send("/members/zoe/erasure", &[("confirm", "zoe")]).await.expect(303);
    let left = page(&olga, erased.header("location")).await;
    assert!(!left.contains("<h1>zoe</h1>"), "{left}");
    olga.get("/members/zoe").await.expect(404);
}

#[actix_web::test]
async fn roles_are_given_and_taken_on_the_page_of_a_member() {
    let story = Story::begin_without_runtime(&[]).await;
    let (olga, mara) = (sign_in(&story, "olga").await, sign_in(&story, "mara").await);
    assert!(!page(&olga, "/members/olga").await.contains("action=\"/members/olga/role"), "nobody lifts themselves");
    assert!(!page(&mara, "/members/rui").await.contains("action=\"/members/rui/role"), "an administrator's business");
    let shown = page(&olga, "/members/mara").await;
    assert_says(
        &shown,
        &["<dt>Roles</dt><dd>reviewer</dd>", "action=\"/members/mara/role\"", "/members/mara/role-end"],
    );
    mara.send("/members/rui/role", &[("role", "admin")]).await.expect(403);
    olga.send("/members/mara/role", &[("role", "king")]).await.expect(422);
    olga.send("/members/mara/role", &[("role", "contributor")]).await.expect(303);
    assert_says(&page(&olga, "/members/mara").await, &["<dt>Roles</dt><dd>contributor, reviewer</dd>"]);
    story.app.app.db.clock().advance(TimeDelta::minutes(20));
    let asked = olga.send("/members/mara/role-end", &[("role", "reviewer")]).await.expect(403);
    assert_says(&asked.text(), &["name=\"confirm_password\""]);
    let with = [("role", "reviewer"), ("confirm_password", PASSWORD)];
    olga.send("/members/mara/role-end", &with).await.expect(303);
    mara.get("/members/mara").await.expect(200);
    assert_says(&page(&mara, "/members/mara").await, &["<dt>Roles</dt><dd>contributor</dd>"]);
}

#[actix_web::test]
async fn an_administrator_ends_sessions_and_issues_codes_for_lost_passwords() {
    let story = Story::begin_without_runtime(&[]).await;
    let (olga, mara) = (sign_in(&story, "olga").await, sign_in(&story, "mara").await);
    let shown = page(&olga, "/members/mara").await;
    let end = shown.split("action=\"/members/mara/sessions/").nth(1).and_then(|rest| rest.split('"').next());
    let end = format!("/members/mara/sessions/{}", end.expect("a session"));
    mara.send(&end.replace("mara", "olga"), &[]).await.expect(303);
    let mara = sign_in(&story, "mara").await;
    let shown = page(&olga, "/members/mara").await;
    let end = shown.split("action=\"/members/mara/sessions/").nth(1).and_then(|rest| rest.split('"').next());
    let end = format!("/members/mara/sessions/{}", end.expect("a session"));
    olga.send(&end, &[]).await.expect(303);
    mara.get("/").await.expect(303);
    olga.send(&end, &[]).await.expect(303);

    let key = once(&page(&olga, "/members/mara").await, "/members/mara/password-reset");
    let issued = olga.send("/members/mara/password-reset", &[("once", &key)]).await.expect(200);
    let code = secret(&issued.text(), "Code");
    olga.send("/members/mara/password-reset", &[("once", &key)]).await.expect(409);
    let new = "another password of some length";
    let chosen = [("code", code.as_str()), ("new_password", new)];
    Browser::open(&story.app).await.send("/reset", &chosen).await.expect(303);
}

#[actix_web::test]
async fn tokens_of_service_accounts_are_made_succeeded_and_revoked() {
    let story = Story::begin_without_runtime(&[]).await;
    let (olga, ines) = (sign_in(&story, "olga").await, sign_in(&story, "ines").await);
    let shown = page(&olga, "/tokens").await;
    assert_says(&shown, &["Those of everybody here.", "<td>pipeline</td>"]);
    assert!(
        !page(&ines, "/tokens").await.contains("<td>pipeline</td>"),
        "others' tokens are an administrator's business"
    );
    let key = once(&shown, "/tokens");
    for (account, days, status) in [("nobody-here", "30", 422), ("pipeline", "400", 422), ("pipeline", "x", 422)] {
        let sent = [("name", "deploys"), ("account", account), ("days", days), ("once", &key)];
        let kept = olga.send("/tokens", &sent).await.expect(status);
        assert_page("kept", &kept);
        assert_says(&kept.text(), &["value=\"deploys\"", "Nothing was changed."]);
    }
    olga.send("/tokens", &[("name", "x"), ("account", "mara"), ("days", "3"), ("once", &key)]).await.expect(403);
    let sent = [("name", "deploys"), ("account", "pipeline"), ("days", "30"), ("once", &key)];
    let made = secret(&olga.send("/tokens", &sent).await.expect(200).text(), "Token");
    assert_eq!(story.app.get(&made, "/api/v1/whoami").await.expect(200).json()["name"], "pipeline");
    olga.send("/tokens", &sent).await.expect(409);
    let all = story.app.get(&story.olga, "/api/v1/tokens").await.expect(200).json();
    let listed = all["items"].as_array().expect("items").iter().filter(|token| token["name"] == "deploys");
    let listed: Vec<_> = listed.collect();
    assert_eq!(listed.len(), 1, "one form made one token");

    let address = format!("/tokens/{}", text(&listed[0]["id"]));
    let key = once(&page(&olga, "/tokens").await, &format!("{address}/successor"));
    let next = olga.send(&format!("{address}/successor"), &[("once", &key)]).await.expect(200);
    assert_page("successor", &next);
    let next = secret(&next.text(), "Token");
    for both in [&made, &next] {
        story.app.get(both, "/api/v1/whoami").await.expect(200);
    }
    ines.send(&format!("{address}/revocation"), &[]).await.expect(404);
    olga.send(&format!("{address}/revocation"), &[]).await.expect(303);
    olga.send(&format!("{address}/revocation"), &[]).await.expect(303);
    story.app.get(&made, "/api/v1/whoami").await.expect(401);
    story.app.get(&next, "/api/v1/whoami").await.expect(200);
}

#[actix_web::test]
async fn a_key_is_trusted_and_revoked_from_its_page_and_workers_are_seen() {
    let story = Story::begin_without_runtime(&[]).await;
    let (olga, vera) = (sign_in(&story, "olga").await, sign_in(&story, "ines").await);
    let pem = SigningKey::generate().expect("key").verifying_key().to_pem().replace('\n', "\r\n");
    assert!(!page(&vera, "/trust-keys").await.contains("id=\"add\""));
    vera.send("/trust-keys", &[("name", "own"), ("public_key_pem", &pem)]).await.expect(403);
    let kept = olga.send("/trust-keys", &[("name", "audit-firm"), ("public_key_pem", "nothing")]).await.expect(422);
    assert_page("kept", &kept);
    assert_says(&kept.text(), &["value=\"audit-firm\"", "nothing</textarea>"]);
    let sent = [("name", "audit-firm"), ("public_key_pem", pem.as_str()), ("from", "2026-01-01"), ("until", "")];
    olga.send("/trust-keys", &sent).await.expect(303);
    olga.send("/trust-keys", &sent).await.expect(409);
    let shown = page(&olga, "/trust-keys").await;
    assert_says(&shown, &["audit-firm", "1 Jan 2026, 00:00 UTC", "Type audit-firm to confirm"]);
    let revoke = shown.rsplit("action=\"/trust-keys/").next().unwrap_or_default();
    // The form that adds one stands last.
    let revoke = shown.split("action=\"/trust-keys/").nth(2).unwrap_or(revoke).split('"').next().unwrap_or_default();
    let revoke = format!("/trust-keys/{revoke}");
    olga.send(&revoke, &[("confirm", "ines-laptop")]).await.expect(422);
    olga.send(&revoke, &[("confirm", "audit-firm")]).await.expect(303);
    olga.send(&revoke, &[("confirm", "audit-firm")]).await.expect(303);
    assert_says(&page(&vera, "/trust-keys").await, &["<strong class=\"tag bad\">revoked</strong>"]);
    assert_says(&page(&vera, "/workers").await, &["<h1>Workers</h1>"]);
}

#[actix_web::test]
async fn the_state_of_a_date_is_a_page_for_those_who_read_the_log() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model("scorer").await;
    let (ada, ines) = (sign_in(&story, "ada").await, sign_in(&story, "ines").await);
    ines.get("/audit/as-of").await.expect(403);
    ines.get("/audit/as-of?at=2026-01-02").await.expect(403);
    assert_says(&page(&ada, "/audit/as-of").await, &["name=\"at\""]);
    let told = page(&ada, "/audit/as-of?at=2026-01-02&environment=&model=").await;
    assert_says(&told, &["As of 2 Jan 2026", "href=\"/models/scorer\"", "ines: contributor", "records were replayed"]);
    for (at, says) in
        [("yesterday", "use a day"), ("2031-01-01", "in the future"), ("%3Cscript%3E", "&#60;script&#62;")]
    {
        let refused = ada.get(&format!("/audit/as-of?at={at}")).await.expect(422);
        assert_page(at, &refused);
        assert_says(&refused.text(), &[says, "Nothing was replayed."]);
    }
}

#[actix_web::test]
async fn a_long_replay_says_how_far_it_is_and_goes_on_without_anybody_looking() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model("scorer").await;
    let ada = sign_in(&story, "ada").await;
    let address = "/audit/as-of?at=2026-01-02&model=scorer";
    let all_turns = story.app.app.replays.acquire_many(2).await.expect("turns");
    let waiting = ada.get(address).await.expect(200);
    assert_says(&waiting.text(), &["0 % of the log is replayed", "Look again every 5 seconds", "value=\"scorer\""]);
    assert!(!waiting.headers.contains_key("refresh"), "it moves under nobody's eyes");
    let watching = ada.get(&format!("{address}&follow=yes")).await.expect(200);
    assert_eq!(watching.header("refresh"), "5");
    drop(all_turns);
    let told = ada.get(&format!("{address}&follow=yes")).await.expect(200);
    assert_says(&told.text(), &["records were replayed", "scorer"]);
    assert!(!told.headers.contains_key("refresh"), "what is done needs no second look");
}
