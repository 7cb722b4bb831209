//! What Python writes values like: the headers of arrays are such, and NumPy reads them so.

/// A value as far as headers need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    /// Not below zero.
    Number(u64),
    Truth(bool),
    /// In round or square brackets.
    List(Vec<Self>),
    /// In the order in which they stand.
    Table(Vec<(String, Self)>),
}

const MAX_DEPTH: u32 = 16;
const MAX_VALUES: u32 = 100_000;

/// `None` for what no array begins with: texts with escapes and expressions among it, which NumPy would work out.
pub(super) fn parse(text: &str) -> Option<Literal> {
    let mut reader = Reader { rest: text, left: MAX_VALUES };
    let value = reader.value(0)?;
    reader.blanks();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
    left: u32,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n']);
    }

    fn takes(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: u32) -> Option<Literal> {
        self.left = self.left.checked_sub(1)?;
        if MAX_DEPTH < depth {
            return None;
        }
        if self.takes("{") {
            return self.table(depth);
        }
        if self.takes("[") {
            return self.list("]", depth).map(|(values, _)| Literal::List(values));
        }
        if self.takes("(") {
            let (mut values, is_tuple) = self.list(")", depth)?;
            // One value in brackets is that value; a comma makes it a list.
            return match (is_tuple, values.len()) {
                (false, 1) => values.pop(),
                _ => Some(Literal::List(values)),
            };
        }
        if self.takes("True") {
            return Some(Literal::Truth(true));
        }
        if self.takes("False") {
            return Some(Literal::Truth(false));
        }
        match self.rest.chars().next()? {
            quote @ ('\'' | '"') => self.text(quote).map(Literal::Text),
            '0'..='9' => {
                let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
                let (digits, rest) = self.rest.split_at_checked(end)?;
                // As Python 2 wrote whole numbers.
                self.rest = rest.strip_prefix('L').unwrap_or(rest);
                digits.parse().ok().map(Literal::Number)
            }
            _ => None,
        }
    }

    fn text(&mut self, quote: char) -> Option<String> {
        let (text, rest) = self.rest.strip_prefix(quote)?.split_once(quote)?;
        self.rest = rest;
        // Two texts behind each other are one in Python.
        self.blanks();
        let is_alone = !self.rest.starts_with(['\'', '"']);
        (is_alone && !text.contains(['\\', '\n'])).then(|| text.to_owned())
    }

    /// The values, and whether a comma stands behind one.
    fn list(&mut self, end: &str, depth: u32) -> Option<(Vec<Literal>, bool)> {
        let (mut values, mut has_comma) = (Vec::new(), false);
        while !self.takes(end) {
            values.push(self.value(depth + 1)?);
            match self.takes(",") {
                true => has_comma = true,
                false if self.takes(end) => break,
                false => return None,
            }
        }
        Some((values, has_comma))
    }

    fn table(&mut self, depth: u32) -> Option<Literal> {
        let mut entries = Vec::new();
        while !self.takes("}") {
            let Literal::Text(key) = self.value(depth + 1)? else { return None };
            if !self.takes(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.takes(",") {
                match self.takes("}") {
                    true => break,
                    false => return None,
                }
            }
        }
        Some(Literal::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Literal::{List, Number, Table, Text, Truth};

    #[test]
    fn what_numpy_writes_is_read() {
        let text = |text: &str| Text(text.to_owned());
        let read =
            parse("{'descr': [('a', '<f4', (2,)), (\"b\", '|S3')], 'fortran_order': False, 'shape': (3L, 4), }   \n");
        let field = List(vec![text("a"), text("<f4"), List(vec![Number(2)])]);
        let fields = List(vec![field, List(vec![text("b"), text("|S3")])]);
        let shape = List(vec![Number(3), Number(4)]);
        let entries = [("descr", fields), ("fortran_order", Truth(false)), ("shape", shape)];
        assert_eq!(read, Some(Table(entries.map(|(key, value)| (key.to_owned(), value)).to_vec())));
        assert_eq!(parse("(7)"), Some(Number(7)));
        assert_eq!(parse("()"), Some(List(Vec::new())));
    }

    #[test]
    fn what_python_would_work_out_is_not_read() {
        for text in
            ["'\\x4f'", "'<f' '4'", "1 + 1", "-1", "None", "b'O'", "{1: 2}", "(1 2)", "[1,", "'a", "{'a': 1} 2", ""]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"[".repeat(10_000)), None);
        assert_eq!(parse(&"1,".repeat(200_000)), None);
    }
}
