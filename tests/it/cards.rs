//! The model card that an author puts beside a model: shown as the author's word, harmless, and never counted as evidence.

use crate::{
    pages::stage::Browser,
    story::{MODEL, Story, scorer},
};
use serde_json::{Value, json};

const CARD: &str = "---\nlicense: mit\nbase_model: acme/base\ndatasets: [acme/credit]\nmodel-index:\n- name: m\n  results:\n  - dataset: {name: Credit}\n    metrics: [{type: accuracy, value: 0.99}]\n---\n# Credit\n\n<script>alert(1)</script>\n\nIt [scores](javascript:alert(1)) **well**. ![p](https://evil.example/p.png)\n";

async fn with_card(story: &Story, card: &[u8]) -> String {
    let mut files = scorer(1);
    files.retain(|(path, _)| path != "README.md");
    files.push(("README.md".to_owned(), card.to_vec()));
    story.draft(MODEL, &files).await
}

async fn card(story: &Story, version: &str) -> crate::harness::Reply {
    story.app.get(&story.mara, &format!("/api/v1/models/{MODEL}/versions/{version}/card")).await
}

#[actix_web::test]
async fn a_model_card_is_shown_as_its_authors_word() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let version = with_card(&story, CARD.as_bytes()).await;
    let said: Value = card(&story, &version).await.expect(200).json();
    assert_eq!((&said["metadata"]["license"], &said["metadata"]["base_model"]), (&json!("mit"), &json!(["acme/base"])));
    assert_eq!(said["metadata"]["reported"][0]["value"], "0.99");
    let html = said["html"].as_str().expect("text");
    assert!(html.contains("<strong>well</strong>") && html.contains("<h3>Credit</h3>"), "{html}");
    for bad in ["script", "javascript", "<img", "evil.example"] {
        assert!(!html.contains(bad), "{bad}: {html}");
    }
    let vera = Browser::open(&story.app).await.sign_in("ines").await;
    let page = vera.get(&format!("/models/{MODEL}/versions/{version}")).await.expect(200).text();
    assert!(page.contains("The author's own words") && page.contains(html), "{page}");
}

#[actix_web::test]
async fn a_card_that_cannot_be_read_says_why() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let long = with_card(&story, &vec![b'a'; 300 << 10]).await;
    assert_eq!(card(&story, &long).await.expect(409).code(), "card_unreadable");
    let vera = Browser::open(&story.app).await.sign_in("ines").await;
    let page = vera.get(&format!("/models/{MODEL}/versions/{long}")).await.expect(200).text();
    assert!(page.contains("307200 bytes"), "{page}");
    let mut files = scorer(2);
    files.retain(|(path, _)| path != "README.md");
    let without = story.draft(MODEL, &files).await;
    card(&story, &without).await.expect(404);
}
