//! Which group each row belongs to, by one attribute or by any number of crossed attributes.
//!
//! Invariants: cells are compared byte for byte; an empty cell is the value `(missing)`; a group
//! has at least one row, because combinations without a row don't exist; groups stand in the
//! byte order of their cells, attribute by attribute.

use super::{
    disparity::ALL_ROWS,
    fairness::{MAXIMUM_GROUPS, MAXIMUM_LABEL_BYTES, MISSING, TableError},
};
use std::collections::BTreeMap;

/// Between the cells of an intersection's label.
const AND: &str = " & ";

/// Labels that mean something else here: two groups of one name would be taken for each other.
fn is_reserved(cell: &str, several: bool) -> bool {
    cell == MISSING || cell == ALL_ROWS || (several && cell.contains(AND))
}

/// The rows of a table by group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// The cells of each group, one per crossed attribute.
    cells: Vec<Vec<String>>,
    /// The group of each row.
    of_row: Vec<u32>,
}

impl Groups {
    /// `columns` holds the cells of the attribute, or of each crossed attribute in order, for
    /// `rows` rows each.
    pub fn of<S: AsRef<str>>(attribute: &str, columns: &[&[S]], rows: usize) -> Result<Self, TableError> {
        let mut groups = Self { cells: vec![Vec::new()], of_row: vec![0; rows] };
        for column in columns {
            if column.len() != rows {
                return Err(TableError::Lengths { rows, other: column.len() });
            }
            groups = groups.crossed(attribute, column, 1 < columns.len())?;
        }
        if rows == 0 {
            groups.cells.clear();
        }
        Ok(groups)
    }

    /// Each group split by one more column. The groups so far are in order, so pairs of group and
    /// cell are in order too.
    fn crossed<S: AsRef<str>>(self, attribute: &str, column: &[S], several: bool) -> Result<Self, TableError> {
        let attribute = || attribute.to_owned();
        let mut numbers: BTreeMap<(u32, &str), u32> = BTreeMap::new();
        let mut of_row = Vec::with_capacity(self.of_row.len());
        for (group, original) in self.of_row.iter().zip(column) {
            let cell = if original.as_ref().is_empty() { MISSING } else { original.as_ref() };
            if is_reserved(cell, several) && !(cell == MISSING && original.as_ref().is_empty()) {
                return Err(TableError::LabelReserved { attribute: attribute(), label: cell.to_owned() });
            }
            if MAXIMUM_LABEL_BYTES < cell.len() {
                return Err(TableError::LabelTooLong { attribute: attribute(), size_bytes: cell.len() });
            }
            let next = numbers.len() as u32;
            of_row.push(*numbers.entry((*group, cell)).or_insert(next));
            if MAXIMUM_GROUPS < numbers.len() {
                return Err(TableError::TooManyGroups { attribute: attribute() });
            }
        }
        // Numbered in the order of rows until here; renumbered in the order of groups.
        let mut rank = vec![0; numbers.len()];
        let mut cells = Vec::with_capacity(numbers.len());
        for (position, ((group, cell), number)) in numbers.iter().enumerate() {
            if let Some(rank) = rank.get_mut(*number as usize) {
                *rank = position as u32;
            }
            let before = self.cells.get(*group as usize).into_iter().flatten();
            cells.push(before.cloned().chain([(*cell).to_owned()]).collect());
        }
        for group in &mut of_row {
            *group = rank.get(*group as usize).copied().unwrap_or_default();
        }
        Ok(Self { cells, of_row })
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells of each group, in order.
    pub fn cells(&self) -> &[Vec<String>] {
        &self.cells
    }

    /// The label of each group, in order: `a & b` for an intersection.
    pub fn labels(&self) -> impl Iterator<Item = String> {
        self.cells.iter().map(|cells| cells.join(AND))
    }

    /// The group of each row, as an index into the groups.
    pub fn of_rows(&self) -> impl ExactSizeIterator<Item = usize> {
        self.of_row.iter().map(|group| *group as usize)
    }

    /// One value per row, gathered by group in the order of rows.
    pub fn split<T: Copy>(&self, values: &[T]) -> Vec<Vec<T>> {
        let mut split = vec![Vec::new(); self.len()];
        for (group, value) in self.of_rows().zip(values) {
            if let Some(values) = split.get_mut(group) {
                values.push(*value);
            }
        }
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_attributes_cross_in_the_order_of_their_cells() {
        let columns: [&[&str]; 3] = [&["b", "a", "b", "a"], &["x", "y", "x", ""], &["1", "1", "1", "2"]];
        let got = Groups::of("a*b*c", &columns, 4).expect("few groups");
        assert_eq!(got.labels().collect::<Vec<_>>(), ["a & (missing) & 2", "a & y & 1", "b & x & 1"]);
        assert_eq!(got.of_rows().collect::<Vec<_>>(), [2, 1, 2, 0]);
        assert_eq!(got.split(&[10, 11, 12, 13]), [vec![13], vec![11], vec![10, 12]]);
    }

    #[test]
    fn a_label_that_means_something_else_is_refused() {
        for (cells, crossed) in [(["a", "(missing)"], false), (["a", "(all rows)"], false), (["a", "x & y"], true)] {
            let columns: Vec<&[&str]> = if crossed { vec![&cells, &["1", "2"]] } else { vec![&cells] };
            let refused = Groups::of("g", &columns, 2);
            assert!(matches!(refused, Err(TableError::LabelReserved { .. })), "{cells:?}");
        }
        assert!(Groups::of("g", &[&["", "x & y"][..]], 2).is_ok());
    }

    #[test]
    fn no_rows_have_no_groups() {
        let none: &[&str] = &[];
        assert!(Groups::of("a", &[none], 0).expect("no groups").is_empty());
        assert!(Groups::of("a", &[&["x"][..]], 2).is_err());
    }

    proptest! {
        #[test]
        fn crossing_is_the_same_as_pairing_the_cells(rows in prop::collection::vec((0u8..4, 0u8..5), 1..60)) {
            let column = |cell: fn(&(u8, u8)) -> u8| rows.iter().map(|r| cell(r).to_string()).collect::<Vec<_>>();
            let (a, b) = (column(|r| r.0), column(|r| r.1));
            let paired: Vec<String> = a.iter().zip(&b).map(|(a, b)| format!("{a} & {b}")).collect();
            let crossed = Groups::of("a*b", &[&a, &b], rows.len()).expect("few groups");
            let single = Groups::of("ab", &[&paired], rows.len()).expect("few groups");
            prop_assert_eq!(crossed.labels().collect::<Vec<_>>(), single.labels().collect::<Vec<_>>());
            prop_assert_eq!(crossed.of_row, single.of_row);
        }
    }
}
