//! This side of the benchmark of the lab: one run of a model in the sandbox, with the loads that are asked for, and in
//! JSON what the sandbox saw. `measure` next to this file runs both sides.
//!
//! Invariant: the sandbox is the one of the service; this program answers to `sandbox --ort-lib PATH` as `plimsoll` does.

mod compiled;

use plimsoll::sandbox::{Column, Limits, Load, ModelSource, Outcome, Runner, Task, main_child};
use serde_json::{Value, json};
use std::{collections::BTreeMap, env, error::Error, fs, io::Cursor, path::Path, process::ExitCode, time::Instant};

fn main() -> ExitCode {
    // `cargo bench` adds the flag of that name.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        // Before any thread is started.
        ["sandbox", "--ort-lib", library] => return main_child(Path::new(library)),
        ["run", question] => read(question).and_then(|asked| run(&asked)),
        ["bare", question] => read(question).and_then(|asked| compiled::run(&asked)),
        _ => Err("use: run QUESTION.json, or bare QUESTION.json".into()),
    };
    match done {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn read(question: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(question)?)?)
}

/// `asked`: an object with `model`, `ort_lib`, `features`, `columns` (name to cells), `loads` (batch, warm-up, samples) and
/// `memory_mib`.
fn run(asked: &Value) -> Result<Value, Box<dyn Error>> {
    let columns: BTreeMap<String, Vec<String>> = serde_json::from_value(asked["columns"].clone())?;
    let loads: Vec<[u32; 3]> = serde_json::from_value(asked["loads"].clone())?;
    let text = |name: &str| asked[name].as_str().map(str::to_owned).ok_or_else(|| format!("{name} is missing"));
    let task = Task {
        interface: None,
        columns: columns.into_iter().map(|(name, values)| Column { name, values }).collect(),
        feature_order: serde_json::from_value(asked["features"].clone())?,
        loads: loads
            .into_iter()
            .map(|[batch, warm_up, samples]| Load { batch, concurrency: 1, warm_up, samples, max_seconds: 120 })
            .collect(),
        threads: 1,
        rows_per_call: 1_024,
        repeats: 1,
        perturbations: Vec::new(),
        scales: BTreeMap::new(),
        score_class: None,
        tensors: None,
    };
    let mebibytes = asked["memory_mib"].as_u64().unwrap_or(4_096);
    let limits = Limits { memory_bytes: mebibytes << 20, ..Limits::default() };
    let runner = Runner { exe: env::current_exe()?, ort_lib: Some(text("ort_lib")?.into()), limits };
    let model = fs::read(text("model")?)?;
    let size_bytes = model.len() as u64;
    let model = ModelSource::new(Cursor::new(model), size_bytes);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let began = Instant::now();
    let outcome = runtime.block_on(runner.run(task, model, |_| {}));
    let wall_s = began.elapsed().as_secs_f64();
    match outcome {
        Outcome::Failed(failure) => {
            Ok(json!({"failed": failure.kind.name(), "detail": failure.detail, "wall_s": wall_s}))
        }
        Outcome::Completed(seen) => {
            let nanos: Vec<_> =
                seen.latencies.iter().map(|samples| json!([samples.load.batch, samples.nanos])).collect();
            Ok(json!({"wall_s": wall_s, "nanos": nanos, "labels": seen.labels, "values": seen.values,
                "peak_memory_bytes": seen.peak_memory_bytes, "load_time_ms": seen.load_time_ms,
                "runtime": seen.host.runtime_version}))
        }
    }
}
