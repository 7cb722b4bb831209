//! Operators and parameters of the reference models, counted in their files.

use crate::story::cases_folder;
use plimsoll::formats::onnx;
use serde_json::Value;
use std::io::Cursor;

#[test]
fn operators_and_parameters_are_those_of_the_references() {
    let Some(root) = cases_folder() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(&root).expect("cases") {
        let folder = entry.expect("an entry").path();
        let read = |name: &str| std::fs::read(folder.join(name));
        let (Ok(expected), Ok(model)) = (read("expected.json"), read("model.onnx")) else { continue };
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        let model_of = &expected["model"];
        let size = onnx::size(Cursor::new(&model), model.len() as u64).expect("a readable model");
        if let Some(nodes) = model_of["n_nodes"].as_u64() {
            assert_eq!(size.operators, nodes, "{}", folder.display());
            compared += 1;
        }
        // Models with branches have initializers inside of them, which the references count or not.
        let parameters = model_of["initializer_elements"].as_u64().or(model_of["parameters"].as_u64());
        if let Some(parameters) = parameters.filter(|_| size.inner_operators == 0) {
            assert_eq!(size.parameters, parameters, "{}", folder.display());
            compared += 1;
        }
    }
    eprintln!("{compared} counts");
    assert_ne!(compared, 0);
}

#[test]
fn operations_of_the_reference_models_are_counted_or_said_not_to_be() {
    let Some(root) = cases_folder() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(&root).expect("cases") {
        let folder = entry.expect("an entry").path();
        let read = |name: &str| std::fs::read(folder.join(name));
        let (Ok(expected), Ok(model)) = (read("expected.json"), read("model.onnx")) else { continue };
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        // A window of sound as the case has it: how long a row is, no file of a model says.
        let mut given = onnx::GivenShapes::default();
        if expected["windows"].is_u64() {
            given.add("input", vec![1, 576], Some(0));
        }
        let size = onnx::size_with(Cursor::new(&model), model.len() as u64, &given);
        let flops = size.expect("a readable model").flops;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        eprintln!("{name}: {} operations, {} of {} nodes", flops.total, flops.counted_nodes, flops.bearing_nodes);
        assert!(flops.total.is_finite() && flops.counted_nodes <= flops.bearing_nodes, "{name}");
        assert!(flops.total > 0.0 || flops.counted_nodes == 0, "{name}");
        // A linear model multiplies and adds once for each coefficient, and does nothing else.
        let of = &expected["model"];
        let linear =
            of["linear_coefficients"].as_f64().filter(|count| *count > 0.0 && of["tree_nodes"].as_u64() == Some(0));
        if let Some(coefficients) = linear {
            assert_eq!(flops.total, 2.0 * coefficients, "{name}");
            compared += 1;
        }
        // Sixteen convolutions and three layers behind them, by their published sizes: 19,632,062,464 products of 224 x 224.
        let is_vgg19 = of["ops"].as_array().is_some_and(|ops| ops.iter().any(|op| op == "Gemm"))
            && of["inputs"][0]["shape"] == serde_json::json!([1, 3, 224, 224]);
        if is_vgg19 {
            assert_eq!((flops.total, flops.counted_nodes, flops.bearing_nodes), (39_264_124_928.0, 19, 19), "{name}");
            compared += 1;
        }
    }
    // Bytes of a file, through a convolution and two layers that a converter wrapped in shapes and slices.
    let bytes = root.join("magika_bytes/model.onnx");
    if let Ok(model) = std::fs::read(&bytes) {
        let flops = onnx::size(Cursor::new(&model), model.len() as u64).expect("a readable model").flops;
        assert_eq!((flops.counted_nodes, flops.bearing_nodes), (3, 3), "{flops:?}");
    }
    eprintln!("{compared} counts of operations");
    assert_ne!(compared, 0);
}
