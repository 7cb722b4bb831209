//! The pages in Chromium, as each role meets them: WCAG 2.2 AA by axe-core, the keyboard, 320 pixels, paper, both themes,
//! weight. `scripts/browser.sh` installs what looks at them; `tests/browser/look.mjs` says what is asked of each page.
//!
//! With `SCREENS=docs/screens` the pictures of the documentation are drawn on the way.

use crate::{
    pages::stage::{PASSWORD, Stage},
    story::text,
};
use plimsoll::{http::door::Needs, web::addresses::ADDRESSES};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
};
use tokio::{io::AsyncWriteExt, process::Command};

/// What there is to look at.
struct Shown {
    run: String,
    request: String,
    version: i64,
    finding: String,
    waiver: String,
    emergency: String,
    comparison: String,
    /// Nobody carries it out.
    queued: String,
    digest: String,
}

impl Shown {
    /// One version of the credit model is active, the next one waits, and beside it stands everything else that has a page.
    async fn set(stage: &Stage) -> Self {
        let policy = json!({"approvals": [{"role": "reviewer", "count": 1}], "request_expires_after_hours": 72,
            "evidence_maximum_age_days": 30, "break_glass": {"roles": ["environment_manager"], "second_person": true}});
        stage.app.put(&stage.tom, "/api/v1/environments/production/policy", "\"1\"", policy).await.expect(200);
        let first = stage.push("v1").await;
        stage.measure(first).await;
        let live = stage.ask(first).await;
        let mara = stage.sign_in("mara").await;
        let approve = [("decision_digest", text(&live["decision_digest"])), ("outcome", "approve".to_owned())];
        let approve: Vec<(&str, &str)> = approve.iter().map(|(name, value)| (*name, value.as_str())).collect();
        mara.send(&format!("/promotions/{}", text(&live["id"])), &approve).await.expect(303);
        let tom = stage.sign_in("tom").await;
        tom.send(&format!("/promotions/{}/activation", text(&live["id"])), &[]).await.expect(303);

        let version = stage.push("v2").await;
        let run = stage.measure(version).await;
        let request = text(&stage.ask(version).await["id"]);
        let finding =
            json!({"code": "leak", "severity": "low", "title": "A leak", "model": "credit-risk", "owner": "tom"});
        let finding = stage.app.post(&stage.ines, "/api/v1/findings", finding).await.expect(201).json();
        let asked = json!({"model": "credit-risk", "version": version.to_string(), "environment": "production",
            "against": "release"});
        let comparison = stage.app.post(&stage.ines, "/api/v1/comparisons", asked).await.expect(201).json();
        stage.app.work().await;
        let ines = stage.sign_in("ines").await;
        let number = version.to_string();
        let of_version = [("model", "credit-risk"), ("version", number.as_str()), ("environment", "production")];
        let waiver = [
            ("constraint", "auc"),
            ("reason", "The season ends."),
            ("compensating_control", "A person looks at each."),
            ("until", "2026-01-12"),
        ];
        let waiver = ines.send("/waivers", &[&of_version[..], &waiver[..]].concat()).await.expect(303);
        let emergency = [("hours", "4"), ("justification", "The live version answers nobody.")];
        let emergency = tom.send("/break-glass", &[&of_version[..], &emergency[..]].concat()).await.expect(303);
        let again = json!({"model": "credit-risk", "version": number, "environment": "production"});
        let queued = stage.app.post(&stage.ines, "/api/v1/runs", again).await.expect(201).json();
        let sealed = stage.app.get(&stage.ines, &format!("/api/v1/models/credit-risk/versions/{version}")).await;
        for (name, role) in [("nora", "risk_officer"), ("lars", "compliance_officer")] {
            stage.app.user(name, &[role]).await;
        }
        mara.send("/delegations", &[("to", "rui"), ("until", "2026-01-09")]).await.expect(303);
        Self {
            run,
            request,
            version,
            finding: text(&finding["id"]),
            waiver: waiver.header("location").to_owned(),
            emergency: emergency.header("location").to_owned(),
            comparison: text(&comparison["id"]),
            queued: text(&queued["id"]),
            digest: text(&sealed.expect(200).json()["digest"]),
        }
    }

    /// Who looks at what. Pages that look the same to several roles are looked at once.
    fn people(&self) -> Value {
        let visit = |path: &str| json!({"path": path});
        let drawn = |path: &str, picture: &str| json!({"path": path, "picture": picture});
        let missing = |path: &str, status: u16| json!({"path": path, "status": status});
        let (version, request) =
            (format!("/models/credit-risk/versions/{}", self.version), format!("/promotions/{}", self.request));
        let nobody = vec![drawn("/login", "sign-in"), visit("/reset"), visit("/first"), missing("/nothing/here", 404)];
        let viewer = vec![
            drawn("/", "overview"),
            visit("/models"),
            visit("/models?search=credit"),
            visit(&format!("/models?search={}", &self.digest[..20])),
            missing("/models?search=sha256:no", 422),
            visit("/models/credit-risk"),
            drawn(&version, "version"),
            visit(&format!("{version}/graph")),
            visit(&format!("{version}/contents/model.onnx")),
            drawn(&format!("{version}/compare"), "versions-compared"),
            visit(&format!("{version}/coverage")),
            drawn(&format!("/runs/{}", self.run), "run"),
            visit(&format!("/runs/{}", self.queued)),
            visit("/environments"),
            visit("/environments/production"),
            visit("/environments/production/policy/revisions"),
            visit("/environments/production/policy/revisions/2"),
            visit("/promotions"),
            visit(&request),
            visit("/frameworks"),
            visit("/frameworks/nyc-ll144/1"),
            visit("/findings"),
            visit(&format!("/findings/{}", self.finding)),
            visit("/waivers"),
            visit(&self.waiver),
            visit("/break-glass"),
            visit(&self.emergency),
            visit("/comparisons"),
            drawn(&format!("/comparisons/{}", self.comparison), "comparison"),
            visit("/members"),
            visit("/members/mara"),
            visit("/tokens"),
            visit("/trust-keys"),
            visit("/workers"),
            visit("/account"),
            json!({"steps": [["open", "", "/account"], ["unfold", "#factor summary"], ["click", "#factor form button"]]}),
            missing("/models/none", 404),
            missing("/audit", 403),
        ];
        let contributor = vec![
            visit("/models"),
            visit("/models/credit-risk"),
            visit(&version),
            visit("/findings"),
            visit("/waivers"),
        ];
        let reviewer = vec![
            drawn(&request, "decision"),
            // Left empty, a form comes back with what is wrong.
            json!({"steps": [["open", "", format!("{request}#decision")], ["check", "#reject"],
                ["click", "fieldset button"]]}),
            json!({"steps": [["open", "", format!("{request}#decision")], ["check", "#approve"],
                ["fill", "#reason", "It holds its limits, and the groups are alike."], ["click", "fieldset button"]],
                "picture": "check-and-sign"}),
            json!({"steps": [["fill", "#confirm_password", PASSWORD], ["click", "form.last button"]], "picture": "receipt"}),
            visit("/delegations"),
            visit(&format!("/findings/{}", self.finding)),
        ];
        let manager = vec![
            drawn("/environments/production", "environment"),
            visit(&request),
            visit("/break-glass"),
            visit(&self.emergency),
        ];
        let auditor = vec![
            drawn("/audit", "audit"),
            visit("/audit?action=promotion.&order=oldest"),
            missing("/audit?since=yesterday-or-so", 422),
            visit("/audit/records/0"),
            visit("/audit/security"),
            visit("/audit/as-of"),
            drawn("/audit/as-of?at=2026-01-02", "as-of"),
            missing("/audit/as-of?at=tomorrow", 422),
            visit(&format!("{version}/dossier")),
        ];
        let administrator = vec![
            visit("/"),
            visit("/account"),
            visit(&self.waiver),
            drawn("/members", "members"),
            visit("/members/mara"),
            json!({"steps": [["open", "", "/members"], ["unfold", "#make summary"], ["fill", "#make-name", "nils"],
                ["click", "#make form button"]]}),
            json!({"steps": [["check", "#make-viewer"], ["click", "#make form button"]]}),
            visit("/tokens"),
            json!({"steps": [["unfold", "#make summary"], ["fill", "#make-name", "deploys"],
                ["click", "#make form button"]]}),
            drawn("/trust-keys", "trusted-keys"),
            visit("/workers"),
            visit("/audit/security"),
        ];
        let officer = vec![visit("/promotions"), visit(&request)];
        json!([
            {"name": "", "visits": nobody},
            {"name": "vera", "visits": viewer},
            {"name": "ines", "visits": contributor},
            {"name": "mara", "visits": reviewer},
            {"name": "tom", "visits": manager},
            {"name": "ada", "visits": auditor},
            {"name": "olga", "visits": administrator},
            {"name": "nora", "visits": officer},
            {"name": "lars", "visits": []},
        ])
    }
}

impl Shown {
    /// Every address of a page, for whoever signs in: those that the service has, with what stands in them here.
    fn everywhere(&self) -> Vec<String> {
        // What is no page, but bytes.
        let is_page = |path: &str| {
            !["dossier.zip", "bom.cdx.json", "/statement", "/leaf", "/proof"].iter().any(|end| path.ends_with(end))
        };
        let version = self.version.to_string();
        let named = [
            ("{member}", "mara"),
            ("{model}", "credit-risk"),
            ("{version}", &version),
            ("{environment}", "production"),
            ("{document}", "constraints"),
            ("{framework}", "nyc-ll144"),
            ("{revision}", "1"),
            ("{index}", "0"),
            ("{path}", "model.onnx"),
            ("{run}", &self.run),
            ("{comparison}", &self.comparison),
            ("{promotion}", &self.request),
            ("{finding}", &self.finding),
            ("/waivers/{waiver}", &self.waiver),
            ("/break-glass/{break_glass}", &self.emergency),
        ];
        let pages = ADDRESSES.iter().filter(|(method, path, needs)| {
            // Of a request that was decided alone.
            *method == "GET" && *needs != Needs::Nothing && is_page(path) && !path.ends_with("/receipt")
        });
        let filled =
            pages.map(|(_, path, _)| named.iter().fold((*path).to_owned(), |path, (from, to)| path.replace(from, to)));
        let also = [
            format!("/runs/{}", self.queued),
            format!("/lineage?digest={}", self.digest),
            "/audit/as-of?at=2026-01-02".to_owned(),
        ];
        let all: Vec<_> = filled.chain(also).collect();
        assert!(all.iter().all(|address| !address.contains('{')), "{all:?}");
        all
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Chromium and the packages that drive it.
fn chromium() -> String {
    let mut script = Program::new(root().join("scripts/browser.sh"));
    let said = script.stderr(Stdio::inherit()).output().expect("scripts/browser.sh");
    assert!(said.status.success(), "a browser is needed: run scripts/browser.sh");
    String::from_utf8(said.stdout).expect("text").trim().to_owned()
}

async fn look(plan: &Value) -> Value {
    let mut program = Command::new("node");
    program.arg(root().join("tests/browser/look.mjs")).kill_on_drop(true);
    let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut running = piped.spawn().expect("node");
    let mut stdin = running.stdin.take().expect("a pipe");
    stdin.write_all(plan.to_string().as_bytes()).await.expect("written");
    drop(stdin);
    let said = running.wait_with_output().await.expect("an end");
    assert!(said.status.success(), "the browser ended with {}", said.status);
    serde_json::from_slice(&said.stdout).expect("JSON")
}

#[actix_web::test]
#[expect(clippy::disallowed_methods, reason = "where pictures go is whoever runs it to say")]
async fn every_page_is_sound_in_a_browser_for_every_role() {
    let chromium = chromium();
    let pictures = std::env::var("SCREENS").ok().map(|folder| root().join(folder));
    let stage = match &pictures {
        Some(_) => Stage::set_with("Scores applications for small loans; a clerk decides.").await,
        None => Stage::set().await,
    };
    let shown = Shown::set(&stage).await;
    let plan = json!({"base": stage.app.url, "password": PASSWORD, "chromium": chromium,
        "modules": root().join(".cache/browser"), "people": shown.people(), "everywhere": shown.everywhere(), "pictures": pictures});
    let seen = look(&plan).await;
    let faults: Vec<&str> = seen["faults"].as_array().expect("faults").iter().filter_map(Value::as_str).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let at_least = |what: &str, least: u64| assert!(least <= seen[what].as_u64().unwrap_or_default(), "{what}: {seen}");
    at_least("pages", 70);
    at_least("reached", 8 * 30);
}
