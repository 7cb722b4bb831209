//! Bills of materials of versions: what they say, and that others can read them.

use crate::{
    harness::Reply,
    pages::stage::Browser,
    story::{ENVIRONMENT, MODEL, PROVENANCE, Story, scorer, sign, text},
};
use plimsoll::{
    core::digest::Digest,
    crypto::{
        bundle,
        statement::{Statement, Subject},
    },
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const CARD: &str = "---\nlicense: apache-2.0\npipeline_tag: tabular-classification\nlibrary_name: onnx\nlanguage: en\ntags: [credit, scoring, credit]\ndatasets: [acme/credit]\nbase_model: acme/base\nmodel-index:\n- name: m\n  results:\n  - dataset: {name: Credit}\n    metrics: [{type: accuracy, value: 0.99}]\n---\n# Credit\n";

/// As cyclonedx-python-lib sees them.
fn looked_at(bills: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".cache/foreign/venv/bin/python3");
    assert!(python.exists(), "the foreign readers must be here: run scripts/foreign.sh");
    let mut command = Command::new(python);
    command.arg(root.join("tests/foreign/bill.py"));
    for (number, bill) in bills.iter().enumerate() {
        let file = folder.path().join(format!("{number}.json"));
        fs::write(&file, bill).expect("written");
        command.arg(file);
    }
    command.output().expect("python")
}

/// The strict validator takes each of these bills.
pub fn are_well_formed(bills: &[&str]) {
    let looked = looked_at(bills);
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
}

async fn asked(story: &Story, token: &str, version: &str) -> Reply {
    story.app.get(token, &format!("/api/v1/models/{MODEL}/versions/{version}/bom")).await
}

async fn bill(story: &Story, version: &str) -> (String, Value) {
    let answer = asked(story, &story.mara, version).await.expect(200);
    (answer.text(), answer.json())
}

/// The values of one of our properties.
fn said(of: &Value, name: &str) -> Vec<String> {
    let name = format!("plimsoll:{name}");
    let all = of["properties"].as_array().expect("properties").iter();
    all.filter(|one| one["name"] == name.as_str()).map(|one| text(&one["value"])).collect()
}

/// A sealed version with a card and a statement of how it was made.
async fn made(story: &Story, card: &str, materials: Value) -> String {
    let mut files = scorer(1);
    files.retain(|(path, _)| path != "README.md");
    files.push(("README.md".to_owned(), card.as_bytes().to_vec()));
    let number = story.draft(MODEL, &files).await;
    let predicate = json!({
        "buildDefinition": {"buildType": "https://example.org/training/v1", "resolvedDependencies": materials},
        "runDetails": {"builder": {"id": "https://example.org/notebook"}},
    });
    let subjects = files.iter().map(|(path, bytes)| Subject::sha256(path, Digest::of(bytes).hex())).collect();
    let statement = bundle::sign_statement(&Statement::new(subjects, PROVENANCE, predicate), &story.key);
    let body = json!({"signature": sign(&files, MODEL, &story.key), "attestations": [statement]});
    story.seal(MODEL, &number, body).await.expect(200);
    number
}

#[actix_web::test]
async fn a_bill_says_what_a_version_consists_of_what_it_was_made_from_and_how_it_did() {
    let story = Story::stage().await;
    let rows = Digest::of("rows").hex();
    let commit = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";
    let materials = json!([
        {"name": "rows.csv", "digest": {"sha256": rows}, "annotations": {"role": "training-dataset"}},
        {"name": "base", "digest": {"sha256": Digest::of("base").hex()}, "annotations": {"role": "base-model"}},
        {"uri": "git+https://example.org/ml/scorer@refs/heads/main", "digest": {"gitCommit": commit}},
    ]);
    let number = made(&story, CARD, materials).await;
    let (before, unmeasured) = bill(&story, &number).await;
    assert_eq!(
        unmeasured["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"],
        json!([])
    );
    let run = story.run(MODEL, &number, ENVIRONMENT).await;
    assert_eq!(run["state"], "passed");
    let (whole, told) = bill(&story, &number).await;
    are_well_formed(&[&before, &whole]);
    assert_eq!(bill(&story, &number).await.0, whole, "the same version has the same bill");
    assert_ne!(told["serialNumber"], unmeasured["serialNumber"], "another bill has another number");

    let model = &told["metadata"]["component"];
    assert_eq!((&model["name"], &model["version"]), (&json!(MODEL), &json!(number)));
    assert_eq!(model["licenses"], json!([{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}]));
    assert_eq!(model["tags"], json!(["credit", "scoring"]));
    assert_eq!(model["pedigree"]["ancestors"][0]["name"], "acme/base");
    assert_eq!(said(model, "claimed:result"), ["accuracy 0.99 on Credit"]);
    assert_eq!(model["externalReferences"][0]["url"], "git+https://example.org/ml/scorer@refs/heads/main");
    assert_eq!(model["externalReferences"][0]["comment"], format!("gitCommit:{commit}"));
    let files = model["components"].as_array().expect("files");
    let onnx = files.iter().find(|file| file["name"] == "model.onnx").expect("the model");
    assert_eq!(said(onnx, "class"), ["data"]);
    assert_eq!(files.len(), scorer(1).len());

    let parts = told["components"].as_array().expect("parts");
    let named = |name: &str| parts.iter().find(|part| part["name"] == name).expect("a part");
    let data = named("rows.csv");
    assert_eq!(data["hashes"], json!([{"alg": "SHA-256", "content": rows}]));
    assert_eq!((said(data, "source"), said(data, "role")), (vec!["claimed".into()], vec!["training-dataset".into()]));
    assert_eq!(named("base")["type"], "machine-learning-model");
    assert_eq!(told["dependencies"][0]["dependsOn"].as_array().expect("refs").len(), parts.len());

    let card = &model["modelCard"];
    assert_eq!(said(card, "source"), ["measured"]);
    assert_eq!(said(card, "run"), [text(&run["id"])]);
    assert_eq!(card["modelParameters"]["task"], "tabular-classification");
    assert!(!card["modelParameters"]["inputs"].as_array().expect("inputs").is_empty());
    let metrics = card["quantitativeAnalysis"]["performanceMetrics"].as_array().expect("metrics");
    let accuracy = metrics.iter().find(|one| one["type"] == "accuracy" && one["slice"].is_null()).expect("accuracy");
    assert!(accuracy["value"].is_string() && accuracy["confidenceInterval"]["lowerBound"].is_string(), "{accuracy}");
    let group = metrics.iter().find(|one| one["slice"] == "sex: female" && one["type"] == "selection_rate");
    assert!(group.is_some(), "{metrics:#?}");
}

#[actix_web::test]
async fn a_bill_of_a_draft_says_little_and_is_well_formed() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let declared = story.declare(MODEL, &scorer(1)).await.expect(201).json();
    let (whole, told) = bill(&story, &declared["number"].to_string()).await;
    are_well_formed(&[&whole]);
    let model = &told["metadata"]["component"];
    assert_eq!(said(model, "version-state"), ["draft"]);
    // Nobody has seen these bytes.
    for file in model["components"].as_array().expect("files") {
        assert_eq!(said(file, "source"), ["claimed"]);
    }
    asked(&story, &story.mara, "2").await.expect(404);
}

#[actix_web::test]
async fn what_a_hostile_author_writes_is_text_in_a_well_formed_bill() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let long = "x".repeat(280);
    let card = format!(
        "---\nlicense: \"\\u202eGPL\"\nlicense_name: \"</script>\"\ntags: [\"{long}\", \"\\u0007\"]\ndatasets: [\"\\\"}},{{\", \"\"]\nbase_model: [a, a]\npipeline_tag: \"javascript:alert(1)\"\n---\n"
    );
    let materials = json!([
        {"name": "\"}],\"components\":[", "digest": {"sha256": Digest::of("a").hex(), "acme": "not hex"}},
        {"name": "same", "digest": {"sha256": Digest::of("b").hex()}, "annotations": {"role": "training-dataset"}},
        {"name": "same", "digest": {"sha256": Digest::of("b").hex()}, "annotations": {"role": "training-dataset"}},
        {"uri": "git+https://[::1/|<script>%zz", "digest": {"gitCommit": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"}},
        {"uri": "git+https://example.org/ml/scorer", "digest": {"gitCommit": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"}},
    ]);
    let number = made(&story, &card, materials).await;
    let (whole, told) = bill(&story, &number).await;
    are_well_formed(&[&whole]);
    assert!(!whole.contains('\u{202e}') && !whole.contains('\u{7}'), "{whole}");
    assert_eq!(told["metadata"]["component"]["licenses"][0]["license"]["name"], "</script>");
}

#[actix_web::test]
async fn a_bill_is_written_to_a_file_and_taken_from_a_page() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let number = story.signed(MODEL, &scorer(1)).await;
    let (whole, _) = bill(&story, &number).await;
    let client = crate::commands::Client::of(&story.app.url, &story.mara);
    let wanted = format!("{MODEL}@{number}");
    assert_eq!(client.well(&["bom", &wanted]).await.trim_end(), whole);
    client.well(&["bom", &wanted, "-o", "bill.json"]).await;
    assert_eq!(fs::read_to_string(client.folder.path().join("bill.json")).expect("written"), whole);
    let mara = Browser::open(&story.app).await.sign_in("mara").await;
    let address = format!("/models/{MODEL}/versions/{number}");
    let link = format!("{address}/bom.cdx.json");
    assert!(mara.get(&address).await.expect(200).text().contains(&link));
    assert_eq!(mara.get(&link).await.expect(200).text(), whole);
}

#[actix_web::test]
async fn the_validator_refuses_what_is_no_bill() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let number = story.signed(MODEL, &scorer(1)).await;
    let (_, told) = bill(&story, &number).await;
    for (place, wrong) in [("/bomFormat", json!("SPDX")), ("/metadata/component/type", json!("model"))] {
        let mut spoilt = told.clone();
        *spoilt.pointer_mut(place).expect("a place") = wrong;
        assert!(!looked_at(&[&spoilt.to_string()]).status.success(), "{place}");
    }
    let mut spoilt = told;
    spoilt["metadata"]["component"]["owner"] = json!("ines");
    assert!(!looked_at(&[&spoilt.to_string()]).status.success(), "a key that the schema does not know");
}
