//! What an error of ONNX Runtime means for a verdict. The runtime has few codes, so its texts are read, too.

use super::failure::{Failure, FailureKind};
use ort::ErrorCode;

/// Texts of an allocation that the address-space limit refused, or a thread that it left no room for.
const OUT_OF_MEMORY: [&str; 7] = [
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "memory allocation failed",
    "out of memory",
    "cannot allocate memory",
    "pthread_create failed",
];
/// Texts of something that the format allows and this runtime lacks.
const UNSUPPORTED: [&str; 9] = [
    "is not a registered function/op",
    "no op registered for",
    "no opset import for domain",
    "unsupported model ir version",
    "unknown model file format version",
    "opset",
    "could not find an implementation",
    "not implemented",
    "not_implemented",
];
/// Texts of inputs that do not fit what the model declares.
const INPUT_MISMATCH: [&str; 5] = [
    "got invalid dimensions for input",
    "invalid rank for input",
    "unexpected input data type",
    "missing input",
    "invalid input name",
];

/// Texts of tensors in a file that was not handed over: the sandbox opens none.
const EXTERNAL: [&str; 2] = ["external data path", "not found from the table user provided"];

/// The model could not be loaded.
pub(super) fn load_failure(code: ErrorCode, message: &str) -> Failure {
    if says(message, &EXTERNAL) {
        return Failure::unsupported(
            "the model keeps tensors in another file, which the version does not have under exactly that name; push the file beside the model, or save the model as one file, for example with onnx.save(model, path, save_as_external_data=False)",
        );
    }
    let kind = if says(message, &OUT_OF_MEMORY) {
        FailureKind::MemoryLimit
    } else if code == ErrorCode::NotImplemented || says(message, &UNSUPPORTED) {
        FailureKind::UnsupportedModel
    } else {
        FailureKind::InvalidModel
    };
    Failure::new(kind, format!("the model could not be loaded: {}", without_source_places(message)))
}

/// A call failed.
pub(super) fn run_failure(code: ErrorCode, message: &str) -> Failure {
    let kind = if says(message, &OUT_OF_MEMORY) {
        FailureKind::MemoryLimit
    } else if code == ErrorCode::NotImplemented {
        FailureKind::UnsupportedModel
    } else if code == ErrorCode::InvalidArgument && says(message, &INPUT_MISMATCH) {
        FailureKind::InputMismatch
    } else {
        FailureKind::RuntimeError
    };
    Failure::new(kind, format!("the model could not be run: {}", without_source_places(message)))
}

/// Whether the standard error of a dead process tells of memory that was refused.
pub(super) fn tells_of_memory(text: &str) -> bool {
    says(text, &OUT_OF_MEMORY) || (text.contains("memory allocation of") && text.contains("failed"))
}

/// `message` without the places in the runtime's own source and the C++ signatures there, which tell a reader of a
/// verdict nothing: `/onnxruntime_src/core/a.cc:7 void f(int) [with T = int] text` becomes `text`.
fn without_source_places(message: &str) -> String {
    const PLACE: &str = "/onnxruntime_src/";
    let mut kept = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(PLACE) {
        let (before, place) = rest.split_at(start);
        let Some(end) = signature_end(place) else {
            break;
        };
        kept.push_str(before);
        rest = place.get(end..).unwrap_or_default().trim_start();
    }
    kept + rest
}

/// Where the signature ends that follows a place: behind its parameters, `const` and `[with …]`.
fn signature_end(place: &str) -> Option<usize> {
    let parameters = closing(place, b'(', b')', true)?;
    let mut end = parameters;
    for qualifier in [" const", " noexcept"] {
        if place.get(end..)?.starts_with(qualifier) {
            end += qualifier.len();
        }
    }
    if place.get(end..)?.starts_with(" [with ") {
        end += closing(place.get(end..)?, b'[', b']', false)?;
    }
    Some(end)
}

/// The index behind the bracket that closes the first `open`; brackets inside of `<…>` may be left out.
fn closing(text: &str, open: u8, close: u8, skip_angles: bool) -> Option<usize> {
    let (mut depth, mut angles) = (0usize, 0usize);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'<' if skip_angles => angles += 1,
            b'>' if skip_angles => angles = angles.saturating_sub(1),
            _ if angles > 0 => {}
            _ if byte == open => depth += 1,
            _ if byte == close && depth == 1 => return Some(index + 1),
            _ if byte == close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn says(message: &str, texts: &[&str]) -> bool {
    let message = message.to_lowercase();
    texts.iter().any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_decides_what_the_code_leaves_open() {
        use FailureKind::{InvalidModel, MemoryLimit, UnsupportedModel};
        let cases = [
            (ErrorCode::GenericFailure, "BFCArena: Failed to allocate memory for requested buffer", MemoryLimit),
            (ErrorCode::RuntimeException, "std::bad_alloc", MemoryLimit),
            (ErrorCode::InvalidGraph, "FooBar(-1) is not a registered function/op", UnsupportedModel),
            (ErrorCode::GenericFailure, "Unsupported model IR version: 999", UnsupportedModel),
            (ErrorCode::NotImplemented, "anything", UnsupportedModel),
            (ErrorCode::InvalidProtobuf, "Protobuf parsing failed.", InvalidModel),
        ];
        for (code, message, kind) in cases {
            assert_eq!(load_failure(code, message).kind, kind, "{message}");
        }
    }

    #[test]
    fn a_call_that_fails_is_the_inputs_or_the_models_fault() {
        use FailureKind::{InputMismatch, MemoryLimit, RuntimeError};
        let cases = [
            (ErrorCode::InvalidArgument, "Got invalid dimensions for input: X", InputMismatch),
            (ErrorCode::InvalidArgument, "Gather index 7 is out of data bounds", RuntimeError),
            (ErrorCode::GenericFailure, "Integer division by zero", RuntimeError),
            (ErrorCode::GenericFailure, "Failed to allocate memory", MemoryLimit),
        ];
        for (code, message, kind) in cases {
            assert_eq!(run_failure(code, message).kind, kind, "{message}");
        }
    }

    #[test]
    fn places_in_the_runtimes_source_are_left_out() {
        let cases = [
            ("plain text", "plain text"),
            (
                "/onnxruntime_src/core/model.cc:192 onnxruntime::Model::Model(std::function<void()>&&, int) IR version: 999",
                "IR version: 999",
            ),
            ("Status Message: /onnxruntime_src/a.cc:3 void* A::B(size_t) const Failed", "Status Message: Failed"),
            (
                "a: /onnxruntime_src/t.h:5 size_t T<A>::f(int) [with A = float; B = x[3]] bad node /onnxruntime_src/u.h:6 void g() again",
                "a: bad node again",
            ),
            ("/onnxruntime_src/cut off (in the middle", "/onnxruntime_src/cut off (in the middle"),
            ("/onnxruntime_src/x.cc:1 f()", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(without_source_places(message), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_message_can_be_shortened(message in "(/onnxruntime_src/|[<>()\\[\\]é ]| \\[with | const){0,40}") {
            proptest::prop_assert!(without_source_places(&message).len() <= message.len());
        }
    }

    #[test]
    fn an_abort_for_want_of_memory_is_recognised() {
        assert!(tells_of_memory("memory allocation of 8589934592 bytes failed"));
        assert!(tells_of_memory("terminate called after throwing an instance of 'std::bad_alloc'"));
        assert!(!tells_of_memory("assertion failed"));
    }
}
