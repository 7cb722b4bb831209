//! The exact distribution of the two-sample statistic, by counting lattice paths.
//!
//! An order of the pooled rows is a path from (0, 0) to (n, m) that steps right for a row of the
//! first sample and up for one of the second. All are equally likely without drift, and the gap
//! of the distribution functions at (i, j) is |m i - n j| / nm. Let u(i, j) be the chance that a
//! random path to (i, j) was ever at a gap of at least the observed one. The last step came from
//! the left with chance i / (i + j), so
//!
//! u(i, j) = (i u(i - 1, j) + j u(i, j - 1)) / (i + j), and 1 where the gap itself is reached
//!
//! (Hodges 1957). Only shares between 0 and 1 are added, so nothing overflows or cancels.

/// The share of paths to (n, m) that reach a gap |m i - n j| of at least `gap`.
pub fn share_leaving(n: u64, m: u64, gap: u128) -> f64 {
    // The narrower side is the column that is kept.
    let (n, m) = (n.max(m), n.min(m));
    let leaves = |i: u64, j: u64| gap <= (u128::from(m) * u128::from(i)).abs_diff(u128::from(n) * u128::from(j));
    if gap == 0 {
        return 1.0;
    }
    let mut column = vec![1.0_f64; m as usize + 1];
    let (mut low, mut high) = (0, 0);
    for i in 0..=n {
        // The band of points inside the gap moves up with i; below it every path has left.
        while low <= m && leaves(i, low) && n * low < m * i {
            if let Some(cell) = column.get_mut(low as usize) {
                *cell = 1.0;
            }
            low += 1;
        }
        high = high.max(low);
        while high <= m && !leaves(i, high) {
            high += 1;
        }
        let mut from_below = if low == 0 { 0.0 } else { 1.0 };
        let band = column.iter_mut().enumerate().take(high as usize).skip(low as usize);
        for (j, cell) in band {
            let (left, up) = (i as f64, j as f64);
            let steps = left + up;
            from_below = match (i, j) {
                (0, 0) => 0.0,
                (0, _) => from_below,
                _ => (left * *cell + up * from_below) / steps,
            };
            *cell = from_below;
        }
    }
    column.last().copied().unwrap_or(1.0).clamp(0.0, 1.0)
}
