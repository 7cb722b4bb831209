//! Operators and parameters of the reference models, counted in their files.

use crate::story::cases_folder;
use plimsoll::formats::onnx;
use serde_json::Value;
use std::io::Cursor;

#[test]
fn operators_and_parameters_are_those_of_the_references() {
    let Some(root) = cases_folder() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(root).expect("cases") {
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
