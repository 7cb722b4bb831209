//! Malformed and hostile files: each gets the answer that its row asks for, and the service goes on.
//!
//! The files live outside of the repository, in `bad_models` of the folder of reference cases. Without it the test says so
//! and passes.

use crate::{
    story::{ENVIRONMENT, Files, MODEL, Story, cases_folder, policy, read, scorer, text},
    validation::others_are_served,
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// What some of the files would leave behind if anything ran them.
const MARKER: &str = "/tmp/plimsoll_PWNED_marker";
const LIMITS: [&str; 4] = ["--sandbox-seconds", "6", "--sandbox-memory-mib", "1024"];

/// What became of a file.
#[derive(Debug)]
enum Answer {
    /// Refused when it was to be sealed or registered: status and text.
    Refused(u16, String),
    /// Registered; the run ended in this state, for this reason.
    Ran(String, String, String),
    /// Registered, and not a model that is run.
    Kept,
}

/// Enough to run what takes three numbers in a row, and a limit that a constant answer does not meet.
async fn stage() -> Story {
    let spec = json!({"datasets": {MODEL: "rows"}, "constraints": [
        {"name": "skill", "dimension": "quality", "metric": "balanced_accuracy", "operator": ">=", "limit": 0.6,
            "unit": "1", "minimum_samples": 4, "owner": "ines"},
        {"name": "mae", "dimension": "quality", "metric": "mae", "operator": "<=", "limit": 1000, "unit": "1",
            "minimum_samples": 4, "severity": "info", "owner": "ines"}]});
    let story = Story::begin_with(&LIMITS).await;
    story.model(MODEL).await;
    let csv = b"a,b,c,y\n0,0.25,0.5,0\n0.75,1,1.25,1\n1.5,1.75,2,0\n2.25,2.5,2.75,1\n";
    let description = json!({"label": "y", "positive_label": "1", "features": ["a", "b", "c"], "source": "made up"});
    story.dataset("rows", csv, &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    story
}

#[actix_web::test]
async fn every_bad_file_gets_its_answer_and_the_service_goes_on() {
    let Some(root) = cases_folder() else { return };
    let folder = root.join("bad_models");
    if !folder.is_dir() {
        eprintln!("skipped: there is no folder {}", folder.display());
        return;
    }
    let expected: Value = serde_json::from_slice(&read(&folder.join("expected.json"))).expect("JSON");
    let story = stage().await;
    let mut wrong = Vec::new();
    let rows = expected["files"].as_array().expect("rows");
    for row in rows {
        let path = folder.join(text(&row["file"]));
        let (answer, slowest) = futures_util::future::join(ask(&story, &path), others_are_served(&story)).await;
        assert!(slowest < Duration::from_secs(2), "{}: another request took {slowest:?}", path.display());
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let wanted = text(&row["must_answer"]);
        let mut right = false;
        for one in wanted.split('|') {
            right |= is(&story, one, &answer).await;
        }
        if !right {
            wrong.push(format!("{name}: {wanted} was wanted, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert!(!Path::new(MARKER).exists(), "something was run that must never be");
    // The next honest model is measured as if nothing had been.
    let honest = Story::stage().await;
    let version = honest.signed(MODEL, &scorer(1)).await;
    assert_eq!(honest.run(MODEL, &version, ENVIRONMENT).await["state"], "passed");
}

/// Pushes a file, seals it, and runs it if it is a model.
async fn ask(story: &Story, path: &Path) -> Answer {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let is_model = name.ends_with(".onnx");
    if name.ends_with(".csv") {
        let description = json!({"label": "y", "source": "made up"});
        let answer = story.dataset("bad-rows", &read(path), &description).await;
        return Answer::Refused(answer.status, answer.text());
    }
    let pushed = if is_model { "model.onnx".to_owned() } else { name };
    let files: Files = vec![(pushed, read(path))];
    let declared = story.declare(MODEL, &files).await;
    if declared.status != 201 {
        return Answer::Refused(declared.status, declared.text());
    }
    let version = declared.json()["number"].to_string();
    for (path, bytes) in &files {
        story.upload(&story.ines, MODEL, &version, path, bytes.clone()).await.expect(204);
    }
    let sealed = story.seal(MODEL, &version, json!({})).await;
    match sealed.status {
        200 if !is_model => return Answer::Kept,
        200 => {}
        status => return Answer::Refused(status, sealed.text()),
    }
    let run = story.run(MODEL, &version, ENVIRONMENT).await;
    let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if run["state"] != "passed" {
        assert_eq!(story.request(MODEL, &version, ENVIRONMENT).await["state"], "checks_failed", "{}", path.display());
    }
    Answer::Ran(text(&run["state"]), part(&run["reason"]["code"]), part(&run["reason"]["detail"]))
}

/// Whether an answer is what one word of a row asks for.
async fn is(story: &Story, wanted: &str, answer: &Answer) -> bool {
    match (wanted, answer) {
        ("REJECT_PARSE" | "REJECT_INVALID" | "REJECT_UNSUPPORTED", Answer::Refused(422, _)) => true,
        ("REJECT_UNSAFE", Answer::Refused(403, said)) => said.contains("unsafe_model") && is_in_the_log(story).await,
        ("LIMIT_MEMORY", Answer::Ran(_, code, detail)) => {
            code == "memory_limit" && detail.contains("MiB of address space were allowed, it reached ")
        }
        ("LIMIT_TIME", Answer::Ran(state, code, _)) => state == "timed_out" && code == "time_limit",
        // For what it answers, or for a limit that it does not meet; not because nobody could look.
        ("FAIL_VALIDATION", Answer::Ran(state, code, _)) => {
            state == "failed" && matches!(code.as_str(), "invalid_output" | "non_deterministic" | "")
        }
        ("RUN_ERROR", Answer::Ran(state, code, detail)) => {
            state == "failed" && matches!(code.as_str(), "runtime_error" | "unsupported_model") && !detail.is_empty()
        }
        ("ACCEPT", Answer::Ran(state, code, _)) => state != "errored" && code != "crashed",
        _ => false,
    }
}

/// Whether the newest refused seal is in the log.
async fn is_in_the_log(story: &Story) -> bool {
    let leaves = story.leaves("version.seal").await;
    leaves.first().is_some_and(|leaf| leaf.to_string().contains("unsafe_model"))
}
