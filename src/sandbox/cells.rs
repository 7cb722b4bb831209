//! The data set's text cells as typed matrices, one for each input of the model.
//!
//! Numbers are parsed as 64-bit floats and then narrowed, as data frames do, so that a model sees the bits it sees in
//! a notebook. An empty cell is NaN for floats and the empty text for strings; an integer or a bool cannot be missing.

use super::{
    failure::{Failure, quoted},
    inputs::{Feed, InputPlan},
    ports::Element,
    task::Column,
};
pub(super) use crate::formats::tensor::Values;
use half::f16;

/// One input's values for all rows, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub values: Values,
    pub width: usize,
    pub vector: bool,
    /// The dimensions of one row where there are more than one; their product is the width.
    pub row_shape: Option<Vec<usize>>,
}

/// Turns the cells of the columns that the plan uses into the inputs' element types.
///
/// # Errors
/// `input_mismatch` names row (from 1) and column of the first cell that is no value of the type. What stands in the cell is
/// nobody's who may not read the rows, and the message is read by others, too.
pub(super) fn matrices(plan: &InputPlan, columns: &[Column]) -> Result<Vec<Matrix>, Failure> {
    plan.feeds.iter().map(|feed| matrix(feed, columns)).collect()
}

fn matrix(feed: &Feed, columns: &[Column]) -> Result<Matrix, Failure> {
    let chosen: Vec<&Column> = feed.columns.iter().filter_map(|index| columns.get(*index)).collect();
    let numbers = feed.row_shape.as_ref().map(|shape| shape.iter().product::<usize>());
    // One column for many numbers: each cell holds the list of a whole row.
    let lists = numbers.filter(|numbers| *numbers != chosen.len());
    let values = match feed.element {
        Element::Float32 => Values::Float32(parse(&chosen, lists, "a number", |cell| float(cell).map(|x| x as f32))?),
        Element::Float64 => Values::Float64(parse(&chosen, lists, "a number", float)?),
        Element::Float16 => Values::Float16(parse(&chosen, lists, "a number", |cell| float(cell).map(f16::from_f64))?),
        Element::Int64 => Values::Int64(parse(&chosen, lists, "a 64-bit integer", integer)?),
        Element::Int32 => Values::Int32(parse(&chosen, lists, "a 32-bit integer", narrow)?),
        Element::Int16 => Values::Int16(parse(&chosen, lists, "a 16-bit integer", narrow)?),
        Element::Int8 => Values::Int8(parse(&chosen, lists, "an 8-bit integer", narrow)?),
        Element::Uint64 => Values::Uint64(parse(&chosen, lists, "a 64-bit integer of 0 or more", narrow)?),
        Element::Uint32 => Values::Uint32(parse(&chosen, lists, "a 32-bit integer of 0 or more", narrow)?),
        Element::Uint16 => Values::Uint16(parse(&chosen, lists, "a 16-bit integer of 0 or more", narrow)?),
        Element::Uint8 => Values::Uint8(parse(&chosen, lists, "an 8-bit integer of 0 or more", narrow)?),
        Element::Bool => Values::Bool(parse(&chosen, lists, "true, false, 1 or 0", boolean)?),
        Element::Text => Values::Text(parse(&chosen, lists, "a text without NUL", text)?),
    };
    Ok(Matrix { values, width: lists.unwrap_or(chosen.len()), vector: feed.vector, row_shape: feed.row_shape.clone() })
}

fn parse<T>(
    columns: &[&Column],
    lists: Option<usize>,
    wanted: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    if let (Some(length), [column]) = (lists, columns) {
        return parse_lists(column, length, wanted, read);
    }
    let rows = columns.first().map_or(0, |column| column.values.len());
    let mut values = Vec::with_capacity(rows.saturating_mul(columns.len()));
    for row in 0..rows {
        for column in columns {
            let cell = column.values.get(row).map_or("", String::as_str);
            values.push(read(cell).ok_or_else(|| {
                Failure::input(format!(
                    "row {} of column {}: {} is not {wanted}, which the model's input wants",
                    row + 1,
                    quoted(&column.name),
                    if cell.is_empty() { "an empty cell" } else { "the cell" }
                ))
            })?);
        }
    }
    Ok(values)
}

/// Cells such as `[1, 2, 3]` or `[[1, 2], [3, 4]]`; brackets inside only help whoever reads them.
fn parse_lists<T>(
    column: &Column,
    length: usize,
    wanted: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let mut values = Vec::with_capacity(column.values.len().saturating_mul(length));
    for (row, cell) in column.values.iter().enumerate() {
        let wrong =
            |said: String| Failure::input(format!("row {} of column {}: {said}", row + 1, quoted(&column.name)));
        let inner = cell.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(|| {
            wrong(format!("the model's input wants {length} numbers in brackets, such as [0.5, 0.25], in each cell"))
        })?;
        let before = values.len();
        for part in inner.split([',', '[', ']']).map(str::trim).filter(|part| !part.is_empty()) {
            let value = read(part);
            values.push(value.ok_or_else(|| wrong(format!("one of its numbers is not {wanted}")))?);
        }
        let given = values.len() - before;
        if given != length {
            return Err(wrong(format!("{given} numbers stand in the cell, the model's input wants {length}")));
        }
    }
    Ok(values)
}

fn float(cell: &str) -> Option<f64> {
    match cell.trim() {
        "" => Some(f64::NAN),
        number => number.parse().ok(),
    }
}

/// Also accepts `3.0`: data frames write the integers of a column that way once one of them was missing.
fn integer(cell: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let cell = cell.trim();
    cell.parse().ok().or_else(|| {
        let number: f64 = cell.parse().ok()?;
        (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
    })
}

fn narrow<T: TryFrom<i64>>(cell: &str) -> Option<T> {
    integer(cell).and_then(|number| T::try_from(number).ok())
}

fn boolean(cell: &str) -> Option<bool> {
    match cell.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "1.0" => Some(true),
        "false" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

fn text(cell: &str) -> Option<String> {
    (!cell.contains('\0')).then(|| cell.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::task::tests::column, *};
    use proptest::prelude::*;

    fn read(element: Element, cells: &[&str]) -> Result<Values, Failure> {
        let feed = Feed { name: "X".to_owned(), element, columns: vec![0], vector: false, row_shape: None };
        matrix(&feed, &[column("c", cells)]).map(|matrix| matrix.values)
    }

    #[test]
    fn cells_become_the_element_type_of_the_input() {
        let cases = [
            (Element::Float32, vec!["1.5", " -2e3 "], Values::Float32(vec![1.5, -2000.0])),
            (Element::Float64, vec!["0.1", "inf"], Values::Float64(vec![0.1, f64::INFINITY])),
            (Element::Int64, vec!["7", "-3.0"], Values::Int64(vec![7, -3])),
            (Element::Int32, vec!["7"], Values::Int32(vec![7])),
            (Element::Bool, vec!["True", "0"], Values::Bool(vec![true, false])),
            (Element::Text, vec![" a ", ""], Values::Text(vec![" a ".to_owned(), String::new()])),
        ];
        for (element, cells, expected) in cases {
            assert_eq!(read(element, &cells), Ok(expected));
        }
    }

    #[test]
    fn an_empty_cell_is_nan_for_floats_and_an_error_for_integers() {
        let floats = read(Element::Float32, &["", "1"]);
        assert!(matches!(floats, Ok(Values::Float32(values)) if values[0].is_nan()));
        let failure = read(Element::Int64, &["1", ""]).expect_err("no value");
        assert!(failure.detail.contains("row 2 of column `c`: an empty cell"), "{failure}");
    }

    #[test]
    fn a_cell_of_another_type_is_named_with_its_place() {
        let cases = [
            (Element::Float32, "abc"),
            (Element::Int64, "1.5"),
            (Element::Int64, "1e300"),
            (Element::Int32, "3000000000"),
            (Element::Bool, "2"),
            (Element::Text, "a\0b"),
        ];
        for (element, cell) in cases {
            let failure = read(element, &[cell]).expect_err(cell);
            assert!(failure.detail.starts_with("row 1 of column `c`:"), "{failure}");
        }
    }

    #[test]
    fn a_cell_may_hold_the_numbers_of_a_whole_row() {
        let feed = Feed {
            name: "X".to_owned(),
            element: Element::Float32,
            columns: vec![0],
            vector: false,
            row_shape: Some(vec![2, 2]),
        };
        let of = |cells: &[&str]| matrix(&feed, &[column("image", cells)]);
        let read = of(&["[[1, 2], [3, 4.5]]", "[5,6,7,8]"]).expect("parses");
        assert_eq!(read.values, Values::Float32(vec![1.0, 2.0, 3.0, 4.5, 5.0, 6.0, 7.0, 8.0]));
        assert_eq!((read.width, read.row_shape), (4, Some(vec![2, 2])));
        for (cell, said) in [("1 2 3 4", "in brackets"), ("[1,2,3]", "3 numbers"), ("[1,2,3,x]", "is not a number")] {
            let failure = of(&["[1,2,3,4]", cell]).expect_err(said);
            assert!(failure.detail.starts_with("row 2 of column `image`:"), "{failure}");
            assert!(failure.detail.contains(said), "{failure}");
        }
    }

    #[test]
    fn a_matrix_is_row_after_row() {
        let feed =
            Feed { name: "X".to_owned(), element: Element::Int64, columns: vec![1, 0], vector: false, row_shape: None };
        let matrix = matrix(&feed, &[column("a", &["1", "2"]), column("b", &["3", "4"])]).expect("parses");
        assert_eq!(matrix.values, Values::Int64(vec![3, 1, 4, 2]));
        assert_eq!(matrix.width, 2);
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(cell in any::<String>()) {
            for element in Element::ALL {
                let _ = read(element, &[&cell]);
            }
        }

        #[test]
        fn integers_keep_every_digit(number in any::<i64>()) {
            prop_assert_eq!(read(Element::Int64, &[&number.to_string()]), Ok(Values::Int64(vec![number])));
        }
    }
}
