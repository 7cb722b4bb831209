//! Authorities that say who signed, and the certificates below them: judged when a version is sealed, asked again at every
//! step until it leaves, and revoked one by one or at their root.

use crate::{
    certificates::Authorities,
    commands::Client,
    story::{ENVIRONMENT, Files, MODEL, Story, checks, provenance, scorer, sign, text},
};
use plimsoll::{
    core::digest::Digest,
    crypto::{
        certificate::Chain,
        keys::{RegistryKey, SigningKey},
        oms::{self, FileDigest},
    },
};
use serde_json::{Value, json};

/// Signed by ines@example.com.
fn signed(made: &Authorities, files: &Files) -> Value {
    let digest = |(path, bytes): &(String, Vec<u8>)| FileDigest { path: path.clone(), sha256: Digest::of(bytes).hex() };
    let digests: Vec<_> = files.iter().map(digest).collect();
    let key = SigningKey::from_pem(&made.key).expect("key");
    let chain = Chain::from_pem(&made.chain()).expect("chain");
    oms::sign_certified(&digests, MODEL, &key, &chain).expect("signed")
}

pub async fn trust(story: &Story, made: &Authorities, rules: &[&str]) -> String {
    let body = json!({"name": "company", "public_key_pem": made.root, "identities": rules});
    let trusted = story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(201).json();
    assert_eq!((&trusted["kind"], &trusted["identities"]), (&"authority".into(), &json!(rules)));
    text(&trusted["id"])
}

pub async fn sealed(story: &Story, made: &Authorities, number: u32) -> Value {
    let files = scorer(number);
    let version = story.draft(MODEL, &files).await;
    let body = json!({"signature": signed(made, &files), "attestations": [provenance(&files, &story.key)]});
    story.seal(MODEL, &version, body).await.expect(200).json()
}

async fn revoke(story: &Story, authority: &str, certificate: &str) -> crate::harness::Reply {
    let path = format!("/api/v1/trust-keys/{authority}/revoked-certificates");
    story.app.post(&story.olga, &path, json!({"certificate": certificate})).await
}

#[actix_web::test]
async fn what_is_signed_with_a_certificate_leaves_until_it_is_revoked() {
    let story = Story::stage().await;
    let made = Authorities::made();
    let authority = trust(&story, &made, &["email:*@example.com"]).await;
    let version = sealed(&story, &made, 1).await;
    assert_eq!(
        (&version["signature"], &version["signed_by"]),
        (&"verified".into(), &json!(["email:ines@example.com"]))
    );
    let certificates = version["certificates"].as_array().expect("a list");
    assert_eq!(
        certificates.len(),
        7,
        "who signed, who stands above, both as written otherwise, their numbers, the key: {certificates:?}"
    );
    assert_eq!(story.run(MODEL, "1", ENVIRONMENT).await["state"], "passed");
    let promotion = story.approved("1").await;
    story.activate(&promotion).await.expect(201);
    story.pull(None).await.expect(200);
    sealed(&story, &made, 2).await;
    assert_eq!(story.run(MODEL, "2", ENVIRONMENT).await["state"], "passed");
    let open = story.request(MODEL, "2", ENVIRONMENT).await;

    // Another one, of which nothing rests here.
    revoke(&story, &authority, "serial:0b").await.expect(200);
    story.pull(None).await.expect(200);
    let spelled = text(&certificates[0]).to_uppercase();
    let now = revoke(&story, &authority, &spelled).await.expect(200).json();
    assert_eq!(now["revoked_certificates"].as_array().map(Vec::len), Some(2), "{now:#}");
    assert_eq!(revoke(&story, &authority, &spelled).await.expect(409).code(), "certificate_revoked");
    assert_eq!(story.pull(None).await.expect(412).code(), "release_blocked");
    assert_eq!(story.look(&open).await["state"], "invalidated");
    let found = checks(&story.request(MODEL, "2", ENVIRONMENT).await);
    assert!(found.contains(&"signing_certificate_revoked".to_owned()), "{found:?}");
    // Nothing more comes in with it.
    let files = scorer(3);
    let draft = story.draft(MODEL, &files).await;
    let refused = story.seal(MODEL, &draft, json!({"signature": signed(&made, &files)})).await.expect(422);
    assert!(refused.text().contains("revoked"), "{}", refused.text());
    assert!(!story.leaves("trust_key.revoke").await.is_empty());
}

#[actix_web::test]
async fn a_revoked_certificate_counts_under_no_other_authority() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let (made, stranger, later) = (Authorities::made(), Authorities::made(), Authorities::made());
    let authority = trust(&story, &made, &["*"]).await;
    let body = json!({"name": "partner", "public_key_pem": stranger.root, "identities": ["*"]});
    let partner = text(&story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(201).json()["id"]);
    sealed(&story, &made, 1).await;
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
    let certificates = version["certificates"].as_array().expect("certificates");
    let (sha256, serial) =
        (text(&certificates[0]), certificates.iter().map(text).find(|one| one.starts_with("serial:")));
    revoke(&story, &authority, &sha256).await.expect(200);
    revoke(&story, &authority, &serial.expect("a number")).await.expect(200);
    let body = json!({"name": "later", "public_key_pem": later.root, "identities": ["*"]});
    let later = text(&story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(201).json()["id"]);
    let listed = story.app.get(&story.olga, "/api/v1/trust-keys?limit=200").await.expect(200).json();
    for other in [partner, later] {
        let listed = listed["items"].as_array().expect("a list").iter().find(|key| key["id"] == other.as_str());
        let revoked = &listed.expect("listed")["revoked_certificates"];
        assert_eq!(revoked, &json!([sha256]), "numbers are of one authority");
        assert_eq!(revoke(&story, &other, &sha256).await.expect(409).code(), "certificate_revoked");
    }
}

#[actix_web::test]
async fn a_certificate_is_revoked_at_the_command_line() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let (made, partner) = (Authorities::made(), Authorities::made());
    let olga = Client::of(&story.app.url, &story.olga);
    let place = olga.folder.path();
    let files = [("leaf.pem", made.leaf.clone()), ("chain.pem", made.chain()), ("root.pem", made.root.clone())];
    for (name, text) in files {
        std::fs::write(place.join(name), text).expect("written");
    }
    let none = olga.run(&["trust", "revoke-certificate", "leaf.pem"]).await;
    assert!(none.code == Some(3) && none.err.contains("no authority is trusted here"), "{}", none.err);
    trust(&story, &made, &["*"]).await;
    let body = json!({"name": "partner", "public_key_pem": partner.root, "identities": ["*"]});
    story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(201);
    sealed(&story, &made, 1).await;

    for (wrong, said) in [
        ("chain.pem", "holds 2 certificates"),
        ("absent.pem", "neither a file nor the SHA-256"),
        ("abcd", "neither a file nor the SHA-256"),
        ("root.pem", "the authority company itself"),
    ] {
        let refused = olga.run(&["trust", "revoke-certificate", wrong]).await;
        assert!(refused.code == Some(2) && refused.err.contains(said), "{wrong}: {}", refused.err);
    }
    let elsewhere = olga.run(&["trust", "revoke-certificate", "leaf.pem", "--authority", "nobody"]).await;
    assert!(elsewhere.code == Some(3) && elsewhere.err.contains("nobody"), "{}", elsewhere.err);

    let said = olga.well(&["trust", "revoke-certificate", "leaf.pem"]).await;
    assert!(said.contains("is revoked under every authority of the workspace"), "{said}");
    let again = olga.run(&["trust", "revoke-certificate", "leaf.pem"]).await;
    assert!(again.code == Some(7) && again.err.contains("revoked already"), "{}", again.err);
    // As openssl writes it; of the authority between.
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
    let (leaf, between) = (text(&version["certificates"][0]), text(&version["certificates"][1]));
    let pairs: Vec<_> = between.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    let spelled = format!("sha256 Fingerprint={}", pairs.join(":").to_uppercase());
    let words = ["trust", "revoke-certificate", &spelled, "--authority", "partner", "--json"];
    let noted: Value = serde_json::from_str(&olga.well(&words).await).expect("json");
    assert_eq!(noted["name"], "partner");
    let all: Value = serde_json::from_str(&olga.well(&["trust", "list", "--json"]).await).expect("json");
    let authorities: Vec<_> =
        all.as_array().expect("a list").iter().filter(|root| root["kind"] == "authority").collect();
    assert_eq!(authorities.len(), 2);
    for root in authorities {
        let revoked: Vec<_> = root["revoked_certificates"].as_array().expect("a list").iter().map(text).collect();
        assert!(revoked.contains(&leaf) && revoked.contains(&between), "{root:#}");
    }
    // Nothing more comes in with it, and only administrators revoke.
    let files = scorer(2);
    let draft = story.draft(MODEL, &files).await;
    let refused = story.seal(MODEL, &draft, json!({"signature": signed(&made, &files)})).await.expect(422);
    assert!(refused.text().contains("revoked"), "{}", refused.text());
    let ines = Client::of(&story.app.url, &story.ines);
    let refused = ines.run(&["trust", "revoke-certificate", &spelled]).await;
    assert_eq!(refused.code, Some(5), "{}", refused.err);
}

#[actix_web::test]
async fn the_number_of_an_authority_below_is_noted_and_the_key_that_signed() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let made = Authorities::made();
    trust(&story, &made, &["*"]).await;
    sealed(&story, &made, 1).await;
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
    let certificates: Vec<_> = version["certificates"].as_array().expect("certificates").iter().map(text).collect();
    let count = |start: &str| certificates.iter().filter(|one| one.starts_with(start)).count();
    assert_eq!((count("serial:"), count("key:")), (2, 1), "{certificates:?}");
}

#[actix_web::test]
async fn what_a_revoked_authority_vouched_for_does_not_leave() {
    let story = Story::stage().await;
    let made = Authorities::made();
    let authority = trust(&story, &made, &["email:ines@example.com"]).await;
    sealed(&story, &made, 1).await;
    assert_eq!(story.run(MODEL, "1", ENVIRONMENT).await["state"], "passed");
    let open = story.request(MODEL, "1", ENVIRONMENT).await;
    let path = format!("/api/v1/trust-keys/{authority}");
    crate::harness::reply(story.app.request(&story.olga, "DELETE", &path)).await.expect(200);
    assert_eq!(story.look(&open).await["state"], "invalidated");
    assert_eq!(checks(&story.request(MODEL, "1", ENVIRONMENT).await), ["signing_key_not_valid"]);
}

#[actix_web::test]
async fn whom_no_authority_names_is_a_stranger() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let (made, other) = (Authorities::made(), Authorities::made());
    trust(&story, &made, &["email:anna@example.com", "dns:ci.example.com"]).await;
    for (number, by) in [(1, &made), (2, &other)] {
        let files = scorer(number);
        let draft = story.draft(MODEL, &files).await;
        let signature = signed(by, &files);
        // Another authority of the same name seems to have made a forgery.
        let sealed = story.seal(MODEL, &draft, json!({"signature": signature})).await;
        match number {
            1 => assert_eq!(sealed.expect(200).json()["signature"], "untrusted"),
            _ => assert!(sealed.status == 422 || sealed.json()["signature"] == "untrusted"),
        }
    }
    // Other bytes than those that were signed are refused whoever signed.
    let draft = story.draft(MODEL, &scorer(3)).await;
    let signature = signed(&made, &scorer(4));
    let sealed = story.seal(MODEL, &draft, json!({"signature": signature})).await;
    assert_ne!(sealed.json()["signature"], "verified");
}

#[actix_web::test]
async fn an_authority_is_one_and_says_whom_it_may_name() {
    let story = Story::begin_without_runtime(&[]).await;
    let made = Authorities::made();
    let pem = SigningKey::generate().expect("key").verifying_key().to_pem();
    for (pem, rules, field) in [
        (&made.root, json!([]), "identities"),
        (&made.root, json!(["ines@example.com"]), "identities"),
        (&made.leaf, json!(["*"]), "public_key_pem"),
        (&pem, json!(["*"]), "identities"),
    ] {
        let body = json!({"name": "company", "public_key_pem": pem, "identities": rules});
        let refused = story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(422);
        assert!(refused.text().contains(field), "{field}: {}", refused.text());
    }
    let authority = trust(&story, &made, &["*"]).await;
    for bad in ["", "x", "serial:", "serial:xyz", "ab"] {
        revoke(&story, &authority, bad).await.expect(422);
    }
    let refused = revoke(&story, &story.key_id, "serial:0b").await.expect(409);
    assert_eq!(refused.code(), "not_authority");
}

#[actix_web::test]
async fn a_version_may_be_signed_with_ed25519() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let registry = RegistryKey::generate().expect("key");
    let body = json!({"name": "ed", "public_key_pem": registry.public_key_pem()});
    story.app.post(&story.olga, "/api/v1/trust-keys", body).await.expect(201);
    let key = SigningKey::from_pem(&registry.to_pem()).expect("key");
    let files = scorer(1);
    let draft = story.draft(MODEL, &files).await;
    let sealed = story.seal(MODEL, &draft, json!({"signature": sign(&files, MODEL, &key)})).await.expect(200).json();
    assert_eq!(sealed["signature"], "verified");
}
