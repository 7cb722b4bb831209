//! Lists come in pages that miss nothing and repeat nothing, and two writers never
//! overwrite each other unseen.

use crate::harness::{Reply, TestApp, reply};
use futures_util::future::join_all;
use serde_json::{Value, json};

async fn register(t: &TestApp, token: &str, name: &str) {
    let model = json!({"name": name, "intended_use": "x", "risk_tier": "low"});
    t.post(token, "/api/v1/models", model).await.expect(201);
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|item| item["name"].as_str().expect("name").to_owned()).collect()
}

#[actix_web::test]
async fn a_list_comes_in_pages_that_miss_nothing_and_repeat_nothing() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    let all: Vec<String> = (1..=7).map(|i| format!("model-{i}")).collect();
    for name in &all {
        register(&t, &ines, name).await;
    }
    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = t.get(&ines, &format!("/api/v1/models?limit=3{cursor}")).await.expect(200).json();
        seen.extend(names(&page));
        sizes.push(names(&page).len());
        // What arrives while someone turns pages does not shift them.
        register(&t, &ines, &format!("late-{}", sizes.len())).await;
        match page["next_cursor"].as_str() {
            Some(next) if sizes.len() < 10 => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    assert_eq!(seen[..7], all);
    assert_eq!(seen[7..], ["late-1", "late-2"]);
    assert_eq!(sizes, [3, 3, 3]);
}

#[actix_web::test]
async fn the_last_page_says_that_it_is_the_last() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    let empty = t.get(&ines, "/api/v1/models").await.expect(200).json();
    assert_eq!(empty, json!({"items": [], "next_cursor": null}));
    for i in 0..3 {
        register(&t, &ines, &format!("model-{i}")).await;
    }
    let exact = t.get(&ines, "/api/v1/models?limit=3").await.expect(200).json();
    assert_eq!((names(&exact).len(), &exact["next_cursor"]), (3, &Value::Null));
}

#[actix_web::test]
async fn a_search_takes_every_character_as_itself() {
    let t = TestApp::start().await;
    let ines = t.user("ines", &["contributor"]).await;
    for name in ["credit_a", "credit-b", "fraud.c"] {
        register(&t, &ines, name).await;
    }
    for (search, found) in [
        ("credit", vec!["credit_a", "credit-b"]),
        ("CREDIT", vec!["credit_a", "credit-b"]),
        ("credit_", vec!["credit_a"]),
        ("credit_a", vec!["credit_a"]),
        ("credit_ab", vec![]),
        ("redit", vec![]),
        ("_", vec![]),
        ("%25", vec![]),
        ("%5C", vec![]),
        ("%5C%25", vec![]),
        ("%27", vec![]),
        ("fraud.", vec!["fraud.c"]),
        (".", vec![]),
        ("*", vec![]),
        ("", vec!["credit_a", "credit-b", "fraud.c"]),
    ] {
        let page = t.get(&ines, &format!("/api/v1/models?search={search}")).await.expect(200).json();
        let mut listed = names(&page);
        // How names sort beside each other is the database's own business.
        listed.sort_unstable_by_key(|name| found.iter().position(|wanted| wanted == name));
        assert_eq!(listed, found, "{search}");
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = t.get(&ines, &format!("/api/v1/models?search=credit&limit=1{cursor}")).await.expect(200).json();
        seen.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seen.sort_unstable();
    assert_eq!(seen, ["credit-b", "credit_a"], "a page at a time finds each once");
}

#[actix_web::test]
async fn of_two_writers_of_a_model_one_wins_and_the_other_is_told() {
    let t = TestApp::start().await;
    let (ines, omar) = (t.user("ines", &["contributor"]).await, t.user("omar", &["contributor"]).await);
    register(&t, &ines, "scorer").await;
    let seen = t.get(&ines, "/api/v1/models/scorer").await.expect(200);
    assert_eq!(seen.header("etag"), "\"1\"");
    let patch = |token: &str, title: &str| {
        reply(
            t.request(token, "PATCH", "/api/v1/models/scorer")
                .header("if-match", "\"1\"")
                .json(&json!({"title": title})),
        )
    };
    let before = t.events().await;
    let answers = join_all([patch(&ines, "hers"), patch(&omar, "his")]).await;
    one_wins(&answers);
    assert_eq!(t.events().await, before + 1);
    let won = answers.iter().find(|a| a.status == 200).expect("one won");
    let now = t.get(&ines, "/api/v1/models/scorer").await.expect(200);
    assert_eq!((now.header("etag"), now.json()), ("\"2\"", won.json()));
}

#[actix_web::test]
async fn of_two_writers_of_a_document_one_wins_and_the_other_is_told() {
    let t = TestApp::start().await;
    let (mara, tom) = (t.user("mara", &["environment_manager"]).await, t.user("tom", &["environment_manager"]).await);
    let profile = json!({"class": "server", "operating_mode": "advisory"});
    t.post(&mara, "/api/v1/environments", json!({"name": "production", "profile": profile})).await.expect(201);
    let path = "/api/v1/environments/production/policy";
    t.get(&mara, path).await.expect(404);
    let policy = |count: u32| json!({"approvals": [{"role": "reviewer", "count": count}]});
    let before = t.events().await;
    let answers = join_all([t.put(&mara, path, "\"0\"", policy(1)), t.put(&tom, path, "\"0\"", policy(2))]).await;
    one_wins(&answers);
    assert_eq!(t.events().await, before + 1);
    let now = t.get(&mara, path).await.expect(200);
    assert_eq!((now.header("etag"), &now.json()["revision"]), ("\"1\"", &json!(1)));
    let next = t.put(&mara, path, "\"1\"", policy(3)).await.expect(200);
    assert_eq!(next.header("etag"), "\"2\"");
    let before = t.events().await;
    let same = t.put(&mara, path, "\"2\"", policy(3)).await.expect(200);
    assert_eq!((same.header("etag"), t.events().await), ("\"2\"", before), "the same document is no revision");
}

fn one_wins(answers: &[Reply]) {
    let mut statuses: Vec<_> = answers.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let lost = answers.iter().find(|a| a.status == 412).expect("one lost");
    assert_eq!(lost.code(), "stale");
}
