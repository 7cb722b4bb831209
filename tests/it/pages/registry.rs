//! What a data scientist looks at: search, what a version is made of and comes from, two versions side by side.

use super::{assert_page, stage::Browser};
use crate::story::{ENVIRONMENT, MODEL, PROVENANCE, Story, fixture, provenance, scorer, sign, single, text};
use serde_json::json;

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

#[actix_web::test]
async fn one_field_finds_models_by_their_beginning_and_versions_by_digest_or_number() {
    let story = Story::begin_without_runtime(&[]).await;
    for name in [MODEL, "scorer-two", "other"] {
        story.model(name).await;
    }
    let version = story.signed(MODEL, &scorer(1)).await;
    let found = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/{version}")).await.json();
    let digest = text(&found["digest"]);
    let (ines, mara) = (sign_in(&story, "ines").await, sign_in(&story, "mara").await);
    let begun = page(&ines, "/models?search=scorer").await;
    assert_says(&begun, &["href=\"/models/scorer\"", "href=\"/models/scorer-two\"", "plimsoll push FOLDER MODEL"]);
    assert!(!begun.contains("href=\"/models/other\""), "{begun}");
    let inside = page(&mara, "/models?search=corer").await;
    assert_says(&inside, &["No model has a name that begins with “corer”"]);
    assert!(!inside.contains("plimsoll push"), "who may not push is not told how");
    let by_digest = page(&mara, &format!("/models?search={}", &digest[..20])).await;
    assert_says(&by_digest, &[&digest, "href=\"/models/scorer/versions/1\""]);
    assert_says(&page(&mara, "/models?search=sha256:000000").await, &["No version has a digest that begins so"]);
    for bad in ["sha256:00", "sha256:XYZXYZ", "sha256:", "sha256:%25%25%25%25%25%25"] {
        let refused = mara.get(&format!("/models?search={bad}")).await.expect(422);
        assert_page(bad, &refused);
        assert_says(&refused.text(), &["Nothing was searched.", "hex digits"]);
    }
    let led = mara.get("/models?search=scorer%401").await.expect(303);
    assert_eq!(led.header("location"), "/models/scorer/versions/1");
}

#[actix_web::test]
async fn a_version_shows_its_graph_its_signer_and_its_lineage_with_the_same_in_a_table() {
    let story = Story::stage().await;
    let files = scorer(1);
    let version = story.draft(MODEL, &files).await;
    let sealing =
        json!({"signature": sign(&files, MODEL, &story.key), "attestations": [provenance(&files, &story.key)]});
    story.seal(MODEL, &version, sealing).await.expect(200);
    let ines = sign_in(&story, "ines").await;
    let address = format!("/models/{MODEL}/versions/{version}");
    let fresh = page(&ines, &address).await;
    assert_says(&fresh, &["<dt>Operators</dt>", "<dt>Inputs</dt>", "ai.onnx", "ines-laptop", PROVENANCE]);
    assert_says(&fresh, &["<title id=\"lineage-title\">", "<desc id=\"lineage-text\">", "<td>signing key</td>"]);
    assert_says(&page(&ines, &format!("{address}/graph")).await, &["nothing was executed", "<dt>Outputs</dt>"]);
    assert_says(&fresh, &[&format!("href=\"{address}/contents/model.onnx\"")]);
    let held = page(&ines, &format!("{address}/contents/model.onnx")).await;
    assert_says(&held, &["nothing was executed", "ONNX model", "nothing: it is data", "<dt>Operator set</dt>"]);

    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let promotion = story.approved(&version).await;
    story.activate(&promotion).await.expect(201);
    let shown = page(&ines, &address).await;
    let (run, request) = (text(&run["id"]), text(&promotion["id"]));
    assert_says(
        &shown,
        &[
            &format!("<a href=\"/runs/{run}\">for production</a>"),
            &format!("<a href=\"/promotions/{request}\">for production</a>"),
            "<td>release</td><th scope=\"row\"><a href=\"/environments/production\">production</a></th>",
            "<td>request for production</td>",
        ],
    );
    story.revoke_key().await;
    assert_says(&page(&ines, &address).await, &["<strong class=\"tag bad\">revoked</strong>"]);
}

#[actix_web::test]
async fn two_versions_stand_side_by_side_with_what_differs() {
    let story = Story::stage().await;
    let first = story.measured_version(1).await;
    let second = story.signed(MODEL, &single(&fixture("zipmap_binary.onnx"))).await;
    let mara = sign_in(&story, "mara").await;
    let shown = page(&mara, &format!("/models/{MODEL}/versions/{second}/compare")).await;
    assert_says(
        &shown,
        &[
            "scorer version 2 beside version 1",
            "<strong class=\"tag mind\">changed</strong>",
            "<strong class=\"tag mind\">removed</strong>",
            "Operators that differ in number",
            "Version 2 was not measured for it",
            "verified by ines-laptop",
        ],
    );
    let same = page(&mara, &format!("/models/{MODEL}/versions/{first}/compare?with={first}")).await;
    assert_says(&same, &["These are the same version.", "No file differs."]);
    mara.get(&format!("/models/{MODEL}/versions/{second}/compare?with=9")).await.expect(404);
    mara.get(&format!("/models/{MODEL}/versions/{second}/compare?with=latest")).await.expect(422);
}
