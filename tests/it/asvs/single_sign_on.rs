//! Chapters 6.8 and 9: what an identity provider says is believed only as far as it is proven.

use crate::single_sign_on::{
    issuer::{Signer, b64, message},
    visit::{Rogue, newest, sessions, with},
};
use ring::hmac;
use serde_json::{Value, json};

/// A token that must open nothing, what it is, and what the log says of it.
type Forgery<'a> = (&'a str, Box<dyn Fn(&str) -> String + 'a>, &'a str);

fn forgeries(rogue: &Rogue) -> Vec<Forgery<'_>> {
    let signed_with = |header: Value| {
        move |nonce: &str| rogue.signer.sign(&with(rogue.signer.header(), header.clone()), &rogue.claims(nonce))
    };
    let saying = |claims: Value| move |nonce: &str| rogue.signed(&with(rogue.claims(nonce), claims.clone()));
    let now = rogue.t.app.db.clock().now().timestamp();
    let elsewhere = format!("{}/elsewhere", rogue.issuer.url);
    let other = Signer::new("one");
    let brought = json!({"jwk": other.public()});
    vec![
        (
            "without a signature",
            Box::new(|nonce| format!("{}.", message(&json!({"alg": "none"}), &rogue.claims(nonce)))),
            "algorithm_refused",
        ),
        (
            "HS256, with the public key as the secret",
            Box::new(|nonce| {
                let message = message(&with(rogue.signer.header(), json!({"alg": "HS256"})), &rogue.claims(nonce));
                let key = hmac::Key::new(hmac::HMAC_SHA256, rogue.signer.public().to_string().as_bytes());
                format!("{message}.{}", b64(hmac::sign(&key, message.as_bytes())))
            }),
            "algorithm_refused",
        ),
        ("a foreign jku", Box::new(signed_with(json!({"jku": elsewhere}))), "key_in_token"),
        ("a foreign x5u", Box::new(signed_with(json!({"x5u": elsewhere}))), "key_in_token"),
        (
            "with its own key in the header",
            Box::new(move |nonce| other.sign(&with(other.header(), brought.clone()), &rogue.claims(nonce))),
            "key_in_token",
        ),
        ("a key name that is a path", Box::new(signed_with(json!({"kid": "../../../../dev/null"}))), "unknown_key"),
        ("for another service", Box::new(saying(json!({"aud": "other"}))), "other_audience"),
        ("by another issuer", Box::new(saying(json!({"iss": "https://id.example"}))), "other_issuer"),
        ("expired", Box::new(saying(json!({"exp": now - 61}))), "expired"),
        ("from the future", Box::new(saying(json!({"nbf": now + 120}))), "not_yet_valid"),
        (
            "an access token",
            Box::new(|nonce| {
                let claims = with(rogue.claims(nonce), json!({"nonce": null, "scope": "openid"}));
                rogue.signer.sign(&with(rogue.signer.header(), json!({"typ": "at+jwt"})), &claims)
            }),
            "other_type",
        ),
        ("of another sign-in", Box::new(saying(json!({"nonce": "another"}))), "wrong_nonce"),
        (
            "signed by another key",
            Box::new(|nonce| Signer::new("one").sign(&rogue.signer.header(), &rogue.claims(nonce))),
            "bad_signature",
        ),
        ("asked for by another client", Box::new(saying(json!({"azp": "other"}))), "other_party"),
        ("for several services", Box::new(saying(json!({"aud": ["plimsoll", "other"]}))), "other_audience"),
    ]
}

#[actix_web::test]
async fn v6_8_1_and_v9_1_forged_tokens_of_a_provider_open_nothing_and_are_in_the_log() {
    let rogue = Rogue::start().await;
    assert_eq!(forgeries(&rogue).len(), 15);
    for n in 0..forgeries(&rogue).len() {
        // Ten failures in five minutes are the most from one place.
        rogue.later(6);
        let all = forgeries(&rogue);
        let (what, forge, cause) = &all[n];
        let (browser, answer) = rogue.bring(forge).await;
        let page = answer.expect(403).text();
        assert!(page.contains("role=\"alert\""), "{what}: {page}");
        assert!(!browser.cookies.contains("__Host-plimsoll="), "{what}: {}", browser.cookies);
        assert_eq!(sessions(&rogue.t).await, 0, "{what}");
        let event = newest(&rogue.t).await;
        assert_eq!((&event["event"], &event["cause"]), (&json!("provider_refused"), &json!(cause)), "{what}");
        assert_eq!((&event["account"], &event["provider"]), (&json!("unknown"), &json!("corp")), "{what}");
    }
    assert_eq!(rogue.issuer.seen(|state| state.lured), 0, "no address that a token names is asked");
    // The same token without any of this is good.
    rogue.sign_in(json!({})).await.1.expect(303);
    assert_eq!(sessions(&rogue.t).await, 1);
}
