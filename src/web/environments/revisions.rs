//! The revisions of an environment's documents: when, by whom, and what each changed.

use crate::{
    app::App,
    core::{
        clock::rfc3339,
        page::{self, PageRequest},
    },
    environments::{DocumentKind, Revision, api::RevisionSummary, ops},
    error::Error,
    web::{
        PageError, frame,
        frame::Frame,
        pairs::{Pair, pairs},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use serde_json::Value;
use std::collections::BTreeMap;

const LIST: &str = "revisions";
/// More lines that differ than this are counted, not listed.
const LINES_SHOWN: usize = 400;
/// What tells the entries of a list apart, the first that an entry has.
const TELLING: [&str; 6] = ["name", "id", "role", "reason", "environment", "kind"];

#[derive(Template)]
#[template(path = "environments/revisions.html")]
struct ListPage {
    frame: Frame,
    environment: String,
    kind: &'static str,
    revisions: Vec<RevisionSummary>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "environments/revision.html")]
struct ShowPage {
    frame: Frame,
    environment: String,
    kind: &'static str,
    number: i64,
    digest: String,
    made_at: String,
    /// Which revision it is held against; none for the first.
    against: Option<i64>,
    pairs: Vec<Pair>,
    left_out: usize,
    /// The whole document.
    text: String,
}

#[derive(serde::Deserialize)]
pub struct ListParams {
    cursor: Option<String>,
}

#[derive(serde::Deserialize)]
pub struct ShowParams {
    /// Another revision's number.
    against: Option<String>,
}

#[get("/environments/{environment}/{document}/revisions")]
pub async fn list(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
    params: Query<ListParams>,
) -> Result<HttpResponse, PageError> {
    let (environment, kind) = path.into_inner();
    let kind = DocumentKind::parse(&kind).map_err(|_| Error::not_found("document"))?;
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), None).map_err(Error::from)?;
    let found = ops::revisions(&app, &visitor.who, &environment, kind, request).await?.map(RevisionSummary::from);
    let here = format!("/environments/{environment}/{}/revisions", kind.name());
    let next = found.next.map(|id| format!("{here}?cursor={}", page::encode(LIST, id)));
    let frame = Frame::new("Environments", &visitor);
    frame::page(&ListPage { frame, environment, kind: kind.name(), revisions: found.items, next })
}

#[get("/environments/{environment}/{document}/revisions/{revision}")]
pub async fn show(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String, String)>,
    params: Query<ShowParams>,
) -> Result<HttpResponse, PageError> {
    let (environment, kind, number) = path.into_inner();
    let kind = DocumentKind::parse(&kind).map_err(|_| Error::not_found("document"))?;
    let numbered = |text: &str| text.trim().parse::<i64>().map_err(|_| Error::not_found("revision"));
    let number = numbered(&number)?;
    let against = match params.against.as_deref().filter(|text| !text.trim().is_empty()) {
        Some(text) => Some(numbered(text)?),
        None => Some(number - 1).filter(|before| 0 < *before),
    };
    let revision = ops::revision(&app, &visitor.who, &environment, kind, number).await?;
    let before = match against {
        Some(before) => Some(ops::revision(&app, &visitor.who, &environment, kind, before).await?),
        None => None,
    };
    let mut pairs = pairs(&lines(before.as_ref())?, &lines(Some(&revision))?);
    pairs.retain(|pair| !pair.change().is_empty());
    let left_out = pairs.len().saturating_sub(LINES_SHOWN);
    pairs.truncate(LINES_SHOWN);
    frame::page(&ShowPage {
        frame: Frame::new("Environments", &visitor),
        environment,
        kind: kind.name(),
        number,
        digest: revision.digest.to_string(),
        made_at: rfc3339(revision.created_at),
        against,
        pairs,
        left_out,
        text: yaml_serde::to_string(&revision.value()?).map_err(Error::internal)?,
    })
}

fn lines(revision: Option<&Revision>) -> Result<BTreeMap<String, String>, Error> {
    let mut lines = BTreeMap::new();
    if let Some(revision) = revision {
        flatten("", &revision.value()?, &mut lines);
    }
    Ok(lines)
}

/// A line for each value, by its place. An entry of a list is named by what tells it apart, so that one that moved is none
/// that changed.
fn flatten(place: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                flatten(&place, value, into);
            }
        }
        Value::Array(entries) if entries.iter().any(Value::is_object) => {
            for (number, entry) in entries.iter().enumerate() {
                let name = TELLING.iter().find_map(|key| entry[*key].as_str());
                let name = name.map_or_else(|| (number + 1).to_string(), str::to_owned);
                let mut here = format!("{place}[{name}]");
                // Two of one name are still two.
                while into.keys().any(|known| known.strip_prefix(&here).is_some_and(|rest| rest.starts_with('.'))) {
                    here.push('\'');
                }
                flatten(&here, entry, into);
            }
        }
        Value::Array(entries) => {
            let texts: Vec<_> = entries.iter().map(text).collect();
            into.insert(place.to_owned(), texts.join(", "));
        }
        value => {
            into.insert(place.to_owned(), text(value));
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn flat(value: &Value) -> BTreeMap<String, String> {
        let mut lines = BTreeMap::new();
        flatten("", value, &mut lines);
        lines
    }

    #[test]
    fn an_entry_is_known_by_its_name_wherever_it_stands() {
        let one = json!({"constraints": [{"name": "auc", "limit": 0.7}, {"name": "latency", "limit": 20}]});
        let other = json!({"constraints": [{"name": "latency", "limit": 15}, {"name": "auc", "limit": 0.7}]});
        let mut differ = pairs(&flat(&one), &flat(&other));
        differ.retain(|pair| !pair.change().is_empty());
        let said: Vec<_> = differ.iter().map(|p| (p.what.as_str(), p.before.as_str(), p.after.as_str())).collect();
        assert_eq!(said, [("constraints[latency].limit", "20", "15")]);
    }

    #[test]
    fn two_of_one_name_are_two() {
        let twice =
            flat(&json!({"rules": [{"name": "a", "n": 1}, {"name": "a", "n": 2}], "days": ["monday", "friday"]}));
        assert_eq!(twice.get("rules[a].n").map(String::as_str), Some("1"));
        assert_eq!(twice.get("rules[a]'.n").map(String::as_str), Some("2"));
        assert_eq!(twice.get("days").map(String::as_str), Some("monday, friday"));
    }
}
