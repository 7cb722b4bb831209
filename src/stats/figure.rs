//! One measured number, with what is needed to judge it.

use super::interval::{Interval, wilson};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A figure in base units (seconds, bytes, 1). `value` is `None` when the figure is undefined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    pub value: Option<f64>,
    pub interval: Option<Interval>,
    /// How many observations (rows, calls, repetitions) the value rests on.
    pub n: u64,
}

impl Figure {
    /// A figure without a closed-form interval.
    pub fn point(value: Option<f64>, n: u64) -> Self {
        Self { value, interval: None, n }
    }

    pub fn with_interval(value: Option<f64>, interval: Option<Interval>, n: u64) -> Self {
        Self { value, interval, n }
    }
}

/// A proportion `count / total` with its Wilson interval. Invariant: `0 < total`, `count <= total`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rate {
    pub value: f64,
    pub interval: Interval,
    pub count: u64,
    pub total: u64,
}

impl Rate {
    /// `None` for an empty denominator: the rate is undefined, not 0.
    pub fn of(count: u64, total: u64) -> Option<Self> {
        Some(Self {
            value: (total != 0 && count <= total).then(|| count as f64 / total as f64)?,
            interval: wilson(count, total)?,
            count,
            total,
        })
    }

    /// A rate as a figure. It rests on its denominator: a TPR of 1 on 3 positives is a figure of
    /// 3 observations, however many rows there were. No rate is an undefined figure.
    pub fn figure(rate: Option<Self>) -> Figure {
        let n = rate.map_or(0, |r| r.total);
        Figure::with_interval(rate.map(|r| r.value), rate.map(|r| r.interval), n)
    }
}
