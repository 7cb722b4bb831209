//! Shapes of what is cut out of a tensor, and of what is summed up over some of its dimensions. Pure.

use super::shapes::{Shape, place};
use std::collections::HashSet;

/// What a `Slice` is told; all lists are as long as `starts`.
pub(super) struct Cut {
    starts: Vec<i64>,
    ends: Vec<i64>,
    axes: Vec<i64>,
    steps: Vec<i64>,
}

impl Cut {
    /// Without axes the first dimensions are meant, and without steps each element is taken.
    pub fn new(starts: &[i64], ends: &[i64], axes: Option<&[i64]>, steps: Option<&[i64]>) -> Option<Self> {
        let count = i64::try_from(starts.len()).ok()?;
        let axes = axes.map_or_else(|| (0..count).collect(), <[i64]>::to_vec);
        let steps = steps.map_or_else(|| vec![1; starts.len()], <[i64]>::to_vec);
        let fits = [ends.len(), axes.len(), steps.len()].iter().all(|length| *length == starts.len());
        fits.then(|| Self { starts: starts.to_vec(), ends: ends.to_vec(), axes, steps })
    }

    pub fn shape(&self, shape: &[u64]) -> Option<Shape> {
        let mut cut = shape.to_vec();
        for (at, axis) in self.axes.iter().enumerate() {
            let axis = place(*axis, shape.len())?;
            let size = cut.get_mut(axis)?;
            *size = self.taken(at, *size)?.len() as u64;
        }
        Some(cut)
    }

    /// Of a list, which has one dimension.
    pub fn values(&self, values: &[i64]) -> Option<Vec<i64>> {
        if self.axes.iter().any(|axis| ![0, -1].contains(axis)) || self.axes.len() != 1 {
            return None;
        }
        let taken = self.taken(0, values.len() as u64)?;
        let places = (0..taken.len()).map(|nth| taken.start + nth * taken.step);
        places.map(|at| values.get(usize::try_from(at).ok()?).copied()).collect()
    }

    /// The places that are taken of a dimension, by the rules of `Slice` for what lies outside.
    fn taken(&self, at: usize, size: u64) -> Option<Taken> {
        let (size, step) = (i64::try_from(size).ok()?, *self.steps.get(at)?);
        let from_end = |place: i64| if place < 0 { place.saturating_add(size) } else { place };
        let (start, end) = (from_end(*self.starts.get(at)?), from_end(*self.ends.get(at)?));
        match step {
            0 => None,
            1.. => Some(Taken { start: start.clamp(0, size), end: end.clamp(0, size), step }),
            _ => Some(Taken { start: start.clamp(-1, size - 1), end: end.clamp(-1, size - 1), step }),
        }
    }
}

/// From here, up to before there, in such steps.
struct Taken {
    start: i64,
    end: i64,
    step: i64,
}

impl Taken {
    fn len(&self) -> i64 {
        let distance = if 0 < self.step { self.end - self.start } else { self.start - self.end };
        let step = self.step.saturating_abs();
        if distance <= 0 { 0 } else { (distance - 1) / step + 1 }
    }
}

/// Of a reduction: without axes over all dimensions, unless the node then does nothing.
pub(super) fn reduced(shape: &[u64], axes: Option<&[i64]>, keeps: bool, is_noop_without: bool) -> Option<Shape> {
    let axes = axes.filter(|axes| !axes.is_empty());
    let gone: HashSet<usize> = match axes {
        None if is_noop_without => return Some(shape.to_vec()),
        None => (0..shape.len()).collect(),
        Some(axes) => axes.iter().map(|axis| place(*axis, shape.len())).collect::<Option<_>>()?,
    };
    let left = shape.iter().enumerate().filter_map(|(at, size)| match gone.contains(&at) {
        true => keeps.then_some(1),
        false => Some(*size),
    });
    Some(left.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(starts: &[i64], ends: &[i64], axes: Option<&[i64]>, steps: Option<&[i64]>) -> Cut {
        Cut::new(starts, ends, axes, steps).expect("lists of one length")
    }

    #[test]
    fn a_cut_is_as_long_as_numpy_makes_it() {
        let (most, least) = (i64::MAX, i64::MIN);
        for (start, end, step, length) in [
            (0, 5, 1, 5),
            (2, most, 1, 8),
            (-3, most, 1, 3),
            (0, -1, 1, 9),
            (20, 30, 1, 0),
            (0, 10, 3, 4),
            (9, least, -1, 10),
            (-1, -6, -2, 3),
            (most, least, -1, 10),
            (5, 5, 1, 0),
        ] {
            let shape = cut(&[start], &[end], Some(&[1]), Some(&[step])).shape(&[4, 10]);
            assert_eq!(shape, Some(vec![4, length]), "{start}:{end}:{step}");
        }
        assert_eq!(cut(&[0], &[1], None, None).shape(&[4, 10]), Some(vec![1, 10]));
        assert_eq!(cut(&[0], &[1], None, Some(&[0])).shape(&[4]), None);
        assert!(Cut::new(&[0], &[1, 2], None, None).is_none());
    }

    #[test]
    fn a_list_is_cut_as_a_dimension_is() {
        let list = [3, 1, 4, 1, 5];
        assert_eq!(cut(&[1], &[4], None, None).values(&list), Some(vec![1, 4, 1]));
        assert_eq!(cut(&[-1], &[i64::MIN], Some(&[0]), Some(&[-2])).values(&list), Some(vec![5, 4, 3]));
        assert_eq!(cut(&[0], &[1], Some(&[1]), None).values(&list), None);
    }

    #[test]
    fn a_reduction_takes_dimensions_away_or_makes_them_one() {
        assert_eq!(reduced(&[2, 3, 4], Some(&[-1]), true, false), Some(vec![2, 3, 1]));
        assert_eq!(reduced(&[2, 3, 4], Some(&[0, 2]), false, false), Some(vec![3]));
        assert_eq!(reduced(&[2, 3], None, false, false), Some(vec![]));
        assert_eq!(reduced(&[2, 3], Some(&[]), true, true), Some(vec![2, 3]));
    }
}
