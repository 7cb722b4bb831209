//! Several classes: each against the rest, and all together.

use crate::{
    bias::expected::{Case, Kind, of_kind},
    story::{ENVIRONMENT, MODEL, Story, close, evidence, policy, read, single},
};
use serde_json::{Value, json};

#[actix_web::test]
async fn every_class_has_the_figures_of_the_references() {
    for case in of_kind(Kind::Multiclass) {
        let run = run(&case).await;
        let (quality, overall) = (evidence(&run, "quality"), &case.expected["overall"]);
        let of = |metric: &str| quality["figures"][metric]["value"].as_f64().expect("a figure");
        close(&case.name, of("log_loss"), overall["log_loss"].as_f64().expect("log loss"), 1e-6);
        close(&case.name, of("ece"), overall["ece_10_confidence"].as_f64().expect("ece"), 1e-6);
        let recall = overall["macro_recall_over_present_classes"].as_f64().expect("recall");
        close(&case.name, of("balanced_accuracy"), recall, 1e-12);
        close(&case.name, of("mcc"), gorodkin(&overall["confusion_matrix_rows_true"]), 1e-9);
        assert!((0.5..=1.0).contains(&of("auc")) && (0.0..=2.0).contains(&of("brier")), "{}", case.name);
        for metric in ["auc", "brier", "log_loss", "ece", "mcc", "balanced_accuracy"] {
            let interval = &quality["figures"][metric]["interval"];
            let (low, high) = (interval["low"].as_f64().expect("low"), interval["high"].as_f64().expect("high"));
            assert!(low <= of(metric) && of(metric) <= high, "{} {metric}: {interval}", case.name);
        }
        let classes = overall["per_class"].as_object().expect("classes");
        for (class, wanted) in classes {
            for metric in ["tpr", "fpr", "precision", "f1", "selection_rate"] {
                let found = quality["classes"][class][metric]["value"].as_f64().expect("a rate");
                close(
                    &format!("{} {class} {metric}", case.name),
                    found,
                    wanted[metric].as_f64().expect("a rate"),
                    1e-12,
                );
            }
        }
        let limits = run["verdicts"].as_array().expect("verdicts");
        assert!(limits.iter().all(|v| v["verdict"] == "pass"), "{}: {limits:#?}", case.name);
        let reasons = limits.iter().filter_map(|v| v["reason"].as_str()).collect::<Vec<_>>().join("\n");
        assert!(reasons.contains("recall of the class"), "{reasons}");
        eprintln!("{}: {} classes", case.name, classes.len());
    }
}

/// The coefficient of a confusion matrix, by its definition over triples of classes.
fn gorodkin(matrix: &Value) -> f64 {
    let rows: Vec<Vec<f64>> = serde_json::from_value(matrix.clone()).expect("a matrix");
    let classes = 0..rows.len();
    let mut above = 0.0;
    for k in classes.clone() {
        for l in classes.clone() {
            for m in classes.clone() {
                above += rows[k][k] * rows[l][m] - rows[k][l] * rows[m][k];
            }
        }
    }
    let total: f64 = rows.iter().flatten().sum();
    let spread = |sums: &[f64]| sums.iter().map(|sum| sum * (total - sum)).sum::<f64>();
    let of_rows: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
    let of_columns: Vec<f64> = classes.map(|k| rows.iter().map(|row| row[k]).sum()).collect();
    above / (spread(&of_rows) * spread(&of_columns)).sqrt()
}

async fn run(case: &Case) -> Value {
    let inputs = case.schema["inputs"].as_array().expect("inputs");
    let features = if inputs.len() == 1 { inputs[0]["columns"].clone() } else { json!([]) };
    let description = json!({"label": case.schema["label_column"], "features": features, "source": "reference case"});
    let classes = case.expected["overall"]["per_class"].as_object().expect("classes");
    let limit = |(i, class): (usize, &String)| {
        json!({"name": format!("recall-{i}"), "dimension": "quality", "metric": "recall", "class": class,
            "operator": ">=", "limit": 0, "unit": "1", "minimum_samples": 1, "owner": "mara"})
    };
    let mut limits: Vec<Value> = classes.keys().enumerate().map(limit).collect();
    limits.push(json!({"name": "auc", "dimension": "quality", "metric": "auc", "operator": ">=", "limit": 0.5,
        "unit": "1", "confidence": "interval", "owner": "mara"}));
    limits.push(json!({"name": "kept", "dimension": "abstention", "metric": "retained_accuracy", "threshold": 0.5,
        "operator": ">=", "limit": 0.5, "unit": "1", "owner": "mara"}));
    let spec = json!({"datasets": {MODEL: "case"}, "bootstrap": {"resamples": 200}, "constraints": limits});
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.dataset("case", &read(&case.folder.join("test.csv")), &description).await.expect(201);
    story.environment(ENVIRONMENT, spec, policy(1)).await;
    let version = story.signed(MODEL, &single(&case.folder.join("model.onnx"))).await;
    story.run(MODEL, &version, ENVIRONMENT).await
}
