use super::{
    super::{failure::FailureKind, ports::tests::port, tensors::Wanted},
    *,
};

const FLOAT: PortKind = PortKind::Tensor(Element::Float32);
const INT: PortKind = PortKind::Tensor(Element::Int64);

fn fed(input: &str, shape: &[usize], axis: Option<usize>) -> FedInput {
    let values = Values::zeros(Element::Float32, shape.iter().product());
    FedInput { input: input.to_owned(), tensor: Tensor::new(shape.to_vec(), values).expect("fits"), axis }
}

fn planned(inputs: &[Port], outputs: &[Port], task: TensorTask) -> Result<Table, Failure> {
    plan_tensors(inputs, outputs, task, 1_024)
}

fn task(inputs: Vec<FedInput>) -> TensorTask {
    TensorTask {
        rows: 3,
        inputs,
        state: Vec::new(),
        starts: vec![0],
        wanted: Vec::new(),
        predicts: false,
        keeps_outputs: false,
    }
}

fn stateful(inputs: Vec<FedInput>) -> TensorTask {
    let state = FedState { input: "h".to_owned(), output: "hN".to_owned(), initial: None };
    TensorTask { state: vec![state], starts: vec![0, 2], ..task(inputs) }
}

fn with_state(row: &[i64]) -> ([Port; 2], [Port; 1]) {
    ([port("x", FLOAT, row), port("h", FLOAT, &[2, -1, 4])], [port("hN", FLOAT, &[-1, -1, -1])])
}

#[test]
fn rows_go_together_where_they_are_the_first_dimension_and_alone_elsewhere() {
    let of = |shape: &[i64], array: &[usize], axis: usize| {
        let table = planned(&[port("x", FLOAT, shape)], &[], task(vec![fed("x", array, Some(axis))])).expect("fits");
        (table.tensors[0].form.clone(), table.plan.fixed_rows, table.unbatched)
    };
    assert_eq!(of(&[-1, 5], &[3, 5], 0), (Form::Rows(vec![5]), None, false));
    assert_eq!(of(&[1, 5], &[3, 5], 0), (Form::Rows(vec![5]), Some(1), false));
    assert_eq!(of(&[-1], &[3], 0), (Form::Rows(vec![]), None, false));
    // The array has rows in front all the same: it was turned when it was read.
    assert_eq!(of(&[5, -1], &[3, 5], 1), (Form::Aside(vec![5, 1]), Some(1), false));
    assert_eq!(of(&[5], &[3, 5], 0), (Form::Alone(vec![5]), Some(1), true));
    assert_eq!(of(&[], &[3], 0), (Form::Alone(vec![]), Some(1), true));
    assert_eq!(of(&[], &[3, 5], 0), (Form::Rows(vec![5]), None, false));
}

#[test]
fn an_answer_has_a_dimension_for_rows_where_one_input_has() {
    let ports = [port("x", FLOAT, &[-1, 2]), port("offset", FLOAT, &[])];
    let of = |inputs: Vec<FedInput>, ports: &[Port]| planned(ports, &[], task(inputs)).expect("fits").unbatched;
    assert!(!of(vec![fed("x", &[3, 2], Some(0)), fed("offset", &[3], Some(0))], &ports));
    assert!(of(vec![fed("offset", &[3], Some(0))], &ports[1..]));
}

#[test]
fn a_shared_array_is_given_as_it_is() {
    let ports = [port("x", FLOAT, &[-1, 2]), port("rate", FLOAT, &[])];
    let table = planned(&ports, &[], task(vec![fed("x", &[3, 2], Some(0)), fed("rate", &[], None)])).expect("fits");
    assert_eq!((table.tensors[1].form.clone(), table.tensors[1].width), (Form::Whole(vec![]), 1));
    assert_eq!(table.tensors[1].bytes(3), 12);
    assert!((1..=1_024).contains(&table.most_rows));
}

#[test]
fn a_state_begins_with_zeros_of_one_row_and_takes_rows_one_by_one() {
    let (inputs, outputs) = with_state(&[-1, 5]);
    let table = planned(&inputs, &outputs, stateful(vec![fed("x", &[3, 5], Some(0))])).expect("fits");
    assert_eq!((table.plan.fixed_rows, &table.starts), (Some(1), &vec![0, 2]));
    assert_eq!(table.state[0].initial.shape(), [2, 1, 4]);
    assert_eq!(table.watched, [Watched { name: "hN".to_owned(), width: None, comes_back: false }]);
    let wanted = vec![Wanted { output: "y".to_owned(), width: 2 }];
    let asked = TensorTask { wanted, ..stateful(vec![fed("x", &[3, 5], Some(0))]) };
    let table = planned(&inputs, &outputs, asked).expect("fits");
    assert_eq!(table.watched, [Watched { name: "y".to_owned(), width: Some(2), comes_back: false }]);
}

#[test]
fn what_does_not_fit_is_named_with_what_to_do() {
    use FailureKind::{InputMismatch, UnsupportedModel};
    let x = || vec![fed("x", &[3, 5], Some(0))];
    let (batched, hidden) = with_state(&[4, 5]);
    let (free, _) = with_state(&[-1, 5]);
    type Case<'a> = (&'a [Port], &'a [Port], TensorTask, FailureKind, &'a str);
    let cases: [Case<'_>; 9] = [
        (&[port("x", FLOAT, &[-1, 5]), port("mask", INT, &[-1])], &[], task(x()), InputMismatch, "`mask`"),
        (&[port("x", INT, &[-1, 5])], &[], task(x()), InputMismatch, "astype('int64')"),
        (&[port("x", PortKind::Tensor(Element::Text), &[-1, 5])], &[], task(x()), InputMismatch, "astype('str')"),
        (&[port("x", PortKind::Other, &[])], &[], task(x()), UnsupportedModel, "no array can be"),
        (&[port("x", FLOAT, &[-1, 6])], &[], task(x()), InputMismatch, "[1, 5]"),
        (&[port("x", FLOAT, &[-1, 1, 5, 1])], &[], task(x()), InputMismatch, "one more in front"),
        (&batched, &hidden, stateful(x()), UnsupportedModel, "4 rows in one call"),
        (&free, &[], stateful(x()), InputMismatch, "no output `hN`"),
        (&free, &[port("hN", INT, &[])], stateful(x()), InputMismatch, "that it feeds"),
    ];
    for (inputs, outputs, task, kind, said) in cases {
        let Err(failure) = planned(inputs, outputs, task) else { unreachable!("{said}") };
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.detail.contains(said), "{said}: {failure}");
    }
}

#[test]
fn two_inputs_that_want_other_numbers_of_rows_are_named() {
    let ports = [port("a", FLOAT, &[2, 5]), port("b", FLOAT, &[3, 5])];
    let task = task(vec![fed("a", &[3, 5], Some(0)), fed("b", &[3, 5], Some(0))]);
    let Err(failure) = planned(&ports, &[], task) else { unreachable!("they differ") };
    assert!(failure.detail.contains("want 2 and 3 rows"), "{failure}");
}
