//! A description and the arrays that it speaks of, brought together.

use super::TensorDescription;
use crate::{
    core::Malformed,
    datasets::{
        Description,
        table::{MAX_CELLS, Table},
    },
    formats::tensor::{Element, Tensor},
};
use std::collections::BTreeMap;

/// Recorded numbers of all outputs: what answers are held against stays in memory, and the answers come back whole.
const MAX_RECORDED: usize = 8_000_000;

/// Rows of tensors. Invariant: everything in it is about the same rows, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors {
    pub rows: usize,
    pub inputs: Vec<Fed>,
    pub state: Vec<Fedback>,
    /// Rows before which the state begins anew; the first is always among them.
    pub starts: Vec<usize>,
    pub expected: Vec<Expected>,
}

/// One input.
#[derive(Clone, Debug, PartialEq)]
pub struct Fed {
    pub input: String,
    /// Rows come first, whatever dimension they were.
    pub tensor: Tensor,
    /// The dimension that counts rows in a call; `None` for what all rows share.
    pub axis: Option<usize>,
}

/// One input that an output feeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Fedback {
    pub input: String,
    pub output: String,
    pub initial: Option<Tensor>,
}

/// What was recorded of one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub output: String,
    /// `width` numbers for each row.
    pub numbers: Vec<f64>,
    pub width: usize,
    /// A row is one list of numbers, of which one may be the largest.
    pub is_list: bool,
    pub absolute: f64,
    pub relative: f64,
    pub threshold: Option<f64>,
}

/// The tensors, and the labels and groups as a table.
///
/// # Errors
/// Names the array that does not fit.
pub(in crate::datasets) fn bind(
    description: &Description,
    of: &TensorDescription,
    arrays: &Arrays,
) -> Result<(Table, Tensors), Malformed> {
    let mut inputs = Vec::with_capacity(of.inputs.len());
    let mut counted: Option<(&str, usize)> = None;
    for (input, feed) in &of.inputs {
        let name = feed.array.as_ref().unwrap_or(input);
        let tensor = array(arrays, name)?;
        if feed.shared {
            inputs.push(Fed { input: input.clone(), tensor: tensor.clone(), axis: None });
            continue;
        }
        let moved = tensor.with_in_front(feed.axis).ok_or_else(|| {
            let dimensions = tensor.shape().len();
            Malformed::new(format!(
                "the array \"{name}\" has {dimensions} dimension(s), of which number {} (from 0) should count rows; \
                 say `shared: true` if all rows share it",
                feed.axis
            ))
        })?;
        let rows = moved.shape().first().copied().unwrap_or(0);
        let (first, expected) = *counted.get_or_insert((name, rows));
        if rows != expected {
            return Err(Malformed::new(format!("the array \"{name}\" has {rows} rows, \"{first}\" has {expected}")));
        }
        inputs.push(Fed { input: input.clone(), tensor: moved, axis: Some(feed.axis) });
    }
    let rows = counted.map_or(0, |(_, rows)| rows);
    if rows == 0 {
        return Err(Malformed::new("the arrays have no rows"));
    }
    // Each of these values becomes a text of its own.
    if MAX_CELLS < rows.saturating_mul(description.columns().count() + usize::from(of.sequences.is_some())) {
        return Err(Malformed::new(format!(
            "{rows} rows of labels, groups and sequences are more than {MAX_CELLS} values; use fewer rows"
        )));
    }
    let tensors = Tensors {
        rows,
        inputs,
        state: states(of, arrays)?,
        starts: starts(of, arrays, rows)?,
        expected: expected(of, arrays, rows)?,
    };
    Ok((table(description, arrays, rows)?, tensors))
}

pub type Arrays = BTreeMap<String, Tensor>;

fn array<'a>(arrays: &'a Arrays, name: &str) -> Result<&'a Tensor, Malformed> {
    arrays.get(name).ok_or_else(|| {
        let known: Vec<String> = arrays.keys().take(20).map(|name| format!("\"{name}\"")).collect();
        Malformed::new(format!("the file has no array \"{name}\"; it has {}", known.join(", ")))
    })
}

/// An array of one value for each row.
fn cells(arrays: &Arrays, name: &str, rows: usize) -> Result<Vec<String>, Malformed> {
    let tensor = array(arrays, name)?;
    match tensor.shape().split_first() {
        Some((count, rest)) if *count == rows && rest.iter().all(|size| *size == 1) => Ok(tensor.values().texts()),
        _ => Err(Malformed::new(format!(
            "the array \"{name}\" has the shape {:?}; one value for each of the {rows} rows belongs there",
            tensor.shape()
        ))),
    }
}

fn table(description: &Description, arrays: &Arrays, rows: usize) -> Result<Table, Malformed> {
    let columns = description.columns().map(|name| Ok((name.to_owned(), cells(arrays, name, rows)?)));
    Table::of_columns(rows, columns.collect::<Result<_, Malformed>>()?)
}

fn states(of: &TensorDescription, arrays: &Arrays) -> Result<Vec<Fedback>, Malformed> {
    let state = |(input, from): (&String, &super::Feedback)| {
        let initial = from.initial.as_ref().map(|name| array(arrays, name).cloned()).transpose()?;
        Ok(Fedback { input: input.clone(), output: from.output.clone(), initial })
    };
    of.state.iter().map(state).collect()
}

fn starts(of: &TensorDescription, arrays: &Arrays, rows: usize) -> Result<Vec<usize>, Malformed> {
    let Some(name) = &of.sequences else { return Ok(vec![0]) };
    let ids = cells(arrays, name, rows)?;
    let changes = ids.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]).map(|(row, _)| row + 1);
    Ok(std::iter::once(0).chain(changes).collect())
}

fn expected(of: &TensorDescription, arrays: &Arrays, rows: usize) -> Result<Vec<Expected>, Malformed> {
    let mut all = Vec::with_capacity(of.expected.len());
    let mut recorded = 0_usize;
    for (output, said) in &of.expected {
        let name = said.array.as_ref().unwrap_or(output);
        let tensor = array(arrays, name)?;
        let wrong = |what: String| Malformed::new(format!("the array \"{name}\" of the output \"{output}\" {what}"));
        let row = match tensor.shape().split_first() {
            Some((count, row)) if *count == rows => row,
            _ => {
                return Err(wrong(format!(
                    "has the shape {:?}; its first dimension counts {rows} rows",
                    tensor.shape()
                )));
            }
        };
        if tensor.element() == Element::Text {
            return Err(wrong("holds texts; numbers can be compared, and texts as labels".to_owned()));
        }
        let width: usize = row.iter().product();
        if width == 0 {
            return Err(wrong("holds nothing".to_owned()));
        }
        recorded += width * rows;
        if MAX_RECORDED < recorded {
            let what = format!("brings the recorded numbers over {MAX_RECORDED}; use fewer rows or outputs");
            return Err(wrong(what));
        }
        if said.threshold.is_some() && width != 1 {
            return Err(wrong(format!("has {width} numbers for each row; a threshold is for one")));
        }
        all.push(Expected {
            output: output.clone(),
            numbers: tensor.values().numbers().unwrap_or_default(),
            width,
            is_list: 1 < width && row.contains(&width),
            absolute: said.absolute,
            relative: said.relative,
            threshold: said.threshold,
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::tensor::Values;
    use serde_json::{Value, json};

    fn arrays() -> Arrays {
        let tensor = |shape: &[usize], values| Tensor::new(shape.to_vec(), values).expect("fits");
        let floats = |shape: &[usize]| tensor(shape, Values::Float32(vec![0.5; shape.iter().product()]));
        [
            ("x", floats(&[4, 2])),
            ("side", floats(&[2, 4])),
            ("short", floats(&[3, 2])),
            ("none", floats(&[0, 2])),
            ("rate", tensor(&[], Values::Int64(vec![16_000]))),
            ("y", tensor(&[4], Values::Int64(vec![1, 0, 1, 1]))),
            ("who", tensor(&[4, 1], Values::Text(["a", "a", "b", "a"].map(str::to_owned).to_vec()))),
        ]
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .collect()
    }

    fn bound(written: Value) -> Result<(Table, Tensors), String> {
        let description = Description::parse(&written).map_err(|error| error.to_string())?;
        let of = description.tensors.as_ref().expect("tensors");
        bind(&description, of, &arrays()).map_err(|error| error.0)
    }

    #[test]
    fn rows_are_counted_and_labels_and_groups_are_cells() {
        let (table, tensors) = bound(json!({"label": "y", "sensitive": ["who"], "tensors": {
            "inputs": {"x": {}, "z": {"array": "side", "axis": 1}, "sr": {"array": "rate", "shared": true}},
            "state": {"h": "hN"}, "sequences": "who",
            "expected": {"p": {"array": "y", "threshold": 0.5}, "q": {"array": "x"}}}}))
        .expect("fits");
        assert_eq!((tensors.rows, table.rows()), (4, 4));
        assert_eq!(table.column("y").expect("labels"), ["1", "0", "1", "1"]);
        assert_eq!(tensors.starts, [0, 2, 3]);
        let axes: Vec<_> = tensors.inputs.iter().map(|fed| (fed.input.as_str(), fed.axis)).collect();
        assert_eq!(axes, [("sr", None), ("x", Some(0)), ("z", Some(1))]);
        assert_eq!(tensors.inputs[2].tensor.shape(), [4, 2]);
        let expected: Vec<_> = tensors.expected.iter().map(|one| (one.width, one.is_list)).collect();
        assert_eq!(expected, [(1, false), (2, true)]);
    }

    #[test]
    fn an_array_that_does_not_fit_is_named() {
        let of = |tensors: Value| json!({"tensors": tensors});
        let more = |key: &str, value: Value| {
            let mut tensors = json!({"inputs": {"x": {}}});
            tensors[key] = value;
            of(tensors)
        };
        for (written, said) in [
            (of(json!({"inputs": {"q": {}}})), "no array \"q\"; it has \"none\""),
            (of(json!({"inputs": {"rate": {}}})), "\"rate\" has 0 dimension(s)"),
            (of(json!({"inputs": {"x": {}, "short": {}}})), "\"x\" has 4 rows, \"short\" has 3"),
            (of(json!({"inputs": {"none": {}}})), "no rows"),
            (more("expected", json!({"o": {"array": "short"}})), "\"short\" of the output \"o\" has the shape [3, 2]"),
            (more("expected", json!({"o": {"array": "who"}})), "holds texts"),
            (more("expected", json!({"o": {"array": "x", "threshold": 0.5}})), "a threshold is for one"),
            (more("state", json!({"h": {"output": "hN", "initial": "h0"}})), "no array \"h0\""),
            (json!({"label": "short", "tensors": {"inputs": {"x": {}}}}), "one value for each of the 4 rows"),
        ] {
            let refused = bound(written).expect_err(said);
            assert!(refused.contains(said), "{refused}");
        }
    }
}
