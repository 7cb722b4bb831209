//! The header of an array: a dictionary in Python's notation, of which exactly three keys are understood.
//!
//! Source: the format description in `numpy.lib.format`, versions 1.0 to 3.0.

use crate::tensor::{Element, count};

/// More dimensions than any model takes.
const MAX_DIMENSIONS: usize = 16;
/// Characters of one text.
const MAX_TEXT_CHARS: usize = 1 << 16;

/// What stands before the elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub element: Element,
    /// Bytes of one element in the file; a text takes four for each of its characters.
    pub width: usize,
    /// The first dimension is the fastest.
    pub fortran: bool,
    pub shape: Vec<usize>,
}

impl Header {
    /// Bytes of all elements; `None` when nobody could count them.
    pub fn data_bytes(&self) -> Option<usize> {
        count(&self.shape)?.checked_mul(self.width)
    }

    /// # Errors
    /// The end of a sentence about the array.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        reader.take('{')?;
        while !reader.begins('}') {
            let key = reader.text()?;
            reader.take(':')?;
            let again = match key {
                "descr" => descr.replace(reader.descr()?).is_some(),
                "fortran_order" => fortran.replace(reader.truth()?).is_some(),
                "shape" => shape.replace(reader.shape()?).is_some(),
                _ => return Err(format!("has a header with the key {}, which no array has", super::quoted(key))),
            };
            if again {
                return Err(format!("has a header with the key {key} twice"));
            }
            if !reader.begins('}') {
                reader.take(',')?;
            }
        }
        reader.take('}')?;
        if !reader.rest.trim_matches([' ', '\n']).is_empty() {
            return Err("has something behind its header".to_owned());
        }
        let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
            return Err("has a header without descr, fortran_order or shape".to_owned());
        };
        let (element, width) = element(descr)?;
        let header = Self { element, width, fortran, shape };
        header.data_bytes().ok_or("has more elements than can be counted")?;
        Ok(header)
    }
}

/// What NumPy calls a type, such as `<f4`.
fn element(descr: &str) -> Result<(Element, usize), String> {
    let code = descr.strip_prefix(['<', '|', '=']).unwrap_or(descr);
    if descr.starts_with('>') && !code.ends_with('1') {
        return Err(format!("is big endian ({}); store it with astype('<{}')", super::quoted(descr), &code[1..]));
    }
    let fixed = match code {
        "f4" => Element::Float32,
        "f8" => Element::Float64,
        "f2" => Element::Float16,
        "i1" => Element::Int8,
        "i2" => Element::Int16,
        "i4" => Element::Int32,
        "i8" => Element::Int64,
        "u1" => Element::Uint8,
        "u2" => Element::Uint16,
        "u4" => Element::Uint32,
        "u8" => Element::Uint64,
        "b1" => Element::Bool,
        _ => Element::Text,
    };
    if let Some(width) = fixed.width() {
        return Ok((fixed, width));
    }
    if code.starts_with('O') {
        return Err("holds Python objects, which are a pickle; store numbers, or text with dtype str".to_owned());
    }
    let chars = code.strip_prefix('U').and_then(|chars| chars.parse::<usize>().ok());
    match chars {
        Some(0) => Err("holds texts of no characters".to_owned()),
        Some(chars) if chars <= MAX_TEXT_CHARS => Ok((Element::Text, chars * 4)),
        Some(_) => Err(format!("holds texts of up to {MAX_TEXT_CHARS} characters at most")),
        None => Err(format!(
            "has the type {}; arrays are of float16, float32, float64, int8 to int64, uint8 to uint64, bool or str",
            super::quoted(descr)
        )),
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn begins(&mut self, with: char) -> bool {
        self.rest = self.rest.trim_start_matches(' ');
        self.rest.starts_with(with)
    }

    fn take(&mut self, wanted: char) -> Result<(), String> {
        match self.begins(wanted) {
            true => {
                self.rest = self.rest.get(wanted.len_utf8()..).unwrap_or_default();
                Ok(())
            }
            false => Err(unreadable()),
        }
    }

    fn word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start_matches(' ');
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A text in either kind of quotes, without escapes: no type and no key needs one.
    fn text(&mut self) -> Result<&'t str, String> {
        let quote = if self.begins('"') { '"' } else { '\'' };
        self.take(quote)?;
        let (text, rest) = self.rest.split_once(quote).ok_or_else(unreadable)?;
        if text.contains('\\') {
            return Err(unreadable());
        }
        self.rest = rest;
        Ok(text)
    }

    fn descr(&mut self) -> Result<&'t str, String> {
        if self.begins('[') {
            return Err("has records for elements; store each field as an array of its own".to_owned());
        }
        self.text()
    }

    fn truth(&mut self) -> Result<bool, String> {
        if self.word("True") { Ok(true) } else { self.word("False").then_some(false).ok_or_else(unreadable) }
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut shape = Vec::new();
        self.take('(')?;
        while !self.begins(')') {
            let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = self.rest.split_at(digits);
            shape.push(number.parse().map_err(|_| unreadable())?);
            self.rest = rest;
            if MAX_DIMENSIONS < shape.len() {
                return Err(format!("has more than {MAX_DIMENSIONS} dimensions"));
            }
            if !self.begins(')') {
                self.take(',')?;
            } else if shape.len() == 1 {
                // One number in brackets is a number, and no tuple.
                return Err(unreadable());
            }
        }
        self.take(')')?;
        Ok(shape)
    }
}

fn unreadable() -> String {
    "has no readable header".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_numpy_writes_is_read() {
        let read = |descr: &str, order: &str, shape: &str| {
            Header::parse(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}    \n"))
        };
        let header = read("<f4", "False", "(154, 576)").expect("readable");
        assert_eq!((header.element, header.fortran, header.shape), (Element::Float32, false, vec![154, 576]));
        assert_eq!(read("<i8", "True", "()").expect("a scalar").shape, Vec::<usize>::new());
        assert_eq!(read("|b1", "False", "(0,)").expect("empty").data_bytes(), Some(0));
        assert_eq!(read("<U7", "False", "(3,)").expect("texts").data_bytes(), Some(84));
        assert_eq!(read("|u1", "False", "(2,)").expect("bytes").element, Element::Uint8);
    }

    #[test]
    fn what_is_no_array_of_numbers_or_texts_is_refused_with_the_reason() {
        for (header, said) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "a pickle"),
            ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "astype('<f4')"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "records"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "\"<c8\""),
            ("{'descr': '<U99999', 'fortran_order': False, 'shape': (1,), }", "characters"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1), }", "no readable header"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "no readable header"),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", "no readable header"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'code': 'x'}", "\"code\""),
            ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "twice"),
            ("{'descr': '<f4', 'shape': (1,), }", "without"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + evil()", "behind its header"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "counted"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }", "dimensions"),
            ("", "no readable header"),
        ] {
            let refused = Header::parse(header).expect_err(said);
            assert!(refused.contains(said), "{header}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_header_or_an_error(text in "[{}(),:' a-z0-9<|>U\\n]{0,60}|\\PC{0,40}") {
            let _ = Header::parse(&text);
        }

        #[test]
        fn every_shape_comes_back(shape in proptest::collection::vec(0usize..100, 0..6), fortran in any::<bool>()) {
            let dims: String = shape.iter().map(|size| format!("{size}, ")).collect();
            let order = if fortran { "True" } else { "False" };
            let text = format!("{{'descr': '<i2', 'fortran_order': {order}, 'shape': ({dims}), }}");
            let header = Header::parse(&text).expect("readable");
            prop_assert_eq!((header.shape, header.fortran), (shape, fortran));
        }
    }
}
