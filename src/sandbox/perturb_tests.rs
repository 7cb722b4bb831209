use super::{
    super::{inputs::Feed, ports::Element},
    *,
};

const SCALE: Scale = Scale { mean: 10.0, std: 2.0, continuous: true };

fn plan(elements: &[(Element, &[usize])]) -> InputPlan {
    let feed = |(element, columns): &(Element, &[usize])| Feed {
        name: "X".to_owned(),
        element: *element,
        columns: columns.to_vec(),
        vector: false,
        row_shape: None,
    };
    InputPlan { feeds: elements.iter().map(feed).collect(), fixed_rows: None }
}

fn floats(rows: usize) -> Matrix {
    Matrix {
        values: Values::Float32((0..rows * 2).map(|i| i as f32).collect()),
        width: 2,
        vector: false,
        row_shape: None,
    }
}

fn changed(change: Change, seed: u64) -> Vec<f32> {
    let plan = plan(&[(Element::Float32, &[0, 1])]);
    let all = apply(&[floats(500)], &plan, change, (&[1], seed), |at| (at as u64, SCALE));
    match &all[0].values {
        Values::Float32(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn column(values: &[f32], offset: usize) -> Vec<f32> {
    values.iter().skip(offset).step_by(2).copied().collect()
}

#[test]
fn only_the_chosen_column_changes_and_every_draw_can_be_made_again() {
    let noise = Change::Noise { sigma: 0.5 };
    let (once, again, other) = (changed(noise, 1), changed(noise, 1), changed(noise, 2));
    assert_eq!(once, again);
    assert_ne!(once, other);
    let before = column(&(0..1000).map(|i| i as f32).collect::<Vec<_>>(), 0);
    assert_eq!(column(&once, 0), before);
    let differences: Vec<f32> = column(&once, 1).iter().enumerate().map(|(i, x)| x - (2 * i + 1) as f32).collect();
    let square = differences.iter().map(|d| f64::from(*d).powi(2)).sum::<f64>() / 500.0;
    // Half of a standard deviation of 2.
    assert!((square.sqrt() - 1.0).abs() < 0.15, "{square}");
}

#[test]
fn a_column_draws_alike_whichever_columns_stand_before_it() {
    let draws = |place: usize, names: &[&str]| {
        let plan = plan(&[(Element::Float32, &[place])]);
        let matrix = Matrix { values: Values::Float32(vec![0.0; 20]), width: 1, vector: false, row_shape: None };
        let of = |at: usize| (stream(names[at]), SCALE);
        apply(&[matrix], &plan, Change::Noise { sigma: 1.0 }, (&[place], 7), of).remove(0).values
    };
    assert_eq!(draws(2, &["id", "sex", "age"]), draws(0, &["age"]));
    assert_ne!(draws(1, &["id", "sex", "age"]), draws(0, &["age"]));
    assert_eq!(stream("age"), 0x013f_5440_0c82_da08, "the stream of a name never changes");
}

#[test]
fn fixed_changes_are_exact() {
    let first = |change: Change| column(&changed(change, 0), 1)[1];
    assert_eq!(first(Change::Shift { by_std: -0.5 }), 2.0);
    assert_eq!(first(Change::Scale { factor: 100.0 }), 300.0);
    assert_eq!(first(Change::Mean), 10.0);
    assert_eq!(rounded(1234.5678, 3), 1230.0);
    assert_eq!(rounded(-0.001_239, 2), -0.0012);
    assert_eq!((rounded(0.0, 2), rounded(f64::INFINITY, 2)), (0.0, f64::INFINITY));
}

#[test]
fn a_share_of_the_cells_is_hit_and_a_larger_share_hits_the_same_ones_too() {
    let hit =
        |share| -> Vec<bool> { column(&changed(Change::Missing { share }, 3), 1).iter().map(|x| x.is_nan()).collect() };
    let (few, many, all) = (hit(0.1), hit(0.4), hit(1.0));
    let count = |hit: &[bool]| hit.iter().filter(|h| **h).count();
    assert!((30..70).contains(&count(&few)), "{}", count(&few));
    assert!((165..235).contains(&count(&many)), "{}", count(&many));
    assert_eq!(count(&all), 500);
    assert!(few.iter().zip(&many).all(|(few, many)| !few || *many));
    let infinite = column(&changed(Change::Infinite { share: 1.0 }, 3), 1);
    assert!(infinite.contains(&f32::INFINITY) && infinite.contains(&f32::NEG_INFINITY));
    let outliers = column(&changed(Change::Outlier { share: 1.0, by_std: 5.0 }, 3), 1);
    assert!(outliers.iter().all(|x| *x == 0.0 || *x == 20.0));
}

#[test]
fn texts_become_another_known_one_or_one_that_is_not_known() {
    let texts: Vec<String> = (0..300).map(|i| ["a", "b", "c"][i % 3].to_owned()).collect();
    let matrix = Matrix { values: Values::Text(texts.clone()), width: 1, vector: false, row_shape: None };
    let plan = plan(&[(Element::Text, &[0])]);
    let after = |change| match apply(std::slice::from_ref(&matrix), &plan, change, (&[0], 1), |at| (at as u64, SCALE))
        .remove(0)
        .values
    {
        Values::Text(texts) => texts,
        other => panic!("{other:?}"),
    };
    let other = after(Change::Category { share: 1.0 });
    assert!(other.iter().zip(&texts).all(|(new, old)| new != old && ["a", "b", "c"].contains(&new.as_str())));
    assert!(other.iter().zip(&texts).any(|(new, old)| old == "a" && new == "b"));
    assert!(other.iter().zip(&texts).any(|(new, old)| old == "a" && new == "c"));
    assert!(after(Change::UnseenCategory { share: 1.0 }).iter().all(|text| text == UNSEEN));
    assert!(after(Change::Missing { share: 1.0 }).iter().all(String::is_empty));
    assert_eq!(after(Change::Noise { sigma: 1.0 }), texts);
}

#[test]
fn a_column_changes_alike_in_every_input_that_it_feeds() {
    let plan = plan(&[(Element::Float32, &[0, 1]), (Element::Float64, &[1])]);
    let single = Matrix {
        values: Values::Float64((0..500).map(|i| f64::from(2 * i + 1)).collect()),
        width: 1,
        vector: false,
        row_shape: None,
    };
    let all = apply(&[floats(500), single], &plan, Change::Noise { sigma: 1.0 }, (&[1], 4), |at| (at as u64, SCALE));
    let (Values::Float32(both), Values::Float64(own)) = (&all[0].values, &all[1].values) else { panic!("types") };
    assert!(column(both, 1).iter().zip(own).all(|(a, b)| *a == *b as f32));
}

#[test]
fn what_cannot_be_changed_is_named() {
    let plan = plan(&[(Element::Float32, &[0]), (Element::Int64, &[1])]);
    let matrices = [
        Matrix { values: Values::Float32(vec![1.0]), width: 1, vector: false, row_shape: None },
        Matrix { values: Values::Int64(vec![1]), width: 1, vector: false, row_shape: None },
    ];
    let names = ["a", "b", "c"].map(str::to_owned);
    let scale = |name: &str, continuous| (name.to_owned(), Scale { continuous, ..SCALE });
    let scales = BTreeMap::from([scale("a", false), scale("b", true), scale("c", true)]);
    let of = |change, columns: Option<&[&str]>| {
        let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        chosen(&Perturbed { change, columns, seeds: vec![1] }, &plan, &matrices, &names, &scales)
    };
    let (noise, missing) = (Change::Noise { sigma: 1.0 }, Change::Missing { share: 1.0 });
    // `a` is a flag of a few values, which is only changed by name.
    assert_eq!(of(noise, None), Ok(vec![1]));
    assert_eq!(of(noise, Some(&["a"])), Ok(vec![0]));
    assert_eq!(of(missing, Some(&["a"])), Ok(vec![0]));
    for (change, columns, said) in [
        (noise, Some(&["z"][..]), "no column `z`"),
        (noise, Some(&["c"]), "`c` feeds no input"),
        (missing, Some(&["b"]), "`b` holds nothing"),
        (missing, None, "no column that it could change"),
        (Change::Category { share: 1.0 }, None, "no column that it could change"),
    ] {
        let refused = of(change, columns).expect_err(said);
        assert!(refused.contains(said), "{refused}");
    }
}
