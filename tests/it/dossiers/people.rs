//! Statements can't be changed later, so they name nobody.

use super::{dossier, page, released, unpack};
use crate::story::{MODEL, text};
use plimsoll::crypto::{bundle, keys::RegistryVerifyingKey};

#[actix_web::test]
async fn statements_of_the_registry_name_people_by_the_id_of_their_account() {
    let story = released().await;
    let accounts = story.app.get(&story.olga, "/api/v1/accounts").await.expect(200).json();
    let id = |name: &str| {
        let account = accounts["items"].as_array().expect("items").iter().find(|account| account["name"] == name);
        text(&account.expect(name)["id"])
    };
    let pem = story.app.get("", "/api/v1/registry").await.expect(200).json();
    let key = RegistryVerifyingKey::from_pem(&text(&pem["public_key_pem"])).expect("key");
    let entries = unpack(&dossier(&story, &format!("profile=model-card&model={MODEL}")).await);
    for (folder, field, who) in [("approvals/", "decided_by", "mara"), ("releases/", "activated_by", "tom")] {
        let name = entries.keys().find(|name| name.starts_with(folder)).expect(folder);
        let statement = bundle::verify_registry_statement(page(&entries, name).as_bytes(), &key).expect("signature");
        assert_eq!(statement.predicate[field], id(who), "{name}");
        let said = statement.predicate.to_string();
        assert!(!said.contains(&format!("\"{who}\"")), "{said}");
        // The document still says who it was, as long as the account has a name.
        assert!(page(&entries, "dossier.json").contains(&format!("\"{who}\"")));
    }
}
