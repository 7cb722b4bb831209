//! The body of a reported record. What the registry measures itself is read with the
//! registry's own types, so that both kinds of record have one schema.
//!
//! Figures from outside are shown to people: a rate that is no proportion, or a count that
//! no JSON reader keeps exactly, is refused here instead of being drawn later.

use crate::{
    constraints::Metric,
    core::{
        digest::Digest,
        text::{Paragraph, Text},
    },
    error::{Error, InField},
    evidence::{Kind, statement::Claim, tables},
    stats::figure::{Figure, Rate},
    validation::evidence as measured,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Larger integers are not exact in JSON (RFC 8785 section 3.2.2.3, RFC 7493 section 2.2).
const MAX_EXACT_INTEGER: u64 = 1 << 53;
/// Two programs may round differently, or take the normal quantile to fewer digits.
pub(super) const ROUNDING: f64 = 1e-6;
/// What one string of a statement may hold.
type Printable = Text<{ 1 << 20 }>;

/// The body of a record of kind `document`: which bytes it is about. The bytes stay with
/// their author.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentBody {
    pub media_type: String,
    /// `sha256:` and 64 lowercase hex digits.
    pub sha256: String,
    pub size_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// Every text is printable and every integer exact. Depth is bounded by the parser.
pub fn check_values(predicate: &Value) -> Result<(), Error> {
    walk(predicate, &mut "predicate".to_owned(), &|path, value| match value {
        Value::String(text) => Printable::parse(text).map(drop).in_field(path),
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size {
                Some(size) if MAX_EXACT_INTEGER < size => {
                    Err(Error::invalid(path, "is not exact in JSON; at most 2^53"))
                }
                _ => Ok(()),
            }
        }
        Value::Object(entries) => entries.keys().try_for_each(|key| Printable::parse(key).map(drop).in_field(path)),
        _ => Ok(()),
    })
}

/// The body has the schema of its kind and agrees with the rest of the statement.
pub fn check(claim: &Claim, manifest: &Digest) -> Result<(), Error> {
    if !claim.body.is_object() {
        return Err(Error::invalid("predicate.body", "is not an object"));
    }
    match claim.kind {
        Kind::Performance => {
            check_figures(&claim.body)?;
            walk(&claim.body, &mut "predicate.body".to_owned(), &tables::check_interval)?;
            let body: measured::PerformanceBody = typed(&claim.body)?;
            check_basis(claim, &body.basis, manifest)
        }
        Kind::Quality => {
            check_figures(&claim.body)?;
            walk(&claim.body, &mut "predicate.body".to_owned(), &tables::check_interval)?;
            let body: measured::QualityBody = typed(&claim.body)?;
            check_basis(claim, &body.basis, manifest)
        }
        Kind::Bias => {
            let body: measured::BiasBody = typed(&claim.body)?;
            check_basis(claim, &body.basis, manifest)?;
            let visit = |path: &str, value: &Value| {
                check_rate(path, value)?;
                tables::check_interval(path, value)
            };
            walk(&claim.body, &mut "predicate.body".to_owned(), &visit)?;
            tables::check(&body.tables)
        }
        Kind::Document => {
            let body: DocumentBody = typed(&claim.body)?;
            if !is_media_type(&body.media_type) {
                return Err(Error::invalid("predicate.body.media_type", "is no media type such as application/pdf"));
            }
            Digest::parse(&body.sha256).in_field("predicate.body.sha256")?;
            body.summary.as_deref().map(Paragraph::parse).transpose().in_field("predicate.body.summary")?;
            Ok(())
        }
        // Nothing in the registry reads these; they are kept as their author wrote them.
        Kind::Robustness | Kind::Scan | Kind::Provenance | Kind::Kpi => Ok(()),
    }
}

fn typed<T: DeserializeOwned>(body: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(body).map_err(|e| {
        let path = e.path().to_string();
        let field = if path == "." { "predicate.body".to_owned() } else { format!("predicate.body.{path}") };
        Error::invalid(field, e.inner().to_string())
    })
}

/// One figure at a time, because a path through a map of metrics would not say which.
fn check_figures(body: &Value) -> Result<(), Error> {
    let Some(figures) = body.get("figures").and_then(Value::as_object) else { return Ok(()) };
    for (metric, figure) in figures {
        let one = Map::from_iter([(metric.clone(), figure.clone())]);
        let read: Result<BTreeMap<Metric, Figure>, _> = serde_json::from_value(Value::Object(one));
        let shown: String = metric.chars().take(100).collect();
        let path = format!("predicate.body.figures.{shown}");
        let read = read.map_err(|e| Error::invalid(path.clone(), e.to_string()))?;
        read.iter().try_for_each(|(metric, figure)| tables::within(&path, figure, metric.range()))?;
    }
    Ok(())
}

/// A record says twice what it rests on: both must be the same.
fn check_basis(claim: &Claim, said: &measured::Basis, manifest: &Digest) -> Result<(), Error> {
    let wrong = |field: &str, detail: &str| Err(Error::invalid(format!("predicate.body.basis.{field}"), detail));
    if said.version != manifest.to_string() {
        return wrong("version", "is not the manifest digest of this version");
    }
    let Some(basis) = &claim.basis else { return Ok(()) };
    if said.dataset != basis.dataset {
        return wrong("dataset", "is another one than predicate.basis.dataset");
    }
    if said.rows != basis.rows {
        return wrong("rows", "is another number than predicate.basis.rows");
    }
    if basis.constraints.as_ref().is_some_and(|constraints| *constraints != said.constraints) {
        return wrong("constraints", "is another one than predicate.basis.constraints");
    }
    Ok(())
}

/// Wherever a rate stands in the body, it is what follows from its counts: the quotient and
/// its 95 % Wilson interval, as everywhere in the registry.
fn check_rate(path: &str, value: &Value) -> Result<(), Error> {
    let has = |key: &str| value.get(key).is_some();
    if !["value", "interval", "count", "total"].into_iter().all(has) {
        return Ok(());
    }
    let said: Rate = serde_json::from_value(value.clone()).map_err(|e| Error::invalid(path, e.to_string()))?;
    let Some(rate) = Rate::of(said.count, said.total) else {
        return Err(Error::invalid(path, "count is not a part of total"));
    };
    let same = |said: f64, computed: f64| (said - computed).abs() <= ROUNDING;
    if !same(said.value, rate.value) {
        return Err(Error::invalid(path, "value is not count / total"));
    }
    let (said, computed) = (said.interval, rate.interval);
    let is_wilson = same(said.low, computed.low) && same(said.high, computed.high);
    if !is_wilson || said.method != computed.method || !same(said.confidence, computed.confidence) {
        return Err(Error::invalid(path, "interval is not the 95 % Wilson interval of count and total"));
    }
    Ok(())
}

fn is_media_type(raw: &str) -> bool {
    let part = |text: &str| {
        (1..=64).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | '_'))
    };
    raw.split_once('/').is_some_and(|(kind, format)| part(kind) && part(format))
}

/// Visits a value and everything in it; `path` says where, as `a.b[0]`.
fn walk(value: &Value, path: &mut String, visit: &impl Fn(&str, &Value) -> Result<(), Error>) -> Result<(), Error> {
    visit(path, value)?;
    let length = path.len();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, path, visit)?;
                path.truncate(length);
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                path.push('.');
                path.extend(key.chars().take(100));
                walk(item, path, visit)?;
                path.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}
