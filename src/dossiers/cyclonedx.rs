//! The bill of materials of a model. Format: CycloneDX 1.6 (ECMA-424), JSON.
//!
//! The schema knows no other keys than its own, so ours are `properties` that begin with
//! `plimsoll:`. Values of performance metrics are texts there, not numbers.

use crate::{
    core::{clock::rfc3339, digest::Digest},
    dossiers::{collect::Collected, document::plain},
    error::Error,
    stats::figure::Figure,
};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Metadata {
    timestamp: String,
    tools: Tools,
    component: Component,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    r#type: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    bom_ref: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_card: Option<ModelCard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data: Vec<Data>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelCard {
    model_parameters: ModelParameters,
    quantitative_analysis: QuantitativeAnalysis,
    considerations: Considerations,
}

#[derive(Serialize)]
struct ModelParameters {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    datasets: Vec<DatasetRef>,
}

#[derive(Serialize)]
struct DatasetRef {
    r#ref: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuantitativeAnalysis {
    performance_metrics: Vec<PerformanceMetric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PerformanceMetric {
    r#type: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_interval: Option<ConfidenceInterval>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfidenceInterval {
    lower_bound: String,
    upper_bound: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Considerations {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    use_cases: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    technical_limitations: Vec<String>,
}

#[derive(Serialize)]
struct Data {
    r#type: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    r#ref: String,
    depends_on: Vec<String>,
}

const DATA_REF: &str = "evaluation-data";
const MODEL_REF: &str = "model";

pub(super) fn render(of: &Collected) -> Result<String, Error> {
    let data: Vec<_> = of.facts.dataset.iter().map(data).collect();
    let refs: Vec<_> = data.iter().map(|data| data.bom_ref.clone()).collect();
    let mut dependencies = vec![Dependency { r#ref: MODEL_REF.to_owned(), depends_on: refs.clone() }];
    dependencies.extend(refs.into_iter().map(|r#ref| Dependency { r#ref, depends_on: Vec::new() }));
    let tool = Component {
        r#type: "application",
        name: "plimsoll".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Component::default()
    };
    let bom = Bom {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: serial_number(of),
        version: 1,
        metadata: Metadata {
            timestamp: rfc3339(of.at),
            tools: Tools { components: vec![tool] },
            component: model(of),
            properties: vec![
                property("registry", &of.origin),
                property("environment", &of.facts.environment.name),
                property("profile", &of.held.entry.profile.name()),
            ],
        },
        components: data,
        dependencies,
    };
    serde_json::to_string_pretty(&bom).map_err(Error::internal)
}

/// The same for the same subject and moment, and different for every other.
fn serial_number(of: &Collected) -> String {
    let facts = &of.facts;
    let subject = format!("{}\n{}\n{}\n{}", of.origin, facts.version.id, facts.environment.id, rfc3339(of.at));
    let digest = Digest::of(subject);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.bytes()[..16]);
    format!("urn:uuid:{}", uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn property(name: &str, value: &str) -> Property {
    Property { name: format!("plimsoll:{name}"), value: plain(value) }
}

fn model(of: &Collected) -> Component {
    let (model, version) = (&of.facts.model, &of.facts.version);
    let file = |file: &crate::versions::StoredFile| Component {
        r#type: "file",
        name: file.declared.path.to_string(),
        hashes: vec![Hash { alg: "SHA-256", content: file.declared.sha256.hex() }],
        ..Component::default()
    };
    let mut properties = vec![
        property("version-digest", &version.manifest.to_string()),
        property("version-state", version.state.name()),
        property("signature", version.signature.name()),
        property("risk-tier", &model.risk_tier.to_string()),
    ];
    let evidence = of.facts.evidence.iter();
    properties.extend(evidence.map(|e| property(&format!("evidence:{}", e.kind.name()), &e.digest.to_string())));
    let attestations = of.facts.attestations.iter();
    properties.extend(attestations.map(|a| property(&format!("attestation:{}", a.predicate_type), &a.digest)));
    Component {
        r#type: "machine-learning-model",
        bom_ref: MODEL_REF.to_owned(),
        name: model.name.clone(),
        version: version.number.to_string(),
        description: plain(&model.title),
        components: of.files.iter().map(file).collect(),
        model_card: Some(model_card(of)),
        properties,
        ..Component::default()
    }
}

fn model_card(of: &Collected) -> ModelCard {
    let text = |text: &str| (!text.trim().is_empty()).then(|| plain(text)).into_iter().collect();
    let datasets = of.facts.dataset.iter().map(|_| DatasetRef { r#ref: DATA_REF.to_owned() });
    let whole = of.known.figures.iter().filter_map(|(name, figure)| metric(&name.to_string(), *figure, None));
    let by_group = of.held.metrics.iter().filter(|result| result.attribute.is_some()).filter_map(|result| {
        let attribute = result.attribute.clone().unwrap_or_default();
        let slice = result.group.as_ref().map_or(attribute.clone(), |group| format!("{attribute}: {group}"));
        let figure = Figure { value: result.value, interval: result.interval, n: result.n.unwrap_or_default() };
        metric(&result.metric.to_string(), figure, Some(plain(&slice)))
    });
    ModelCard {
        model_parameters: ModelParameters { datasets: datasets.collect() },
        quantitative_analysis: QuantitativeAnalysis { performance_metrics: whole.chain(by_group).collect() },
        considerations: Considerations {
            use_cases: text(&of.facts.model.intended_use),
            technical_limitations: text(&of.facts.model.prohibited_use),
        },
    }
}

/// What is undefined is left out: the format has no word for it.
fn metric(name: &str, figure: Figure, slice: Option<String>) -> Option<PerformanceMetric> {
    let value = figure.value.filter(|value| value.is_finite())?;
    let interval = figure.interval;
    let confidence_interval =
        interval.map(|i| ConfidenceInterval { lower_bound: i.low.to_string(), upper_bound: i.high.to_string() });
    Some(PerformanceMetric { r#type: name.to_owned(), value: value.to_string(), slice, confidence_interval })
}

fn data(data: &crate::datasets::Dataset) -> Component {
    Component {
        r#type: "data",
        bom_ref: DATA_REF.to_owned(),
        name: data.name.clone(),
        hashes: vec![Hash { alg: "SHA-256", content: data.digest.hex() }],
        data: vec![Data { r#type: "dataset", name: data.name.clone(), description: plain(&data.description.source) }],
        properties: vec![property("rows", &data.rows.to_string())],
        ..Component::default()
    }
}
