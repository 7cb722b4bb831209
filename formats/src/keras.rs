//! Keras models: a description of layers in JSON, and their weights.
//!
//! Keras makes an object of every class that the description names. Only its own layers and what belongs to them may be
//! named, none of them the ones that hold code, read a file that the description names, or load another model.

use crate::{Class, Contents, Finding, Refusal, config, quoted};
use serde_json::{Map, Value};

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const METADATA: &str = "metadata.json";
const ADVICE: &str = "build the model of layers of Keras alone, or export it to ONNX";

/// Parts of Keras whose classes hold numbers and settings.
const PARTS: &str = "layers initializers regularizers constraints optimizers optimizers.schedules losses metrics activations \
    models dtype_policies mixed_precision random quantizers";
/// Classes of those parts that run code, load a file or import a module that they name.
const DANGEROUS: &str = "Lambda TFSMLayer TorchModuleWrapper FlaxLayer JaxLayer __lambda__ __typespec__ function";

/// The description of the layers.
pub(crate) fn config(bytes: &[u8]) -> Result<Contents, Refusal> {
    let mut contents = Contents::of("Keras model", Class::Data);
    match config::parse(bytes) {
        Ok(value) => describe(&value, &mut contents),
        Err(why) => contents.find(Finding::refused("keras_unreadable", format!("the description {why}"), ADVICE)),
    }
    Ok(contents)
}

/// Which Keras wrote it.
pub(crate) fn metadata(bytes: &[u8]) -> Contents {
    let mut contents = Contents::of("Keras model", Class::Data);
    if let Ok(Value::Object(map)) = config::parse(bytes) {
        for (name, key) in [("Keras version", "keras_version"), ("date saved", "date_saved")] {
            contents.say(name, map.get(key).and_then(Value::as_str).unwrap_or_default());
        }
    }
    contents
}

fn describe(config: &Value, contents: &mut Contents) {
    let mut open = vec![config];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                object(map, contents);
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    if let Some(name) = config.get("config").and_then(|config| config.get("name")).and_then(Value::as_str) {
        contents.say("name", name);
    }
    if let Some(shape) = config.get("build_config").and_then(|build| build.get("input_shape")) {
        contents.say("input shape", shape.to_string());
    }
}

/// What is described by an object with a class; others are settings.
fn object(map: &Map<String, Value>, contents: &mut Contents) {
    if let Some(path) = map.get("vocabulary").filter(|vocabulary| vocabulary.is_string()) {
        let what = format!("a layer reads its vocabulary from the file {}", quoted(path.as_str().unwrap_or_default()));
        contents.find(Finding::refused("keras_file", what, ADVICE));
    }
    let Some(class) = map.get("class_name") else { return };
    let refuse = |code, what: String| Finding::refused(code, what, ADVICE);
    let Some(class) = class.as_str() else {
        return contents.find(refuse("keras_class", "a class has a name that is no text".to_owned()));
    };
    contents.operator(class);
    if DANGEROUS.split_whitespace().any(|one| one == class) {
        let what = format!("the {} layer runs code or loads a file that it names", quoted(class));
        return contents.find(refuse("keras_code", what));
    }
    if class.contains('>') && map.get("registered_name").is_none_or(Value::is_null) {
        return contents.find(refuse("keras_class", format!("{} is no class of Keras", quoted(class))));
    }
    match map.get("module") {
        // Before version 3 no module was written: layers of Keras are looked for by their names.
        None => {}
        Some(Value::String(module)) if is_part(module) => {}
        Some(Value::Null) => {
            let what = format!("the class {} is somebody's own, which is not in the file", quoted(class));
            contents.find(refuse("keras_class", what));
        }
        Some(module) => {
            let module = module.as_str().unwrap_or_default();
            let what = format!("the class {} is taken from the module {}", quoted(class), quoted(module));
            contents.find(refuse("keras_module", what));
        }
    }
}

fn is_part(module: &str) -> bool {
    let Some(rest) = module.strip_prefix("keras") else { return false };
    let rest = rest.strip_prefix(".src").unwrap_or(rest);
    match rest.strip_prefix('.') {
        None => rest.is_empty(),
        Some(part) => PARTS
            .split_whitespace()
            .any(|one| part == one || part.strip_prefix(one).is_some_and(|r| r.starts_with('.'))),
    }
}
