//! Dossiers: a package that says what was on record at one moment, and that nobody can alter.

mod altered;
mod command;
mod moments;
mod oversight;
mod packages;
mod pdf;
mod people;

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, fixture, policy, read, reported, scan, spec, text},
};
use chrono::TimeDelta;
use plimsoll::dossiers::archive::Entries;
use serde_json::{Value, json};
use std::io::{Cursor, Read};

/// Markup of HTML, of XML and of the PDF's template, and letters that no font here has.
pub const TITLE: &str = r#"<b>Scorer</b> & "co" #panic("x") *_$ @here `raw` // 中文"#;
const PROFILES: [&str; 7] = ["eu-ai-act", "sr-26-2", "sr-11-7", "nyc-ll144", "model-card", "cyclonedx", "gdpr"];

/// The stage of the story with limits on groups, a column for race, owners and a report.
pub async fn stage() -> Story {
    let story = Story::begin().await;
    let model = json!({"name": MODEL, "title": TITLE, "intended_use": "Scores *applications*.\n#let x = 1",
        "risk_tier": "high", "owners": {"development": "ines", "business": "olga"}});
    story.app.post(&story.ines, "/api/v1/models", model).await.expect(201);
    let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
        "sensitive": ["sex", "region"], "roles": {"race": "region"}, "source": "made up"});
    story.dataset("people", &read(&fixture("people.csv")), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec_by_group(), policy(1)).await;
    story
}

fn spec_by_group() -> Value {
    let mut spec = spec();
    for attribute in ["sex", "region", "sex*region"] {
        let name = attribute.replace('*', "-and-");
        let limit = json!({"name": format!("parity-{name}"), "dimension": "bias", "metric": "demographic_parity_ratio",
            "attribute": attribute, "operator": ">=", "limit": 0.5, "unit": "1", "severity": "info",
            "minimum_group_size": 20, "owner": "ines"});
        spec["constraints"].as_array_mut().expect("limits").push(limit);
    }
    spec
}

/// Version 1 measured, reported on, asked for, approved and active, an hour between the steps.
pub async fn released() -> Story {
    let story = stage().await;
    story.measured_version(1).await;
    an_hour(&story);
    let version = story.app.get(&story.ada, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
    let bundle = json!({"bundle": reported(&text(&version["digest"]), scan("malware"), &story.key)});
    story.app.post(&story.ines, &format!("/api/v1/models/{MODEL}/versions/1/evidence"), bundle).await.expect(201);
    an_hour(&story);
    let promotion = story.approved("1").await;
    an_hour(&story);
    story.activate(&promotion).await.expect(201);
    an_hour(&story);
    story
}

pub fn an_hour(story: &Story) {
    story.app.app.db.clock().advance(TimeDelta::hours(1));
}

pub async fn ask(story: &Story, token: &str, query: &str) -> Reply {
    reply(story.app.request(token, "GET", &format!("/api/v1/dossiers?{query}"))).await
}

pub async fn dossier(story: &Story, query: &str) -> Vec<u8> {
    let answer = ask(story, &story.ada, query).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/zip");
    answer.body
}

/// One of each. They are fetched before anybody looks: a client that thinks for long loses its connection.
pub async fn every_profile(story: &Story) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    for profile in PROFILES {
        all.push((profile, dossier(story, &format!("profile={profile}&model={MODEL}")).await));
    }
    all
}

/// Unpacks without any of the checks.
pub fn unpack(zip: &[u8]) -> Entries {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).expect("zip");
    let mut entries = Entries::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).expect("entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("bytes");
        entries.insert(entry.name().expect("name").into_owned(), bytes);
    }
    entries
}

#[track_caller]
pub fn page<'a>(entries: &'a Entries, name: &str) -> &'a str {
    std::str::from_utf8(entries.get(name).expect(name)).expect("utf-8")
}

#[track_caller]
pub fn parsed(entries: &Entries, name: &str) -> Value {
    serde_json::from_str(page(entries, name)).expect(name)
}
