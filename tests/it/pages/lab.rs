//! Drawings and tables of what the lab measured: times of calls, perturbations, two versions side by side.

use super::{assert_page, stage::Browser};
use crate::story::{ENVIRONMENT, MODEL, Story, fixture, policy, scorer, single, spec, text};
use serde_json::json;

async fn page(story: &Story, address: &str) -> String {
    let page = Browser::open(&story.app).await.sign_in("mara").await.get(address).await.expect(200);
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
async fn a_run_shows_how_its_calls_lie_and_what_perturbations_did() {
    let mut limits = spec();
    limits["perturbations"] = json!([
        {"name": "loud", "kind": "noise", "sigma": 2, "seeds": 3},
        {"name": "soft", "kind": "noise", "sigma": 0.1, "seeds": 3},
        {"name": "words", "kind": "category", "share": 0.5},
    ]);
    let story = Story::stage_with(&[], limits, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let shown = page(&story, &format!("/runs/{}", text(&run["id"]))).await;
    assert_says(
        &shown,
        &[
            "<h2 id=\"robustness\">Robustness</h2>",
            "noise, sigma 0.1",
            "noise, sigma 2",
            "accuracy drop",
            "flip rate",
            "Drop of accuracy by perturbation",
            "not measured",
            "Times of the calls: batch 1, 1 at once",
            "limit p95 &#60;= 5 s",
            "The table below holds the same numbers.",
            "<th scope=\"row\">words</th>",
        ],
    );
    let soft = shown.find("<th scope=\"row\">soft</th>").expect("soft");
    let loud = shown.find("<th scope=\"row\">loud</th>").expect("loud");
    assert!(soft < loud, "the weaker one stands first");
}

#[actix_web::test]
async fn a_comparison_has_a_drawing_and_the_same_numbers_in_a_table() {
    let story = Story::stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let second = story.signed(MODEL, &single(&fixture("zipmap_binary.onnx"))).await;
    assert_says(&page(&story, "/comparisons").await, &["None yet."]);
    let body = json!({"model": MODEL, "version": second, "environment": ENVIRONMENT, "against": "1"});
    let asked = story.app.post(&story.ines, "/api/v1/comparisons", body).await.expect(201).json();
    let address = format!("/comparisons/{}", text(&asked["id"]));
    assert_says(&page(&story, &address).await, &["queued", "?follow=yes", "Look again"]);
    story.app.work().await;
    let shown = page(&story, &address).await;
    assert_says(
        &shown,
        &[
            "scorer version 2 against version 1",
            "Version 2 over version 1",
            "<th scope=\"row\">Peak memory</th>",
            "p95, batch 1, 1 at once",
            "Rows with another label",
            "0 of 200: 0.0 % (0.0 % to 1.9 %)",
            "too few rows to tell",
            "Digest of the result",
        ],
    );
    assert!(!shown.contains("refresh"), "it is over");
    assert_says(&page(&story, "/comparisons").await, &[&address]);
    assert_says(&page(&story, &format!("/models/{MODEL}/versions/{second}")).await, &[&address]);
}
