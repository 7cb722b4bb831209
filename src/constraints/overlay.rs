//! What a model's overlay adds to the limits of an environment: it only ever tightens them.
//!
//! Invariant: a [`Tightening`] that [`ConstraintSpec::parse`] let in leaves its limit at least as hard to meet as it was, so
//! that no measurement passes with it that would fail without. Load conditions, metrics and names stay as they are: another
//! load is another limit.

use super::{
    judge,
    spec::{Confidence, Constraint, ConstraintSpec, Severity},
};
use serde::Serialize;
use utoipa::ToSchema;

/// One limit made harder for one model. What is absent stays as the environment has it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Tightening {
    /// Of a limit of the spec.
    pub name: String,
    /// In the unit of that limit; on its inner side, or the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub representative_hardware: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_evidence_age_days: Option<u32>,
}

impl Tightening {
    /// What about it would loosen the limit: the field and why.
    pub fn loosens(&self, base: &Constraint) -> Option<(&'static str, String)> {
        let outside = |limit: f64| judge::slack(base, base.unit.to_base(limit)) < 0.0;
        if let Some(limit) = self.limit.filter(|limit| outside(*limit)) {
            let detail =
                format!("{limit} is looser than the {} of the limit itself; an overlay only tightens", base.limit);
            return Some(("limit", detail));
        }
        if self.severity.is_some_and(|severity| weight(severity) < weight(base.severity)) {
            return Some(("severity", format!("the limit has {}; an overlay may only weigh more", base.severity)));
        }
        if self.minimum_samples.is_some_and(|samples| samples < base.minimum_samples) {
            return Some(("minimum_samples", format!("the limit asks for {}; ask for as many", base.minimum_samples)));
        }
        if self.confidence == Some(Confidence::Point) && base.confidence == Confidence::Interval {
            return Some((
                "confidence",
                "the limit judges the whole interval; an overlay can't take that away".to_owned(),
            ));
        }
        if self.representative_hardware == Some(false) && base.representative_hardware {
            let detail = "the limit asks for representative hardware; an overlay can't take that away";
            return Some(("representative_hardware", detail.to_owned()));
        }
        match (self.maximum_evidence_age_days, base.maximum_evidence_age_days) {
            (Some(days), Some(most)) if most < days => {
                Some(("maximum_evidence_age_days", format!("the limit allows {most} days; allow as few")))
            }
            _ => None,
        }
    }

    fn apply(&self, base: &Constraint) -> Constraint {
        Constraint {
            limit: self.limit.unwrap_or(base.limit),
            severity: self.severity.unwrap_or(base.severity),
            minimum_samples: self.minimum_samples.unwrap_or(base.minimum_samples),
            confidence: self.confidence.unwrap_or(base.confidence),
            representative_hardware: self.representative_hardware.unwrap_or(base.representative_hardware),
            maximum_evidence_age_days: self.maximum_evidence_age_days.or(base.maximum_evidence_age_days),
            ..base.clone()
        }
    }
}

impl ConstraintSpec {
    /// The models that have limits of their own.
    pub fn overlaid(&self) -> impl Iterator<Item = &str> {
        self.overlays.keys().map(String::as_str)
    }

    /// The limits that hold for a model: those of the environment, as its overlay tightens them.
    #[must_use]
    pub fn for_model(mut self, model: &str) -> Self {
        let overlay = self.overlays.remove(model).unwrap_or_default();
        for constraint in &mut self.constraints {
            if let Some(tightening) = overlay.iter().find(|one| one.name == constraint.name) {
                *constraint = tightening.apply(constraint);
            }
        }
        self
    }
}

fn weight(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Warn => 1,
        Severity::Block => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Measured, Metric, Severity, Verdict, judge::judge};
    use super::*;
    use crate::stats::{
        figure::Figure,
        interval::{Interval, IntervalMethod},
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn base() -> Value {
        json!({"name": "accuracy", "dimension": "quality", "metric": "accuracy", "operator": ">=", "limit": 0.8,
            "unit": "1", "severity": "warn", "minimum_samples": 30, "maximum_evidence_age_days": 30, "owner": "mara"})
    }

    fn spec(limit: &Value, overlay: &Value) -> Result<ConstraintSpec, String> {
        let spec = json!({"hardware": "any", "constraints": [limit], "overlays": {"credit": [overlay]}});
        ConstraintSpec::parse(&spec).map_err(|problems| problems[0].to_string())
    }

    #[test]
    fn a_model_has_its_own_limits_and_the_others_those_of_the_environment() {
        let overlay = json!({"name": "accuracy", "limit": 0.9, "severity": "block", "confidence": "interval",
            "minimum_samples": 100, "maximum_evidence_age_days": 7, "representative_hardware": true});
        let spec = spec(&base(), &overlay).expect("a spec");
        let own = spec.clone().for_model("credit").constraints()[0].clone();
        assert_eq!((own.limit, own.severity, own.minimum_samples), (0.9, Severity::Block, 100));
        assert_eq!((own.confidence, own.maximum_evidence_age_days), (Confidence::Interval, Some(7)));
        assert!(own.representative_hardware);
        assert_eq!(spec.clone().for_model("other").constraints()[0], spec.constraints()[0]);
        let again = ConstraintSpec::parse(&spec.explicit().expect("JSON")).expect("the same spec");
        assert_eq!(again.for_model("credit").constraints()[0], own, "it is stored with the spec");
    }

    #[test]
    fn what_would_loosen_a_limit_is_refused_with_its_place() {
        let mut strict = base();
        strict["confidence"] = json!("interval");
        strict["representative_hardware"] = json!(true);
        for (overlay, place) in [
            (json!({"name": "accuracy", "limit": 0.7}), "overlays.credit[0].limit"),
            (json!({"name": "accuracy", "severity": "info"}), "overlays.credit[0].severity"),
            (json!({"name": "accuracy", "minimum_samples": 29}), "overlays.credit[0].minimum_samples"),
            (json!({"name": "accuracy", "confidence": "point"}), "overlays.credit[0].confidence"),
            (
                json!({"name": "accuracy", "representative_hardware": false}),
                "overlays.credit[0].representative_hardware",
            ),
            (
                json!({"name": "accuracy", "maximum_evidence_age_days": 31}),
                "overlays.credit[0].maximum_evidence_age_days",
            ),
            (json!({"name": "precision", "limit": 0.9}), "overlays.credit[0].name"),
            (json!({"name": "accuracy", "load": {"batch": 2}}), "overlays.credit[0].load"),
            (json!({"name": "accuracy"}), "overlays.credit[0]"),
            (json!({"name": "accuracy", "limit": 1.5}), "overlays.credit[0].limit"),
        ] {
            let said = spec(&strict, &overlay).expect_err(place);
            assert!(said.starts_with(place), "{said}");
        }
        // The direction is the operator's, and the same is allowed.
        let mut upper = base();
        (upper["operator"], upper["metric"]) = (json!("<="), json!("error_rate"));
        assert!(spec(&upper, &json!({"name": "accuracy", "limit": 0.7})).is_ok());
        assert!(spec(&upper, &json!({"name": "accuracy", "limit": 0.8})).is_ok());
        assert!(spec(&upper, &json!({"name": "accuracy", "limit": 0.9})).is_err());
        // A figure without an interval would never pass.
        let size = json!({"name": "accuracy", "dimension": "size", "metric": "artifact_size", "operator": "<=", "limit": 1,
            "unit": "MBy", "owner": "mara"});
        assert!(spec(&size, &json!({"name": "accuracy", "confidence": "interval"})).is_err());
    }

    fn severity() -> impl Strategy<Value = Option<&'static str>> {
        prop::option::of(prop::sample::select(vec!["info", "warn", "block"]))
    }

    proptest! {
        #[test]
        fn no_measurement_passes_with_an_overlay_that_fails_without(
            operator in prop::sample::select(vec!["<=", "<", ">=", ">"]),
            limits in (0.0..1.0, prop::option::of(0.0..1.0)),
            samples in (1u64..60, prop::option::of(1u64..60)),
            confidence in (any::<bool>(), prop::option::of(any::<bool>())),
            hardware in (any::<bool>(), prop::option::of(any::<bool>())),
            severities in (severity(), severity()),
            figure in (0.0..1.0f64, 0.0..0.2f64, 0u64..80),
        ) {
            let word = |interval: bool| if interval { "interval" } else { "point" };
            let mut limit = base();
            limit["operator"] = json!(operator);
            limit["limit"] = json!(limits.0);
            limit["minimum_samples"] = json!(samples.0);
            limit["confidence"] = json!(word(confidence.0));
            limit["representative_hardware"] = json!(hardware.0);
            limit["severity"] = json!(severities.0.unwrap_or("block"));
            let mut overlay = json!({"name": "accuracy", "maximum_evidence_age_days": 30});
            let optional = [
                ("limit", limits.1.map(Value::from)),
                ("minimum_samples", samples.1.map(Value::from)),
                ("confidence", confidence.1.map(|interval| word(interval).into())),
                ("representative_hardware", hardware.1.map(Value::from)),
                ("severity", severities.1.map(Value::from)),
            ];
            for (field, value) in optional {
                if let Some(value) = value {
                    overlay[field] = value;
                }
            }
            // What loosens is refused, and is none of this test.
            let Ok(spec) = spec(&limit, &overlay) else { return Ok(()) };
            let (value, half, n) = figure;
            let interval = Interval::new(value - half, value + half, IntervalMethod::StudentT);
            let mut measured = Measured::default();
            measured.figures.insert(Metric::Accuracy, Figure::with_interval(Some(value), interval, n));
            let verdict = |spec: &ConstraintSpec| judge(spec, &measured).remove(0);
            let (before, after) = (verdict(&spec), verdict(&spec.clone().for_model("credit")));
            if before.verdict != Verdict::Pass {
                prop_assert_ne!(after.verdict, Verdict::Pass);
            }
            prop_assert!(weight(before.severity) <= weight(after.severity));
        }
    }
}
