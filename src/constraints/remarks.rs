//! What is no mistake of a spec and yet hardly what its author meant.

use super::{
    metric::{Dimension, Metric},
    spec::{ConstraintSpec, SpecError},
};

/// Which end of a metric is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Less,
    More,
}

impl ConstraintSpec {
    /// Limits that stop what is good and let through what is bad, each with its place.
    pub fn remarks(&self) -> Vec<SpecError> {
        let turned = |(index, limit): (usize, &super::spec::Constraint)| {
            let better = better(limit.dimension, limit.metric)?;
            let wanted = if better == Better::Less { "<=" } else { ">=" };
            let is_upper = limit.operator.is_upper_limit();
            (is_upper != (better == Better::Less)).then(|| SpecError {
                path: format!("constraints[{index}].operator"),
                detail: format!(
                    "{} is better the {} it is, and this limit passes only what is {}; is `{wanted}` meant?",
                    limit.metric.to_string().replace('_', " "),
                    if better == Better::Less { "less" } else { "more" },
                    if is_upper { "at or below it" } else { "at or above it" },
                ),
            })
        };
        self.constraints().iter().enumerate().filter_map(turned).collect()
    }
}

/// `None` where both ends may be wanted: rates of selection, ratios, means.
fn better(dimension: Dimension, metric: Metric) -> Option<Better> {
    use Metric as M;
    match (dimension, metric) {
        (_, M::NetworkFree | M::WithinTolerance | M::Repeats | M::MaximumOfflineTime | M::RetainedAccuracy)
        | (Dimension::Throughput, _)
        | (
            Dimension::Quality | Dimension::Bias | Dimension::Robustness,
            M::Accuracy
            | M::BalancedAccuracy
            | M::Precision
            | M::Recall
            | M::F1
            | M::MacroF1
            | M::MacroRecall
            | M::MacroPrecision
            | M::Mcc
            | M::Auc
            | M::R2
            | M::Tpr
            | M::Tnr
            | M::Npv,
        ) => Some(Better::More),
        (
            Dimension::Latency
            | Dimension::Memory
            | Dimension::Size
            | Dimension::LoadTime
            | Dimension::Compute
            | Dimension::Cost
            | Dimension::Power
            | Dimension::Connectivity
            | Dimension::Agreement
            | Dimension::Abstention,
            _,
        ) => Some(Better::Less),
        (
            _,
            M::Fpr
            | M::Fnr
            | M::ErrorRate
            | M::FalseOmissionRate
            | M::FalseDiscoveryRate
            | M::Brier
            | M::LogLoss
            | M::Ece
            | M::Mae
            | M::Rmse
            | M::FlipRate
            | M::AccuracyDrop
            | M::MaeIncrease
            | M::MaxScoreChange
            | M::CalibrationChange
            | M::NonFiniteRate,
        ) => Some(Better::Less),
        (Dimension::Bias, metric) if metric.to_string().ends_with("_difference") => Some(Better::Less),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn remarked(dimension: &str, metric: &str, operator: &str, extra: serde_json::Value) -> Vec<String> {
        let mut limit = json!({"name": "one", "dimension": dimension, "metric": metric, "operator": operator,
            "limit": 0.5, "unit": "1", "owner": "mara"});
        for (name, value) in extra.as_object().into_iter().flatten() {
            limit[name] = value.clone();
        }
        let spec = ConstraintSpec::parse(&json!({"constraints": [limit]})).expect("a spec");
        spec.remarks().into_iter().map(|remark| remark.to_string()).collect()
    }

    #[test]
    fn a_limit_that_lets_through_what_is_bad_is_remarked_on() {
        let said = remarked("quality", "accuracy", "<=", json!({}));
        assert_eq!(
            said,
            [
                "constraints[0].operator: accuracy is better the more it is, and this limit passes only what is at or below it; is `>=` meant?"
            ]
        );
        let said = remarked("latency", "latency", ">", json!({"statistic": "p95", "unit": "ms"}));
        assert!(said.len() == 1 && said[0].contains("is `<=` meant?"), "{said:?}");
        let difference = json!({"attribute": "sex"});
        assert_eq!(remarked("bias", "demographic_parity_difference", ">=", difference.clone()).len(), 1);
        assert_eq!(remarked("bias", "demographic_parity_difference", "<=", difference.clone()).len(), 0);
        // A ratio may have a lowest and a highest value that is wanted, and a rate of selection too.
        for operator in ["<=", ">="] {
            assert_eq!(remarked("bias", "demographic_parity_ratio", operator, difference.clone()).len(), 0);
            assert_eq!(remarked("quality", "selection_rate", operator, json!({})).len(), 0);
        }
        assert_eq!(remarked("quality", "accuracy", ">=", json!({})).len(), 0);
    }
}
