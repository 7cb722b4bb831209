//! Nothing in a package can be altered, added, removed or renamed.

use super::{dossier, released, unpack};
use crate::story::MODEL;
use chrono::{DateTime, Utc};
use plimsoll::{
    crypto::keys::RegistryKey,
    dossiers::{
        archive::{self, Entries},
        verify,
    },
};

fn zipped(entries: &Entries) -> Vec<u8> {
    archive::write(entries, DateTime::<Utc>::UNIX_EPOCH).expect("zip")
}

#[actix_web::test]
async fn whoever_alters_anything_is_found_out() {
    let story = released().await;
    let zip = dossier(&story, &format!("profile=sr-11-7&model={MODEL}")).await;
    let key = story.verifier_key().await;
    let entries = unpack(&zip);
    assert!(verify::verify(&zipped(&entries), &key).is_ok(), "the time of an entry says nothing");

    for (name, bytes) in &entries {
        for place in [bytes.len() / 2, bytes.len() - 1] {
            let mut altered = entries.clone();
            altered.get_mut(name).expect("entry")[place] ^= 1;
            assert!(verify::verify(&zipped(&altered), &key).is_err(), "{name}, byte {place}");
        }
        let mut less = entries.clone();
        let bytes = less.remove(name).expect("entry");
        assert!(verify::verify(&zipped(&less), &key).is_err(), "without {name}");
        if name.ends_with(".pem") || name.starts_with("evidence/") || name == "audit/checkpoint" {
            less.insert(format!("{name}x"), bytes);
            assert!(verify::verify(&zipped(&less), &key).is_err(), "{name} renamed");
        }
    }
    let mut more = entries.clone();
    more.insert("notes.txt".to_owned(), b"It passed.".to_vec());
    let said = verify::verify(&zipped(&more), &key).expect_err("added").to_string();
    assert!(said.contains("notes.txt") && said.contains("added"), "{said}");

    let vkey = plimsoll::crypto::note::vkey("other.example", &RegistryKey::generate().expect("key").public_bytes());
    let said = verify::verify(&zip, &vkey).expect_err("another key").to_string();
    assert!(said.contains("not trusted"), "{said}");
}

#[actix_web::test]
async fn no_byte_of_the_file_changes_what_is_read() {
    let story = released().await;
    let zip = dossier(&story, &format!("profile=model-card&model={MODEL}")).await;
    let key = story.verifier_key().await;
    let entries = unpack(&zip);
    let step = (zip.len() / 100).max(1);
    // The end of the directory, and some of the rest.
    let directory = zip.len() - 400;
    for place in (0..directory).step_by(step).chain(directory..zip.len()) {
        let mut altered = zip.clone();
        altered[place] ^= 1;
        if verify::verify(&altered, &key).is_ok() {
            assert_eq!(unpack(&altered), entries, "byte {place}");
        }
    }
}
