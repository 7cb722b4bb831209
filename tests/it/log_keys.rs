//! Dossiers after the registry changed its key.

use crate::{
    dossiers::{dossier, released},
    story::{MODEL, text},
};
use chrono::TimeDelta;
use plimsoll::{
    crypto::{keys::RegistryKey, note},
    dossiers::verify::{DossierError, verify},
    keys::ops,
};

#[actix_web::test]
async fn who_has_the_old_key_verifies_a_dossier_of_today_by_what_it_vouches_for() {
    let story = released().await;
    let registry = story.app.get("", "/api/v1/registry").await.expect(200).json();
    let (old_key, old_pem) = (text(&registry["verifier_key"]), text(&registry["public_key_pem"]));
    let console = story.app.console().await;
    let new = ops::rotate(&story.app.app, &console, TimeDelta::days(30), None).await.expect("rotated").new;
    let zip = dossier(&story, &format!("profile=model-card&model={MODEL}")).await;
    for key in [&old_key, &old_pem] {
        let verified = verify(&zip, key).expect("the old key");
        assert_eq!((verified.followed, verified.statements), (vec![new.id.clone()], 2));
    }
    // The new key vouches for nobody who came before it, and the approvals are older.
    let of_old = |error: DossierError| match error {
        DossierError::OtherKey { path, id } => {
            path.starts_with("approvals/") && Some(id.as_str()) == old_key.split('+').nth(1)
        }
        error => panic!("{error}"),
    };
    assert!(of_old(verify(&zip, &new.verifier_key).expect_err("not all keys")));
    verify(&zip, &format!("{}\n{old_key}", new.verifier_key)).expect("both");
    let origin = story.app.app.signer.origin();
    let stranger = note::vkey(origin, &RegistryKey::generate().expect("key").public_bytes());
    let said = verify(&zip, &stranger).expect_err("a stranger").to_string();
    assert!(said.contains(&format!("signed by the key {}", new.id)), "{said}");
    assert!(said.contains("plimsoll audit key --all") && said.contains("may have changed its key"), "{said}");
}
