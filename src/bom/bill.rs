//! What a bill says about a version. Pure: what is known in, the bill out.

use super::{
    Measured, Subject, addresses,
    cyclonedx::{
        Bom, Component, Considerations, Data, Dataset, ExternalReference, Hash, Licensed, ModelCard, ModelParameters,
        Parameter, Pedigree, PerformanceMetric, Property, QuantitativeAnalysis, bounded,
    },
    licenses,
};
use crate::{
    core::clock::rfc3339,
    formats::onnx::Summary,
    provenance::{Material, Provenance, Role},
    readme::{Card, Metadata},
    stats::{
        fairness::{AttributeTable, FigureName, GroupRates, RateName},
        figure::{Figure, Rate},
    },
    validation::{
        EvidenceKind,
        evidence::{BiasBody, QualityBody},
    },
    versions::StoredFile,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

const MODEL_REF: &str = "model";
const EVALUATION_REF: &str = "evaluation-data";
/// More materials, inputs or outputs are counted and left out.
const MOST: usize = 1_000;
const RATES: [RateName; 8] = [
    RateName::SelectionRate,
    RateName::Accuracy,
    RateName::Tpr,
    RateName::Fpr,
    RateName::Fnr,
    RateName::Tnr,
    RateName::Precision,
    RateName::Npv,
];

const MEASURED: &str = "measured";
const CLAIMED: &str = "claimed";

pub fn bill(of: &Subject) -> Bom {
    let mut components: Vec<_> = of.measured.iter().filter_map(evaluation_data).collect();
    let materials: Vec<_> = of
        .provenance
        .iter()
        .flat_map(|(statement, provenance)| provenance.materials.iter().map(move |one| (statement.as_str(), one)))
        .collect();
    let parts = materials.iter().filter(|(_, material)| kind(material.role).is_some());
    let shown = parts.clone().take(MOST).enumerate();
    components.extend(shown.filter_map(|(place, (statement, material))| part(place, statement, material)));
    let left_out = parts.count().saturating_sub(MOST);
    let mut properties = vec![Property::new("registry", &of.origin)];
    if left_out != 0 {
        properties.push(Property::new("materials-left-out", &left_out.to_string()));
    }
    let datasets = components.iter().filter(|one| one.r#type == "data").map(|one| one.bom_ref.clone()).collect();
    Bom::new(at(of), model(of, datasets), components, properties)
}

/// When the newest of what it says was so.
fn at(of: &Subject) -> DateTime<Utc> {
    let version = of.version.sealed_at.unwrap_or(of.version.created_at);
    let measured = of.measured.iter().flat_map(|measured| &measured.evidence).map(|record| record.created_at);
    measured.fold(version, Ord::max)
}

fn model(of: &Subject, datasets: Vec<String>) -> Component {
    let (model, version) = (&of.model, &of.version);
    let mut properties = vec![
        Property::new("version-digest", &version.manifest.to_string()),
        Property::new("version-state", version.state.name()),
        Property::new("signature", version.signature.name()),
        Property::new("risk-tier", &model.risk_tier.to_string()),
    ];
    properties.extend(of.graph.iter().flat_map(graph));
    let said = of.card.as_ref().map(|card| &card.metadata);
    properties.extend(said.into_iter().flat_map(claims));
    let ancestors: Vec<_> = said.map(ancestors).unwrap_or_default();
    Component {
        r#type: "machine-learning-model",
        bom_ref: MODEL_REF.to_owned(),
        name: model.name.clone(),
        version: version.number.to_string(),
        description: bounded(&model.title),
        licenses: said.and_then(licence).into_iter().collect(),
        pedigree: (!ancestors.is_empty()).then_some(Pedigree { ancestors }),
        external_references: of.provenance.iter().flat_map(|(_, provenance)| sources(provenance)).take(MOST).collect(),
        components: of.files.iter().map(|one| file(one, of)).collect(),
        model_card: Some(model_card(of, datasets)),
        tags: said.map(tags).unwrap_or_default(),
        properties,
        ..Component::default()
    }
}

fn file(file: &StoredFile, of: &Subject) -> Component {
    let declared = &file.declared;
    let mut properties = vec![Property::new("size-bytes", &declared.size_bytes.to_string())];
    // Whether loading it can run code.
    properties.extend(of.classes.get(declared.path.as_str()).map(|class| Property::new("class", class)));
    if !file.uploaded {
        properties.push(Property::new("source", CLAIMED));
    }
    Component {
        r#type: "file",
        name: declared.path.to_string(),
        hashes: vec![Hash::sha256(&declared.sha256)],
        properties,
        ..Component::default()
    }
}

fn graph(summary: &Summary) -> Vec<Property> {
    let size = &summary.outline.size;
    let opsets = summary.opsets.iter().map(|(domain, version)| Property::new("opset", &format!("{domain} {version}")));
    [Property::new("parameters", &size.parameters.to_string())].into_iter().chain(opsets.take(MOST)).collect()
}

/// What only its author says, by name.
fn claims(said: &Metadata) -> Vec<Property> {
    let texts = [("library", &said.library), ("license-link", &said.license_link)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?)));
    let languages = said.language.iter().map(|language| ("language", language.clone()));
    let results = said.reported.iter().map(|result| {
        let on = result.dataset.as_ref().map(|dataset| format!(" on {dataset}")).unwrap_or_default();
        ("result", format!("{} {}{on}", result.metric, result.value))
    });
    let all = texts.chain(languages).chain(results);
    all.map(|(name, value)| Property::new(&format!("{CLAIMED}:{name}"), &value)).collect()
}

fn licence(said: &Metadata) -> Option<Licensed> {
    let license = said.license.as_deref()?;
    let id = licenses::identifier(license);
    Some(Licensed::declared(id, said.license_name.as_deref().unwrap_or(license)))
}

/// Models that the card names. Nobody knows which bytes those are.
fn ancestors(said: &Metadata) -> Vec<Component> {
    let named = |name: &String| Component {
        r#type: "machine-learning-model",
        name: bounded(name),
        properties: vec![Property::new("source", CLAIMED)],
        ..Component::default()
    };
    said.base_model.iter().map(named).collect()
}

fn tags(said: &Metadata) -> Vec<String> {
    let mut tags: Vec<_> = said.tags.iter().map(|tag| bounded(tag)).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// Where the code is that a signed statement names.
fn sources(provenance: &Provenance) -> impl Iterator<Item = ExternalReference> {
    let code = provenance.materials.iter().filter(|material| material.role == Role::Code);
    code.filter_map(|material| {
        let digests: Vec<_> = material.digests.iter().map(|(algorithm, hex)| format!("{algorithm}:{hex}")).collect();
        let url = addresses::address(material.uri.as_deref()?)?;
        Some(ExternalReference { r#type: "vcs", url, comment: bounded(&digests.join(", ")) })
    })
}

/// As what something is a component; code has its place among the references.
fn kind(role: Role) -> Option<&'static str> {
    match role {
        Role::TrainingData | Role::ValidationData => Some("data"),
        Role::BaseModel => Some("machine-learning-model"),
        Role::Environment => Some("platform"),
        Role::Other => Some("file"),
        Role::Code => None,
    }
}

fn part(place: usize, statement: &str, material: &Material) -> Option<Component> {
    let kind = kind(material.role)?;
    let is_data = kind == "data";
    let mut properties = vec![
        Property::new("source", CLAIMED),
        Property::new("role", material.role.name()),
        Property::new("attestation", statement),
    ];
    properties.extend(material.uri.iter().map(|uri| Property::new("uri", uri)));
    Some(Component {
        r#type: kind,
        bom_ref: format!("material-{}", place + 1),
        name: bounded(material.label()),
        hashes: material.digests.iter().filter_map(|(algorithm, hex)| Hash::of(algorithm, hex)).collect(),
        data: is_data.then(|| Data::dataset(material.label(), material.role.words())).into_iter().collect(),
        properties,
        ..Component::default()
    })
}

fn evaluation_data(measured: &Measured) -> Option<Component> {
    let data = measured.dataset.as_ref()?;
    Some(Component {
        r#type: "data",
        bom_ref: EVALUATION_REF.to_owned(),
        name: data.name.clone(),
        hashes: vec![Hash::sha256(&data.digest)],
        data: vec![Data::dataset(&data.name, &data.description.source)],
        properties: vec![Property::new("role", "evaluation-dataset"), Property::new("rows", &data.rows.to_string())],
        ..Component::default()
    })
}

fn model_card(of: &Subject, datasets: Vec<String>) -> ModelCard {
    let said = of.card.as_ref().map(|Card { metadata, .. }| metadata);
    let named = said.into_iter().flat_map(|said| &said.datasets);
    let named = named.map(|name| Dataset::Named(Data::dataset(name, "named by the model card alone")));
    let ports = |ports: &[crate::formats::onnx::Port]| {
        ports.iter().take(MOST).map(|port| Parameter::new(&port.to_string())).collect()
    };
    let outline = of.graph.as_ref().map(|summary| &summary.outline);
    ModelCard {
        model_parameters: ModelParameters {
            task: said.and_then(|said| said.pipeline_tag.as_deref()).map(bounded).unwrap_or_default(),
            datasets: datasets.into_iter().map(|r#ref| Dataset::Component { r#ref }).chain(named).collect(),
            inputs: outline.map(|outline| ports(&outline.inputs)).unwrap_or_default(),
            outputs: outline.map(|outline| ports(&outline.outputs)).unwrap_or_default(),
        },
        quantitative_analysis: QuantitativeAnalysis {
            performance_metrics: of.measured.iter().flat_map(metrics).collect(),
        },
        considerations: Considerations::new(&of.model.intended_use, &of.model.prohibited_use),
        properties: of.measured.iter().flat_map(circumstances).collect(),
    }
}

/// Where and when the figures were measured.
fn circumstances(measured: &Measured) -> Vec<Property> {
    let Measured { run, place, evidence, .. } = measured;
    let mut all = vec![
        Property::new("source", MEASURED),
        Property::new("run", &run.id.to_string()),
        Property::new("run-state", run.state.name()),
        Property::new("environment", &place.environment),
        Property::new("constraints-revision", &place.constraints_revision.to_string()),
    ];
    all.extend(run.finished_at.map(|at| Property::new("measured-at", &rfc3339(at))));
    all.extend(evidence.iter().map(|e| Property::new(&format!("evidence:{}", e.kind.name()), &e.digest.to_string())));
    all
}

fn metrics(measured: &Measured) -> Vec<PerformanceMetric> {
    let mut all = Vec::new();
    for record in &measured.evidence {
        match record.kind {
            EvidenceKind::Quality => {
                let Ok(body) = serde_json::from_str::<QualityBody>(&record.body) else { continue };
                let figures = body.figures.iter();
                all.extend(
                    figures.filter_map(|(name, figure)| PerformanceMetric::new(&name.to_string(), *figure, None)),
                );
            }
            EvidenceKind::Bias => {
                let Ok(body) = serde_json::from_str::<BiasBody>(&record.body) else { continue };
                all.extend(body.tables.iter().flat_map(by_group));
            }
            EvidenceKind::Performance | EvidenceKind::Robustness => {}
        }
    }
    all
}

/// Each group, and how far the groups are apart.
fn by_group(table: &AttributeTable) -> Vec<PerformanceMetric> {
    let class = table.class.as_ref().map(|class| format!(", class {class}")).unwrap_or_default();
    let attribute = &table.attribute;
    let mut all = Vec::new();
    for group in table.usable() {
        let slice = format!("{attribute}: {}{class}", group.group);
        all.extend(figures(group).filter_map(|(name, figure)| PerformanceMetric::new(&name, figure, Some(&slice))));
    }
    let slice = format!("{attribute}{class}");
    let apart = table.disparities.iter().filter_map(|disparity| {
        let figure = Figure::with_interval(disparity.value, disparity.interval, table.n);
        PerformanceMetric::new(&word(&disparity.metric), figure, Some(&slice))
    });
    all.extend(apart);
    all
}

fn figures(group: &GroupRates) -> impl Iterator<Item = (String, Figure)> {
    let rates = RATES.iter().filter_map(|name| Some((word(name), Rate::figure(Some(group.rate(*name)?)))));
    rates.chain(group.figures.iter().map(|(name, figure): (&FigureName, &Figure)| (word(name), *figure)))
}

/// The name of a figure as it stands in records.
fn word(name: &impl Serialize) -> String {
    serde_json::to_value(name).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}
