//! What stands in square brackets behind a value: an attribute, where it is a text. A text that is put together there could be any
//! name, so it is a number, a text as it stands, or a name that was given nothing that was put together.

use super::lexer::{Piece, Token};
use std::collections::{HashMap, HashSet};

/// Filters after which there is a number, or what there was before.
const FILTERS: &[&str] =
    &["length", "count", "int", "abs", "list", "first", "last", "items", "dictsort", "sort", "unique", "reverse"];
/// Calls that give numbers, or what there was before.
const CALLS: &[&str] = &["range", "namespace", "items", "keys", "values", "split", "get"];
/// What numbers are called that Jinja has.
const NUMBERS: &[&str] = &["index", "index0", "revindex", "revindex0", "length", "count", "int", "depth"];

type Tokens<'p, 't> = &'p [(usize, Token<'t>)];

/// Where an attribute is taken by a name that may have been put together.
pub(super) fn computed(pieces: &[Piece<'_>]) -> Vec<usize> {
    let made = made_names(pieces);
    let mut found = Vec::new();
    for piece in pieces {
        for (at, token) in piece.tokens.iter().enumerate() {
            let Some(before) = at.checked_sub(1).and_then(|before| piece.tokens.get(before)) else { continue };
            if token.1 != Token::Mark("[") || !is_value(before.1) {
                continue;
            }
            let inner = inside(&piece.tokens, at);
            if puts_together(inner) || has_step(inner) || is_made(inner, &made) {
                found.push(token.0);
            }
        }
    }
    found
}

/// Names that were given a text that was put together, in any part of the template: there is no order that could be relied on.
fn made_names<'t>(pieces: &[Piece<'t>]) -> HashSet<&'t str> {
    let mut made = HashSet::new();
    let macros: HashMap<&str, Vec<&'t str>> = pieces.iter().filter_map(parameters).collect();
    loop {
        let before = made.len();
        for piece in pieces {
            for (at, (_, token)) in piece.tokens.iter().enumerate() {
                if let Token::Name(name) = token
                    && let Some(parameters) = macros.get(name)
                    && piece.tokens.get(at + 1).is_some_and(|next| next.1 == Token::Mark("("))
                    && is_of(inside(&piece.tokens, at + 1), &made)
                {
                    made.extend(parameters);
                }
            }
            let Some((names, given)) = gives(piece) else { continue };
            if given.is_none_or(|given| is_of(given, &made)) {
                made.extend(names);
            }
        }
        if made.len() == before {
            return made;
        }
    }
}

fn is_of(given: Tokens<'_, '_>, made: &HashSet<&str>) -> bool {
    puts_together(given) || given.iter().any(|(_, token)| matches!(token, Token::Name(name) if made.contains(name)))
}

/// A macro with the names of what it takes.
fn parameters<'t>(piece: &Piece<'t>) -> Option<(&'t str, Vec<&'t str>)> {
    match piece.tokens.as_slice() {
        [(_, Token::Name("macro")), (_, Token::Name(name)), rest @ ..] if piece.statement => Some((name, names(rest))),
        _ => None,
    }
}

/// The names that a statement gives something to, and what; nothing for what stands between it and its end.
fn gives<'p, 't>(piece: &'p Piece<'t>) -> Option<(Vec<&'t str>, Option<Tokens<'p, 't>>)> {
    let (_, Token::Name(word)) = piece.tokens.first()? else { return None };
    let rest = piece.tokens.get(1..)?;
    let split = |mark: Token<'_>| rest.iter().position(|(_, token)| *token == mark);
    let (at, is_block) = match *word {
        "set" | "with" => (split(Token::Mark("=")), true),
        "for" => (split(Token::Name("in")), false),
        _ => return None,
    };
    match at {
        Some(at) => Some((names(rest.get(..at)?), rest.get(at + 1..))),
        None if is_block => Some((names(rest), None)),
        None => None,
    }
}

fn names<'t>(tokens: Tokens<'_, 't>) -> Vec<&'t str> {
    tokens.iter().filter_map(|(_, token)| if let Token::Name(name) = token { Some(*name) } else { None }).collect()
}

/// Whether some tokens may put a text together.
fn puts_together(tokens: Tokens<'_, '_>) -> bool {
    let has_number = tokens.iter().any(|(_, token)| match token {
        Token::Number => true,
        Token::Name(name) => NUMBERS.contains(name),
        _ => false,
    });
    let has_text = tokens.iter().any(|(_, token)| matches!(token, Token::Text(_)));
    let pairs = tokens.iter().zip(tokens.iter().skip(1));
    let mut is_any = pairs.map(|((_, one), (_, other))| match (one, other) {
        (Token::Mark("|"), Token::Name(filter)) => !FILTERS.contains(filter),
        (Token::Name(name), Token::Mark("(")) => !CALLS.contains(name) && !is_word(name),
        (Token::Mark(")" | "]"), Token::Mark("(")) => true,
        _ => false,
    });
    let is_sum = |token: &Token<'_>| matches!(token, Token::Mark("+" | "*" | "%" | "**"));
    tokens.iter().any(|(_, token)| *token == Token::Mark("~"))
        // Of a number and something only a number can be made by a sum, and by nothing else of these.
        || (tokens.iter().any(|(_, token)| is_sum(token)) && (has_text || !has_number || repeats(tokens)))
        || is_any.any(|is| is)
}

/// Whether something that may be a text stands beside a sign that repeats it or fills it in.
fn repeats(tokens: Tokens<'_, '_>) -> bool {
    let is_number = |token: Option<&(usize, Token<'_>)>| match token {
        Some((_, Token::Number)) => true,
        Some((_, Token::Name(name))) => NUMBERS.contains(name),
        _ => false,
    };
    let sign = |at: &usize| matches!(tokens.get(*at), Some((_, Token::Mark("*" | "%" | "**"))));
    let before = |at: usize| at.checked_sub(1).and_then(|before| tokens.get(before));
    (0..tokens.len()).filter(sign).any(|at| !is_number(before(at)) || !is_number(tokens.get(at + 1)))
}

/// Words of the language behind which a bracket is none of a call.
fn is_word(name: &str) -> bool {
    matches!(name, "if" | "else" | "elif" | "in" | "not" | "and" | "or" | "is")
}

/// A name alone, or one of something.
fn is_made(tokens: Tokens<'_, '_>, made: &HashSet<&str>) -> bool {
    tokens.iter().any(|(_, token)| matches!(token, Token::Name(name) if made.contains(name)))
}

/// Every second letter of a text is another text; from the last to the first is the usual way to turn a list around.
fn has_step(tokens: Tokens<'_, '_>) -> bool {
    let mut depth = 0i32;
    let mut colons = Vec::new();
    for (at, (_, token)) in tokens.iter().enumerate() {
        match token {
            Token::Mark("(" | "[" | "{") => depth += 1,
            Token::Mark(")" | "]" | "}") => depth -= 1,
            Token::Mark(":") if depth == 0 => colons.push(at),
            _ => {}
        }
    }
    let Some(second) = colons.get(1) else { return false };
    let step = tokens.get(second + 1..).unwrap_or_default();
    !matches!(step, [] | [(_, Token::Mark("-")), (_, Token::Number)])
}

/// The tokens between the bracket at this place and the one that closes it.
fn inside<'p, 't>(tokens: Tokens<'p, 't>, open: usize) -> Tokens<'p, 't> {
    let mut depth = 0i32;
    for (at, (_, token)) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark("(" | "[" | "{") => depth += 1,
            Token::Mark(")" | "]" | "}") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return tokens.get(open + 1..at).unwrap_or_default();
        }
    }
    tokens.get(open + 1..).unwrap_or_default()
}

/// Whether a bracket behind it takes a part of it. Behind a word of the language it begins a list.
fn is_value(token: Token<'_>) -> bool {
    match token {
        Token::Name(name) => !is_word(name),
        Token::Text(_) | Token::Number => true,
        Token::Mark(mark) => matches!(mark, ")" | "]" | "}"),
    }
}
