//! What a security review asks, item by item: the number of a test is that of the requirement in OWASP
//! ASVS 5.0. `docs/security/asvs.md` names the test, or the reason why there is none, for each.

mod at_the_command_line;
mod beginning;
mod commit;
pub mod factor;
pub mod failures;
mod headers;
mod last_ones;
mod limits;
mod passwords;
mod races;
mod security_feed;
mod sessions;
mod single_sign_on;
mod transport;

use crate::harness::{Reply, TestApp};
use serde_json::json;

pub const PASSWORD: &str = "a password of some length";

pub async fn sign_in(t: &TestApp, name: &str, password: &str) -> Reply {
    t.post("", "/api/v1/sessions", json!({"name": name, "password": password})).await
}

/// The token of a new session.
pub async fn session(t: &TestApp, name: &str) -> String {
    sign_in(t, name, PASSWORD).await.expect(201).json()["token"].as_str().expect("token").to_owned()
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    let mut folders = vec![root.join("tests/it"), root.join("src"), root.join("formats")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            match path.extension() {
                Some(end) if end == "rs" => code.push_str(&std::fs::read_to_string(path).expect("text")),
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    let table = std::fs::read_to_string(root.join("docs/security/asvs.md")).expect("the table");
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|l| l.starts_with("| ")).map(|l| l.split(" | ").collect()).collect();
    let items: Vec<_> = rows.iter().filter(|row| row[0].trim_start_matches("| ").parse::<u32>().is_ok()).collect();
    assert_eq!(items.len(), 66);
    for row in items {
        let tests: Vec<_> = row[5].split('`').filter(|name| name.contains('_')).collect();
        assert_eq!(tests.is_empty(), !row[3].starts_with("met"), "{}: what is met has a test", row[0]);
        for name in tests {
            assert!(code.contains(&format!("fn {name}(")), "{}: no test is called {name}", row[0]);
        }
    }
}
