use super::{
    super::{
        failure::FailureKind,
        interface::TaskKind,
        ports::tests::port,
        task::{Column, tests::column},
    },
    *,
};

const FLOAT: PortKind = PortKind::Tensor(Element::Float32);

fn task(columns: &[&str], feature_order: &[&str], inputs: Option<&[(&str, &[&str])]>) -> Task {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    Task {
        interface: inputs.map(|inputs| Interface {
            task: TaskKind::Regression,
            inputs: Some(
                inputs
                    .iter()
                    .map(|(name, columns)| InputMapping { name: (*name).to_owned(), columns: owned(columns) })
                    .collect(),
            ),
            outputs: None,
            classes: None,
        }),
        columns: columns.iter().map(|name| -> Column { column(name, &["1"]) }).collect(),
        feature_order: owned(feature_order),
        loads: Vec::new(),
        threads: 1,
        rows_per_call: 1_024,
        repeats: 1,
        perturbations: Vec::new(),
        scales: std::collections::BTreeMap::new(),
        score_class: None,
        tensors: None,
    }
}

fn columns_of(plan: &InputPlan) -> Vec<Vec<usize>> {
    plan.feeds.iter().map(|feed| feed.columns.clone()).collect()
}

#[test]
fn named_inputs_take_the_column_of_the_same_name() {
    let ports = [port("b", FLOAT, &[-1, 1]), port("a", FLOAT, &[-1])];
    let plan = plan_inputs(&ports, &task(&["a", "b"], &[], None)).expect("fits");
    assert_eq!(columns_of(&plan), [[1], [0]]);
    assert_eq!(plan.feeds.iter().map(|feed| feed.vector).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn one_matrix_takes_the_feature_order() {
    for shape in [&[-1, 2][..], &[-1, -1], &[]] {
        let ports = [port("X", FLOAT, shape)];
        let plan = plan_inputs(&ports, &task(&["y", "a", "b"], &["b", "a"], None)).expect("fits");
        assert_eq!(columns_of(&plan), [[2, 1]], "{shape:?}");
    }
}

#[test]
fn one_narrow_matrix_takes_the_column_of_its_name() {
    let ports = [port("a", FLOAT, &[-1, 1])];
    let plan = plan_inputs(&ports, &task(&["b", "a"], &["b"], None)).expect("fits");
    assert_eq!(columns_of(&plan), [[1]]);
}

#[test]
fn a_mapping_comes_before_the_names() {
    let ports = [port("a", FLOAT, &[-1, 2]), port("b", FLOAT, &[-1, 1])];
    let task = task(&["a", "b", "c"], &[], Some(&[("a", &["c", "a"])]));
    assert_eq!(columns_of(&plan_inputs(&ports, &task).expect("fits")), [vec![2, 0], vec![1]]);
}

#[test]
fn a_fixed_batch_is_found() {
    let ports = [port("a", FLOAT, &[4, 1]), port("b", FLOAT, &[-1, 1])];
    assert_eq!(plan_inputs(&ports, &task(&["a", "b"], &[], None)).expect("fits").fixed_rows, Some(4));
}

#[test]
fn an_image_is_one_column_of_lists_or_a_column_for_each_number() {
    let ports = [port("X", FLOAT, &[1, 2, 1, 1])];
    for (columns, order, want) in [
        (&["y", "X"][..], &["y"][..], vec![1]),
        (&["a", "b"], &["b", "a"], vec![1, 0]),
        (&["pixels"], &["pixels"], vec![0]),
    ] {
        let plan = plan_inputs(&ports, &task(columns, order, None)).expect("fits");
        assert_eq!((columns_of(&plan), plan.feeds[0].row_shape.clone()), (vec![want], Some(vec![2, 1, 1])));
        assert_eq!(plan.fixed_rows, Some(1));
    }
}

#[test]
fn what_does_not_fit_is_named() {
    use FailureKind::{InputMismatch, UnsupportedModel};
    let two = [port("a", FLOAT, &[-1, 1]), port("gone", FLOAT, &[-1, 1])];
    let wide = [port("X", FLOAT, &[-1, 3])];
    let image = [port("X", FLOAT, &[-1, 3, -1, 8])];
    let fixed = [port("X", FLOAT, &[-1, 3, 8, 8])];
    let half = [port("X", PortKind::Other, &[-1, 3])];
    let batches = [port("a", FLOAT, &[1, 1]), port("b", FLOAT, &[2, 1])];
    let plain = task(&["a", "b"], &["a", "b"], None);
    let unknown = task(&["a"], &[], Some(&[("zzz", &["a"])]));
    let empty = task(&["a", "b"], &[], Some(&[("X", &[])]));
    let cases: [(&[Port], &Task, FailureKind, &str); 8] = [
        (&two, &plain, InputMismatch, "`gone`"),
        (&wide, &plain, InputMismatch, "3 column(s), but 2"),
        (&image, &plain, UnsupportedModel, "[-1, 3, -1, 8]"),
        (&fixed, &plain, InputMismatch, "192 column(s), but 2"),
        (&half, &plain, UnsupportedModel, "`X` has the type"),
        (&batches, &plain, UnsupportedModel, "1 and 2 rows"),
        (&two, &unknown, InputMismatch, "`zzz`"),
        (&wide, &empty, InputMismatch, "but 0"),
    ];
    for (ports, task, kind, said) in cases {
        let failure = plan_inputs(ports, task).expect_err(said);
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.detail.contains(said), "{failure} does not say {said}");
    }
    assert!(plan_inputs(&[], &plain).is_err());
}

#[test]
fn a_long_list_is_cut() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    assert_eq!(listing(names.into_iter()), "`a`, `b`, `c`, `d`, `e` and 2 more");
}
