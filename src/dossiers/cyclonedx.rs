//! The bill of materials of a model as it stood in an environment.

use crate::{
    bom::cyclonedx::{
        Bom, Component, Considerations, Data, Dataset, Hash, ModelCard, ModelParameters, PerformanceMetric, Property,
        QuantitativeAnalysis, bounded,
    },
    dossiers::collect::Collected,
    error::Error,
    stats::figure::Figure,
};

const DATA_REF: &str = "evaluation-data";
const MODEL_REF: &str = "model";

pub(super) fn render(of: &Collected) -> Result<String, Error> {
    let properties = vec![
        Property::new("registry", &of.origin),
        Property::new("environment", &of.facts.environment.name),
        Property::new("profile", &of.held.entry.profile.name()),
    ];
    Bom::new(of.at, model(of), of.facts.dataset.iter().map(data).collect(), properties).render()
}

fn model(of: &Collected) -> Component {
    let (model, version) = (&of.facts.model, &of.facts.version);
    let file = |file: &crate::versions::StoredFile| Component {
        r#type: "file",
        name: file.declared.path.to_string(),
        hashes: vec![Hash::sha256(&file.declared.sha256)],
        ..Component::default()
    };
    let mut properties = vec![
        Property::new("version-digest", &version.manifest.to_string()),
        Property::new("version-state", version.state.name()),
        Property::new("signature", version.signature.name()),
        Property::new("risk-tier", &model.risk_tier.to_string()),
    ];
    let evidence = of.facts.evidence.iter();
    properties.extend(evidence.map(|e| Property::new(&format!("evidence:{}", e.kind.name()), &e.digest.to_string())));
    let attestations = of.facts.attestations.iter();
    properties.extend(attestations.map(|a| Property::new(&format!("attestation:{}", a.predicate_type), &a.digest)));
    Component {
        r#type: "machine-learning-model",
        bom_ref: MODEL_REF.to_owned(),
        name: model.name.clone(),
        version: version.number.to_string(),
        description: bounded(&model.title),
        components: of.files.iter().map(file).collect(),
        model_card: Some(model_card(of)),
        properties,
        ..Component::default()
    }
}

fn model_card(of: &Collected) -> ModelCard {
    let datasets = of.facts.dataset.iter().map(|_| Dataset::Component { r#ref: DATA_REF.to_owned() });
    let whole =
        of.known.figures.iter().filter_map(|(name, figure)| PerformanceMetric::new(&name.to_string(), *figure, None));
    let by_group = of.held.metrics.iter().filter(|result| result.attribute.is_some()).filter_map(|result| {
        let attribute = result.attribute.clone().unwrap_or_default();
        let slice = result.group.as_ref().map_or(attribute.clone(), |group| format!("{attribute}: {group}"));
        let figure = Figure { value: result.value, interval: result.interval, n: result.n.unwrap_or_default() };
        PerformanceMetric::new(&result.metric.to_string(), figure, Some(&slice))
    });
    ModelCard {
        model_parameters: ModelParameters { datasets: datasets.collect(), ..ModelParameters::default() },
        quantitative_analysis: QuantitativeAnalysis { performance_metrics: whole.chain(by_group).collect() },
        considerations: Considerations::new(&of.facts.model.intended_use, &of.facts.model.prohibited_use),
        properties: Vec::new(),
    }
}

fn data(data: &crate::datasets::Dataset) -> Component {
    Component {
        r#type: "data",
        bom_ref: DATA_REF.to_owned(),
        name: data.name.clone(),
        hashes: vec![Hash::sha256(&data.digest)],
        data: vec![Data::dataset(&data.name, &data.description.source)],
        properties: vec![Property::new("rows", &data.rows.to_string())],
        ..Component::default()
    }
}
