//! Chat templates: programs in Jinja that others fill in. Never rendered here; what reaches for more than text is found.
//!
//! A template may loop, compare, slice and join. It needs no name with two underscores, no access to attributes by a computed
//! name, no other template and none of the objects by which a way out of Jinja leads.

mod lexer;
mod subscripts;

use crate::Finding;
use lexer::{Piece, Token};

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
    let (pieces, fault) = lexer::pieces(text);
    let mut found: Vec<(usize, String)> = fault.into_iter().map(|fault| (fault.at, fault.what)).collect();
    pieces.iter().for_each(|piece| inside(piece, &mut found));
    let computed = subscripts::computed(&pieces).into_iter();
    found.extend(computed.map(|at| (at, "takes a part by a name that may have been put together".to_owned())));
    found.sort();
    found.truncate(MAX_FINDINGS);
    found.into_iter().map(|(at, what)| refused(at, what)).collect()
}

/// Words, texts and attributes of one expression or statement.
fn inside(piece: &Piece<'_>, found: &mut Vec<(usize, String)>) {
    if let Some(at) = piece.code.find("__") {
        found.push((piece.at + at, "has a name with two underscores".to_owned()));
    }
    for (at, (place, token)) in piece.tokens.iter().enumerate() {
        let next = |further: usize| piece.tokens.get(at + further).map(|(_, token)| *token);
        match token {
            Token::Name(name) if WORDS.contains(name) => found.push((*place, format!("uses {name}"))),
            // By a name that is given to it, each of these takes an attribute.
            Token::Name("attribute") if next(1) == Some(Token::Mark("=")) => {
                let is_plain = matches!(next(2), Some(Token::Text(_) | Token::Number))
                    && matches!(next(3), Some(Token::Mark("," | ")")));
                if !is_plain {
                    found.push((*place, "takes an attribute by a name that is not written down".to_owned()));
                }
            }
            Token::Name("selectattr" | "rejectattr" | "groupby") if next(1) == Some(Token::Mark("(")) => {
                let is_named = next(2) == Some(Token::Name("attribute"));
                let is_plain =
                    matches!(next(2), Some(Token::Text(_))) && matches!(next(3), Some(Token::Mark("," | ")")));
                if !is_named && !is_plain {
                    found.push((*place, "takes an attribute by a name that is not written down".to_owned()));
                }
            }
            // Two behind each other are one text.
            Token::Text(_) if matches!(next(1), Some(Token::Text(_))) => {
                found.push((*place, "writes a text in two parts".to_owned()));
            }
            // What takes the place of something else in a text: no part is taken by a name that is made so.
            Token::Text("_")
                if at
                    .checked_sub(1)
                    .and_then(|before| piece.tokens.get(before))
                    .is_some_and(|before| before.1 == Token::Mark(","))
                    && next(1) == Some(Token::Mark(")")) => {}
            Token::Text(text) => literal(*place, text, found),
            _ => {}
        }
    }
}

fn literal(place: usize, text: &str, found: &mut Vec<(usize, String)>) {
    // Behind the quotation mark.
    let place = place + 1;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && letters.next().is_some_and(|(_, next)| matches!(next, 'x' | 'u' | 'U' | 'N' | '0'..='7')) {
            found.push((place + at, "writes a letter by its number".to_owned()));
        }
    }
    if text.starts_with('_') || text.ends_with('_') {
        found.push((place, "puts a name together that begins or ends with an underscore".to_owned()));
    }
    // A filter or a test may be given by its name.
    if matches!(text, "attr" | "format") {
        found.push((place, format!("names the filter {text}")));
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
    fn templates_as_models_have_them_are_fine() {
        for chat in [
            "{{ messages[0]['content'] }}{{ messages[1:] }}{{ message['role'] + '\\n' + message['content'] | trim }}",
            "{{ content.split('</think>')[-1].lstrip('\\n') }}{{ (content.split('<tool>')|first).rstrip() }}",
            "{% for message in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{{ messages[index] }}{% endfor %}",
            "{% if messages[loop.index0 - 1].role == 'tool' or messages[loop.index0 + 1]['role'] != 'x' %}{% endif %}",
            "{% set ns = namespace(multi_step=true, last=messages|length - 1) %}{% if loop.index0 > ns.last %}{{ tools[ns.last] }}{% endif %}",
            "{% for key, value in args.items() %}{{ args[key] | tojson }}{{ '<arg>' + key + '</arg>' }}{% endfor %}",
            "{% macro keys(json, handled) %}{% for name in json if name not in handled %}{{ json[name] }}{% endfor %}{% endmacro %}\
             {{ keys(tool.parameters, ['type', 'enum']) }}",
            "{% set i = i + 1 %}{{ messages[i] }}{{ {'a': {}} }}{{ [{'b': {}}] }}{# {{ x.__class__ }} is a comment #}",
            "{% set normed = key | replace('-', '_') | replace(' ', '_') %}{{ '<' ~ normed ~ '>' }}{{ fields[key] }}",
            "{% raw %}{{ x.__class__ }}{% endraw %}{{ bos_token }}{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}{%- endif +%}",
        ] {
            assert_eq!(findings(chat, 0), [], "{chat}");
        }
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
            ("{{ x['_' ~ '_class'] }}", 4),
            ("{{ '%c%c' | format(95, 95) }}", 12),
            ("{{ cycler.x }}", 3),
            ("{% set x = '}}' %}{{ self.x }}", 21),
            ("{{ x|map(attribute='__init__') }}", 20),
            // Brackets that are open keep an end from being one.
            ("{{ {'a':{}}.__class__ }}", 12),
            ("{{ [{'a':{}}, lipsum.x] }}", 14),
            ("{{ {'a':{}} | attr('x') }}", 14),
            ("{%- raw -%}{{ x }}{%- endraw -%}{{ self.x }}", 35),
            // Names that are put together.
            ("{{ x['a_b'[1]*2 ~ 'class'] }}", 4),
            ("{{ x[a + b] }}", 4),
            ("{{ x[a * 2] }}", 4),
            ("{{ x[a % 2 + b] }}", 4),
            ("{{ x['a_b_c'[1::2]] }}", 12),
            ("{{ x[y|join] }}", 4),
            ("{{ x[y|striptags] }}", 4),
            ("{{ x[y.replace('a', 'b')] }}", 4),
            ("{% set u = a ~ b %}{{ x[u] }}", 23),
            ("{% set u = a|replace('b', '_') %}{{ x[u] }}", 37),
            ("{% set u %}{{ a }}{{ b }}{% endset %}{{ x[u] }}", 41),
            ("{% set u = a ~ b %}{% set v = u %}{{ x[v] }}", 38),
            ("{% for u in [a ~ b] %}{{ x[u] }}{% endfor %}", 26),
            ("{% macro m(u) %}{{ x[u] }}{% endmacro %}{{ m(a ~ b) }}", 20),
            ("{{ x|map(attribute=a ~ b) }}", 9),
            ("{{ x|map('attr', y) }}", 10),
            ("{{ x|selectattr(a ~ b) }}", 5),
            ("{{ x['cla' 'ss'] }}", 5),
            // What is not read is not taken for harmless.
            ("{{ x", 2),
            ("{{ (x] }}", 5),
            ("{% raw %}{{ x }}", 0),
            ("{{ ｘ }}", 3),
        ] {
            let found = findings(bad, 100);
            assert_eq!(found.first().and_then(|finding| finding.offset), Some(100 + at), "{bad}: {found:?}");
        }
    }
}
