//! What somebody answers for: what policies ask of it, how it lapses, and who keeps it.

use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, checks, policy, text},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use plimsoll::sweeps;
use serde_json::{Value, json};

const CALLERS: usize = 32;

/// One good body of each kind.
fn bodies() -> Vec<(&'static str, Value)> {
    let digest = format!("sha256:{}", "0".repeat(64));
    vec![
        ("kpi", json!({"metric": "late orders", "unit": "%", "target": 2.5, "due": "2026-12-31", "source": "report"})),
        ("assumption", json!({"statement": "Incomes are before tax.", "state": "holds", "check": "Compare a sample."})),
        ("degradation", json!({"triggers": ["no answer for 2 s"], "response": "human_review"})),
        ("runbook", json!({"url": "https://wiki.example/night", "sha256": digest})),
        ("sla", json!({"availability_percent": 99.9, "response_time_p95_ms": 200.0})),
        ("escalation", json!({"steps": [{"after_minutes": 0, "contact": "on call"}]})),
        ("integration_map", json!({"upstream": ["ledger"], "downstream": ["desk"], "interfaces": []})),
    ]
}

fn body(kind: &str) -> Value {
    bodies().into_iter().find(|(known, _)| *known == kind).expect("a kind").1
}

/// Of the model unless another place is given.
const OF_MODEL: &str = "models/scorer/records";
const OF_ENVIRONMENT: &str = "environments/production/records";

struct Kept {
    story: Story,
}

impl Kept {
    async fn begin() -> Self {
        Self { story: Story::measured().await }
    }

    /// A policy that asks for records.
    async fn asking(evidence: Value) -> Self {
        let kept = Self::begin().await;
        kept.ask_for(evidence).await;
        kept
    }

    async fn ask_for(&self, evidence: Value) {
        let mut asking = policy(1);
        asking["evidence"] = evidence;
        self.story.revise(ENVIRONMENT, "policy", asking).await;
    }

    async fn put(&self, token: &str, place: &str, name: &str, etag: u32, record: Value) -> Reply {
        let path = format!("/api/v1/{place}/{name}");
        self.story.app.put(token, &path, &format!("\"{etag}\""), record).await
    }

    /// A record of the model that olga owns, to be reviewed in 30 days.
    async fn keep(&self, kind: &str, name: &str, etag: u32) -> Value {
        self.put(&self.story.ines, OF_MODEL, &format!("{kind}/{name}"), etag, owned("olga", body(kind)))
            .await
            .expect(200)
            .json()
    }

    async fn review(&self, token: &str, name: &str, etag: u32, by: &str) -> Reply {
        let path = format!("/api/v1/{OF_MODEL}/{name}/review");
        let request = self.story.app.request(token, "POST", &path).header("if-match", format!("\"{etag}\""));
        crate::harness::reply(request.json(&json!({"review_by": by}))).await
    }

    async fn find(&self, name: &str) -> Value {
        self.story.app.get(&self.story.mara, &format!("/api/v1/{OF_MODEL}/{name}")).await.expect(200).json()
    }

    /// The codes of what stops a new request.
    async fn stopped_by(&self) -> Vec<String> {
        let request = self.story.request(MODEL, "1", ENVIRONMENT).await;
        if request["state"] == "awaiting_approval" {
            self.story.withdraw(&self.story.ines, &request).await.expect(200);
        }
        checks(&request)
    }

    /// Findings of a code that stand.
    async fn findings(&self, code: &str) -> Vec<Value> {
        let all = self.story.app.get(&self.story.mara, "/api/v1/findings?standing=true&limit=200").await.expect(200);
        let all = all.json()["items"].as_array().expect("items").clone();
        all.into_iter().filter(|finding| finding["code"] == code).collect()
    }

    async fn sweep(&self) {
        sweeps::run(&self.story.app.app).await.expect("swept");
    }

    fn pass(&self, days: i64) {
        self.story.app.app.db.clock().advance(TimeDelta::days(days));
    }

    async fn deactivate(&self, name: &str) {
        let path = format!("/api/v1/accounts/{name}");
        let request = self.story.app.request(&self.story.olga, "DELETE", &path);
        crate::harness::reply(request).await.expect(200);
    }
}

fn owned(owner: &str, body: Value) -> Value {
    // The story begins on 2 January 2026.
    json!({"owner": owner, "review_by": "2026-02-01", "body": body})
}

#[actix_web::test]
async fn each_kind_that_a_policy_asks_for_has_to_be_there() {
    for (kind, _) in bodies() {
        let source = if kind == "kpi" { json!("record") } else { json!(null) };
        let mut ask = json!({"kind": kind, "source": source});
        if source.is_null() {
            ask.as_object_mut().expect("an object").remove("source");
        }
        let kept = Kept::asking(json!([ask])).await;
        assert_eq!(kept.stopped_by().await, ["record_missing"], "{kind}");
        let record = kept.keep(kind, "one", 0).await;
        assert_eq!((&record["kind"], &record["revision"], &record["owner"]), (&json!(kind), &json!(1), &json!("olga")));
        assert!(kept.stopped_by().await.is_empty(), "{kind}");
        let request = kept.story.request(MODEL, "1", ENVIRONMENT).await;
        assert_eq!(request["decision"]["records"], json!([record["digest"]]), "{kind}");
    }
}

#[actix_web::test]
async fn a_record_of_the_environment_or_of_the_model_in_it_counts_and_of_another_place_does_not() {
    let kept = Kept::asking(json!([{"kind": "runbook", "name": "night"}])).await;
    let (story, night) = (&kept.story, "runbook/night");
    story.environment("lab", crate::story::spec(), policy(1)).await;
    story.model("other").await;
    for (token, place, name, counts) in [
        (&story.ines, "models/other/records", night, false),
        (&story.tom, "environments/lab/records", night, false),
        (&story.ines, OF_MODEL, "runbook/night?environment=lab", false),
        (&story.ines, OF_MODEL, "runbook/day", false),
        (&story.ines, OF_MODEL, "runbook/night?environment=production", true),
        (&story.tom, OF_ENVIRONMENT, night, true),
    ] {
        kept.put(token, place, name, 0, owned("olga", body("runbook"))).await.expect(200);
        assert_eq!(kept.stopped_by().await.is_empty(), counts, "{place}/{name}");
    }
    let listed = |path: String| async move {
        let page = story.app.get(&story.mara, &path).await.expect(200).json();
        page["items"].as_array().expect("items").len()
    };
    assert_eq!(listed(format!("/api/v1/{OF_MODEL}")).await, 3);
    assert_eq!(listed(format!("/api/v1/{OF_MODEL}?environment=production")).await, 1);
    assert_eq!(listed(format!("/api/v1/{OF_ENVIRONMENT}?kind=runbook")).await, 2);
    assert_eq!(listed(format!("/api/v1/{OF_ENVIRONMENT}?kind=sla")).await, 0);
}

#[actix_web::test]
async fn a_lapse_stops_at_once_and_opens_one_finding_that_a_review_closes() {
    let kept = Kept::asking(json!([{"kind": "runbook"}])).await;
    kept.keep("runbook", "night", 0).await;
    assert!(kept.stopped_by().await.is_empty());
    kept.pass(31);
    let version = kept.story.measured_version(2).await;
    let failed = checks(&kept.story.request(MODEL, &version, ENVIRONMENT).await);
    assert_eq!(failed, ["record_lapsed"], "the clock alone decides");
    assert!(kept.findings("record_lapsed").await.is_empty());
    for _ in 0..3 {
        kept.sweep().await;
    }
    let findings = kept.findings("record_lapsed").await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((&findings[0]["owner"], &findings[0]["model"]), (&json!("olga"), &json!(MODEL)));
    let lapses = kept.story.leaves("record.lapse").await;
    assert_eq!((lapses.len(), &lapses[0]["actor"]["kind"]), (1, &json!("system")));
    assert_eq!(kept.story.leaves("finding.open").await[0]["at"], lapses[0]["at"]);
    assert_eq!(kept.find("runbook/night").await["lapsed"], true);

    kept.review(&kept.story.olga, "runbook/night", 1, "2026-06-30").await.expect(200);
    assert!(kept.findings("record_lapsed").await.is_empty());
    let (closed, cause) = (kept.story.leaves("finding.close").await, kept.story.leaves("record.review").await);
    assert_eq!((closed.len(), &closed[0]["at"], &closed[0]["actor"]), (1, &cause[0]["at"], &cause[0]["actor"]));
    assert!(checks(&kept.story.request(MODEL, &version, ENVIRONMENT).await).is_empty());
    // It can lapse again, and is a finding again.
    kept.pass(180);
    kept.sweep().await;
    assert_eq!(kept.findings("record_lapsed").await.len(), 1);
}

#[actix_web::test]
async fn who_leaves_leaves_findings_in_the_same_transaction() {
    let kept = Kept::asking(json!([{"kind": "runbook"}])).await;
    let story = &kept.story;
    story.app.user("otto", &["viewer"]).await;
    let owners = json!({"owners": {"operations": "otto", "business": "otto", "development": "ines"}});
    let patch = |etag: &'static str, owners: Value| async move {
        let request = story.app.request(&story.ines, "PATCH", "/api/v1/models/scorer").header("if-match", etag);
        crate::harness::reply(request.json(&owners)).await.expect(200)
    };
    patch("\"1\"", owners).await;
    kept.put(&story.ines, OF_MODEL, "runbook/night", 0, owned("otto", body("runbook"))).await.expect(200);
    let approved = story.approved("1").await;
    kept.deactivate("otto").await;
    let findings = kept.findings("owner_vacant").await;
    assert_eq!(findings.len(), 3, "two accountabilities and a record: {findings:#?}");
    assert!(findings.iter().all(|finding| finding["owner"] == "ines"), "{findings:#?}");
    let (opened, cause) = (story.leaves("finding.open").await, story.leaves("account.deactivate").await);
    assert!(opened.iter().all(|leaf| leaf["at"] == cause[0]["at"] && leaf["actor"] == cause[0]["actor"]));
    assert_eq!(story.look(&approved).await["state"], "invalidated");
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&request), ["owner_vacant"]);
    assert_eq!(request["failed_checks"][0]["owner"], "otto");

    // Whoever takes over closes what they take over.
    patch("\"2\"", json!({"owners": {"operations": "tom", "development": "ines"}})).await;
    let left: Vec<_> = kept.findings("owner_vacant").await.iter().map(|finding| text(&finding["title"])).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    kept.put(&story.ines, OF_MODEL, "runbook/night", 1, owned("tom", body("runbook"))).await.expect(200);
    let left: Vec<_> = kept.findings("owner_vacant").await.iter().map(|finding| text(&finding["title"])).collect();
    assert_eq!(left, ["Nobody answers for business of the model any more."]);
    assert!(kept.stopped_by().await.is_empty());
}

#[actix_web::test]
async fn an_owner_who_is_taken_off_a_model_leaves_a_finding() {
    let kept = Kept::begin().await;
    let story = &kept.story;
    for (etag, owners, vacant) in [
        ("\"1\"", json!({"business": "tom", "data": "tom"}), 0),
        ("\"2\"", json!({"business": "tom"}), 1),
        ("\"3\"", json!({}), 2),
        ("\"4\"", json!({"business": "mara", "data": "mara"}), 0),
    ] {
        let request = story.app.request(&story.ines, "PATCH", "/api/v1/models/scorer").header("if-match", etag);
        crate::harness::reply(request.json(&json!({"owners": owners}))).await.expect(200);
        assert_eq!(kept.findings("owner_vacant").await.len(), vacant, "{owners}");
    }
}

#[actix_web::test]
async fn a_changed_record_ends_an_open_request_and_a_review_does_not() {
    let kept = Kept::asking(json!([{"kind": "sla"}])).await;
    let story = &kept.story;
    let first = kept.keep("sla", "branches", 0).await;
    let approved = story.approved("1").await;
    let reviewed = kept.review(&story.olga, "sla/branches", 1, "2026-03-01").await.expect(200).json();
    assert_eq!((&reviewed["digest"], &reviewed["revision"]), (&first["digest"], &json!(2)));
    assert_eq!(story.look(&approved).await["state"], "approved");
    // One that the policy does not ask for.
    kept.keep("runbook", "night", 0).await;
    assert_eq!(story.look(&approved).await["state"], "approved");
    let changed = owned("olga", json!({"availability_percent": 99.0}));
    let changed = kept.put(&story.ines, OF_MODEL, "sla/branches", 2, changed).await.expect(200).json();
    assert_ne!(changed["digest"], first["digest"]);
    let now = story.look(&approved).await;
    assert_eq!(now["state"], "invalidated", "{now:#}");
    let (effect, cause) = (story.leaves("promotion.invalidate").await, story.leaves("record.put").await);
    assert_eq!((&effect[0]["at"], &effect[0]["actor"]), (&cause[2]["at"], &cause[2]["actor"]));
    assert_eq!(story.activate(&approved).await.status, 409);
    let history = kept.find("sla/branches").await;
    let digests: Vec<_> =
        history["revisions"].as_array().expect("revisions").iter().map(|r| r["digest"].clone()).collect();
    assert_eq!(digests, [changed["digest"].clone(), first["digest"].clone(), first["digest"].clone()]);
}

#[actix_web::test]
async fn a_violated_assumption_stops_promotions_whether_asked_for_or_not() {
    for asks in [json!([]), json!([{"kind": "assumption"}])] {
        let kept = Kept::asking(asks.clone()).await;
        kept.keep("assumption", "income", 0).await;
        let approved = kept.story.approved("1").await;
        let mut violated = body("assumption");
        violated["state"] = "violated".into();
        kept.put(&kept.story.ines, OF_MODEL, "assumption/income", 1, owned("tom", violated)).await.expect(200);
        assert_eq!(kept.story.look(&approved).await["state"], "invalidated", "{asks}");
        let request = kept.story.request(MODEL, "1", ENVIRONMENT).await;
        let failed = request["failed_checks"].as_array().expect("checks");
        assert_eq!(
            (&failed[0]["check"], &failed[0]["owner"]),
            (&json!("assumption_violated"), &json!("tom")),
            "{asks}"
        );
        kept.keep("assumption", "income", 2).await;
        assert!(kept.stopped_by().await.is_empty(), "{asks}");
    }
}

#[actix_web::test]
async fn of_many_who_write_one_record_exactly_one_wins() {
    let kept = Kept::begin().await;
    let story = &kept.story;
    for (etag, revision) in [(0, 1), (1, 2)] {
        let record = |i: usize| owned("olga", json!({"support": format!("in week {i} of revision {revision}")}));
        let answers =
            join_all((0..CALLERS).map(|i| kept.put(&story.ines, OF_MODEL, "sla/race", etag, record(i)))).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let stale = answers.iter().filter(|answer| answer.status == 412).count();
        assert_eq!((won, stale), (1, CALLERS - 1), "{:?}", answers.iter().map(Reply::text).collect::<Vec<_>>());
        let now = kept.find("sla/race").await;
        assert_eq!(now["revision"], revision);
        let winner = answers.iter().find(|answer| answer.status == 200).expect("one").json();
        assert_eq!(now["digest"], winner["digest"]);
    }
    assert_eq!(story.leaves("record.put").await.len(), 2);
}

#[actix_web::test]
async fn a_revision_names_what_was_seen_and_a_review_too() {
    let kept = Kept::begin().await;
    let story = &kept.story;
    let path = format!("/api/v1/{OF_MODEL}/runbook/night");
    let blind = story.app.request(&story.ines, "PUT", &path).json(&owned("olga", body("runbook")));
    assert_eq!(crate::harness::reply(blind).await.status, 428);
    let first = kept.keep("runbook", "night", 0).await;
    let same = kept.keep("runbook", "night", 1).await;
    assert_eq!((&same["revision"], story.leaves("record.put").await.len()), (&first["revision"], 1), "nothing changed");
    // Who writes does not say for the owner that it still holds.
    let mut later = owned("olga", body("runbook"));
    later["review_by"] = "2026-09-01".into();
    let answer = kept.put(&story.ines, OF_MODEL, "runbook/night", 1, later).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "only_the_review"));
    let blind =
        story.app.request(&story.olga, "POST", &format!("{path}/review")).json(&json!({"review_by": "2026-03-01"}));
    assert_eq!(crate::harness::reply(blind).await.status, 428);
    for (token, etag, by, status) in [
        (&story.ines, 1, "2026-03-01", 403),
        (&story.robot, 1, "2026-03-01", 403),
        (&story.olga, 2, "2026-03-01", 412),
        (&story.olga, 1, "2026-01-01", 422),
        (&story.olga, 1, "2027-02-01", 422),
        (&story.olga, 1, "soon", 422),
        (&story.olga, 1, "2026-03-01", 200),
        (&story.olga, 1, "2026-04-01", 412),
    ] {
        let answer = kept.review(token, "runbook/night", etag, by).await;
        assert_eq!(answer.status, status, "{etag} {by}: {}", answer.text());
    }
    assert_eq!(kept.review(&story.olga, "runbook/dusk", 1, "2026-03-01").await.status, 404);
}

#[actix_web::test]
async fn a_record_says_what_is_wrong_with_it() {
    let kept = Kept::begin().await;
    let story = &kept.story;
    let with = |field: &str, value: Value| {
        let mut record = owned("olga", body("runbook"));
        record[field] = value;
        record
    };
    for (name, record, status, field) in [
        ("runbook/Night", owned("olga", body("runbook")), 422, "name"),
        ("runbook/night", with("owner", json!("nobody")), 422, "owner"),
        ("runbook/night", with("owner", json!("pipeline")), 422, "owner"),
        ("runbook/night", with("review_by", json!("2025-12-31")), 422, "review_by"),
        ("runbook/night", with("review_by", json!("2027-02-01")), 422, "review_by"),
        ("runbook/night", with("review_by", json!("soon")), 422, "review_by"),
        ("runbook/night", with("body", json!({"url": "ftp://x", "sha256": "sha256:0"})), 422, "body.url"),
        ("runbook/night", with("body", json!([])), 422, "body"),
        ("runbook/night", with("surprise", json!(1)), 400, ""),
        ("rumour/night", owned("olga", body("runbook")), 404, ""),
        ("runbook/night?environment=nowhere", owned("olga", body("runbook")), 404, ""),
    ] {
        let answer = kept.put(&story.ines, OF_MODEL, name, 0, record.clone()).await;
        assert_eq!(answer.status, status, "{name} {record}: {}", answer.text());
        if status == 422 {
            assert_eq!(answer.json()["errors"][0]["field"], field, "{record}");
        }
    }
    assert!(story.leaves("record.put").await.is_empty());
}

#[actix_web::test]
async fn who_wrote_a_record_that_counts_does_not_approve_what_rests_on_it() {
    let kept = Kept::asking(json!([{"kind": "runbook"}])).await;
    let story = &kept.story;
    crate::story::give_role(story, "mara", "contributor").await;
    kept.put(&story.mara, OF_MODEL, "runbook/night", 0, owned("mara", body("runbook"))).await.expect(200);
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    let refused = story.approve(&story.mara, &request).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    assert!(refused.text().contains("the author of a record"), "{}", refused.text());
    story.approve(&story.rui, &request).await.expect_success();
}
