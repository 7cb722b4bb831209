//! Rows drawn with replacement, as how many times each is drawn.

use super::{Generator, Scheme};
use std::ops::Range;

/// How often each row is drawn. The rows of a stratum stand side by side.
pub struct Weights {
    strata: Vec<Range<usize>>,
    of_row: Vec<u32>,
}

impl Weights {
    /// Strata of the given sizes, one after the other.
    pub fn of_sizes(sizes: impl Iterator<Item = usize>) -> Self {
        let mut end = 0;
        let strata: Vec<Range<usize>> = sizes
            .map(|size| {
                let start = end;
                end += size;
                start..end
            })
            .collect();
        Self { strata, of_row: vec![0; end] }
    }

    /// As many rows as there are, from each stratum or from all.
    pub fn draw(&mut self, scheme: Scheme, generator: &mut Generator) {
        self.of_row.fill(0);
        let every = 0..self.of_row.len();
        let drawn = if scheme == Scheme::Rows { std::slice::from_ref(&every) } else { &self.strata };
        for stratum in drawn {
            let Some(rows) = self.of_row.get_mut(stratum.clone()) else { continue };
            let size = rows.len() as u32;
            for _ in 0..size {
                if let Some(weight) = rows.get_mut(generator.below(size) as usize) {
                    *weight += 1;
                }
            }
        }
    }

    pub fn all(&self) -> &[u32] {
        &self.of_row
    }

    /// The weights of each stratum.
    pub fn strata(&self) -> impl Iterator<Item = &[u32]> {
        self.strata.iter().map(|stratum| self.of_row.get(stratum.clone()).unwrap_or_default())
    }
}
