//! Signing in with an identity provider: what the service asks of it, and what it makes of the answer.

pub mod issuer;
mod people;
pub mod provider;
pub mod visit;

use crate::asvs::failures::Logged;
use crate::{
    harness::{TestApp, commit_unlogged, reply},
    pages::stage::{Browser, PASSWORD},
};
use issuer::Signer;
use plimsoll::db::entity::{account, membership};
use sea_orm::{EntityTrait, QueryFilter, Set, TransactionTrait};
use serde_json::{Value, json};
use visit::{BACK, Rogue, begin, callback, newest, newest_actor, session_of, sessions, whoami, with};

async fn roles(rogue: &Rogue, browser: &Browser<'_>) -> Value {
    whoami(&rogue.t, browser).await.expect(200).json()["roles"].clone()
}

/// Gives a role by hand, past what the API allows.
async fn give(t: &TestApp, name: &str, role: &str) {
    let db = t.app.db.raw_for_tests();
    let found = account::Entity::find().filter(account::COLUMN.name.eq(name)).one(db).await.expect("read");
    let row = membership::ActiveModel {
        id: Set(plimsoll::core::ids::MembershipId::generate()),
        workspace_id: Set(t.console().await.workspace),
        account_id: Set(found.expect(name).id),
        role: Set(role.to_owned()),
        origin: Set(None),
        reach: Set(None),
        custom_id: Set(None),
    };
    let tx = db.begin().await.expect("begin");
    membership::Entity::insert(row).exec_without_returning(&tx).await.expect("insert");
    commit_unlogged(tx).await;
}

#[actix_web::test]
async fn the_provider_is_asked_by_code_with_pkce_and_the_exact_address_of_the_settings() {
    let rogue = Rogue::start().await;
    let mut browser = Browser::open(&rogue.t).await;
    let page = browser.get("/login?next=/models").await.expect(200).text();
    assert!(page.contains("href=\"/login/with/corp?next=/models\"") && page.contains("Corp &#38; Sons"), "{page}");
    let begun = begin(&mut browser, "?next=/models").await;
    assert_eq!(begun.address.as_str().split('?').next(), Some(format!("{}/auth", rogue.issuer.url).as_str()));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "plimsoll"),
        ("redirect_uri", BACK),
        ("scope", "openid profile groups"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(begun.parameter(name), value);
    }
    assert_eq!((begun.state.len(), begun.nonce.len(), begun.parameter("code_challenge").len()), (64, 64, 43));
    assert!(browser.cookies.contains("__Host-plimsoll-attempt="));
    assert!(!begun.address.as_str().contains("secret"));
    browser.get("/login/with/nobody").await.expect(404);
}

#[actix_web::test]
async fn who_comes_for_the_first_time_gets_an_account_with_the_roles_of_their_groups() {
    let rogue = Rogue::start().await;
    let (browser, answer) = rogue.sign_in(json!({})).await;
    assert_eq!(answer.expect(303).header("location"), "/models");
    let event = newest(&rogue.t).await;
    assert_eq!((&event["event"], &event["provider"]), (&json!("session_opened"), &json!("corp")));
    let who = whoami(&rogue.t, &browser).await.expect(200).json();
    assert_eq!((&who["name"], &who["roles"]), (&json!("ines"), &json!(["viewer", "reviewer"])));
    browser.get("/models").await.expect(200);
    // The second time it is the same account, whatever the provider calls her now.
    let (again, _) = rogue.sign_in(json!({"preferred_username": "ines.amaro"})).await;
    assert_eq!(whoami(&rogue.t, &again).await.expect(200).json()["name"], "ines");
    // And somebody else is another, whatever mail address or name they have.
    let (_, other) = rogue.sign_in(json!({"sub": "subject-2", "email": "ines@corp.example"})).await;
    let page = other.expect(403).text();
    assert!(page.contains("There is an account named ines here already"), "{page}");
    assert_eq!(newest(&rogue.t).await["cause"], "name_taken");
    let (other, _) = rogue.sign_in(json!({"sub": "subject-2", "preferred_username": "ines2"})).await;
    assert_eq!(whoami(&rogue.t, &other).await.expect(200).json()["name"], "ines2");
}

#[actix_web::test]
async fn lost_groups_take_their_roles_along_and_leave_those_that_a_person_gave() {
    let rogue = Rogue::start().await;
    rogue.t.user("olga", &["admin"]).await;
    let (first, _) = rogue.sign_in(json!({"groups": ["credit-risk", "it"]})).await;
    assert_eq!(roles(&rogue, &first).await, json!(["viewer", "reviewer", "admin"]));
    give(&rogue.t, "ines", "auditor").await;
    let (second, _) = rogue.sign_in(json!({"groups": ["it", "unknown"]})).await;
    assert_eq!(roles(&rogue, &second).await, json!(["auditor", "admin"]));
    // What was lost is lost in every session at once.
    assert_eq!(roles(&rogue, &first).await, json!(["auditor", "admin"]));
    let log =
        rogue.t.get(&session_of(&second).expect("session"), "/api/v1/audit/events?action=role.map&limit=10").await;
    let event = log.expect(200).json()["items"][0]["leaf"].clone();
    let detail = &event["detail"];
    assert_eq!((&detail["given"], &detail["taken"]), (&json!([]), &json!(["viewer", "reviewer"])), "{event}");
    assert!(detail["mapping"].as_str().expect("a digest").starts_with("sha256:"));
    assert_eq!(event["actor"]["name"], "single sign-on");
    // Nothing changed, nothing is told.
    let before = rogue.t.events().await;
    rogue.sign_in(json!({"groups": ["it"]})).await.1.expect(303);
    assert_eq!(rogue.t.events().await, before + 1);
    let (third, _) = rogue.sign_in(json!({"groups": null})).await;
    assert_eq!(roles(&rogue, &third).await, json!(["auditor"]));
}

#[actix_web::test]
async fn the_last_administrator_stays_whatever_the_groups_say() {
    let rogue = Rogue::start().await;
    let (first, _) = rogue.sign_in(json!({"groups": ["credit-risk", "it"]})).await;
    assert_eq!(roles(&rogue, &first).await, json!(["viewer", "reviewer", "admin"]));
    let (second, _) = rogue.sign_in(json!({"groups": ["credit-risk"]})).await;
    assert_eq!(roles(&rogue, &second).await, json!(["viewer", "reviewer", "admin"]));
    // As soon as there is another one, the group has its say.
    rogue.t.user("olga", &["admin"]).await;
    let (third, _) = rogue.sign_in(json!({"groups": ["credit-risk"]})).await;
    assert_eq!(roles(&rogue, &third).await, json!(["viewer", "reviewer"]));
}

#[actix_web::test]
async fn without_a_group_that_counts_nobody_is_let_in() {
    let rogue = Rogue::start().await;
    let (_, stranger) = rogue.sign_in(json!({"groups": ["canteen"]})).await;
    assert!(stranger.expect(403).text().contains("None of the groups"));
    let (mut first, _) = rogue.sign_in(json!({})).await;
    let (_, lost) = rogue.sign_in(json!({"groups": []})).await;
    lost.expect(403);
    let event = newest(&rogue.t).await;
    assert_eq!(event["cause"], "no_role");
    assert_ne!(event["account"], "unknown", "the provider proved who it was");
    assert_eq!(roles(&rogue, &first).await, json!([]), "and what was open before has no role left");
    let session = session_of(&first).expect("session");
    rogue.t.get(&session, "/api/v1/models").await.expect(403);
    // What is theirs they can end, and an administrator finds them, ends their account and forgets who they were.
    assert_eq!(
        rogue.t.get(&session, "/api/v1/sessions").await.expect(200).json()["items"].as_array().expect("list").len(),
        1
    );
    let page = first.get("/account").await.expect(200);
    first.keep(&page);
    first.send("/logout", &[]).await.expect(303);
    rogue.t.get(&session, "/api/v1/whoami").await.expect(401);
    let admin = rogue.t.user("olga", &["admin"]).await;
    let all = rogue.t.get(&admin, "/api/v1/accounts").await.expect(200).text();
    assert!(all.contains("\"ines\""), "{all}");
    reply(rogue.t.request(&admin, "DELETE", "/api/v1/accounts/ines")).await.expect(200);
    rogue.t.post(&admin, "/api/v1/accounts/ines/erasure", json!({})).await.expect(200);
    let (_, malformed) = rogue.sign_in(json!({"groups": {"it": true}})).await;
    malformed.expect(403);
}

#[actix_web::test]
async fn an_answer_opens_a_session_once_and_only_in_the_browser_that_asked() {
    let rogue = Rogue::start().await;
    let mut browser = Browser::open(&rogue.t).await;
    let begun = begin(&mut browser, "").await;
    let token = rogue.signed(&rogue.claims(&begun.nonce));
    rogue.issuer.set(|state| state.id_token = token);
    let before = browser.cookies.clone();
    // Another browser, without and with a sign-in of its own; another state; another provider's name for it.
    let mut other = Browser::open(&rogue.t).await;
    other.get(&callback(&begun.state)).await.expect(403);
    begin(&mut other, "").await;
    other.get(&callback(&begun.state)).await.expect(403);
    browser.get(&callback(&"0".repeat(64))).await.expect(403);
    browser.get("/login/with/corp/callback?code=some-code").await.expect(403);
    let lying = format!("{}&iss=https://id.example", callback(&begun.state));
    browser.get(&lying).await.expect(403);
    assert_eq!(newest(&rogue.t).await["cause"], "other_issuer");
    assert_eq!(rogue.issuer.seen(|state| state.token_asks), 0, "nobody showed a code to the provider yet");
    let error = format!("/login/with/corp/callback?error=access_denied&state={}", begun.state);
    let page = browser.get(&error).await.expect(403).text();
    assert!(page.contains("did not let you in"), "{page}");
    assert_eq!(sessions(&rogue.t).await, 0);
    let answer = browser.get(&callback(&begun.state)).await.expect(303);
    browser.keep(&answer);
    assert!(!browser.cookies.contains("attempt"), "the cookie of the attempt ends with it");
    // With the old cookies kept, and a provider that does not mind, it is still used.
    browser.cookies = before;
    let page = browser.get(&callback(&begun.state)).await.expect(403).text();
    assert!(page.contains("was used already"), "{page}");
    assert_eq!((newest(&rogue.t).await["cause"].clone(), sessions(&rogue.t).await), (json!("used"), 1));
}

#[actix_web::test]
async fn of_many_who_bring_one_answer_at_once_one_gets_a_session() {
    let rogue = Rogue::start().await;
    // The account is there before, so that they meet at the session alone.
    rogue.sign_in(json!({})).await.1.expect(303);
    let mut browser = Browser::open(&rogue.t).await;
    let begun = begin(&mut browser, "").await;
    let token = rogue.signed(&rogue.claims(&begun.nonce));
    rogue.issuer.set(|state| state.id_token = token);
    let path = callback(&begun.state);
    let all = futures_util::future::join_all((0..8).map(|_| browser.get(&path))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 303).count(), 1);
    assert_eq!(all.iter().filter(|answer| answer.status == 403).count(), 7);
    assert_eq!(sessions(&rogue.t).await, 2);
}

#[actix_web::test]
async fn forged_answers_wait_after_ten_and_nobody_elses_visit_uses_them_up() {
    let rogue = Rogue::start().await;
    let mut browser = Browser::open(&rogue.t).await;
    let begun = begin(&mut browser, "").await;
    rogue.later(11);
    assert!(browser.get(&callback(&begun.state)).await.expect(403).text().contains("longer than ten minutes"));
    // Another site can send browsers here as often as it likes: that counts for nobody and fills no log.
    let before = rogue.t.events().await;
    for _ in 0..20 {
        browser.get(&callback("x")).await.expect(403);
    }
    assert_eq!(rogue.t.events().await, before);
    // Whom the provider vouches for has forged nothing.
    for _ in 0..11 {
        rogue.sign_in(json!({"groups": []})).await.1.expect(403);
    }
    let forged = |nonce: &str| Signer::new("one").sign(&rogue.signer.header(), &rogue.claims(nonce));
    for _ in 0..10 {
        rogue.bring(forged).await.1.expect(403);
    }
    let (_, wait) = rogue.bring(forged).await;
    assert!(!wait.expect(429).header("retry-after").is_empty());
    let before = rogue.t.events().await;
    rogue.bring(forged).await.1.expect(429);
    assert_eq!(rogue.t.events().await, before, "a try that is not looked at fills no log");
    // Passwords are counted by themselves.
    let admin = rogue.t.user("olga", &["admin"]).await;
    Browser::open(&rogue.t).await.sign_in("olga").await;
    let feed = rogue.t.get(&admin, "/api/v1/audit/security-feed").await.expect(200).text();
    assert!(feed.contains("repeated_failures"), "{feed}");
    rogue.later(6);
    rogue.sign_in(json!({})).await.1.expect(303);
}

#[actix_web::test]
async fn an_account_of_a_provider_has_no_password_to_guess_reset_or_change() {
    let rogue = Rogue::start().await;
    let (browser, _) = rogue.sign_in(json!({})).await;
    let admin = rogue.t.user("olga", &["admin"]).await;
    for password in ["", PASSWORD] {
        let tried = json!({"name": "ines", "password": password});
        rogue.t.post("", "/api/v1/sessions", tried).await.expect(401);
    }
    let reset = rogue.t.post(&admin, "/api/v1/accounts/ines/password-reset", json!({})).await.expect(409);
    assert_eq!(reset.code(), "no_password");
    let change = json!({"current_password": "", "new_password": "a new password of some length"});
    let session = session_of(&browser).expect("session");
    let change = rogue.t.request(&session, "PUT", "/api/v1/password").json(&change);
    reply(change).await.expect(422);
    let page = browser.get("/account").await.expect(200).text();
    assert!(page.contains("With Corp &#38; Sons") && !page.contains("current_password"), "{page}");
    // Who is deactivated here stays out, whatever the provider says.
    reply(rogue.t.request(&admin, "DELETE", "/api/v1/accounts/ines")).await.expect(200);
    let (_, over) = rogue.sign_in(json!({})).await;
    assert!(over.expect(403).text().contains("not active any more"));
    assert_eq!(newest(&rogue.t).await["cause"], "deactivated");
    rogue.t.post(&admin, "/api/v1/accounts/ines/erasure", json!({})).await.expect(200);
    // Who is erased is known again, and is no new person.
    rogue.sign_in(json!({"preferred_username": "another"})).await.1.expect(403);
    assert_eq!(newest(&rogue.t).await["cause"], "deactivated");
    rogue.sign_in(json!({"sub": "subject-2"})).await.1.expect(303);
}

#[actix_web::test]
async fn a_confirmation_needs_proof_of_this_moment_by_the_same_person() {
    let rogue = Rogue::start().await;
    // The last administrator would stay one.
    rogue.t.user("olga", &["admin"]).await;
    let (mut browser, _) = rogue.sign_in(json!({"groups": ["it"]})).await;
    let token = async |browser: &Browser<'_>| {
        let session = session_of(browser).expect("a session");
        rogue.t.post(&session, "/api/v1/tokens", json!({"name": "laptop", "expires_in_days": 1})).await
    };
    token(&browser).await.expect(201);
    rogue.later(16);
    assert_eq!(token(&browser).await.expect(403).code(), "reauthentication_required");
    let now = || rogue.t.app.db.clock().now().timestamp();
    for (changed, cause) in [
        (json!({"auth_time": now() - 16 * 60}), "not_proven_anew"),
        (json!({"auth_time": null}), "not_proven_anew"),
        (json!({"sub": "subject-2"}), "other_person"),
    ] {
        let begun = begin(&mut browser, "?confirm=1&next=/account").await;
        assert_eq!((begun.parameter("prompt"), begun.parameter("max_age")), ("login".to_owned(), "0".to_owned()));
        let said = rogue.signed(&with(rogue.claims(&begun.nonce), changed));
        rogue.issuer.set(|state| state.id_token = said);
        browser.get(&callback(&begun.state)).await.expect(403);
        let (event, actor) = (newest(&rogue.t).await, newest_actor(&rogue.t).await);
        assert_eq!((&event["event"], &event["cause"]), (&json!("provider_confirmation_refused"), &json!(cause)));
        assert_eq!((&actor["kind"], &actor["auth"]), (&json!("user"), &json!("session")), "{actor}");
        assert_eq!(token(&browser).await.expect(403).code(), "reauthentication_required");
    }
    let old = session_of(&browser);
    let begun = begin(&mut browser, "?confirm=1&next=/account").await;
    let said = rogue.signed(&rogue.claims(&begun.nonce));
    rogue.issuer.set(|state| state.id_token = said);
    let answer = browser.get(&callback(&begun.state)).await.expect(303);
    assert_eq!(answer.header("location"), "/account");
    browser.keep(&answer);
    assert_ne!(session_of(&browser), old);
    rogue.t.get(&old.expect("a session"), "/api/v1/whoami").await.expect(401);
    assert_eq!(newest(&rogue.t).await["event"], "session_confirmed");
    token(&browser).await.expect(201);
    // A group that was lost in the meantime is lost with the confirmation.
    rogue.later(16);
    let begun = begin(&mut browser, "?confirm=1&next=/account").await;
    let said = rogue.signed(&with(rogue.claims(&begun.nonce), json!({"groups": ["credit-risk"]})));
    rogue.issuer.set(|state| state.id_token = said);
    let answer = browser.get(&callback(&begun.state)).await.expect(303);
    browser.keep(&answer);
    assert_eq!(roles(&rogue, &browser).await, json!(["viewer", "reviewer"]));
}

#[actix_web::test]
async fn to_be_signed_in_at_the_provider_for_long_is_no_fresh_proof() {
    let rogue = Rogue::start().await;
    let hour_ago = rogue.t.app.db.clock().now().timestamp() - 3600;
    for proven in [json!(hour_ago), json!(null)] {
        let (browser, answer) = rogue.sign_in(json!({"groups": ["it"], "auth_time": proven})).await;
        if proven.is_null() {
            // A claim that is there has to be a time.
            answer.expect(403);
            continue;
        }
        let session = session_of(&browser).expect("a session");
        let token = json!({"name": "laptop", "expires_in_days": 1});
        assert_eq!(
            rogue.t.post(&session, "/api/v1/tokens", token).await.expect(403).code(),
            "reauthentication_required"
        );
    }
    let (browser, _) = rogue
        .bring(|nonce| {
            let mut claims = with(rogue.claims(nonce), json!({"groups": ["it"]}));
            claims.as_object_mut().expect("an object").remove("auth_time");
            rogue.signed(&claims)
        })
        .await;
    let session = session_of(&browser).expect("a session");
    let token = json!({"name": "laptop", "expires_in_days": 1});
    rogue.t.post(&session, "/api/v1/tokens", token).await.expect(403);
    let day_ago = hour_ago - 24 * 3600;
    rogue.sign_in(json!({"auth_time": day_ago})).await.1.expect(403);
}

#[actix_web::test]
async fn a_new_key_of_the_provider_is_found_and_made_up_ones_are_not_asked_for_again_and_again() {
    let rogue = Rogue::start().await;
    rogue.sign_in(json!({})).await.1.expect(303);
    let new = Signer::new("two");
    rogue.issuer.set(|state| state.keys = json!({"keys": [new.public()]}));
    let by_new = |nonce: &str| new.sign(&new.header(), &rogue.claims(nonce));
    rogue.bring(by_new).await.1.expect(403);
    assert_eq!(rogue.issuer.seen(|state| state.key_asks), 1, "asked a moment ago");
    rogue.later(1);
    rogue.bring(by_new).await.1.expect(303);
    // The old one is withdrawn with it.
    rogue.sign_in(json!({})).await.1.expect(403);
    for _ in 0..5 {
        let strange = Signer::new("three");
        rogue.bring(|nonce| strange.sign(&strange.header(), &rogue.claims(nonce))).await.1.expect(403);
    }
    assert_eq!(rogue.issuer.seen(|state| state.key_asks), 2);
}

#[actix_web::test]
async fn a_provider_that_lies_redirects_or_says_too_much_is_out_of_service_and_nothing_else_is() {
    let rogue = Rogue::start().await;
    let honest = rogue.issuer.seen(|state| state.description.clone());
    let lure = issuer::Issuer::start(&Signer::new("lure"));
    let broken: [&dyn Fn(&mut issuer::State); 5] = [
        &|state| state.description["issuer"] = json!("https://id.example"),
        &|state| state.description["authorization_endpoint"] = json!("file:///etc/passwd"),
        &|state| state.description["authorization_endpoint"] = json!("http://id.example/auth"),
        &|state| state.description["more"] = json!("x".repeat(300 << 10)),
        &|state| state.redirect = Some(format!("{}/.well-known/openid-configuration", lure.url)),
    ];
    for (n, change) in broken.iter().enumerate() {
        rogue.issuer.set(|state| state.description = honest.clone());
        rogue.issuer.set(change);
        rogue.later(61);
        let browser = Browser::open(&rogue.t).await;
        let page = browser.get("/login/with/corp").await;
        assert_eq!(page.status, 503, "{n}: {}", page.text());
        assert!(page.text().contains("identity provider"), "{n}: {}", page.text());
    }
    assert_eq!(lure.seen(|state| state.lured + state.key_asks), 0);
    rogue.t.user("vera", &["viewer"]).await;
    Browser::open(&rogue.t).await.sign_in("vera").await;
    rogue.issuer.set(|state| (state.description, state.redirect) = (honest, None));
    // For a moment nobody is asked again after a failure.
    Browser::open(&rogue.t).await.get("/login/with/corp").await.expect(503);
    rogue.later(1);
    rogue.sign_in(json!({})).await.1.expect(303);
}

#[actix_web::test]
async fn the_secret_of_the_client_is_in_no_answer_no_log_and_no_table() {
    let mut rogue = Rogue::start().await;
    let more = visit::settings(rogue.folder.path(), &rogue.issuer.url, visit::MAPPING, visit::ONE_EACH);
    let service = Logged::start(&rogue.t, &more);
    rogue.t.url.clone_from(&service.url);
    let signed_in = rogue.sign_in(json!({})).await;
    signed_in.1.expect(303);
    rogue.issuer.set(|state| state.description["token_endpoint"] = json!("http://127.0.0.1:9/token"));
    rogue.sign_in(json!({"aud": "other"})).await.1.expect(403);
    let cookies = signed_in.0.cookies.clone();
    let mut said = signed_in.0.get("/account").await.expect(200).text();
    said.push_str(&signed_in.0.get("/login").await.text());
    said.push_str(&format!("{:?}", rogue.t.app.providers));
    said.push_str(&stored(&rogue.t).await);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    said.push_str(&service.said.lock().expect("lock"));
    assert!(said.contains("session_opened") && said.contains("configuration_loaded") && said.contains("subject-1"));
    let mut secrets = vec![visit::SECRET.to_owned(), "a%20secret%20%26%20more%3A%20xy%25%2B".to_owned()];
    secrets.extend(cookies.split("; ").filter_map(|cookie| Some(cookie.split_once('=')?.1.to_owned())));
    assert!(rogue.issuer.seen(|state| state.secrets.iter().any(|sent| sent.contains("a%20secret%20%26%20more"))));
    secrets.extend(rogue.issuer.seen(|state| state.verifiers.clone()));
    assert!(4 < secrets.len());
    for secret in secrets {
        assert!(8 <= secret.len() && !said.contains(&secret), "{secret}");
    }
    // Whom the provider means is personal: the log has it as a salted hash alone.
    use plimsoll::db::entity::audit_event;
    let events = audit_event::Entity::find().all(rogue.t.app.db.raw_for_tests()).await.expect("events");
    assert!(events.iter().all(|row| !row.leaf.contains("subject-1")));
}

/// Every row of every table, as text.
async fn stored(t: &TestApp) -> String {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};
    let db = t.app.db.raw_for_tests();
    let mut all = String::new();
    for (table, _) in plimsoll::db::grants::TABLES {
        let row = match db.get_database_backend() {
            DbBackend::Sqlite => {
                let columns = format!(
                    "SELECT group_concat('quote(\"' || name || '\")', '||') AS c FROM pragma_table_info('{table}')"
                );
                let found =
                    db.query_one_raw(Statement::from_string(DbBackend::Sqlite, columns)).await.expect("columns");
                found.and_then(|row| row.try_get::<Option<String>>("", "c").expect("text")).unwrap_or_default()
            }
            _ => "t::text".to_owned(),
        };
        let rows = Statement::from_string(db.get_database_backend(), format!("SELECT {row} AS row FROM {table} t"));
        for row in db.query_all_raw(rows).await.expect("rows") {
            all.push_str(&row.try_get::<String>("", "row").expect("text"));
            all.push('\n');
        }
    }
    all
}
