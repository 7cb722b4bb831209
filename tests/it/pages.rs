//! The pages over HTTP, as a browser without script meets them.

mod administration;
mod decision;
mod lab;
mod oversight;
mod places;
mod registry;
mod signing;
pub mod stage;
mod subgroups;

use crate::harness::{Reply, TestApp, reply};
use stage::{Browser, HOSTILE, PASSWORD, Stage, form_token};

/// Markup and headers that every page has, and what none may have.
#[track_caller]
fn assert_page(address: &str, page: &Reply) {
    let text = page.text();
    for wanted in ["<html lang=\"en\">", "<main id=\"main\">", "</html>", "name=\"viewport\""] {
        assert!(text.contains(wanted), "{address} lacks {wanted}");
    }
    assert_eq!(text.matches("<h1").count(), 1, "{address}: one heading");
    assert_eq!(text.split("<svg").next().unwrap_or_default().matches("<title>").count(), 1, "{address}: one title");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("style-src 'self';") && policy.contains("default-src 'none'"), "{address}: {policy}");
    assert!(!policy.contains("unsafe"), "{address}: {policy}");
    assert_eq!(page.header("referrer-policy"), "same-origin", "{address}: forms need their origin");
    assert_eq!(page.header("cache-control"), "no-store", "{address}");
    let lower = text.to_lowercase();
    for banned in ["<script", "<style", " style=", "javascript:", "<img", "<iframe"] {
        assert!(!lower.contains(banned), "{address} has {banned}");
    }
    for tag in lower.split('<').skip(1).filter_map(|tag| tag.split('>').next()) {
        let inside_quotes = tag.split('"').step_by(2).collect::<String>();
        assert!(!inside_quotes.split_whitespace().any(|word| word.starts_with("on") && word.contains('=')), "{tag}");
    }
    let mut ids: Vec<_> = text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{address}: an id stands twice");
}

#[actix_web::test]
async fn a_wrong_password_says_so_without_telling_which_part() {
    let app = TestApp::start().await;
    app.user("vera", &["viewer"]).await;
    let browser = Browser::open(&app).await;
    let mut pages = Vec::new();
    for (name, password) in [("vera", "not the password at all"), ("nobody", PASSWORD), ("vera\u{0}", PASSWORD)] {
        let sent = [("name", name), ("password", password), ("next", "/")];
        let answer = browser.send("/login", &sent).await;
        assert!(answer.status == 401 || name.contains('\0') && answer.status == 400, "{}", answer.text());
        assert!(!answer.header("set-cookie").contains("__Host-plimsoll="), "{}", answer.header("set-cookie"));
        assert!(!answer.text().contains(password), "a password came back");
        pages.push(answer.text().replace(&format!("value=\"{name}\""), ""));
    }
    assert_eq!(pages[0], pages[1], "the answer tells whether a name exists");
    assert!(pages[0].contains("role=\"alert\""));
}

#[actix_web::test]
async fn a_session_cookie_is_for_this_host_and_ends_with_signing_out() {
    let app = TestApp::start().await;
    let bearer = app.user("vera", &["viewer"]).await;
    let browser = Browser::open(&app).await;
    let fields = [("name", "vera"), ("password", PASSWORD), ("next", "/models")];
    let answer = browser.send("/login", &fields).await.expect(303);
    assert_eq!(answer.header("location"), "/models");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().filter_map(|c| c.to_str().ok()).collect();
    let session = cookies.iter().find(|c| c.starts_with("__Host-plimsoll=")).expect("a session cookie");
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(session.contains(part), "{session} lacks {part}");
    }
    assert!(!session.contains("Domain"), "{session}");
    let browser = Browser::open(&app).await.sign_in("vera").await;
    // A cookie counts on pages only, a bearer token on the API only.
    reply(app.request("", "GET", "/api/v1/models").header("cookie", &browser.cookies)).await.expect(401);
    reply(app.request(&bearer, "GET", "/models")).await.expect(303);
    let smuggled = format!("__Host-plimsoll={bearer}");
    reply(app.request("", "GET", "/models").header("cookie", smuggled)).await.expect(303);
    browser.get("/models").await.expect(200);
    assert_eq!(browser.send("/logout", &[]).await.expect(303).header("location"), "/login");
    browser.get("/models").await.expect(303);
}

#[actix_web::test]
async fn a_new_sign_in_ends_the_session_before() {
    let app = TestApp::start().await;
    app.user("vera", &["viewer"]).await;
    let old = Browser::open(&app).await.sign_in("vera").await;
    let mut again = Browser::open(&app).await;
    again.cookies = format!("{}; {}", again.cookies, old.cookies);
    let fields = [("name", "vera"), ("password", PASSWORD), ("next", "/")];
    again.send("/login", &fields).await.expect(303);
    old.get("/").await.expect(303);
}

#[actix_web::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let app = TestApp::start().await;
    app.user("vera", &["viewer"]).await;
    for (next, leads_to) in [
        ("/models/a?x=1", "/models/a?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https:evil.example", "/"),
        ("https://evil.example/", "/"),
        ("%2f%2fevil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/models\r\nset-cookie: a=b", "/"),
    ] {
        let browser = Browser::open(&app).await;
        let fields = [("name", "vera"), ("password", PASSWORD), ("next", next)];
        let answer = browser.send("/login", &fields).await.expect(303);
        assert_eq!(answer.header("location"), leads_to, "{next:?}");
        let encoded: String = next.bytes().map(|b| format!("%{b:02X}")).collect();
        let page = browser.get(&format!("/login?next={encoded}")).await.expect(200).text();
        assert!(!page.contains("evil"), "{next:?}");
    }
    let away = Browser::open(&app).await.get("/promotions?cursor=x").await.expect(303);
    assert_eq!(away.header("location"), "/login?next=/promotions%3Fcursor%3Dx");
}

#[actix_web::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    stage.measure(version).await;
    let asked = stage.ask(version).await;
    let (id, digest) = (asked["id"].as_str().expect("id"), asked["decision_digest"].as_str().expect("digest"));
    let mara = stage.sign_in("mara").await;
    let rui = stage.sign_in("rui").await;
    let address = format!("/promotions/{id}");
    let fields = [("decision_digest", digest), ("outcome", "reject"), ("reason", "no")];
    let events = stage.app.events().await;
    let here = stage.app.url.clone();
    for (what, request) in [
        ("no token", mara.form(&address, &fields, "").header("origin", &here)),
        ("another's token", mara.form(&address, &fields, &rui.token).header("origin", &here)),
        ("foreign origin", mara.form(&address, &fields, &mara.token).header("origin", "https://evil.example")),
        ("null origin", mara.form(&address, &fields, &mara.token).header("origin", "null")),
        ("cross-site", mara.form(&address, &fields, &mara.token).header("sec-fetch-site", "cross-site")),
        ("same-site", mara.form(&address, &fields, &mara.token).header("sec-fetch-site", "same-site")),
        ("signing out", mara.form("/logout", &[], "").header("origin", &here)),
    ] {
        let answer = reply(request).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text());
        assert_page(what, &answer);
    }
    let anonymous = Browser { app: &stage.app, cookies: String::new(), token: mara.token.clone() };
    anonymous.send(&address, &fields).await.expect(303);
    let strange = Browser { app: &stage.app, cookies: String::new(), token: mara.token.clone() };
    strange.send("/login", &[("name", "mara"), ("password", PASSWORD)]).await.expect(403);
    assert_eq!(stage.app.events().await, events, "something was stored");
    assert_eq!(stage.promotion(id).await["state"], "awaiting_approval");
    mara.get("/").await.expect(200);
}

#[actix_web::test]
async fn every_page_is_sound_and_shows_hostile_text_as_text() {
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    let run = stage.measure(version).await;
    let asked = stage.ask(version).await;
    let request = asked["id"].as_str().expect("id").to_owned();
    let vera = stage.sign_in("vera").await;
    let addresses = [
        "/".to_owned(),
        "/models".to_owned(),
        "/models?search=credit".to_owned(),
        "/models/credit-risk".to_owned(),
        format!("/models/credit-risk/versions/{version}"),
        format!("/runs/{run}"),
        "/environments".to_owned(),
        "/environments/production".to_owned(),
        "/promotions".to_owned(),
        format!("/promotions/{request}"),
        "/frameworks".to_owned(),
        "/frameworks/nyc-ll144/1".to_owned(),
        format!("/models/credit-risk/versions/{version}/coverage"),
        format!("/models/credit-risk/versions/{version}/coverage?framework=ugesp&environment=production&as_of="),
    ];
    for address in &addresses {
        assert_page(address, &vera.get(address).await.expect(200));
    }
    for address in ["/models/credit-risk", &format!("/promotions/{request}")] {
        let page = vera.get(address).await.text();
        assert!(page.contains("&#60;script&#62;alert(1)"), "{address} does not show the text");
    }
    let search = vera.get("/models?search=%3Cscript%3Ealert(1)%3C/script%3E%22").await.expect(200);
    assert_page("search", &search);
    let page = vera.get(&format!("/runs/{run}")).await.text();
    for wanted in ["<svg", "<desc", "age_group", "25 or younger", "p95", "Isolation", "demographic parity ratio"] {
        assert!(page.contains(wanted), "the run's page lacks {wanted}");
    }
    vera.get("/audit").await.expect(403);
    let ada = stage.sign_in("ada").await;
    let log = ada.get("/audit").await.expect(200);
    assert_page("/audit", &log);
    assert!(log.text().contains("denied"), "the refusal just now is in the log");
    let dossier = format!("/models/credit-risk/versions/{version}/dossier");
    assert_page(&dossier, &ada.get(&dossier).await.expect(200));
    let zip = format!("{dossier}.zip?profile=model-card&environment=production&as_of=");
    assert!(ada.get(&zip).await.expect(200).body.starts_with(b"PK"));
    ada.get(&zip.replace("model-card", "nothing")).await.expect(422);
    vera.get(&zip).await.expect(403);
    for address in [
        "/audit?mentions=model%3Acredit-risk&order=oldest",
        "/audit?mentions=model%3Acredit-risk%40nothing&outcome=denied",
        "/audit?actor=ines&action=version.&since=2026-01-01&until=2027-01-01&kind=version&outcome=done",
        "/audit/records/0",
    ] {
        assert_page(address, &ada.get(address).await.expect(200));
    }
    let history = ada.get("/audit?mentions=model%3Acredit-risk").await.expect(200).text();
    assert!(history.contains("model registered") && history.contains("href=\"/models/credit-risk\""), "{history}");
    let typed = ada.get("/audit?actor=%3Cscript%3Ealert(1)%3C/script%3E&since=never").await.expect(422);
    assert_page("conditions that cannot be", &typed);
    assert!(typed.text().contains("The log was not searched."));
    assert!(ada.get("/models/credit-risk").await.text().contains("href=\"/audit?mentions=model%3Acredit-risk\""));
    assert!(!vera.get("/models/credit-risk").await.text().contains("/audit?mentions"));
    let leaf = ada.get("/audit/records/0/leaf").await.expect(200).text();
    let proof = ada.get("/audit/records/0/proof").await.expect(200).text();
    let key = stage.app.get("", "/api/v1/registry").await.expect(200).json();
    let key = key["verifier_key"].as_str().expect("key");
    plimsoll::audit::verify::ProofFile::verify(&proof, &leaf, key).expect("the record's proof");
    for gone in ["/audit/records/99999", "/audit/records/99999/leaf", "/audit/records/99999/proof"] {
        ada.get(gone).await.expect(404);
    }
    vera.get("/audit/records/0").await.expect(403);
}

#[actix_web::test]
async fn a_run_that_is_under_way_looks_again_by_itself_where_somebody_asks_for_it() {
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    let vera = stage.sign_in("vera").await;
    let asked =
        serde_json::json!({"model": "credit-risk", "version": version.to_string(), "environment": "production"});
    let run = stage.app.post(&stage.ines, "/api/v1/runs", asked).await.expect(201).json();
    let address = format!("/runs/{}", run["id"].as_str().expect("id"));
    let page = vera.get(&address).await.expect(200);
    assert_page(&address, &page);
    assert!(page.text().contains("?follow=yes") && page.header("refresh").is_empty(), "nothing moves unasked");
    assert!(vera.get(&format!("/models/credit-risk/versions/{version}")).await.text().contains("<progress"));
    let followed = vera.get(&format!("{address}?follow=yes")).await.expect(200);
    assert_page(&address, &followed);
    assert!(followed.header("refresh") == "5" && followed.text().contains("Stop that"));
    stage.app.work().await;
    let ended = vera.get(&format!("{address}?follow=yes")).await.expect(200);
    assert!(ended.header("refresh").is_empty(), "what has ended is not looked at again");
}

#[actix_web::test]
async fn a_decision_by_form_follows_the_same_rules() {
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    stage.measure(version).await;
    let asked = stage.ask(version).await;
    let (id, digest) = (asked["id"].as_str().expect("id"), asked["decision_digest"].as_str().expect("digest"));
    let address = format!("/promotions/{id}");
    let approve = [("decision_digest", digest), ("outcome", "approve"), ("reason", "Looks sound.")];

    // The author holds the role, and still: not with a form of one's own making either.
    let ines = stage.sign_in("ines").await;
    let page = ines.get(&address).await.expect(200).text();
    assert!(page.contains("<fieldset disabled") && page.contains("had a part in it"), "{page}");
    let events = stage.app.events().await;
    let refused = ines.send(&address, &approve).await.expect(403);
    assert_page("refusal", &refused);
    assert!(refused.text().contains("separation_of_duties"));
    assert_eq!(stage.app.events().await, events + 1, "the refusal is in the log");
    let vera = stage.sign_in("vera").await;
    vera.send(&address, &approve).await.expect(403);

    let mara = stage.sign_in("mara").await;
    let page = mara.get(&address).await.expect(200).text();
    assert!(page.contains(digest) && !page.contains("<fieldset disabled"));
    // What was typed stays; a reason may be hostile too.
    for (fields, status, says) in [
        (vec![("decision_digest", digest), ("outcome", "reject"), ("reason", " ")], 422, "must not be empty"),
        (vec![("decision_digest", digest), ("reason", HOSTILE)], 422, "choose one"),
        (vec![("decision_digest", "sha256:12"), ("outcome", "approve"), ("reason", HOSTILE)], 422, "digest"),
    ] {
        let answer = mara.send(&address, &fields).await.expect(status);
        assert_page("error", &answer);
        assert!(answer.text().contains(says), "{}", answer.text());
        assert!(answer.text().contains("not recorded"));
    }
    let other = format!("sha256:{}", "0".repeat(64));
    let fields = [("decision_digest", other.as_str()), ("outcome", "approve"), ("reason", "kept text")];
    let stale = mara.send(&address, &fields).await.expect(409).text();
    assert!(stale.contains("kept text</textarea>") && stale.contains("value=\"approve\" required checked"), "{stale}");
    assert_eq!(stage.promotion(id).await["state"], "awaiting_approval");

    let done = mara.send(&address, &[approve[0], approve[1], ("reason", HOSTILE)]).await.expect(303);
    assert_eq!(done.header("location"), format!("{address}/receipt"));
    let page = mara.get(&address).await.expect(200);
    assert_page(&address, &page);
    assert!(page.text().contains("Recorded: approve") && page.text().contains("1 of 1 approvals"));
    assert_eq!(stage.promotion(id).await["state"], "approved");
    assert_eq!(stage.promotion(id).await["approvals"][0]["reason"], HOSTILE);

    let rui = stage.sign_in("rui").await;
    let reject = [("decision_digest", digest), ("outcome", "reject"), ("reason", "The age groups are too far apart.")];
    rui.send(&address, &reject).await.expect(303);
    let closed = stage.promotion(id).await;
    assert_eq!((&closed["state"], &closed["closed_reason"]), (&"rejected".into(), &"a reviewer rejected it".into()));
    let late = rui.send(&address, &approve).await.expect(409);
    assert_page("late", &late);
}

#[actix_web::test]
async fn failures_are_pages_for_people_and_problems_for_programs() {
    let app = TestApp::start().await;
    app.user("vera", &["viewer"]).await;
    let vera = Browser::open(&app).await.sign_in("vera").await;
    for address in
        ["/nothing/here", "/models/unknown", "/models/x/versions/1", "/runs/not-an-id", "/assets/plimsoll.css"]
    {
        let page = vera.get(address).await.expect(404);
        assert_page(address, &page);
        assert!(page.text().contains(page.header("x-request-id")), "{address} lacks the request id");
    }
    let promotion = "/promotions/019b0000-0000-7000-8000-000000000000";
    assert_page(promotion, &vera.get(promotion).await.expect(404));
    assert_page("cursor", &vera.get("/models?cursor=x").await.expect(400));
    for address in ["/nothing/here", "/api/v1/models"] {
        let problem = reply(app.request("", "GET", address)).await;
        assert_eq!(problem.header("content-type"), "application/problem+json", "{address}");
    }
    let api = reply(app.request("", "GET", "/api/v1/models").header("accept", "text/html")).await.expect(401);
    assert_eq!(api.header("content-type"), "application/problem+json");
}

#[actix_web::test]
async fn the_style_sheet_and_the_icon_may_be_kept_for_ever() {
    let app = TestApp::start().await;
    let page = app.get("", "/login").await.expect(200);
    assert_page("/login", &page);
    assert!(form_token(&page.text()).is_some_and(|token| token.len() == 64));
    let text = page.text();
    let assets: Vec<_> = text.split("href=\"").filter(|rest| rest.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 2);
    for (rest, kind) in assets.iter().zip(["text/css; charset=utf-8", "image/svg+xml"]) {
        let address = rest.split('"').next().unwrap_or_default();
        let asset = app.get("", address).await.expect(200);
        assert_eq!(asset.header("content-type"), kind);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
}
