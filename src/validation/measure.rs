//! From what the sandbox observed to what the constraints are judged by.

use crate::{
    constraints::{
        Attributes, ConstraintSpec, CountedNodes, Dimension, Estimates, Grouping, HostFingerprint, Load, Measured,
        Metric, Predictions, measured::several::Answers,
    },
    datasets::{Description, data::Data, recorded::RecordedPredictions, table::Table, tensors::Tensors},
    formats::onnx,
    sandbox::{
        self, Column, FedInput, FedState, Interface, LatencySamples, Observation, Spent, Task, TensorTask, Wanted,
    },
    stats::{figure::Rate, percentile::percentile},
    validation::{agreement, energy, requests, robustness},
};
use std::collections::BTreeMap;

/// What a model may ask for: all columns but the label that it is to predict, or the tensors of its inputs. What was
/// recorded of its answers stays here.
pub fn task(data: &Data, description: &Description, interface: Option<Interface>, spec: &ConstraintSpec) -> Task {
    let table = &data.table;
    let recorded: Vec<&str> = description.recorded.iter().flat_map(RecordedPredictions::columns).collect();
    let is_answer = |name: &str| name == description.label || recorded.contains(&name);
    let is_fed = |name: &&String| data.tensors.is_none() && !is_answer(name);
    let columns = table
        .names()
        .iter()
        .filter(is_fed)
        .map(|name| Column { name: name.clone(), values: table.column(name).unwrap_or_default().to_vec() })
        .collect();
    let loads = spec
        .loads()
        .into_iter()
        .map(|load| sandbox::Load {
            batch: load.batch,
            concurrency: load.concurrency,
            warm_up: load.warm_up,
            samples: load.samples,
            max_seconds: load.max_seconds,
        })
        .collect();
    // Without labels nothing says what a change of a tensor does to the answers.
    let is_read = data.tensors.is_none() || description.has_label();
    let perturbations = if is_read { robustness::perturbed(spec) } else { Vec::new() };
    let scales = match &data.tensors {
        _ if perturbations.is_empty() => BTreeMap::new(),
        Some(_) => robustness::said_scales(description),
        None => robustness::scales(table, description),
    };
    Task {
        interface,
        columns,
        feature_order: description.features.clone(),
        loads,
        threads: spec.threads(),
        rows_per_call: spec.rows_per_call(),
        repeats: spec.repeats(),
        perturbations,
        scales,
        score_class: description.positive_label.clone(),
        tensors: data.tensors.as_ref().map(|tensors| of_tensors(tensors, description)),
    }
}

fn of_tensors(tensors: &Tensors, description: &Description) -> TensorTask {
    let inputs = tensors.inputs.iter().map(|fed| FedInput {
        input: fed.input.clone(),
        tensor: fed.tensor.clone(),
        axis: fed.axis,
    });
    let state = tensors.state.iter().map(|from| FedState {
        input: from.input.clone(),
        output: from.output.clone(),
        initial: from.initial.clone(),
    });
    let wanted = tensors.expected.iter().map(|one| Wanted { output: one.output.clone(), width: one.width });
    TensorTask {
        rows: tensors.rows,
        inputs: inputs.collect(),
        state: state.collect(),
        starts: tensors.starts.clone(),
        wanted: wanted.collect(),
        predicts: description.has_label(),
        keeps_outputs: false,
    }
}

/// The shapes of a call with the first row of named tensors: how long the free dimensions of a model are here.
pub fn shapes_of_a_row(data: &Data) -> onnx::GivenShapes {
    let mut given = onnx::GivenShapes::default();
    for fed in data.tensors.iter().flat_map(|tensors| &tensors.inputs) {
        let mut shape: Vec<u64> = fed.tensor.shape().iter().map(|size| *size as u64).collect();
        let rows_at = fed.axis.map(|axis| {
            // Rows were turned to the front when the array was read.
            let row = shape.split_off(1.min(shape.len()));
            let at = axis.min(row.len());
            shape = row;
            shape.insert(at, 1);
            at
        });
        given.add(&fed.input, shape, rows_at);
    }
    given
}

/// Every figure, in base units: seconds, bytes, 1.
pub fn measured(
    seen: &Observation,
    data: &Data,
    description: &Description,
    spec: &ConstraintSpec,
    (artifact_bytes, graph): (u64, &Result<onnx::Size, String>),
) -> Measured {
    let mut measured = Measured { host: Some(fingerprint(&seen.host)), ..Measured::default() };
    for (samples, load) in seen.latencies.iter().zip(spec.loads()) {
        measured.add_run(Load { ..load }, &samples.nanos, seconds(samples.wall_nanos));
    }
    let own = seen.peak_memory_bytes.saturating_sub(seen.baseline_memory_bytes);
    measured.set(Metric::PeakMemory, seen.peak_memory_bytes as f64, 1);
    measured.set(Metric::ModelMemory, own as f64, 1);
    measured.set(Metric::ArtifactSize, artifact_bytes as f64, 1);
    let mut loads: Vec<f64> =
        std::iter::once(&seen.load_time_ms).chain(&seen.later_loads_ms).map(|ms| ms / 1_000.0).collect();
    loads.sort_by(f64::total_cmp);
    measured.figures.insert(Metric::LoadTime, percentile(&loads, 50));
    add_compute(&mut measured, seen);
    match seen.cold_start_ms {
        Some(ms) => measured.set(Metric::ColdStart, ms / 1_000.0, 1),
        None => measured.set_absent("cold_start", "the sandbox did not tell of its first answer"),
    }
    measured.add_traffic(seen.traffic.map(|row| (row.bytes_in, row.bytes_out)), data.rows() as u64);
    add_energy(&mut measured, seen);
    match graph {
        Ok(size) => {
            add_flops(&mut measured, size.flops);
            measured.set(Metric::Operators, (size.operators + size.inner_operators) as f64, 1);
            measured.set(Metric::Parameters, size.parameters as f64, 1);
            measured.set(Metric::ExternalData, size.external_tensors as f64, 1);
        }
        Err(why) => {
            measured.set_absent("operators", why.clone());
            measured.set_absent("parameters", why.clone());
            measured.set_absent("external_data", why.clone());
            measured.set_absent("flops", why.clone());
        }
    }
    match seen.isolation.network_denied {
        true => measured.set(Metric::NetworkFree, 1.0, 1),
        // Nobody tried whether it would have answered without.
        false => measured.set_absent("network_free", "the sandbox could not take the network away on this machine"),
    }
    measured.add_cost(spec.cost());
    match seen.non_finite_rows {
        Some(rows) => {
            let rate = Rate::figure(Rate::of(rows, data.rows() as u64));
            measured.figures.insert(Metric::NonFiniteRate, rate);
        }
        None => {
            measured.set_absent("non_finite_rate", "an output is missing, or holds no numbers that could be looked at")
        }
    }
    agreement::add(&mut measured, seen, data, description);
    match agreement::without_predictions(seen, data, description) {
        Some(why) => agreement::set_unpredicted(&mut measured, seen, description, spec, &why),
        None => add_quality(&mut measured, seen, &data.table, description, spec),
    }
    measured
}

/// CPU time of the timed calls over their rows, under the load where a row takes the most: another load must not make a
/// row cheaper than it is under one that the environment has. Of the calls over the data set where nothing was timed.
fn add_compute(measured: &mut Measured, seen: &Observation) {
    let timed = seen.latencies.iter().filter(|load| load.rows != 0);
    let dearest = timed.max_by(|one, other| {
        let of_row = |load: &LatencySamples| load.cpu_seconds / load.rows as f64;
        of_row(one).total_cmp(&of_row(other))
    });
    let spent = dearest.map_or(seen.predicting, |load| Spent { cpu_seconds: load.cpu_seconds, rows: load.rows });
    match spent.rows {
        0 => measured.set_absent("cpu_per_inference", "no row was predicted"),
        // Some systems count CPU time in steps of milliseconds; nothing costs nothing.
        _ if spent.cpu_seconds <= 0.0 => {
            let why = "the calls took less CPU time than the system's clock can tell; ask for a load with more samples";
            measured.set_absent("cpu_per_inference", why);
        }
        rows => measured.set(Metric::CpuPerInference, spent.cpu_seconds / rows as f64, rows),
    }
    match seen.threads {
        Some(threads) => measured.set(Metric::ThreadsUsed, threads as f64, 1),
        None => measured.set_absent("threads_used", "the system does not say how many threads a process has"),
    }
}

fn add_energy(measured: &mut Measured, seen: &Observation) {
    match energy::per_row(&seen.latencies, seen.no_energy.as_deref()) {
        Ok((joules, rows)) => measured.set(Metric::EnergyPerInference, joules, rows),
        Err(why) => measured.set_absent("energy_per_inference", why),
    }
}

/// An estimate that misses a node would be low without saying so: it is shown, and makes nothing pass.
fn add_flops(measured: &mut Measured, flops: onnx::Flops) {
    let onnx::Flops { total, counted_nodes, bearing_nodes } = flops;
    measured.flops_of = Some(CountedNodes { counted: counted_nodes, bearing_weights: bearing_nodes });
    if counted_nodes == 0 && bearing_nodes > 0 {
        let why = format!("the file does not tell the shapes of any of the {bearing_nodes} nodes that bear weights");
        measured.set_absent("flops", why);
        return;
    }
    measured.set(Metric::Flops, total, bearing_nodes.max(1));
    if counted_nodes < bearing_nodes {
        let why = format!("only {counted_nodes} of the {bearing_nodes} nodes that bear weights could be counted");
        measured.set_doubt(Metric::Flops, why);
    }
}

fn add_quality(
    measured: &mut Measured,
    seen: &Observation,
    table: &Table,
    description: &Description,
    spec: &ConstraintSpec,
) {
    let truth = table.column(&description.label).unwrap_or_default();
    robustness::add(measured, seen, truth, description.positive_label.as_deref(), spec);
    let columns: Vec<_> = description
        .sensitive
        .iter()
        .map(|name| (name.clone(), description.groups(name, table.column(name).unwrap_or_default())))
        .collect();
    let attributes = Attributes { columns: &columns, unknown: &description.unknown };
    let classes = if seen.labels.is_empty() || description.positive_label.is_some() { &[][..] } else { &seen.classes };
    let requests = requests::of(&description.sensitive, classes, spec);
    let grouping = Grouping { requests: &requests, plan: spec.bootstrap().plan(), exclusions: spec.exclusions() };
    if seen.labels.is_empty() {
        match truth.iter().map(|cell| cell.parse().ok()).collect::<Option<Vec<f64>>>() {
            Some(truth) => {
                measured.add_regression(&Estimates { predicted: &seen.values, truth: &truth, attributes }, &grouping);
            }
            None => {
                let why = format!("the model predicts numbers, and the column {} holds none", description.label);
                explain(measured, spec, &why);
            }
        }
        let why = "the model gives one number for each row and no class; where that is the probability of the positive \
            label, say so in interface.json: {\"task\": \"binary_classification\"}";
        explain(measured, spec, why);
        return;
    }
    let positive = description.positive_label.as_deref();
    let column = positive.and_then(|label| seen.classes.iter().position(|class| class == label));
    let scores: Option<Vec<f64>> = column
        .filter(|_| !seen.probabilities.is_empty())
        .and_then(|at| seen.probabilities.iter().map(|row| row.get(at).copied()).collect());
    let labels = seen.labels.as_slice();
    let predictions = Predictions { labels, truth, scores: scores.as_deref(), positive_label: positive, attributes };
    measured.add_classification(&predictions, &grouping);
    let answers = Answers { labels, truth, classes: &seen.classes, probabilities: &seen.probabilities };
    if positive.is_none() {
        measured.add_several_classes(&answers, grouping.plan);
    }
    measured.add_abstention(&answers, &spec.thresholds());
    explain(measured, spec, "the model predicts classes, which do not have it");
}

/// Says why a quality that a limit is about is missing, where nothing else did.
fn explain(measured: &mut Measured, spec: &ConstraintSpec, why: &str) {
    let asked =
        spec.constraints().iter().filter(|limit| limit.dimension == Dimension::Quality && limit.class.is_none());
    for metric in asked.map(|limit| limit.metric) {
        let name = metric.to_string();
        if !measured.figures.contains_key(&metric) && !measured.absent.contains_key(&name) {
            measured.set_absent(&name, why);
        }
    }
}

pub fn fingerprint(host: &sandbox::Host) -> HostFingerprint {
    HostFingerprint {
        cpu_model: host.cpu_model.clone(),
        cores: host.cores,
        memory_bytes: Some(host.memory_bytes),
        accelerator: None,
        runtime: Some(format!("{} {}", host.runtime, host.runtime_version)),
        threads: Some(host.threads),
        label: None,
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
