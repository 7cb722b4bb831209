//! Chapters 6.3.2 and 8.2: the first administrator is one, and no workspace is ever without its last.

use super::PASSWORD;
use crate::harness::{TestApp, commit_unlogged, reply};
use plimsoll::{
    accounts::founding::ops,
    core::ids::{AccountId, MembershipId, WorkspaceId},
    db::entity::{account, membership, workspace},
};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, Set, TransactionTrait};
use serde_json::json;
use std::time::Duration;

/// Makes somebody an administrator, past the service.
async fn make_admin(tx: &DatabaseTransaction, workspace: WorkspaceId, account: AccountId) {
    let row = membership::ActiveModel {
        id: Set(MembershipId::generate()),
        workspace_id: Set(workspace),
        account_id: Set(account),
        role: Set("admin".to_owned()),
        origin: Set(None),
        reach: Set(None),
        custom_id: Set(None),
    };
    membership::Entity::insert(row).exec_without_returning(tx).await.expect("membership");
}

#[actix_web::test]
async fn v8_2_1_nobody_is_deactivated_who_is_the_last_administrator_of_another_workspace() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    t.user("otto", &["viewer"]).await;
    let db = t.app.db.raw_for_tests();
    let otto = account::Entity::find().filter(account::COLUMN.name.eq("otto")).one(db).await.expect("read");
    let elsewhere = WorkspaceId::generate();
    let tx = db.begin().await.expect("begin");
    let row = workspace::ActiveModel {
        id: Set(elsewhere),
        name: Set("elsewhere".to_owned()),
        created_at: Set(t.app.db.clock().now()),
        quota_bytes: Set(None),
        kept_bytes: Set(0),
    };
    workspace::Entity::insert(row).exec_without_returning(&tx).await.expect("workspace");
    make_admin(&tx, elsewhere, otto.expect("otto").id).await;
    commit_unlogged(tx).await;
    let end = || reply(t.request(&olga, "DELETE", "/api/v1/accounts/otto"));
    let refused = end().await.expect(409);
    assert_eq!(refused.code(), "last_admin");
    assert!(
        refused.text().contains("another workspace") && !refused.text().contains("elsewhere"),
        "{}",
        refused.text()
    );
    // With another one there, nothing stands in the way.
    let olga_id = account::Entity::find().filter(account::COLUMN.name.eq("olga")).one(db).await.expect("read");
    let tx = db.begin().await.expect("begin");
    make_admin(&tx, elsewhere, olga_id.expect("olga").id).await;
    commit_unlogged(tx).await;
    end().await.expect(200);
}

#[actix_web::test]
async fn v6_3_2_an_account_that_is_being_made_is_waited_for_by_who_has_the_code() {
    let t = TestApp::start().await;
    let code = ops::first_code(&t.app).await.expect("asked").expect("a code").secret;
    let home = t.console().await.workspace;
    // Somebody with the machine makes one, and has not come to the end.
    let tx = t.app.db.raw_for_tests().begin().await.expect("begin");
    let id = AccountId::generate();
    let row = account::ActiveModel {
        id: Set(id),
        name: Set("ada".to_owned()),
        display_name: Set(String::new()),
        kind: Set("user".to_owned()),
        password_hash: Set(None),
        state: Set("active".to_owned()),
        owner_id: Set(None),
        created_at: Set(t.app.db.clock().now()),
        issuer: Set(None),
        subject: Set(None),
        home_id: Set(Some(home)),
    };
    account::Entity::insert(row).exec_without_returning(&tx).await.expect("account");
    make_admin(&tx, home, id).await;
    let found =
        async { t.post("", "/api/v1/first-account", json!({"code": code, "name": "eve", "password": PASSWORD})).await };
    let made = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        commit_unlogged(tx).await;
    };
    let (answer, ()) = tokio::join!(found, made);
    assert_eq!(answer.expect(409).code(), "has_accounts");
}
