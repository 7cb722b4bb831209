//! Programs beside a model, by what they begin with or are called.

use crate::{Class, Contents, Finding};

const ADVICE: &str = "leave it out, and install where the model is used what it needs beside it";
/// Where a program of Windows says where its second header is.
const PE_PLACE: std::ops::Range<usize> = 0x3c..0x40;

/// A program that a loader would run as it is.
pub(crate) fn native(name: &str, start: &[u8]) -> Option<Contents> {
    let what = match start {
        [0x7f, b'E', b'L', b'F', ..] => "a program or a library of Linux (ELF)",
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => {
            "a program or a library of macOS (Mach-O)"
        }
        [0xca, 0xfe, 0xba, 0xbe, ..] => "a program of Java or of macOS",
        [0, b'a', b's', b'm', ..] => "a program in WebAssembly",
        [b'M', b'Z', ..] if is_pe(start) => "a program or a library of Windows (PE)",
        _ if [".pyc", ".pyo"].iter().any(|ending| name.ends_with(ending)) => "compiled Python",
        _ => return None,
    };
    let mut contents = Contents::of("program", Class::Code);
    contents.find(Finding::refused("native_code", format!("it is {what}"), ADVICE));
    Some(contents)
}

fn is_pe(start: &[u8]) -> bool {
    let at = start.get(PE_PLACE).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
    at.and_then(|at| usize::try_from(at).ok())
        .and_then(|at| start.get(at..))
        .is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

/// Settings that name code which a loader fetches or finds beside them.
pub(crate) fn remote() -> Finding {
    let what = "it names Python code that a loader runs when it is told to trust the model's own code";
    Finding::warning("remote_code", what, ADVICE)
}

/// Python that is there to be read: it runs only where a loader is told to trust it.
pub(crate) fn source(name: &str) -> Option<Finding> {
    let what = "it is Python, which a loader may run when it is told to trust the model's own code";
    name.ends_with(".py").then(|| Finding::warning("python_source", what, ADVICE))
}
