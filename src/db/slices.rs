/// The most rows of one statement: their parameters stay well under every database's limit.
const LARGEST: usize = 512;

/// Rows to be inserted, in statements of powers of two.
///
/// A statement for another number of rows is another statement, which the database parses and plans
/// anew, and that takes longer than inserting the rows. So there are only a few, which stay prepared.
pub fn slices<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let count = LARGEST.min(1 << rows.len().checked_ilog2()?);
        let (slice, rest) = rows.split_at(count);
        rows = rest;
        Some(slice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_there_once_and_in_their_order() {
        for count in [0, 1, 2, 3, 511, 512, 513, 2_047] {
            let rows: Vec<_> = (0..count).collect();
            let parts: Vec<_> = slices(&rows).collect();
            assert!(parts.iter().all(|part| part.len().is_power_of_two() && part.len() <= LARGEST), "{count}");
            assert_eq!(parts.concat(), rows);
        }
        assert_eq!(slices(&[0; 1_300]).map(<[_]>::len).collect::<Vec<_>>(), [512, 512, 256, 16, 4]);
    }
}
