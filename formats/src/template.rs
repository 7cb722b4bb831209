//! Chat templates: programs in Jinja that others fill in. Never rendered here; what reaches for more than text is found.
//!
//! A template may loop, compare, slice and join. It needs no name with two underscores, no access to attributes by a computed
//! name, no other template and none of the objects by which a way out of Jinja leads.

use crate::Finding;

const ADVICE: &str = "take the template of the model's authors, or leave it out and keep it in your own program";
/// Whoever needs more writes a program.
const MAX_BYTES: usize = 1 << 20;
/// More of one template tell nobody more.
const MAX_FINDINGS: usize = 8;

/// Words that stand in no template for chats. They are looked for where Jinja takes them for names.
const WORDS: &[&str] = &[
    "attr",
    "import",
    "include",
    "extends",
    "self",
    "lipsum",
    "cycler",
    "joiner",
    "request",
    "url_for",
    "get_flashed_messages",
    "globals",
    "builtins",
    "mro",
    "subclasses",
    "popen",
    "subprocess",
    "getattr",
    "setattr",
    "eval",
    "exec",
    "open",
    "compile",
    "environment",
    "caller_globals",
    "format",
    "format_map",
];

/// What of a template reaches further than it should; `offset` is that of its first byte.
pub(crate) fn findings(text: &str, offset: u64) -> Vec<Finding> {
    let refused = |at: usize, what: String| {
        Finding::refused("chat_template", format!("the chat template {what}"), ADVICE)
            .at(offset.saturating_add(at as u64))
    };
    if MAX_BYTES < text.len() {
        return vec![refused(0, format!("has {} bytes; at most {MAX_BYTES} are looked at", text.len()))];
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = opening(text, at) {
        let end = closing(text, begin);
        inside(text, begin, end, &mut |at, what| {
            if found.len() < MAX_FINDINGS {
                found.push(refused(at, what));
            }
        });
        at = end;
        if MAX_FINDINGS <= found.len() {
            break;
        }
    }
    found
}

/// Where the next expression or statement begins, behind its brace.
fn opening(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes().get(from..)?;
    let at = bytes.windows(2).position(|two| matches!(two, b"{{" | b"{%"))?;
    // Comments are text, but a line that begins a comment in one setting begins an expression in another.
    Some(from + at + 2)
}

/// Where it ends: behind `}}` or `%}` outside of texts, or at the end.
fn closing(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut quote) = (from, None);
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'}' | b'%') if bytes.get(at + 1) == Some(&b'}') => return at + 2,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn inside(text: &str, begin: usize, end: usize, find: &mut dyn FnMut(usize, String)) {
    let code = text.get(begin..end.min(text.len())).unwrap_or_default();
    if let Some(at) = code.find("__") {
        find(begin + at, "has a name with two underscores".to_owned());
    }
    let bytes = code.as_bytes();
    let (mut at, mut quote) = (0, None);
    while let Some(byte) = bytes.get(at).copied() {
        match quote {
            Some((open, from)) => {
                if byte == b'\\' && matches!(bytes.get(at + 1), Some(b'x' | b'u' | b'U' | b'N' | b'0'..=b'7')) {
                    find(begin + at, "writes a letter by its number".to_owned());
                }
                if byte == b'\\' {
                    at += 1;
                } else if byte == open {
                    let literal = bytes.get(from..at).unwrap_or_default();
                    if literal.first() == Some(&b'_') || literal.last() == Some(&b'_') {
                        find(begin + from, "puts a name together that begins or ends with an underscore".to_owned());
                    }
                    quote = None;
                }
                at += 1;
            }
            None if matches!(byte, b'"' | b'\'') => {
                quote = Some((byte, at + 1));
                at += 1;
            }
            None if byte.is_ascii_alphabetic() || byte == b'_' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let word = rest.get(..length).unwrap_or_default();
                if let Some(known) = WORDS.iter().find(|known| known.as_bytes() == word) {
                    find(begin + at, format!("uses {known}"));
                }
                at += length.max(1);
            }
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_joins_messages_is_fine() {
        let chat = "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}{% if loop.first and message.content is \
            not none %}{{ message.content | trim }}{% endif %}{% endfor %}{%- set ns = namespace(found=false) -%} important \
            imports __ and attr in text {{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ bos_token }}";
        assert_eq!(findings(chat, 0), []);
    }

    #[test]
    fn a_template_that_reaches_out_is_found_where_it_does() {
        for (bad, at) in [
            ("{{ ''.__class__ }}", 6),
            ("{{ x|attr('y') }}", 5),
            ("{% import 'x' as y %}", 3),
            ("a {% include 'x' %}", 5),
            ("{{ lipsum.x }}", 3),
            ("{{ x['\\x5f\\x5fclass'] }}", 6),
            ("{{ x['_' ~ '_class'] }}", 6),
            ("{{ '%c%c' | format(95, 95) }}", 12),
            ("{{ cycler.x }}", 3),
            ("{% set x = '}}' %}{{ self.x }}", 21),
            ("{{ x|map(attribute='__init__') }}", 20),
        ] {
            let found = findings(bad, 100);
            assert_eq!(found.first().and_then(|finding| finding.offset), Some(100 + at), "{bad}: {found:?}");
        }
    }
}
