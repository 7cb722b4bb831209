//! How a version was made, as its author signed it: what is taken, what is refused, and what it tells afterwards.

use crate::story::{Files, MODEL, PROVENANCE, Story, scorer, sign, text};
use plimsoll::{
    core::digest::Digest,
    crypto::{
        bundle,
        keys::SigningKey,
        statement::{Statement, Subject},
    },
};
use serde_json::{Value, json};

async fn begin() -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    story
}

fn subjects(files: &Files) -> Vec<Subject> {
    files.iter().map(|(path, bytes)| Subject::sha256(path, Digest::of(bytes).hex())).collect()
}

fn signed(subjects: Vec<Subject>, predicate: Value, key: &SigningKey) -> Value {
    bundle::sign_statement(&Statement::new(subjects, PROVENANCE, predicate), key)
}

/// A training that was made from these.
fn training(materials: Value) -> Value {
    json!({
        "buildDefinition": {"buildType": "https://example.org/training/v1", "resolvedDependencies": materials},
        "runDetails": {"builder": {"id": "https://example.org/notebook"},
            "metadata": {"startedOn": "2026-01-01T00:00:00Z", "finishedOn": "2026-01-01T01:00:00Z"}},
    })
}

fn material(name: &str, role: &str, sha256: &str) -> Value {
    json!({"name": name, "digest": {"sha256": sha256}, "annotations": {"role": role}})
}

#[actix_web::test]
async fn a_malformed_provenance_is_refused_with_its_field_and_the_reason() {
    let story = begin().await;
    let files = scorer(1);
    let number = story.draft(MODEL, &files).await;
    let predicate = "attestations[0].predicate";
    let mut backwards = training(json!([]));
    backwards["runDetails"]["metadata"]["finishedOn"] = "2025-01-01T00:00:00Z".into();
    for (predicate, field, says) in [
        (json!({}), format!("{predicate}.buildDefinition"), "is missing"),
        (
            training(json!([{"name": "rows", "digest": {"sha256": "AB"}}])),
            format!("{predicate}.buildDefinition.resolvedDependencies[0].digest.sha256"),
            "64 lowercase hex digits",
        ),
        (
            training(json!([{"uri": "https://me:secret@example.org/rows"}])),
            format!("{predicate}.buildDefinition.resolvedDependencies[0].uri"),
            "holds a password",
        ),
        (backwards, format!("{predicate}.runDetails.metadata.finishedOn"), "before startedOn"),
    ] {
        let body = json!({"attestations": [signed(subjects(&files), predicate, &story.key)]});
        let problem = story.seal(MODEL, &number, body).await.expect(422).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem:#}");
        assert!(text(&problem["detail"]).contains(says), "{problem:#}");
        assert!(!text(&problem["detail"]).contains("secret@"), "{problem:#}");
    }
    let old = Statement::new(subjects(&files), "https://slsa.dev/provenance/v0.2", json!({}));
    let body = json!({"attestations": [bundle::sign_statement(&old, &story.key)]});
    let problem = story.seal(MODEL, &number, body).await.expect(422).json();
    assert_eq!(problem["errors"][0]["field"], "attestations[0].predicateType", "{problem:#}");
}

#[actix_web::test]
async fn a_provenance_may_be_about_the_whole_version_and_is_kept_as_it_came() {
    let story = begin().await;
    let files = scorer(1);
    let number = story.draft(MODEL, &files).await;
    // The root of a model signature: over the raw digests, in the order of the paths.
    let mut sorted = files.clone();
    sorted.sort();
    let raw: Vec<u8> = sorted.iter().flat_map(|(_, bytes)| *Digest::of(bytes).bytes()).collect();
    let mut whole = Subject::sha256("scorer@1", Digest::of(raw).hex());
    whole.annotations.insert("digestKind".to_owned(), "oms-root".into());
    let sha256 = Digest::of("rows").hex();
    let predicate = training(json!([material("rows.csv", "training-dataset", &sha256)]));
    let stranger = Subject::sha256("scorer@1", Digest::of("something else").hex());
    let other = signed(vec![stranger], predicate.clone(), &story.key);
    story.seal(MODEL, &number, json!({"attestations": [other]})).await.expect(422);

    let sent = signed(vec![whole], predicate, &story.key);
    let body = json!({"signature": sign(&files, MODEL, &story.key), "attestations": [sent]});
    story.seal(MODEL, &number, body).await.expect(200);
    let path = format!("/api/v1/models/{MODEL}/versions/{number}/attestations");
    let kept = story.app.get(&story.ada, &path).await.expect(200).json();
    assert_eq!(kept[0]["bundle"], sent);
    let said = &kept[0]["provenance"];
    assert_eq!(
        (&said["builder"], &said["made_from"][0]["digests"]["sha256"]),
        (&json!("https://example.org/notebook"), &json!(sha256))
    );
}

/// A sealed version that was made from these. Returns its number and digest.
async fn made(story: &Story, files: &Files, materials: Value) -> (String, String) {
    let number = story.draft(MODEL, files).await;
    sealed(story, &number, files, materials).await
}

async fn sealed(story: &Story, number: &str, files: &Files, materials: Value) -> (String, String) {
    let statement = signed(subjects(files), training(materials), &story.key);
    let body = json!({"signature": sign(files, MODEL, &story.key), "attestations": [statement]});
    let version = story.seal(MODEL, number, body).await.expect(200).json();
    (number.to_owned(), text(&version["digest"]))
}

async fn lineage(story: &Story, number: &str, query: &str) -> Value {
    let path = format!("/api/v1/models/{MODEL}/versions/{number}/lineage{query}");
    story.app.get(&story.ada, &path).await.expect(200).json()
}

/// Generation, what was made, and what it was made from.
fn told(made: &Value) -> Vec<(u64, u64, String)> {
    let one = |one: &Value| {
        (
            one["generation"].as_u64().expect("steps"),
            one["version"]["number"].as_u64().expect("number"),
            text(&one["name"]),
        )
    };
    made.as_array().expect("a list").iter().map(one).collect()
}

fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").expect("sha256")
}

#[actix_web::test]
async fn lineage_leads_from_data_to_every_version_that_rests_on_them_and_back() {
    let story = begin().await;
    crate::world::register_people(&story.app, &story.tom, "people").await.expect(201);
    let data = story.app.get(&story.ada, "/api/v1/datasets/people").await.expect(200).json();
    let data = text(&data["digest"]);
    let rows = || material("people.csv", "training-dataset", bare(&data));
    let (first, manifest) = made(&story, &scorer(1), json!([rows()])).await;
    // By the manifest, and then by the one file that another was read from.
    let (second, _) = made(&story, &scorer(2), json!([material("scorer@1", "base-model", bare(&manifest))])).await;
    let readme = Digest::of(&scorer(2)[1].1).hex();
    let (third, _) = made(&story, &scorer(3), json!([material("weights of 2", "base-model", &readme), rows()])).await;

    let path = format!("/api/v1/lineage?digest={data}");
    let found = story.app.get(&story.ada, &path).await.expect(200).json();
    assert_eq!((&found["datasets"], &found["is_cut"]), (&json!(["people"]), &json!(false)), "{found:#}");
    let people = || "people.csv".to_owned();
    let expected =
        [(1, 1, people()), (1, 3, people()), (2, 2, "scorer@1".to_owned()), (3, 3, "weights of 2".to_owned())];
    assert_eq!(told(&found["made_into"]), expected, "{found:#}");
    let near = story.app.get(&story.ada, &format!("{path}&generations=1")).await.expect(200).json();
    assert_eq!((told(&near["made_into"]).len(), &near["is_cut"]), (2, &json!(true)), "{near:#}");

    let of_third = lineage(&story, &third, "").await;
    let back = told(&of_third["made_from"]);
    let expected =
        [(1, 3, "weights of 2".to_owned()), (1, 3, people()), (2, 2, "scorer@1".to_owned()), (3, 1, people())];
    assert_eq!(back, expected, "{of_third:#}");
    assert_eq!(of_third["made_from"][0]["versions"][0]["number"], 2);
    assert_eq!(of_third["made_from"][1]["datasets"], json!(["people"]));
    assert!(told(&of_third["made_into"]).is_empty());
    let of_first = lineage(&story, &first, "").await;
    let into: Vec<_> = told(&of_first["made_into"]).into_iter().map(|(step, number, _)| (step, number)).collect();
    assert_eq!(into, [(1, 2), (2, 3)], "{of_first:#}");
    let of_second = lineage(&story, &second, "?generations=1").await;
    assert_eq!((told(&of_second["made_from"]).len(), &of_second["is_cut"]), (1, &json!(true)), "{of_second:#}");
    for wrong in ["?generations=0", "?generations=11", "?generations=x"] {
        let path = format!("/api/v1/models/{MODEL}/versions/1/lineage{wrong}");
        let status = story.app.get(&story.ada, &path).await.status;
        assert!(matches!(status, 400 | 422), "{wrong}: {status}");
    }
    story.app.get(&story.ada, "/api/v1/lineage?digest=people").await.expect(422);

    // Elsewhere it is as if nothing of it existed.
    let stranger = crate::workspaces::stranger(&story.app).await;
    let theirs = story.app.get(&stranger, &path).await.expect(200).json();
    assert_eq!((&theirs["datasets"], &theirs["made_into"]), (&json!([]), &json!([])), "{theirs:#}");
    let of_theirs = format!("/api/v1/models/{MODEL}/versions/{first}/lineage");
    story.app.get(&stranger, &of_theirs).await.expect(404);
}

#[actix_web::test]
async fn a_circle_of_statements_is_told_once() {
    let story = begin().await;
    let (one, two) = (scorer(1), scorer(2));
    let (first, second) = (story.draft(MODEL, &one).await, story.draft(MODEL, &two).await);
    let digest = async |number: &str| {
        let path = format!("/api/v1/models/{MODEL}/versions/{number}");
        text(&story.app.get(&story.ada, &path).await.expect(200).json()["digest"])
    };
    let (of_first, of_second) = (digest(&first).await, digest(&second).await);
    sealed(&story, &first, &one, json!([material("the second", "base-model", bare(&of_second))])).await;
    sealed(&story, &second, &two, json!([material("the first", "base-model", bare(&of_first))])).await;
    let found = lineage(&story, &first, "?generations=10").await;
    let from = [(1, 1, "the second".to_owned()), (2, 2, "the first".to_owned())];
    let into = [(1, 2, "the first".to_owned()), (2, 1, "the second".to_owned())];
    assert_eq!((told(&found["made_from"]).as_slice(), told(&found["made_into"]).as_slice()), (&from[..], &into[..]));
    assert_eq!(found["is_cut"], false, "{found:#}");
}
