//! Which class each column of scores is about, where neither the model nor interface.json names the classes.
//!
//! Training libraries put classes in the order of [`class_order`], and not every model keeps to it. Where the model gives a
//! label for each row, too, labels and scores have to agree; a wrong order would turn every figure of the scores around
//! without anybody noticing.

use super::{
    failure::Failure,
    scores::{class_order, largest},
};
use std::collections::{BTreeMap, BTreeSet};

/// The classes in the order of the columns; a single column is about the second of two.
///
/// # Errors
/// When labels and scores do not tell.
pub(super) fn of_columns(labels: &[String], scores: &[f64], width: usize) -> Result<Vec<String>, Failure> {
    let columns = width.max(2);
    let mut seen: Vec<&str> = labels.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    seen.sort_by(|a, b| class_order(a, b));
    let usual = usual(&seen, columns);
    if columns == 2 {
        let usual = usual.ok_or_else(|| too_few(columns, seen.len()))?;
        // A single class that stands in the other column is not the one that the usual order says.
        let told = by_largest(labels, scores, width);
        let contradicted =
            width == 2 && told.iter().zip(&usual).any(|(told, usual)| told.is_some_and(|told| told != usual.as_str()));
        if seen.len() == 1 && contradicted {
            return Err(too_few(columns, seen.len()));
        }
        return Ok(of_two(labels, scores, width, usual));
    }
    let told = by_largest(labels, scores, width);
    let agrees = |usual: &Vec<String>| {
        told.iter().zip(usual).all(|(told, usual)| told.is_none_or(|told| told == usual.as_str()))
    };
    if let Some(usual) = usual.as_ref().filter(|usual| agrees(usual)) {
        return Ok(usual.clone());
    }
    let distinct: BTreeSet<&str> = told.iter().flatten().copied().collect();
    let known = told.iter().flatten().count();
    if distinct.len() == known && known + 1 >= columns && seen.len() == columns {
        // At most one class is left for at most one column.
        let mut left = seen.iter().filter(|class| !distinct.contains(**class));
        let all = told.iter().map(|told| told.or_else(|| left.next().copied()));
        if let Some(classes) = all.map(|class| class.map(str::to_owned)).collect::<Option<Vec<_>>>() {
            return Ok(classes);
        }
    }
    Err(match usual {
        None => too_few(columns, seen.len()),
        Some(_) => Failure::input(format!(
            "the labels of the rows do not tell which class each of the {columns} columns of scores is about; name the classes in interface.json"
        )),
    })
}

fn too_few(columns: usize, seen: usize) -> Failure {
    Failure::input(format!(
        "the model gives {columns} probabilities, but only {seen} of its labels occur; name the classes in interface.json"
    ))
}

/// 0 to C-1 where all labels are among them, else the labels where there are as many.
fn usual(seen: &[&str], columns: usize) -> Option<Vec<String>> {
    let counted: Vec<String> = (0..columns).map(|class| class.to_string()).collect();
    if seen.iter().all(|label| counted.iter().any(|class| class == label)) {
        return Some(counted);
    }
    (seen.len() == columns).then(|| seen.iter().map(|label| (*label).to_owned()).collect())
}

/// Of two classes the second one is that whose rows have the higher last score, wherever the model draws its line.
fn of_two(labels: &[String], scores: &[f64], width: usize, usual: Vec<String>) -> Vec<String> {
    let mean = |class: Option<&String>| {
        let rows = labels.iter().zip(scores.chunks_exact(width.max(1)));
        let of_class: Vec<f64> =
            rows.filter(|(label, _)| Some(*label) == class).filter_map(|(_, row)| row.last().copied()).collect();
        (!of_class.is_empty()).then(|| of_class.iter().sum::<f64>() / of_class.len() as f64)
    };
    match (mean(usual.first()), mean(usual.last())) {
        (Some(first), Some(second)) if second < first => usual.into_iter().rev().collect(),
        _ => usual,
    }
}

/// The label that most rows have whose largest score is in the column; `None` where no row's is, or as many say another.
fn by_largest<'l>(labels: &'l [String], scores: &[f64], width: usize) -> Vec<Option<&'l str>> {
    let mut votes: Vec<BTreeMap<&str, u64>> = vec![BTreeMap::new(); width];
    for (label, row) in labels.iter().zip(scores.chunks_exact(width.max(1))) {
        let best = largest(row);
        let is_alone = row.iter().filter(|score| row.get(best) == Some(score)).count() == 1;
        if let Some(column) = votes.get_mut(best).filter(|_| is_alone) {
            *column.entry(label).or_default() += 1;
        }
    }
    let most = |column: BTreeMap<&'l str, u64>| {
        let (label, votes) = column.iter().max_by_key(|(_, votes)| **votes)?;
        (column.values().filter(|other| *other == votes).count() == 1).then_some(*label)
    };
    votes.into_iter().map(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn classes(rows: &[(&str, &[f64])]) -> Result<Vec<String>, String> {
        let labels: Vec<String> = rows.iter().map(|(label, _)| (*label).to_owned()).collect();
        let scores: Vec<f64> = rows.iter().flat_map(|(_, row)| row.iter().copied()).collect();
        of_columns(&labels, &scores, rows[0].1.len()).map_err(|failure| failure.detail)
    }

    #[test]
    fn the_usual_order_holds_as_long_as_labels_and_scores_agree() {
        let usual = [("0", &[0.6, 0.3, 0.1][..]), ("1", &[0.2, 0.7, 0.1]), ("1", &[0.4, 0.5, 0.1])];
        assert_eq!(classes(&usual).expect("told"), ["0", "1", "2"]);
        let named = [("b", &[0.2, 0.7, 0.1][..]), ("a", &[0.6, 0.3, 0.1]), ("c", &[0.0, 0.1, 0.9])];
        assert_eq!(classes(&named).expect("told"), ["a", "b", "c"]);
    }

    #[test]
    fn columns_in_another_order_are_told_by_the_labels() {
        let turned = [("2", &[0.6, 0.3, 0.1][..]), ("0", &[0.2, 0.7, 0.1]), ("1", &[0.1, 0.2, 0.7])];
        assert_eq!(classes(&turned).expect("told"), ["2", "0", "1"]);
        let two = [("yes", &[0.9, 0.1][..]), ("no", &[0.2, 0.8])];
        assert_eq!(classes(&two).expect("told"), ["yes", "no"]);
        // The line between two classes need not be at one half.
        let careful = [("1", &[0.7, 0.3][..]), ("1", &[0.6, 0.4]), ("0", &[0.9, 0.1])];
        assert_eq!(classes(&careful).expect("told"), ["0", "1"]);
        let single = [("no", &[0.9][..]), ("yes", &[0.2])];
        assert_eq!(classes(&single).expect("told"), ["yes", "no"]);
    }

    #[test]
    fn one_class_of_two_in_the_wrong_column_is_refused() {
        assert!(classes(&[("1", &[0.9, 0.1][..]), ("1", &[0.8, 0.2])]).is_err());
        assert_eq!(classes(&[("1", &[0.1, 0.9][..]), ("1", &[0.2, 0.8])]).expect("told"), ["0", "1"]);
    }

    #[test]
    fn what_labels_do_not_tell_is_refused_instead_of_guessed() {
        // 1 to 3, of which 3 is never predicted: the columns are not 0 to 2.
        let shifted = [("1", &[0.6, 0.3, 0.1][..]), ("2", &[0.2, 0.7, 0.1])];
        assert!(classes(&shifted).expect_err("unknown").contains("name the classes in interface.json"));
        let few = [("a", &[0.6, 0.3, 0.1][..]), ("b", &[0.2, 0.7, 0.1])];
        assert!(classes(&few).expect_err("unknown").contains("only 2 of its labels occur"));
        let torn = [("0", &[0.6, 0.3, 0.1][..]), ("0", &[0.2, 0.7, 0.1])];
        assert!(classes(&torn).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_order_the_label_of_the_largest_score_is_found(
            order in Just(vec!["0", "1", "2", "3"]).prop_shuffle(),
            rows in proptest::collection::vec(0usize..4, 4..40),
        ) {
            let rows: Vec<usize> = (0..4).chain(rows).collect();
            let labels: Vec<String> = rows.iter().map(|best| order[*best].to_owned()).collect();
            let score = |best: usize, column: usize| if best == column { 0.7 } else { 0.1 };
            let scores: Vec<f64> = rows.iter().flat_map(|best| (0..4).map(move |column| score(*best, column))).collect();
            prop_assert_eq!(of_columns(&labels, &scores, 4).expect("told"), order);
        }
    }
}
