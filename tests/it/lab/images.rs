//! Inputs of more than two dimensions: a small file may need much memory, and a limit has to say how much.

use crate::story::{ENVIRONMENT, MODEL, Story, cases_folder, evidence, policy, single};
use serde_json::{Value, json};
use std::path::PathBuf;

struct Image {
    folder: PathBuf,
    input: String,
    shape: Vec<u64>,
    peak_bytes: f64,
}

/// Cases with one input of more than two dimensions, all fixed, and a memory figure.
fn images() -> Vec<Image> {
    let Some(root) = cases_folder() else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root).expect("cases").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    folders.into_iter().filter_map(image).collect()
}

fn image(folder: PathBuf) -> Option<Image> {
    let bytes = std::fs::read(folder.join("expected.json")).ok()?;
    let expected: Value = serde_json::from_slice(&bytes).expect("JSON");
    let [input] = expected["model"]["inputs"].as_array()?.as_slice() else { return None };
    let shape: Vec<u64> = input["shape"].as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?;
    let peak_bytes = expected["memory"]["peak_rss_kb_after_run"].as_f64()? * 1024.0;
    let whole = 2 < shape.len() && folder.join("model.onnx").is_file();
    whole.then(|| Image { input: input["name"].as_str().expect("a name").to_owned(), folder, shape, peak_bytes })
}

/// Two rows, each one cell of all numbers of an image.
fn csv(image: &Image) -> Vec<u8> {
    let numbers: u64 = image.shape.iter().skip(1).product();
    let row = |start: u64| -> String {
        let values: Vec<String> = (0..numbers).map(|i| format!("0.{:03}", (start + i * 37) % 1000)).collect();
        format!("\"[{}]\",0\n", values.join(","))
    };
    format!("{},y\n{}{}", image.input, row(1), row(500)).into_bytes()
}

#[actix_web::test]
async fn an_image_model_meets_its_memory_limit_with_a_figure() {
    for image in images() {
        let name = image.folder.display();
        let memory = |name: &str, bytes: f64| {
            json!({"name": name, "dimension": "memory", "metric": "peak_memory", "operator": "<=",
                "limit": bytes.round(), "unit": "By", "owner": "mara"})
        };
        let spec = json!({"datasets": {MODEL: "images"}, "constraints":
            [memory("half", image.peak_bytes / 2.0), memory("twice", image.peak_bytes * 2.0)]});
        let story = Story::begin().await;
        story.model(MODEL).await;
        story.dataset("images", &csv(&image), &json!({"label": "y"})).await.expect(201);
        story.environment(ENVIRONMENT, spec, policy(1)).await;
        let version = story.signed(MODEL, &single(&image.folder.join("model.onnx"))).await;
        let run = story.run(MODEL, &version, ENVIRONMENT).await;
        assert_eq!(run["reason"], Value::Null, "{name}: {:#}", run["reason"]);
        let peak = evidence(&run, "performance")["figures"]["peak_memory"]["value"].as_f64().expect("a figure");
        eprintln!("{name}: {peak} bytes, {} in the reference", image.peak_bytes);
        assert_eq!(run["verdicts"][1]["verdict"], "pass", "{name}: {:#}", run["verdicts"]);
        // The reference counts its interpreter as well, which is most of what a small model takes.
        if 3e8 < image.peak_bytes {
            assert_eq!(run["verdicts"][0]["verdict"], "fail", "{name}: {:#}", run["verdicts"]);
            assert!(run["verdicts"][0]["measured"].is_f64(), "{name}");
            assert!((0.6..1.4).contains(&(peak / image.peak_bytes)), "{name}: {peak}");
        }
    }
}
