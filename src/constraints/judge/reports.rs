//! Reports in the place of what can't be measured here, where the limit accepts them.
//!
//! The registry concludes from the reported number as from its own; that it was reported, and by whom, stands in the verdict.

use super::{Beyond, Candidate, Constraint, ConstraintVerdict, Hardware, Verdict, by_figures};
use crate::constraints::{measured::StandIn, words::Words};

/// The verdict of the worst report that says something of the metric; `None` where none does or none is accepted.
pub(super) fn worst(
    constraint: &Constraint,
    hardware: Option<&Hardware>,
    stand_ins: &[StandIn],
) -> Option<ConstraintVerdict> {
    let is_about = |one: &&StandIn| one.metric == constraint.metric && constraint.accepts_reports_of(&one.source.key);
    let about = stand_ins.iter().filter(is_about);
    let verdicts = about.map(|one| by_report(constraint, hardware, one));
    verdicts.reduce(|worst, next| if is_worse(&next, &worst) { next } else { worst })
}

fn by_report(constraint: &Constraint, hardware: Option<&Hardware>, one: &StandIn) -> ConstraintVerdict {
    let candidate = Candidate {
        subject: constraint.metric.word().replace('_', " "),
        figure: one.figure,
        counted: "measurements",
        doubt: one.doubt.clone().map(|why| format!("the reporter says of it: {why}")),
        left_out: None,
        beyond: Beyond::Interval,
    };
    let verdict = by_figures(constraint, hardware, one.host.as_ref(), &[candidate]);
    let reason = format!("reported by the key {}, not measured here: {}", one.source.key, verdict.reason);
    let method = "By whoever signed the report, as it says; the registry measured nothing.".to_owned();
    ConstraintVerdict { reason, method, reported: Some(one.source.clone()), ..verdict }
}

fn is_worse(one: &ConstraintVerdict, other: &ConstraintVerdict) -> bool {
    let bad = |verdict: &ConstraintVerdict| match verdict.verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 2,
        _ => 1,
    };
    let margin = |verdict: &ConstraintVerdict| verdict.margin.unwrap_or(f64::NEG_INFINITY);
    bad(other) < bad(one) || (bad(other) == bad(one) && margin(one) < margin(other))
}

#[cfg(test)]
mod tests {
    use crate::{
        constraints::{ConstraintSpec, HostFingerprint, Measured, Metric, ReportedFigure, StandIn, Verdict, judge},
        stats::figure::Figure,
    };
    use serde_json::{Value, json};

    fn spec(accept: bool, representative: bool) -> ConstraintSpec {
        let mut limit: Value = json!({"name": "energy", "dimension": "power", "metric": "energy_per_inference",
            "operator": "<=", "limit": 2, "unit": "mJ", "owner": "mara", "representative_hardware": representative});
        if accept {
            limit["accept_reports_of"] = json!(["the-lab", "kind", "strict", "close", "far"]);
        }
        let spec = json!({"hardware": {"cpu_model": "Edge CPU"}, "constraints": [limit]});
        ConstraintSpec::parse(&spec).expect("a spec")
    }

    fn report(joules: f64, key: &str, cpu: &str) -> StandIn {
        StandIn {
            metric: Metric::EnergyPerInference,
            figure: Figure::point(Some(joules), 1000),
            doubt: None,
            host: Some(HostFingerprint {
                cpu_model: cpu.to_owned(),
                cores: 4,
                memory_bytes: None,
                accelerator: None,
                runtime: None,
                threads: None,
                label: None,
            }),
            source: ReportedFigure {
                evidence: format!("sha256:{key}"),
                key: key.to_owned(),
                fingerprint: String::new(),
            },
        }
    }

    fn judged(spec: &ConstraintSpec, stand_ins: Vec<StandIn>) -> (Verdict, String, Option<String>) {
        let mut measured = Measured { stand_ins, ..Measured::default() };
        measured.set_absent("energy_per_inference", "the host has no energy counters (RAPL)");
        let verdict = judge(spec, &measured).remove(0);
        (verdict.verdict, verdict.reason, verdict.reported.map(|source| source.key))
    }

    #[test]
    fn a_report_stands_in_only_where_the_limit_accepts_it_and_says_so() {
        let good = || vec![report(0.001, "the-lab", "Edge CPU")];
        let (verdict, reason, key) = judged(&spec(true, true), good());
        assert_eq!((verdict, key.as_deref()), (Verdict::Pass, Some("the-lab")));
        assert!(reason.starts_with("reported by the key the-lab, not measured here: "), "{reason}");
        let (verdict, reason, key) = judged(&spec(false, true), good());
        assert_eq!((verdict, key), (Verdict::NotMeasured, None));
        assert!(reason.contains("no energy counters"), "{reason}");
        assert_eq!(judged(&spec(true, true), Vec::new()).0, Verdict::NotMeasured);
    }

    #[test]
    fn only_the_keys_that_the_limit_names_speak_for_it() {
        assert_eq!(judged(&spec(true, true), vec![report(0.001, "a-stranger", "Edge CPU")]).0, Verdict::NotMeasured);
    }

    #[test]
    fn what_the_reporter_doubts_makes_no_limit_pass() {
        let mut doubted = report(0.001, "the-lab", "Edge CPU");
        doubted.doubt = Some("another program ran beside it".to_owned());
        let (verdict, reason, _) = judged(&spec(true, true), vec![doubted]);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(reason.contains("the reporter says of it: another program ran beside it"), "{reason}");
    }

    #[test]
    fn of_several_reports_the_worst_decides() {
        let all = || vec![report(0.001, "kind", "Edge CPU"), report(0.003, "strict", "Edge CPU")];
        let (verdict, _, key) = judged(&spec(true, false), all());
        assert_eq!((verdict, key.as_deref()), (Verdict::Fail, Some("strict")));
        let passing = vec![report(0.0019, "close", "Edge CPU"), report(0.001, "far", "Edge CPU")];
        assert_eq!(judged(&spec(true, false), passing).2.as_deref(), Some("close"));
    }

    #[test]
    fn the_reporters_machine_has_to_be_the_environments() {
        let elsewhere = vec![report(0.001, "the-lab", "Big server")];
        assert_eq!(judged(&spec(true, true), elsewhere.clone()).0, Verdict::NotRepresentative);
        assert_eq!(judged(&spec(true, false), elsewhere).0, Verdict::Pass);
    }

    #[test]
    fn what_was_measured_here_is_not_replaced() {
        let mut measured = Measured { stand_ins: vec![report(0.001, "the-lab", "Edge CPU")], ..Measured::default() };
        measured.set(Metric::EnergyPerInference, 1.0, 100);
        let verdict = judge(&spec(true, false), &measured).remove(0);
        assert_eq!((verdict.verdict, verdict.reported), (Verdict::Fail, None));
    }
}
