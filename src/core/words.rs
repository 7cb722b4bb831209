//! Words around numbers.

/// `1 record`, `2 records`: for nouns whose plural only adds an s.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    // What does not fit is a count beyond any, and many in any case.
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// `1 record is`, `2 records are`.
pub fn with_verb(count: impl TryInto<u64>, noun: &str, [one, many]: [&str; 2]) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {}", counted(count, noun), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_is_not() {
        for (count, said) in [(0_u64, "0 heads"), (1, "1 head"), (2, "2 heads")] {
            assert_eq!(counted(count, "head"), said);
        }
        assert_eq!(counted(1_usize, "row"), "1 row");
        assert_eq!(with_verb(1_u64, "row", ["is", "are"]), "1 row is");
        assert_eq!(with_verb(11_u64, "row", ["is", "are"]), "11 rows are");
    }
}
