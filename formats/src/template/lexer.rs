//! Where the code of a template lies, and of which words, texts and marks it is made: as the lexer of Jinja 3.1 has it with
//! its usual delimiters and without a prefix for lines. What it does not take, and what nobody needs, is a fault.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Name(&'t str),
    /// What stands between quotes, as it is written.
    Text(&'t str),
    Number,
    Mark(&'t str),
}

/// One expression or statement.
pub(super) struct Piece<'t> {
    pub(super) statement: bool,
    pub(super) code: &'t str,
    /// Where the code begins and ends.
    pub(super) at: usize,
    pub(super) end: usize,
    /// With the place of each in the template.
    pub(super) tokens: Vec<(usize, Token<'t>)>,
}

/// What a template must not be, and where; a sentence that "the chat template" begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: String,
}

/// Marks of two characters come first, so that they are not taken for two of one.
const MARKS: &[&str] = &[
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".",
    ":", "|", ",", ";",
];
/// Brackets inside of brackets.
const MAX_DEPTH: usize = 64;

/// The pieces of a template up to its end, or up to what can't be read.
pub(super) fn pieces(text: &str) -> (Vec<Piece<'_>>, Option<Fault>) {
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        match next(text, &mut at) {
            Ok(Some(piece)) => pieces.push(piece),
            Ok(None) => return (pieces, None),
            Err(fault) => return (pieces, Some(fault)),
        }
    }
}

fn next<'t>(text: &'t str, at: &mut usize) -> Result<Option<Piece<'t>>, Fault> {
    loop {
        let bytes = text.as_bytes();
        let rest = bytes.get(*at..).unwrap_or_default();
        let Some(found) = rest.windows(2).position(|two| matches!(two, b"{{" | b"{%" | b"{#")) else {
            return Ok(None);
        };
        let opened = *at + found;
        let unclosed = |what: &str| Fault { at: opened, what: format!("has {what} that does not end") };
        let mut begin = opened + 2;
        match bytes.get(opened + 1) {
            Some(b'#') => {
                begin += usize::from(matches!(bytes.get(begin), Some(b'-' | b'+')));
                let end = text.get(begin..).and_then(|rest| rest.find("#}"));
                *at = begin + end.ok_or_else(|| unclosed("a comment"))? + 2;
            }
            Some(b'%') if word(text, opened, "raw", false).is_some() => {
                let from = word(text, opened, "raw", false).unwrap_or(begin);
                let ends = text.get(from..).unwrap_or_default().match_indices("{%");
                let mut ends = ends.filter_map(|(found, _)| word(text, from + found, "endraw", true));
                *at = ends.next().ok_or_else(|| unclosed("a raw part"))?;
            }
            kind => {
                begin += usize::from(matches!(bytes.get(begin), Some(b'-' | b'+')));
                let piece = piece(text, begin, kind == Some(&b'%'))?;
                *at = piece.end;
                return Ok(Some(piece));
            }
        }
    }
}

/// Behind `{% word %}`, if that is what begins here.
fn word(text: &str, at: usize, word: &str, plus: bool) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix("{%")?;
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start_matches(is_blank);
    let rest = rest.strip_prefix(word)?.trim_start_matches(is_blank);
    let signed = if plus { rest.strip_prefix(['-', '+']) } else { rest.strip_prefix('-') };
    let rest = signed.unwrap_or(rest).strip_prefix("%}")?;
    Some(text.len() - rest.len())
}

/// What Python's `\s` takes.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn piece(text: &str, begin: usize, statement: bool) -> Result<Piece<'_>, Fault> {
    let fault = |at: usize, what: &str| Fault { at, what: what.to_owned() };
    let ends: &[&str] = if statement { &["+%}", "-%}", "%}"] } else { &["-}}", "}}"] };
    let mut open = Vec::new();
    let mut tokens: Vec<(usize, Token<'_>)> = Vec::new();
    let mut at = begin;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(first) = rest.chars().next() else {
            return Err(fault(begin, "has an expression or a statement that does not end"));
        };
        // A bracket that is open keeps the end from being one.
        if let Some(end) = ends.iter().find(|end| open.is_empty() && rest.starts_with(**end)) {
            let code = text.get(begin..at).unwrap_or_default();
            return Ok(Piece { statement, code, at: begin, end: at + end.len(), tokens });
        }
        let (token, length) = match first {
            _ if is_blank(first) => {
                at += first.len_utf8();
                continue;
            }
            '0'..='9' => {
                // A point before it is one of the marks: `a.0.1` has no number with a fraction.
                let fraction = !matches!(tokens.last(), Some((_, Token::Mark("."))));
                let length = number(rest, fraction);
                if rest.as_bytes().get(length).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                    return Err(fault(at, "has a number that is not written in digits alone"));
                }
                (Token::Number, length)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Token::Name(rest.get(..length).unwrap_or_default()), length)
            }
            '"' | '\'' => {
                let inner = quoted(rest).ok_or_else(|| fault(at, "has a text without an end"))?;
                (Token::Text(inner), inner.len() + 2)
            }
            _ => {
                let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
                let mark =
                    mark.ok_or_else(|| fault(at, "has a character that is no part of Jinja outside of a text"))?;
                balance(&mut open, mark).map_err(|what| fault(at, what))?;
                (Token::Mark(mark), mark.len())
            }
        };
        // Letters of other scripts make names that look like others.
        if let (Token::Name(_), Some(c)) = (token, rest.get(length..).and_then(|rest| rest.chars().next()))
            && !c.is_ascii()
            && !is_blank(c)
        {
            return Err(fault(at, "has a name with letters beyond a to z"));
        }
        tokens.push((at, token));
        at += length;
    }
}

fn balance<'m>(open: &mut Vec<&'m str>, mark: &'m str) -> Result<(), &'static str> {
    let pair = match mark {
        "(" | "[" | "{" if MAX_DEPTH <= open.len() => return Err("nests brackets more than 64 deep"),
        "(" | "[" | "{" => {
            open.push(mark);
            return Ok(());
        }
        ")" => "(",
        "]" => "[",
        "}" => "{",
        _ => return Ok(()),
    };
    match open.pop() {
        Some(last) if last == pair => Ok(()),
        _ => Err("closes a bracket that is not open"),
    }
}

fn number(rest: &str, fraction: bool) -> usize {
    let digits = |from: usize| rest.bytes().skip(from).take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    match rest.as_bytes().get(whole) {
        Some(b'.') if fraction && digits(whole + 1) != 0 => whole + 1 + digits(whole + 1),
        _ => whole,
    }
}

/// What stands between the quote that this begins with and the next one of the kind.
fn quoted(rest: &str) -> Option<&str> {
    let bytes = rest.as_bytes();
    let quote = bytes.first()?;
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return rest.get(1..at),
            _ => at += 1,
        }
    }
}
