//! Keras models: a description of layers in JSON, and their weights.
//!
//! Keras makes an object of every class that the description names. Only its own layers and what belongs to them may be
//! named, none of them the ones that hold code, read a file that the description names, or load another model.

use crate::{Class, Contents, Finding, Refusal, config, quoted, shortened};
use serde_json::{Map, Value};

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const METADATA: &str = "metadata.json";
const ADVICE: &str = "build the model of layers of Keras alone, or export it to ONNX";

/// Parts of Keras whose classes hold numbers and settings.
const PARTS: &str = "layers initializers regularizers constraints optimizers optimizers.schedules losses metrics activations \
    models dtype_policies mixed_precision random quantizers";
/// Parts whose classes are single operations: what `a + b` of two layers becomes.
const OPERATIONS: &str = "ops.numpy ops.nn ops.math ops.linalg ops.image ops.core";
/// Classes of those parts that run code, load a file or import a module that they name.
const DANGEROUS: &str = "Lambda TFSMLayer TorchModuleWrapper FlaxLayer JaxLayer __lambda__ __typespec__ function \
    Map Scan AssociativeScan Switch WhileLoop ForiLoop Cond VectorizedMap Vectorize JVP";
/// Functions of Keras that compute with numbers: losses, metrics, activations.
const FUNCTIONS: &str = "binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy \
    categorical_generalized_cross_entropy categorical_hinge circle cosine_similarity ctc dice hinge huber kl_divergence log_cosh \
    mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson \
    sparse_categorical_crossentropy squared_hinge tversky accuracy binary_accuracy categorical_accuracy sparse_categorical_accuracy \
    sparse_top_k_categorical_accuracy top_k_categorical_accuracy relu leaky_relu relu6 softmax celu elu selu softplus softsign \
    squareplus soft_shrink sparse_plus silu gelu glu tanh tanh_shrink threshold sigmoid sparse_sigmoid exponential hard_sigmoid \
    hard_silu hard_tanh hard_shrink linear mish log_softmax log_sigmoid sparsemax";
/// More inputs or outputs are left out.
const MAX_PORTS: usize = 64;
/// An input with more dimensions is shown without them.
const MAX_DIMENSIONS: usize = 32;

/// The description of the layers.
pub(crate) fn config(bytes: &[u8]) -> Result<Contents, Refusal> {
    let mut contents = Contents::of("Keras model", Class::Data);
    match config::parse(bytes) {
        Ok(value) => describe(&value, &mut contents),
        Err(why) => contents.find(Finding::refused("keras_unreadable", format!("the description {why}"), ADVICE)),
    }
    Ok(contents)
}

/// Whether settings of any name describe a model of Keras.
pub(crate) fn is_model(value: &Value) -> bool {
    let said = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    value.get("config").is_some()
        && (matches!(said("class_name"), "Sequential" | "Functional" | "Model")
            || (value.get("class_name").is_some()
                && (said("module").starts_with("keras") || value.get("keras_version").is_some())))
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
                map.get("layers").and_then(Value::as_array).into_iter().flatten().chain(map.get("layer")).for_each(
                    |layer| {
                        layer
                            .get("class_name")
                            .and_then(Value::as_str)
                            .into_iter()
                            .for_each(|class| contents.operator(class));
                    },
                );
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    let Some(model) = config.get("config") else { return };
    contents.say("name", text(model, "name"));
    interface(model, contents);
    if contents.inputs.is_empty()
        && let Some(shape) = config.get("build_config").and_then(|build| build.get("input_shape"))
        && !shape.is_null()
    {
        contents.say("input shape", shape.to_string());
    }
}

/// What goes in, with types and shapes, and which layers give what comes out: their shapes are not in the description.
fn interface(model: &Value, contents: &mut Contents) {
    let layers = model.get("layers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_input = |layer: &&Value| layer.get("class_name").and_then(Value::as_str) == Some("InputLayer");
    let inputs = layers.iter().filter(is_input).filter_map(|layer| layer.get("config"));
    contents.inputs = inputs.take(MAX_PORTS).map(port).collect();
    let mut outputs = Vec::new();
    match model.get("output_layers") {
        Some(named) => layers_of(named, &mut outputs),
        // Of a sequence it is the last one.
        None => outputs.extend(layers.last().and_then(|layer| layer.get("config")).map(|layer| text(layer, "name"))),
    }
    contents.outputs = outputs.into_iter().filter(|name| !name.is_empty()).take(MAX_PORTS).map(quoted).collect();
}

/// `["dense", 0, 0]`, or several of these in a list or by name.
fn layers_of<'v>(named: &'v Value, names: &mut Vec<&'v str>) {
    match named {
        Value::Array(list) => match list.first().and_then(Value::as_str) {
            Some(name) => names.push(name),
            None => list.iter().for_each(|each| layers_of(each, names)),
        },
        Value::Object(map) => map.values().for_each(|each| layers_of(each, names)),
        _ => {}
    }
}

/// As inputs of other formats are shown. Before version 3 the shape had another name, and the type was a text.
fn port(input: &Value) -> String {
    let kind = input.get("dtype").map_or("", |dtype| {
        dtype.as_str().unwrap_or_else(|| dtype.get("config").map(|policy| text(policy, "name")).unwrap_or_default())
    });
    let mut port = format!("{} {}", quoted(text(input, "name")), shortened(kind, crate::MAX_SHOWN_CHARS));
    let shape = input.get("batch_shape").or_else(|| input.get("batch_input_shape")).and_then(Value::as_array);
    if let Some(shape) = shape.filter(|shape| shape.len() <= MAX_DIMENSIONS) {
        let sizes = shape.iter().map(|size| size.as_u64().map_or_else(|| "?".to_owned(), |size| size.to_string()));
        port.push_str(&format!("[{}]", sizes.collect::<Vec<_>>().join(", ")));
    }
    port
}

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
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
    if class == "function" && is_function(map) {
        return;
    }
    // Keras looks a name up with its module before it, so that "layers.Lambda" of "keras" is one, too.
    if class.rsplit(['.', '>', ':']).next().is_some_and(|last| DANGEROUS.split_whitespace().any(|one| one == last)) {
        let what = format!("{} runs code or loads a file that it names", quoted(class));
        return contents.find(refuse("keras_code", what));
    }
    if class.contains('>') && map.get("registered_name").is_none_or(Value::is_null) {
        return contents.find(refuse("keras_class", format!("{} is no class of Keras", quoted(class))));
    }
    match map.get("module") {
        // Before version 3 no module was written: layers of Keras are looked for by their names.
        None => {}
        Some(Value::String(module)) if (is_part(module) && is_class(class)) || is_operation(module, class) => {}
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

/// A loss, a metric or an activation of Keras that is given as a function.
fn is_function(map: &Map<String, Value>) -> bool {
    let said = |name: &str| map.get(name).and_then(Value::as_str);
    said("module") == Some("builtins")
        && said("config").is_some_and(|name| {
            FUNCTIONS.split_whitespace().any(|one| one == name)
                && said("registered_name").is_none_or(|other| other == name || other == "function")
        })
}

/// What an operator between two layers becomes.
fn is_operation(module: &str, class: &str) -> bool {
    let part = module.strip_prefix("keras.src.").unwrap_or_default();
    OPERATIONS.split_whitespace().any(|one| one == part) && is_class(class)
}

/// A class, and no function, module or path to one that stands beside the classes. Somebody's own that is registered
/// has a package before it, and was looked at already.
fn is_class(name: &str) -> bool {
    let name = name.rsplit('>').next().unwrap_or(name);
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(config: &Value) -> Contents {
        self::config(config.to_string().as_bytes()).expect("read")
    }

    /// As Keras 3.15 writes a model of functions.
    fn functional(layers: &Value) -> Value {
        json!({"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
            "build_config": {"input_shape": null}, "config": {"name": "scorer", "layers": layers,
            "input_layers": ["x", 0, 0], "output_layers": [["score", 0, 0], ["why", 0, 0]]}})
    }

    fn input(name: &str, dtype: &Value) -> Value {
        let config = json!({"name": name, "batch_shape": [null, 8], "dtype": dtype});
        json!({"module": "keras.layers", "class_name": "InputLayer", "registered_name": null, "config": config})
    }

    #[test]
    fn layers_are_counted_and_what_goes_in_and_comes_out_is_told() {
        let policy = json!({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "bfloat16"}});
        let dense = json!({"module": "keras.layers", "class_name": "Dense", "config": {"name": "score",
            "kernel_initializer": {"module": "keras.initializers", "class_name": "GlorotUniform", "config": {}}}});
        let cell = json!({"module": "keras.layers", "class_name": "LSTM", "config": {"name": "cell"}});
        let around = json!({"module": "keras.layers", "class_name": "Bidirectional", "config": {"layer": cell}});
        let layers = json!([input("x", &json!("float32")), input("y", &policy), dense.clone(), dense, around]);
        let contents = read(&functional(&layers));
        assert_eq!(contents.findings, []);
        assert_eq!(contents.inputs, ["\"x\" float32[?, 8]", "\"y\" bfloat16[?, 8]"]);
        assert_eq!(contents.outputs, ["\"score\"", "\"why\""]);
        let counted: Vec<_> = contents.operators.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(counted, [("Bidirectional", 1), ("Dense", 2), ("InputLayer", 2), ("LSTM", 1)]);
    }

    #[test]
    fn a_sequence_ends_with_its_last_layer() {
        let old = json!({"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 3], "dtype": "float32"}});
        let last = json!({"class_name": "Dense", "config": {"name": "last"}});
        let contents = read(&json!({"class_name": "Sequential", "config": {"name": "old", "layers": [old, last]}}));
        assert_eq!(
            (contents.inputs, contents.outputs),
            (vec!["\"x\" float32[?, 3]".to_owned()], vec!["\"last\"".to_owned()])
        );
    }

    #[test]
    fn sums_of_layers_are_no_code_and_what_calls_a_function_is() {
        let operation = |module: &str, class: &str| {
            let operation =
                json!({"module": module, "class_name": class, "registered_name": class, "config": {"name": "o"}});
            read(&functional(&json!([operation]))).findings
        };
        for (module, class) in
            [("keras.src.ops.numpy", "Add"), ("keras.src.ops.nn", "Softmax"), ("keras.src.ops.core", "Cast")]
        {
            assert_eq!(operation(module, class), [], "{module} {class}");
        }
        for (module, class) in [
            ("keras.src.ops.core", "WhileLoop"),
            ("keras.src.ops.core", "VectorizedMap"),
            ("keras.src.ops.numpy", "backend"),
            ("keras.src.ops.numpy", "Add.forward"),
            ("keras.src.ops.function", "Function"),
            ("keras", "layers.Lambda"),
            ("keras", "layers.TFSMLayer"),
            ("keras", "utils.get_file"),
            ("keras.layers", "deserialize"),
            ("keras.src.utils.file_utils", "Add"),
            ("my.ops.numpy", "Add"),
            ("builtins", "function"),
        ] {
            assert_eq!(operation(module, class).len(), 1, "{module} {class}");
        }
    }
    #[test]
    fn a_loss_of_keras_may_be_given_as_a_function_and_no_other_function() {
        let compiled = |loss: &str| {
            let loss =
                json!({"module": "builtins", "class_name": "function", "config": loss, "registered_name": "function"});
            read(&json!({"class_name": "Sequential", "config": {"layers": []}, "compile_config": {"loss": loss}}))
                .findings
                .len()
        };
        assert_eq!(compiled("binary_crossentropy"), 0);
        for other in ["my_loss", "deserialize", "get", "eval"] {
            assert_eq!(compiled(other), 1, "{other}");
        }
    }
}
