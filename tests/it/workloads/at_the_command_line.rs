//! The same with the client's program, as an administrator and in a job.

use super::{AUDIENCE, Ci};
use crate::commands::Client;
use serde_json::{Value, json};

#[actix_web::test]
async fn jobs_are_trusted_served_and_turned_away_at_the_command_line() {
    let ci = Ci::start().await;
    let admin = Client::of(&ci.t.url, &ci.admin);
    let maker = ci.t.user("ines", &["contributor"]).await;
    let model = json!({"name": "credit", "intended_use": "x", "risk_tier": "low"});
    ci.t.post(&maker, "/api/v1/models", model).await.expect(201);
    let mut words = vec!["workload", "trust", "narrow", "--issuer", &ci.issuer.url, "--audience", AUDIENCE];
    words.extend(["--claim", "repository=corp/credit", "--claim", "ref=refs/heads/*", "--account", "ci"]);
    words.extend(["--model", "credit", "--action", "look", "--minutes", "5"]);
    let said = admin.well(&words).await;
    assert!(said.contains("narrow") && said.contains("tokens of ci for 5 min"), "{said}");
    let listed = admin.well(&["workload", "list"]).await;
    let row = listed.lines().find(|line| line.contains("narrow")).expect("a row");
    assert!(row.contains("ref=refs/heads/*") && row.contains("look; on credit"), "{listed}");
    // In the job there is nothing but the token of its issuer.
    let job = Client::of(&ci.t.url, "");
    std::fs::write(job.folder.path().join("id-token.jwt"), ci.signed(json!({})) + "\n").expect("written");
    let get = ["workload", "token", "narrow", "--id-token", "id-token.jwt"];
    let token = job.well(&get).await;
    let who: Value = ci.t.get(token.trim(), "/api/v1/whoami").await.expect(200).json();
    assert_eq!((&who["name"], &who["scope"]["models"]), (&json!("ci"), &json!(["credit"])));
    let again = job.run(&get).await;
    assert!(again.code != Some(0) && again.err.contains("exchanged before"), "{}", again.err);
    let ended = admin.well(&["workload", "end", "narrow"]).await;
    assert!(ended.contains("get nothing any more"), "{ended}");
    ci.t.get(token.trim(), "/api/v1/whoami").await.expect(401);
    let twice = admin.run(&["workload", "end", "narrow"]).await;
    assert!(twice.code == Some(3) && twice.err.contains("plimsoll workload list"), "{}", twice.err);
    let limited = admin.run(&["token", "create", "x", "--account", "ci", "--days", "1", "--model", "nothing"]).await;
    assert!(limited.code != Some(0) && limited.err.contains("scope.models"), "{}", limited.err);
}
