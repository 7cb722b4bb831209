//! What others signed is shown to people: no number in it may hurt what shows it.

use crate::{
    cli::bias::tables,
    core::digest::Digest,
    crypto::statement::{Statement, Subject},
    evidence::statement::{Claim, EVIDENCE_TYPE},
    stats::{
        bootstrap::{Plan, Scheme},
        breakdown::{Budget, Comparisons, Question, Rows, break_down},
        disparity::Against,
        fairness::{AttributeTable, Outcomes},
        impact::Exclusion,
    },
    validation::evidence::{Basis, BiasBody},
    web::subgroups,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Group, truth, label, rows. The small group has no rates, and the empty cell is unknown.
const LINES: [(&str, u8, u8, usize); 8] = [
    ("a", 1, 1, 400),
    ("a", 0, 1, 20),
    ("a", 0, 0, 30),
    ("b", 1, 1, 20),
    ("b", 1, 0, 20),
    ("b", 0, 0, 35),
    ("few", 1, 1, 3),
    ("", 0, 0, 40),
];

/// With every part that a table can have.
fn table(attribute: &str, numbers: bool) -> AttributeTable {
    let rows = LINES.iter().flat_map(|line| std::iter::repeat_n(line, line.3));
    let cells: Vec<String> = rows.clone().map(|line| line.0.to_owned()).collect();
    let truth: Vec<String> = rows.clone().map(|line| line.1.to_string()).collect();
    let labels: Vec<String> = rows.clone().map(|line| line.2.to_string()).collect();
    let scores: Vec<f64> = rows.enumerate().map(|(i, line)| f64::from(line.2) / 2.0 + i as f64 / 2000.0).collect();
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("outcomes");
    let question = Question {
        attribute,
        class: None,
        against: &Against::BetweenGroups,
        minimum_group_size: 30,
        plan: Plan { resamples: 100, seed: 7, scheme: Scheme::StratifiedByGroup },
        budget: Budget::OF_ALL_TABLES,
        unknown: &[],
        exclusions: &[Exclusion { category: "few".to_owned(), justification: "three people".to_owned() }],
    };
    let rows = match numbers {
        true => Rows { outcomes: None, labels: None, scores: None, numbers: Some((&scores, &scores)) },
        false => {
            Rows { outcomes: Some(&outcomes), labels: Some((&labels, &truth)), scores: Some(&scores), numbers: None }
        }
    };
    break_down(&question, &[&cells], rows, cells.len()).expect("table")
}

/// What the registry itself would have measured.
static BODY: LazyLock<Value> = LazyLock::new(|| {
    let tables = vec![table("sex", false), table("age", true)];
    let basis = Basis {
        version: Digest::of("manifest").to_string(),
        dataset: Digest::of("rows").to_string(),
        constraints: Digest::of("spec").to_string(),
        rows: 568,
    };
    let comparisons = Comparisons::of(&tables);
    let body = BiasBody { basis, tables, comparisons, absent: Default::default(), method: "Counted.".to_owned() };
    serde_json::to_value(body).expect("json")
});

fn read(body: &Value) -> Result<BiasBody, String> {
    let predicate = json!({"kind": "bias", "title": "An audit", "issued_at": "2026-01-02T03:00:00Z", "method": "By hand.",
        "basis": {"dataset": body["basis"]["dataset"], "rows": body["basis"]["rows"]}, "body": body});
    let manifest = Digest::of("manifest");
    let statement = Statement::new(vec![Subject::sha256("m@1", manifest.hex())], EVIDENCE_TYPE, predicate);
    let now = "2026-01-02T03:04:05Z".parse().expect("time");
    let claim = Claim::read(&statement, &manifest, now).map_err(|error| error.to_string())?;
    Ok(serde_json::from_value(claim.body).expect("what was read is read again"))
}

fn show(body: &BiasBody) -> usize {
    let drawn = usize::from(!subgroups::of(body, &[], "evidence").is_empty());
    let written = body.tables.iter().flat_map(|table| [tables::full(table), tables::brief(table)]);
    drawn + written.map(|parts| parts.join("\n").len()).sum::<usize>()
}

fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), into));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, item)| pointers(item, &format!("{at}/{key}"), into)),
        _ => {}
    }
}

static PLACES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut places = Vec::new();
    pointers(&BODY["tables"], "/tables", &mut places);
    places
});

fn hostile() -> impl Strategy<Value = Value> {
    let numbers = [0.0, -1.0, 1e-300, 1e16, 1e99, 1e101, f64::MAX, f64::MIN, 0.5, 2.0];
    prop_oneof![
        prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        prop::sample::select(vec![0, 1, 2, 29, 30, 1 << 53, (1 << 53) + 1, u64::MAX]).prop_map(Value::from),
        prop::sample::select(vec![-1_i64, i64::MIN]).prop_map(Value::from),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        any::<bool>().prop_map(Value::from),
        "[ -~é×]{0,40}".prop_map(Value::from),
    ]
}

/// Replaced, doubled in its list, or swapped for something from another place.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Value),
    Repeat(usize),
    TakeFrom(prop::sample::Index),
    Remove,
}

fn mutation() -> impl Strategy<Value = (prop::sample::Index, Mutation)> {
    let how = prop_oneof![
        4 => hostile().prop_map(Mutation::Replace),
        1 => (1_usize..40).prop_map(Mutation::Repeat),
        2 => any::<prop::sample::Index>().prop_map(Mutation::TakeFrom),
        1 => Just(Mutation::Remove),
    ];
    (any::<prop::sample::Index>(), how)
}

fn mutate(body: &mut Value, place: &str, how: &Mutation) {
    match how {
        Mutation::Replace(value) => body.pointer_mut(place).into_iter().for_each(|at| *at = value.clone()),
        Mutation::TakeFrom(other) => {
            let taken = BODY.pointer(other.get::<String>(&PLACES)).cloned().unwrap_or_default();
            body.pointer_mut(place).into_iter().for_each(|at| *at = taken.clone());
        }
        Mutation::Repeat(times) => {
            if let Some(Value::Array(items)) = body.pointer_mut(place) {
                *items = std::iter::repeat_n(items.clone(), *times).flatten().collect();
            }
        }
        Mutation::Remove => {
            let (parent, key) = place.rsplit_once('/').expect("a place below the root");
            if let Some(Value::Object(fields)) = body.pointer_mut(parent) {
                fields.remove(key);
            }
        }
    }
}

#[test]
fn what_the_registry_measures_itself_is_read_and_shown() {
    let body = read(&BODY).expect("its own schema");
    assert!(body.tables[0].impact.as_ref().is_some_and(|impact| impact.scoring.is_some()), "nothing is left out");
    assert!(body.tables[0].bootstrap.is_some() && body.tables[0].contrasts.is_some());
    assert!(1000 < show(&body));
}

#[test]
fn a_number_that_contradicts_its_counts_is_refused_with_its_place() {
    let table = "/tables/0";
    for (pointer, value, says) in [
        ("/groups/1/npv/value", json!(0.1), "npv"),
        ("/groups/1/false_omission_rate/count", json!(1), "false_omission_rate"),
        ("/groups/1/false_discovery_rate/interval/high", json!(0.9), "false_discovery_rate"),
        ("/overall/tpr/total", json!(1), "overall.tpr"),
        ("/overall/n", json!(1), "overall.n"),
        ("/n", json!(1), "tables[0].n"),
        ("/groups/1/n", json!(-1), "groups[1].n"),
        ("/groups/1/counts/tp", json!(1), "counts"),
        ("/groups/1/too_small", json!(true), "too_small"),
        ("/groups/1/figures/f1/value", json!(1.5), "groups[1]"),
        ("/groups/1/figures/f1/interval/low", json!(2), "f1"),
        ("/disparities/0/value", json!(1e200), "too large"),
        ("/disparities/0/value", json!(-0.5), "disparities[0]"),
        ("/impact/selection/unknown", json!(0), "impact.selection"),
        ("/impact/selection/categories/1/impact_ratio", json!(0.9), "impact ratio"),
        ("/impact/scoring/categories/1/count/selected", json!(9000), "impact.scoring"),
        ("/impact/selection/categories/2/standing/standing", json!("unknown"), "standing"),
        ("/impact/four_fifths/lowest_impact_ratio", json!(3), "four_fifths"),
        ("/bootstrap/groups/0/rates/0/replicates/interval/low", json!(7), "bootstrap"),
    ] {
        let mut body = BODY.clone();
        *body.pointer_mut(&format!("{table}{pointer}")).expect(pointer) = value.clone();
        let said = read(&body).expect_err(pointer);
        assert!(said.contains(says), "{pointer} {value}: {said}");
    }
}

/// Nothing says how large a score or a residual may be, so the extremes have to be shown.
#[test]
fn extreme_numbers_that_contradict_nothing_are_shown() {
    for (pointer, value) in [
        ("/tables/0/groups/1/figures/mean_score/value", json!(-1e100)),
        ("/tables/1/groups/1/figures/mean_residual/value", json!(1e100)),
        ("/tables/1/groups/1/figures/rmse/n", json!(1_u64 << 53)),
        (
            "/tables/1/disparities/0/interval",
            json!({"low": -1e100, "high": 1e100, "confidence": 0.95, "method": "katz"}),
        ),
        ("/tables/0/attribute", json!("×".repeat(500))),
        ("/tables/0/groups/0/group", json!("*")),
        ("/tables/0/bootstrap/plan/seed", json!(1_u64 << 53)),
        ("/tables/0/contrasts/groups", json!([])),
        ("/tables/0/disparities", json!([])),
        ("/tables/1/groups/0/figures", json!({})),
    ] {
        let mut body = BODY.clone();
        *body.pointer_mut(pointer).expect(pointer) = value;
        let read = read(&body).unwrap_or_else(|why| panic!("{pointer}: {why}"));
        assert!(0 < show(&read));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn no_altered_body_hurts_what_shows_it(mutations in prop::collection::vec(mutation(), 1..4)) {
        let mut body = BODY.clone();
        for (place, how) in &mutations {
            mutate(&mut body, place.get::<String>(&PLACES), how);
        }
        if let Ok(read) = read(&body) {
            show(&read);
        }
    }
}
