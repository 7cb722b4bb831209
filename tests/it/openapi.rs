//! The document of the API: checked in, complete, and the same as what is served.

use crate::harness::TestApp;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

pub fn document() -> Value {
    serde_json::to_value(plimsoll::http::server::openapi()).expect("json")
}

/// Method, path and description of every operation, as (`GET`, `/api/v1/models`, …).
pub fn operations() -> Vec<(String, String, Value)> {
    let document = document();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("item") {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

#[test]
#[expect(clippy::disallowed_methods, reason = "`UPDATE=1` is for the person who runs the test")]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/plimsoll.yaml");
    let now = plimsoll::http::server::openapi().to_yaml().expect("yaml");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(&path, &now).expect("write");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == now,
        "openapi/plimsoll.yaml is not what the code says; look at the change and run: UPDATE=1 cargo test openapi"
    );
}

#[test]
fn every_operation_is_described() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(!id.is_empty(), "{name}: operationId");
        assert!(ids.insert(id.clone()), "{name}: the operationId {id} stands twice");
        assert!(operation["summary"].as_str().is_some_and(|s| s.ends_with('.')), "{name}: summary, a sentence");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}: one tag");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: what success is");
        for (status, response) in responses {
            let said = response["description"].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{name}: {status} needs a description");
            if status.starts_with('4') {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{name}: {status} has a problem as its body");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let said = parameter["description"].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{name}: the parameter {} needs a description", parameter["name"]);
        }
    }
}

#[test]
fn every_operation_says_who_may_call_it_and_what_it_refuses() {
    let document = document();
    assert_eq!(document["security"], serde_json::json!([{"bearer": []}]), "a token is the rule");
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        let responses = operation["responses"].as_object().expect("responses");
        let public = operation["security"] == serde_json::json!([{}]);
        let must: &[&str] = match method.as_str() {
            _ if public => &[],
            // Without a body there is nothing to get wrong but the name.
            "GET" | "DELETE" => &["401", "403"],
            _ if operation["requestBody"].is_null() => &["401", "403"],
            _ => &["400", "401", "403", "409", "413", "415", "422"],
        };
        let absent: Vec<_> = must.iter().filter(|status| !responses.contains_key(**status)).collect();
        assert!(absent.is_empty(), "{name} does not document {absent:?}");
        let named = path.contains('{') && method != "PUT";
        assert!(!named || responses.contains_key("404"), "{name} does not document 404");
        if operation["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == "If-Match") {
            assert!(responses.contains_key("412") && responses.contains_key("428"), "{name}: 412 and 428");
        }
        if let Some(created) = responses.get("201") {
            assert!(created["content"].is_object(), "{name}: 201 shows what was created");
        }
    }
}

#[test]
fn no_reference_in_the_document_leads_nowhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|v| references(v, found));
            }
            Value::Array(items) => items.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[actix_web::test]
async fn the_document_is_served_and_browsable_without_a_network() {
    let t = TestApp::start().await;
    let json = t.get("", "/openapi.json").await.expect(200).json();
    assert_eq!(json, document());
    let yaml = t.get("", "/openapi.yaml").await.expect(200);
    assert!(yaml.text().starts_with("openapi: 3.1"), "{}", &yaml.text()[..40]);
    let page = t.get("", "/docs/").await.expect(200).text();
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(!page.contains("https://"), "the page loads something from elsewhere: {page}");
}
