//! Divergences of two histograms over the same bins.

/// What stands in for a share of 0, where the logarithm has no value. The shares aren't summed to
/// 1 again afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroRule {
    /// 0.0001.
    TenThousandth,
    /// 0.0001, or a millionth of the smallest share of the same sample when that is not above
    /// 0.0001, so that an empty bin never outweighs a filled one (Evidently).
    Smallest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogBase {
    Two,
    E,
}

const FLOOR: f64 = 1e-4;

/// Population stability index: the sum over bins of (c - r) ln(c / r), where r and c are the
/// shares of the reference and of the current sample (Siddiqi 2006; twice Jeffreys' mean). `None`
/// for an empty sample or different bins.
pub fn psi(reference: &[u64], current: &[u64], zeros: ZeroRule) -> Option<f64> {
    let (mut r, mut c) = shares(reference, current)?;
    fill(&mut r, zeros);
    fill(&mut c, zeros);
    Some(r.iter().zip(&c).map(|(r, c)| (c - r) * (c / r).ln()).sum())
}

/// Jensen-Shannon distance: the root of the mean divergence of both samples from their mixture
/// (Lin 1991; Endres and Schindelin 2003). In base 2 it lies in [0, 1]. Empty bins need no
/// rule. `None` for an empty sample or different bins.
pub fn jensen_shannon_distance(reference: &[u64], current: &[u64], base: LogBase) -> Option<f64> {
    let (r, c) = shares(reference, current)?;
    // x ln x goes to 0 with x.
    let term = |share: f64, mixture: f64| if share == 0.0 { 0.0 } else { share * (share / mixture).ln() };
    let pairs = r.iter().zip(&c);
    let twice: f64 = pairs.map(|(r, c)| term(*r, (r + c) / 2.0) + term(*c, (r + c) / 2.0)).sum();
    let unit = match base {
        LogBase::Two => std::f64::consts::LN_2,
        LogBase::E => 1.0,
    };
    // Rounding can leave a negative trace where both are the same.
    Some((twice / 2.0 / unit).max(0.0).sqrt())
}

fn shares(reference: &[u64], current: &[u64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let of = |counts: &[u64]| -> Option<Vec<f64>> {
        let total: u64 = counts.iter().sum();
        (total != 0).then(|| counts.iter().map(|count| *count as f64 / total as f64).collect())
    };
    if reference.len() != current.len() {
        return None;
    }
    of(reference).zip(of(current))
}

fn fill(shares: &mut [f64], zeros: ZeroRule) {
    let smallest = shares.iter().copied().filter(|s| 0.0 < *s).fold(f64::INFINITY, f64::min);
    let stand_in = match zeros {
        ZeroRule::Smallest if smallest <= FLOOR => smallest / 1e6,
        ZeroRule::Smallest | ZeroRule::TenThousandth => FLOOR,
    };
    for share in shares.iter_mut().filter(|share| **share == 0.0) {
        *share = stand_in;
    }
}
