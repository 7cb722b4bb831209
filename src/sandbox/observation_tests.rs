use super::{
    super::{
        task::tests::{load, task},
        tensors::TensorTask,
    },
    *,
};
use crate::formats::tensor::Values;

fn observation() -> Observation {
    Observation {
        labels: vec!["0".to_owned(), "1".to_owned()],
        counted_classes: false,
        classes: vec!["0".to_owned(), "1".to_owned()],
        probabilities: vec![vec![0.75, 0.25], vec![0.0, 1.0]],
        values: Vec::new(),
        latencies: vec![LatencySamples {
            load: load(),
            nanos: vec![5],
            wall_nanos: 6,
            rows: 1,
            cpu_seconds: 0.1,
            joules: None,
        }],
        load_time_ms: 1.5,
        later_loads_ms: vec![1.0],
        peak_memory_bytes: 2,
        baseline_memory_bytes: 1,
        predicting: Spent { cpu_seconds: 0.1, rows: 2 },
        threads: Some(1),
        cold_start_ms: None,
        traffic: Some(Traffic { bytes_in: 8.0, bytes_out: 4.0 }),
        no_energy: None,
        repeated: Repeated { rows: 2, times: 2 },
        perturbed: Vec::new(),
        outputs: Vec::new(),
        non_finite_rows: Some(0),
        no_prediction: None,
        host: Host::read("1.28.0", 1),
        isolation: Isolation::none(),
        model: ModelInfo {
            producer: String::new(),
            graph_name: String::new(),
            opset: 17,
            inputs: Vec::new(),
            outputs: Vec::new(),
        },
    }
}

#[test]
fn an_answer_that_agrees_with_the_task_is_passed_on() {
    let outcome = Outcome::Completed(Box::new(observation()));
    assert_eq!(outcome.clone().distrust(&task()), outcome);
}

#[test]
fn outputs_are_those_that_were_wanted_and_nothing_is_predicted_unasked() {
    let tensors = TensorTask {
        rows: 2,
        inputs: Vec::new(),
        state: Vec::new(),
        starts: vec![0],
        wanted: vec![Wanted { output: "y".to_owned(), width: 3 }],
        predicts: false,
        keeps_outputs: false,
    };
    let task = Task { columns: Vec::new(), tensors: Some(tensors), ..task() };
    let given = |count: usize, refused: Option<&str>| GivenOutput {
        output: "y".to_owned(),
        numbers: Values::Float64(vec![f64::NAN; count]),
        refused: refused.map(str::to_owned),
    };
    let unread = |outputs: Vec<GivenOutput>| Observation {
        labels: Vec::new(),
        classes: Vec::new(),
        probabilities: Vec::new(),
        outputs,
        ..observation()
    };
    let believed =
        |told: Observation| matches!(Outcome::Completed(Box::new(told)).distrust(&task), Outcome::Completed(_));
    assert!(believed(unread(vec![given(6, None)])) && believed(unread(vec![given(0, Some("texts"))])));
    for outputs in [vec![], vec![given(5, None)], vec![given(6, Some("texts"))], vec![given(6, None), given(6, None)]] {
        assert!(!believed(unread(outputs)));
    }
    let other = GivenOutput { output: "z".to_owned(), ..given(6, None) };
    assert!(!believed(unread(vec![other])));
    assert!(!believed(Observation { outputs: vec![given(6, None)], ..observation() }), "nobody asked for labels");
}

#[test]
fn an_answer_that_cannot_be_true_is_a_crash() {
    let lies: [fn(&mut Observation); 19] = [
        |o| o.cold_start_ms = Some(f64::NAN),
        |o| o.traffic = Some(Traffic { bytes_in: -1.0, bytes_out: 4.0 }),
        |o| o.latencies[0].joules = Some(f64::INFINITY),
        |o| o.labels.truncate(1),
        |o| o.values = vec![1.0, 2.0],
        |o| o.labels[0] = "2".to_owned(),
        |o| o.classes.push("1".to_owned()),
        |o| o.classes.clear(),
        |o| o.probabilities.truncate(1),
        |o| o.probabilities[0].truncate(1),
        |o| o.probabilities[0][0] = 1.5,
        |o| o.load_time_ms = -1.0,
        |o| o.later_loads_ms[0] = f64::INFINITY,
        |o| o.predicting.cpu_seconds = f64::NAN,
        |o| o.latencies[0].cpu_seconds = -1.0,
        |o| o.latencies.clear(),
        |o| o.latencies[0].nanos = vec![7],
        |o| o.latencies[0].nanos = vec![1, 1],
        |o| o.latencies[0].rows = 1_000,
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut told = observation();
        lie(&mut told);
        let outcome = Outcome::Completed(Box::new(told)).distrust(&task());
        let crashed = matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Crashed);
        assert!(crashed, "lie {number} was believed");
    }
}

#[test]
fn answers_to_a_perturbation_are_believed_only_where_they_can_be_true() {
    let mut task = task();
    let asked = Perturbed { change: crate::constraints::Change::Mean, columns: None, seeds: vec![7] };
    task.perturbations = vec![asked];
    let mut honest = observation();
    let answers = Answers { classes: vec![Some(1), None], scores: vec![Some(0.5), None] };
    let one = UnderPerturbation {
        columns: vec!["a".to_owned()],
        runs: vec![PerturbedRun { seed: 7, answers }],
        refused: None,
    };
    honest.perturbed = vec![one];
    assert_eq!(honest.check(&task), Ok(()));
    let lies: [fn(&mut Observation); 8] = [
        |o| o.perturbed.clear(),
        |o| o.perturbed[0].runs.clear(),
        |o| o.perturbed[0].runs[0].seed = 8,
        |o| o.perturbed[0].runs[0].answers.classes[0] = Some(2),
        |o| o.perturbed[0].runs[0].answers.classes.truncate(1),
        |o| o.perturbed[0].runs[0].answers.scores.clear(),
        |o| o.perturbed[0].runs[0].answers.scores[0] = Some(1.5),
        |o| o.perturbed[0].refused = Some("no".to_owned()),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut told = honest.clone();
        lie(&mut told);
        assert!(told.check(&task).is_err(), "lie {number} was believed");
    }
}

#[test]
fn a_childs_text_is_escaped() {
    let failure = Failure { kind: FailureKind::RuntimeError, detail: "a\u{1b}[2J".to_owned() };
    let shown = Failure { kind: FailureKind::RuntimeError, detail: "a\\u{1b}[2J".to_owned() };
    assert_eq!(Outcome::Failed(failure).distrust(&task()), Outcome::Failed(shown));
}

#[test]
fn an_outcome_survives_the_wire() {
    let outcome = Outcome::Completed(Box::new(observation()));
    let json = serde_json::to_string(&outcome).expect("serialises");
    assert_eq!(serde_json::from_str::<Outcome>(&json).expect("parses"), outcome);
}
