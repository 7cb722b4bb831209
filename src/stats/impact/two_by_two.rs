//! Tests of two selection rates.

use super::super::interval::CountOf;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;
use utoipa::ToSchema;

/// How much more likely than the observed table another one may be and still count as "at most
/// as likely": only rounding.
const TIE: f64 = 1e-7;

/// Fisher's (1935) exact test, two-sided: the share of all tables with the same margins that are
/// at most as likely as the observed one. `None` for an empty group.
pub fn fisher_exact(a: CountOf, b: CountOf) -> Option<f64> {
    if a.1 == 0 || b.1 == 0 || a.1 < a.0 || b.1 < b.0 {
        return None;
    }
    // x of the first group are selected when `selected` are in all.
    let (n, m, selected) = (a.1, b.1, a.0.checked_add(b.0)?);
    let (least, most) = (selected.saturating_sub(m), selected.min(n));
    // How likely x + 1 is against x.
    let step = |x: u64| {
        ((n - x) as f64 / (x + 1) as f64) * ((selected - x) as f64 / (m + x + 1).saturating_sub(selected) as f64)
    };
    let mode = (((n + 1) as f64 * (selected + 1) as f64 / (n as f64 + m as f64 + 2.0)) as u64).clamp(least, most);
    // Weights relative to the most likely table: products of ratios, which lose no digits where
    // a difference of logarithms of factorials would.
    let mut weights = vec![1.0];
    let mut weight = 1.0;
    for x in (least..mode).rev() {
        weight /= step(x);
        weights.push(weight);
    }
    weights.reverse();
    weight = 1.0;
    for x in mode..most {
        weight *= step(x);
        weights.push(weight);
    }
    let limit = weights.get((a.0 - least) as usize)? * (1.0 + TIE);
    let (mut rare, mut all) = (0.0, 0.0);
    for weight in weights {
        all += weight;
        if weight <= limit {
            rare += weight;
        }
    }
    Some((rare / all).min(1.0))
}

/// The two-proportion z test with pooled variance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PooledZ {
    /// Below 0 when the first rate is the lower one.
    pub z: f64,
    /// Two-sided.
    pub p_value: f64,
}

/// z of rate a minus rate b. `None` for an empty group and when all or none are selected, where
/// the variance is 0.
pub fn pooled_z(a: CountOf, b: CountOf) -> Option<PooledZ> {
    if a.1 == 0 || b.1 == 0 {
        return None;
    }
    let [x, n, y, m] = [a.0, a.1, b.0, b.1].map(|count| count as f64);
    let pooled = (x + y) / (n + m);
    let variance = pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m);
    (0.0 < variance).then(|| {
        let z = (x / n - y / m) / variance.sqrt();
        PooledZ { z, p_value: erfc(z.abs() / std::f64::consts::SQRT_2) }
    })
}
