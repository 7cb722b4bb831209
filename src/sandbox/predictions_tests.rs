use super::{super::failure::FailureKind, super::scores::Raw, *};
use proptest::prelude::*;

fn numbers(shape: &[i64], values: &[f64]) -> Option<Raw> {
    Some(Raw::Numbers { shape: shape.to_vec(), values: values.to_vec() })
}

fn classes(values: &[&str]) -> Option<Raw> {
    Some(Raw::Classes { shape: vec![values.len() as i64], values: values.iter().map(|v| (*v).to_owned()).collect() })
}

fn maps(rows: &[&[(&str, f64)]]) -> Option<Raw> {
    Some(Raw::Maps(
        rows.iter().map(|row| row.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()).collect(),
    ))
}

fn file(task: TaskKind, classes: Option<&[&str]>) -> Interface {
    Interface {
        task,
        inputs: None,
        outputs: None,
        classes: classes.map(|names| names.iter().map(|n| (*n).to_owned()).collect()),
    }
}

fn one_call(
    fed: usize,
    label: Option<Raw>,
    score: Option<Raw>,
    interface: Option<&Interface>,
) -> Result<Predictions, Failure> {
    let mut collected = Collected::default();
    collected.add(fed, fed, label, score)?;
    collected.finish(interface, Scores::Probabilities)
}

#[test]
fn labels_with_a_tensor_of_probabilities() {
    let predictions = one_call(2, classes(&["1", "0"]), numbers(&[2, 2], &[0.25, 0.75, 1.0, 0.0]), None).expect("fits");
    assert_eq!(predictions.labels, ["1", "0"]);
    assert_eq!(predictions.classes, ["0", "1"]);
    assert_eq!(predictions.probabilities, [[0.25, 0.75], [1.0, 0.0]]);
}

#[test]
fn maps_are_put_into_class_order() {
    let rows: &[&[(&str, f64)]] = &[&[("10", 0.1), ("9", 0.9)], &[("9", 0.5), ("10", 0.5)]];
    let predictions = one_call(2, classes(&["9", "10"]), maps(rows), None).expect("fits");
    assert_eq!(predictions.classes, ["9", "10"]);
    assert_eq!(predictions.probabilities, [[0.9, 0.1], [0.5, 0.5]]);

    let turned = file(TaskKind::BinaryClassification, Some(&["10", "9"]));
    let predictions = one_call(2, classes(&["9", "10"]), maps(rows), Some(&turned)).expect("fits");
    assert_eq!(predictions.classes, ["10", "9"]);
    assert_eq!(predictions.probabilities, [[0.1, 0.9], [0.5, 0.5]]);
}

#[test]
fn one_score_is_the_probability_of_the_positive_class_from_one_half_on() {
    let binary = file(TaskKind::BinaryClassification, Some(&["no", "yes"]));
    for shape in [&[3][..], &[3, 1]] {
        let predictions = one_call(3, None, numbers(shape, &[0.25, 0.5, 1.0]), Some(&binary)).expect("fits");
        assert_eq!(predictions.labels, ["no", "yes", "yes"]);
        assert_eq!(predictions.probabilities, [[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]);
    }
}

#[test]
fn without_labels_the_most_probable_class_is_predicted() {
    let predictions = one_call(2, None, numbers(&[2, 3], &[0.2, 0.5, 0.3, 0.4, 0.2, 0.4]), None).expect("fits");
    assert_eq!(predictions.labels, ["1", "0"]);
    assert_eq!(predictions.classes, ["0", "1", "2"]);
}

#[test]
fn one_number_for_each_row_and_nothing_else_is_a_regression() {
    let predictions = one_call(2, None, numbers(&[2, 1], &[-3.5, 900.0]), None).expect("fits");
    assert_eq!(predictions.values, [-3.5, 900.0]);
    assert!(predictions.labels.is_empty());
}

#[test]
fn classes_come_from_the_labels_when_all_of_them_occur() {
    let scores = || numbers(&[2, 2], &[0.9, 0.1, 0.2, 0.8]);
    let predictions = one_call(2, classes(&["no", "yes"]), scores(), None).expect("fits");
    assert_eq!(predictions.classes, ["no", "yes"]);
    let failure = one_call(2, classes(&["no", "no"]), scores(), None).expect_err("ambiguous");
    assert_eq!(failure.kind, FailureKind::InputMismatch);
}

#[test]
fn rows_that_only_fill_up_a_batch_are_dropped() {
    let mut collected = Collected::default();
    collected.add(4, 4, None, numbers(&[4], &[1.0, 2.0, 3.0, 4.0])).expect("fits");
    collected.add(4, 1, None, numbers(&[4], &[5.0, 5.0, 5.0, 5.0])).expect("fits");
    assert_eq!(collected.finish(None, Scores::Probabilities).expect("fits").values, [1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn what_is_no_prediction_is_refused_with_its_row() {
    let binary = file(TaskKind::BinaryClassification, Some(&["0", "1"]));
    let many = file(TaskKind::MulticlassClassification, None);
    let regression = file(TaskKind::Regression, None);
    let cases = [
        ("row 2: the score is NaN", None, numbers(&[2], &[0.1, f64::NAN]), None),
        ("row 1: the score is inf", None, numbers(&[2], &[f64::INFINITY, 0.0]), Some(&regression)),
        ("row 1: -0.1 is no probability", None, numbers(&[2, 2], &[-0.1, 1.1, 0.5, 0.5]), None),
        ("row 2: the probabilities sum to 0.8", None, numbers(&[2, 2], &[0.5, 0.5, 0.4, 0.4]), None),
        ("2 row(s) were asked for, 3 were", None, numbers(&[3], &[0.1, 0.2, 0.3]), None),
        ("[2, 2, 2]", None, numbers(&[2, 2, 2], &[0.1; 8]), None),
        ("2 row(s) were asked for, 1 were", classes(&["0"]), None, None),
        ("row 1: the label `7`", classes(&["7", "1"]), None, Some(&binary)),
        ("2 classes, this model gives 3", None, numbers(&[2, 3], &[0.2, 0.5, 0.3, 0.4, 0.2, 0.4]), Some(&binary)),
        ("cannot tell more than two", None, numbers(&[2], &[0.2, 0.5]), Some(&many)),
        ("one number for each row, this model gives 2", None, numbers(&[2, 2], &[0.5; 4]), Some(&regression)),
        ("other classes in other rows", None, maps(&[&[("a", 1.0)], &[("b", 1.0)]]), None),
        ("0.5 is no class number", numbers(&[2], &[0.5, 1.0]), None, None),
    ];
    for (said, label, score, interface) in cases {
        let failure = one_call(2, label, score, interface).expect_err(said);
        assert_eq!(failure.kind, FailureKind::InvalidOutput, "{failure}");
        assert!(failure.detail.contains(said), "{failure} does not say {said}");
    }
}

#[test]
fn a_rounding_error_beyond_the_range_is_clamped() {
    let predictions = one_call(1, None, numbers(&[1, 2], &[-1e-7, 1.0 + 1e-7]), None).expect("within the tolerance");
    assert_eq!(predictions.probabilities, [[0.0, 1.0]]);
}

#[test]
fn probabilities_quantised_to_8_bits_may_sum_less_exactly() {
    let sum_of = |classes: usize, sum: f64| {
        let mut row = vec![0.0; classes];
        row[0] = sum;
        one_call(1, None, numbers(&[1, classes as i64], &row), None).is_ok()
    };
    assert!(sum_of(2, 0.996) && !sum_of(2, 0.994));
    assert!(sum_of(10, 0.985) && !sum_of(10, 0.97));
    assert!(!sum_of(1_000, 0.97));
}

proptest! {
    #[test]
    fn any_answer_is_a_prediction_or_a_failure(
        fed in 1usize..6,
        shape in proptest::collection::vec(-1i64..6, 0..4),
        values in proptest::collection::vec(any::<f64>(), 0..36),
    ) {
        // The runtime guarantees as many values as the shape says.
        let elements: i64 = shape.iter().product();
        prop_assume!(usize::try_from(elements).is_ok_and(|count| count <= values.len()));
        let values = &values[..usize::try_from(elements).unwrap_or(0)];
        if let Ok(predictions) = one_call(fed, None, numbers(&shape, values), None) {
            prop_assert_eq!(predictions.values.len() + predictions.labels.len(), fed);
            for row in &predictions.probabilities {
                prop_assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
            }
        }
    }
}

#[test]
fn perturbed_rows_without_a_finite_answer_have_none() {
    let classes = ["0", "1"].map(str::to_owned);
    let mut collected = Collected { scores: vec![0.2, f64::NAN, 0.9], width: 1, ..Collected::default() };
    let got = collected.tolerant(&classes, Some(1), Scores::Probabilities);
    assert_eq!(got.classes, [Some(0), None, Some(1)]);
    assert_eq!(got.scores, [Some(0.2), None, Some(0.9)]);
    // Of the predicted class, where none is positive.
    assert_eq!(collected.tolerant(&classes, None, Scores::Probabilities).scores, [Some(0.8), None, Some(0.9)]);
    // A label beside a score that is no number is no answer, and neither is a label that is no class.
    collected.labels = ["0", "0", "7"].map(str::to_owned).to_vec();
    assert_eq!(collected.tolerant(&classes, Some(1), Scores::Probabilities).classes, [Some(0), None, None]);
    collected.width = 0;
    collected.scores.clear();
    let got = collected.tolerant(&classes, None, Scores::Probabilities);
    assert_eq!((got.classes, got.scores.len()), (vec![Some(0), Some(0), None], 0));
}

#[test]
fn the_largest_of_several_logits_decides_where_they_may_be_logits() {
    let score = Raw::Numbers { shape: vec![2, 3], values: vec![-4.0, 7.5, 0.0, 2.0, -1.0, -3.0] };
    let mut collected = Collected::default();
    collected.add(2, 2, None, Some(score)).expect("fits");
    let read = collected.finish(None, Scores::MayBeLogits).expect("classes");
    assert_eq!((read.labels, read.probabilities), (vec!["1".to_owned(), "0".to_owned()], Vec::new()));
    assert!(collected.finish(None, Scores::Probabilities).is_err());
}
