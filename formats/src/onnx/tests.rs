//! Small models written by hand, and bytes that are none.

use super::*;
use proptest::prelude::*;
use std::io::Cursor;

/// Makes a refusal of some kind from its text.
type Kind = fn(String) -> Refusal;

/// A field with a number.
fn number(field: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

/// A field with bytes: text or a message.
fn bytes(field: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(u64::from(field) << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
    let mut node = bytes(4, op);
    inputs.iter().for_each(|name| node.extend(bytes(1, name)));
    outputs.iter().for_each(|name| node.extend(bytes(2, name)));
    node
}

/// A port of 32-bit floats.
fn port(name: &str) -> Vec<u8> {
    [bytes(1, name), bytes(2, bytes(1, number(1, 1)))].concat()
}

/// A graph from X to Y with these nodes and further fields.
fn graph(nodes: &[Vec<u8>], more: &[u8]) -> Vec<u8> {
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    [nodes, bytes(11, port("X")), bytes(12, port("Y")), more.to_vec()].concat()
}

fn model(graph: &[u8], more: &[u8]) -> Vec<u8> {
    [number(1, 8), bytes(7, graph), bytes(8, number(2, 17)), more.to_vec()].concat()
}

fn look(file: &[u8]) -> Result<(), Refusal> {
    inspect(
        Cursor::new(file),
        file.len() as u64,
        &Surroundings { files: &[("model.onnx", 1_000), ("weights.bin", 1_000)] },
    )
}

fn relu() -> Vec<u8> {
    node("Relu", &["X"], &["Y"])
}

/// A tensor W with these dimensions, of 32-bit floats, and further fields.
fn weights(dims: &[i64], more: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| number(1, dim.cast_unsigned())).collect();
    bytes(5, [dims, number(2, 1), bytes(8, "W"), more.to_vec()].concat())
}

fn in_file(location: &str) -> Vec<u8> {
    let entry = [bytes(1, "location"), bytes(2, location)].concat();
    weights(&[3], &[bytes(13, entry), number(14, 1)].concat())
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(8, *value)).collect();
    bytes(5, [bytes(1, name), values].concat())
}

/// Three nodes: two branches and a leaf; the first branch leads to `first`, the second one to `second`.
fn trees(first: [u64; 2], second: [u64; 2]) -> Vec<u8> {
    let modes: Vec<u8> = ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"].iter().flat_map(|mode| bytes(9, mode)).collect();
    [
        node("TreeEnsembleRegressor", &["X"], &["Y"]),
        bytes(7, "ai.onnx.ml"),
        ints("nodes_treeids", &[0, 0, 0]),
        ints("nodes_nodeids", &[0, 1, 2]),
        ints("nodes_truenodeids", &[first[0], second[0], 0]),
        ints("nodes_falsenodeids", &[first[1], second[1], 0]),
        bytes(5, [bytes(1, "nodes_modes"), modes].concat()),
    ]
    .concat()
}

/// A function `f::NAME` whose body calls `f::CALLED` this often.
fn function(name: &str, called: &str, times: usize) -> Vec<u8> {
    let call = |i: usize| {
        let (from, to) = (if i == 0 { "a".to_owned() } else { format!("t{i}") }, format!("t{}", i + 1));
        bytes(7, [node(called, &[&from], &[&to]), bytes(7, "f")].concat())
    };
    let body: Vec<u8> = (0..times).flat_map(call).collect();
    let last = format!("t{times}");
    bytes(25, [bytes(1, name), bytes(4, "a"), bytes(5, last), body, bytes(10, "f")].concat())
}

fn nested(depth: usize) -> Vec<u8> {
    let mut inner = [bytes(1, node("Relu", &["X"], &["r"])), bytes(12, port("r"))].concat();
    for _ in 0..depth {
        let branch = bytes(5, [bytes(1, "then_branch"), bytes(6, &inner)].concat());
        inner = [bytes(1, [node("If", &["X"], &["r"]), branch].concat()), bytes(12, port("r"))].concat();
    }
    graph(&[relu()], &inner)
}

#[test]
fn legal_models_are_left_to_the_runtime() {
    let doubled = |values: &[u8]| model(&graph(&[node("Add", &["X", "W"], &["Y"])], &weights(&[3], values)), &[]);
    for (what, file) in [
        ("one node", model(&graph(&[relu()], &[]), &[])),
        ("nodes out of order", model(&graph(&[node("Neg", &["a"], &["Y"]), node("Relu", &["X"], &["a"])], &[]), &[])),
        ("weights as bytes", doubled(&bytes(9, [0; 12]))),
        ("weights as a packed list", doubled(&bytes(4, [0; 12]))),
        (
            "weights in a file of the version",
            model(&graph(&[node("Add", &["X", "W"], &["Y"])], &in_file("weights.bin")), &[]),
        ),
        (
            "an input with a default",
            model(
                &graph(
                    &[node("Add", &["X", "W"], &["Y"])],
                    &[weights(&[3], &bytes(9, [0; 12])), bytes(11, port("W"))].concat(),
                ),
                &[],
            ),
        ),
        ("an optional input left out", model(&graph(&[node("Clip", &["X", "", ""], &["Y", ""])], &[]), &[])),
        ("a graph in a graph that reads from the outer one", model(&nested(3), &[])),
        ("trees", model(&graph(&[trees([1, 2], [2, 2])], &[]), &[])),
        (
            "a function",
            model(
                &graph(&[[node("G", &["X"], &["Y"]), bytes(7, "f")].concat()], &[]),
                &[bytes(
                    25,
                    [
                        bytes(1, "G"),
                        bytes(4, "a"),
                        bytes(5, "b"),
                        bytes(7, node("Relu", &["a"], &["b"])),
                        bytes(10, "f"),
                    ]
                    .concat(),
                )]
                .concat(),
            ),
        ),
        (
            "an operator of the runtime",
            model(&graph(&[[node("FusedGelu", &["X"], &["Y"]), bytes(7, "com.microsoft")].concat()], &[]), &[]),
        ),
        ("a field of tomorrow", model(&graph(&[relu()], &[]), &bytes(99, "new"))),
    ] {
        assert_eq!(look(&file), Ok(()), "{what}");
    }
}

#[test]
fn each_broken_rule_is_named_with_its_element() {
    use Refusal::{Invalid, Unreadable, Unsafe, Unsupported};
    let add = |more: &[u8]| model(&graph(&[node("Add", &["X", "W"], &["Y"])], more), &[]);
    let chain = (0..30).flat_map(|i| function(&format!("F{i}"), &format!("F{}", i + 1), 2)).collect::<Vec<u8>>();
    let call = graph(&[[node("F0", &["X"], &["Y"]), bytes(7, "f")].concat()], &[]);
    let of = |domain: &str, op: &str| model(&graph(&[[node(op, &["X"], &["Y"]), bytes(7, domain)].concat()], &[]), &[]);
    // A function whose attribute has a value, a graph or a tensor, where a call leaves it out.
    let by_default = |value: Vec<u8>| {
        let attribute = bytes(11, [bytes(1, "w"), value].concat());
        let body =
            [bytes(1, "G"), bytes(4, "a"), bytes(5, "b"), bytes(7, node("Relu", &["a"], &["b"])), bytes(10, "f")];
        let call = graph(&[[node("G", &["X"], &["Y"]), bytes(7, "f")].concat()], &[]);
        model(&call, &bytes(25, [body.concat(), attribute].concat()))
    };
    let own_python = model(
        &graph(&[[node("PythonOp", &["X"], &["Y"]), bytes(7, "com.microsoft")].concat()], &[]),
        &bytes(25, [bytes(1, "PythonOp"), bytes(4, "a"), bytes(5, "a"), bytes(10, "com.microsoft")].concat()),
    );
    let training = model(&graph(&[relu()], &[]), &bytes(20, bytes(1, graph(&[], &in_file("/etc/passwd")))));
    let cases: Vec<(Vec<u8>, Kind, &str)> = vec![
        (of("com.msevil", "Relu"), Unsupported, "\"com.msevil\""),
        (of("com.microsoftevil", "Relu"), Unsupported, "\"com.microsoftevil\""),
        (of("ai.onnx.contrib", "PyOp"), Unsupported, "\"PyOp\""),
        (of("org.pytorch.aten", "ATen"), Unsupported, "\"ATen\""),
        (of("com.microsoft", "PythonOp"), Unsupported, "\"PythonOp\""),
        (of("com.microsoft", "EPContext"), Unsupported, "\"EPContext\""),
        (by_default(in_file("../../etc/passwd")), Unsafe, "outside"),
        (by_default(bytes(6, graph(&[relu()], &[]))), Unsupported, "graph for an attribute"),
        (training, Unsupported, "training_info"),
        (own_python, Unsupported, "\"PythonOp\""),
        (Vec::new(), Unreadable, "empty"),
        (vec![0; 64], Unreadable, "no legal number"),
        (b"<html>not a model</html>".to_vec(), Unreadable, "at byte"),
        (model(&graph(&[relu()], &[]), b"PK\x03\x04"), Unreadable, "no legal number"),
        (model(&graph(&[relu()], &[]), &[0x3a, 0x7f]), Unreadable, "beyond"),
        (number(1, 8), Invalid, "no graph"),
        ([model(&graph(&[relu()], &[]), &[]), bytes(7, graph(&[], &[]))].concat(), Invalid, "two graphs"),
        ([number(1, 999), bytes(7, graph(&[relu()], &[]))].concat(), Unsupported, "ir_version 999"),
        (model(&graph(&[relu()], &[]), &bytes(8, number(2, 999))), Unsupported, "opset 999"),
        (model(&graph(&[node("FooBar", &["X"], &["Y"])], &[]), &[]), Unsupported, "\"FooBar\""),
        (add(&in_file("../../etc/passwd")), Unsafe, "\"../../etc/passwd\""),
        (add(&in_file("/etc/passwd")), Unsafe, "outside"),
        (add(&in_file("elsewhere.bin")), Invalid, "\"elsewhere.bin\""),
        (
            model(&graph(&[node("Add", &["X", "b"], &["a"]), node("Relu", &["a"], &["b"]), relu()], &[]), &[]),
            Invalid,
            "cycle",
        ),
        (model(&graph(&[node("Add", &["X", "ghost"], &["Y"])], &[]), &[]), Invalid, "\"ghost\""),
        (model(&graph(&[relu(), node("Neg", &["X"], &["Y"])], &[]), &[]), Invalid, "\"Y\" has two writers"),
        (model(&graph(&[node("Relu", &["X"], &["Z"])], &[]), &[]), Invalid, "the output \"Y\""),
        (model(&graph(&[node("Shape", &["X"], &["Y"])], &[]), &[]), Invalid, "element type"),
        (add(&weights(&[-3], &[])), Invalid, "negative dimension -3"),
        (add(&weights(&[1_000], &bytes(9, [0; 12]))), Invalid, "\"W\" declares 1000 elements and has 12 bytes"),
        (add(&weights(&[1 << 40, 1 << 40], &[])), Invalid, "more elements than can be counted"),
        (model(&graph(&[trees([1, 2], [0, 2])], &[]), &[]), Invalid, "leads back"),
        (model(&call, &function("F0", "F0", 1)), Invalid, "\"F0\" calls itself"),
        (model(&call, &[chain, last_function()].concat()), Unsupported, "written out"),
    ];
    for (file, kind, said) in cases {
        let refusal = look(&file).expect_err(said);
        assert_eq!(refusal, kind(refusal.detail().to_owned()), "{said}: {refusal}");
        assert!(refusal.detail().contains(said), "{said}: {refusal}");
    }
}

#[test]
fn graphs_are_nested_up_to_a_stated_limit() {
    assert_eq!(look(&model(&nested(MAX_GRAPH_DEPTH - 1), &[])), Ok(()));
    let refusal = look(&model(&nested(200), &[])).expect_err("too deep");
    assert!(refusal.detail().contains("16 deep"), "{refusal}");
}

fn real() -> Vec<u8> {
    let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/tensor_binary.onnx");
    std::fs::read(place).expect("the fixture")
}

#[test]
fn a_real_model_that_was_cut_anywhere_is_no_model() {
    let whole = real();
    assert_eq!(look(&whole), Ok(()));
    let is_legal = |length: &usize| look(whole.get(..*length).unwrap_or_default()).is_ok();
    // Where the cut falls between the last fields of the file, what is left may be a model of an unknown opset.
    assert!((0..whole.len() - 32).filter(is_legal).count() <= 1);
}

proptest! {
    #[test]
    fn any_bytes_are_a_model_or_refused(file in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = look(&file);
    }

    #[test]
    fn a_model_with_changed_bytes_is_a_model_or_refused(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut file = real();
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        let _ = look(&file);
    }
}

/// What the longest chain of functions ends with.
fn last_function() -> Vec<u8> {
    bytes(
        25,
        [bytes(1, "F30"), bytes(4, "a"), bytes(5, "b"), bytes(7, node("Relu", &["a"], &["b"])), bytes(10, "f")]
            .concat(),
    )
}

fn constant(name: &str, dims: &[i64]) -> Vec<u8> {
    let elements = usize::try_from(dims.iter().product::<i64>()).expect("few");
    let dims: Vec<u8> = dims.iter().flat_map(|dim| number(1, dim.cast_unsigned())).collect();
    bytes(5, [dims, number(2, 1), bytes(8, name), bytes(9, vec![0; elements * 4])].concat())
}

/// A graph whose input has these dimensions, `None` for any number.
fn of_input(dims: &[Option<u64>], nodes: &[Vec<u8>], more: &[u8]) -> Size {
    let dims: Vec<u8> =
        dims.iter().flat_map(|dim| bytes(1, dim.map_or_else(|| bytes(2, "n"), |size| number(1, size)))).collect();
    let input = [bytes(1, "X"), bytes(2, bytes(1, [number(1, 1), bytes(2, dims)].concat()))].concat();
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    let file = model(&[nodes, bytes(11, input), bytes(12, port("Y")), more.to_vec()].concat(), &[]);
    size(Cursor::new(&file), file.len() as u64).expect("a readable model")
}

#[test]
fn operations_are_counted_where_the_shapes_are_known_and_missed_aloud_where_not() {
    let told = |found: Size| (found.flops.total, found.flops.counted_nodes, found.flops.bearing_nodes);
    let w = constant("W", &[3, 4]);
    let dense = [node("MatMul", &["X", "W"], &["H"]), node("Relu", &["H"], &["Y"])];
    // 4 sums of 3 products, two operations each.
    assert_eq!(told(of_input(&[None, Some(3)], &dense, &w)), (24.0, 1, 1));
    // The same for each of eight rows of a fixed batch.
    assert_eq!(told(of_input(&[Some(8), Some(3)], &dense, &w)), (24.0, 1, 1));
    // 2 channels of 4 x 4 from one of 5 x 5 by windows of 2 x 2: 32 sums of 4 products.
    let conv = [node("Conv", &["X", "K"], &["Y"])];
    assert_eq!(told(of_input(&[None, Some(1), Some(5), Some(5)], &conv, &constant("K", &[2, 1, 2, 2]))), (256.0, 1, 1));
    // Padded by one on every side and every second window: 3 x 3.
    let list = |name: &str, values: &[u64]| {
        bytes(5, [bytes(1, name), values.iter().flat_map(|v| number(8, *v)).collect()].concat())
    };
    let strided = [[node("Conv", &["X", "K"], &["Y"]), list("strides", &[2, 2]), list("pads", &[1, 1, 1, 1])].concat()];
    assert_eq!(
        told(of_input(&[None, Some(1), Some(5), Some(5)], &strided, &constant("K", &[2, 1, 2, 2]))),
        (144.0, 1, 1)
    );
    // Another free dimension than the batch: how much work it is depends on the row.
    let free = of_input(&[Some(1), None, Some(3)], &dense, &w);
    assert_eq!(told(free), (0.0, 0, 1), "only a first dimension is the batch");
    let other_width = of_input(&[Some(1), Some(2), Some(5)], &dense, &w);
    assert_eq!(told(other_width), (0.0, 0, 1), "matrices that don't fit are not counted");
    // What nobody knows is not nothing.
    let other = [node("NhwcFusedConv", &["X"], &["H"]), node("MatMul", &["H", "W"], &["Y"])];
    assert_eq!(told(of_input(&[None, Some(3)], &other, &w)), (0.0, 0, 2));
}

#[test]
fn a_tree_takes_a_comparison_for_each_step_to_a_leaf() {
    let found = of_input(&[None, Some(2)], &[[trees([1, 2], [3, 3])].concat()], &[]);
    // The branch without children here is a leaf like the other one: one step to each, and one addition.
    assert_eq!((found.flops.total, found.flops.counted_nodes), (2.0, 1));
}
