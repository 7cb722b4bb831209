//! Which tensor feeds which input, and in which shape: pure rules over the model's ports and the task.
//!
//! Rows go into one call where they are the first dimension of every tensor and nothing is carried from row to row.
//! Else each row is a call of its own: where the input has one dimension less than the array, that of the rows is
//! taken away, and where rows are another dimension than the first.

use super::{
    cells::Values,
    failure::{Failure, quoted},
    inputs::{InputPlan, listing},
    ports::{Element, Port, PortKind},
    predict::Table,
    session::Inputs,
    tensors::{FedInput, FedState, TensorTask},
    values::of_rows,
};
use crate::formats::tensor::Tensor;
use ort::value::DynValue;

/// Numbers of one call's inputs: activations are many times larger.
const CALL_CELLS: usize = 1 << 16;
/// Outputs that come back although nobody named them, with names of so many bytes.
pub(super) const MAX_OUTPUTS: usize = 8;
pub(super) const MAX_NAME_BYTES: usize = 200;
/// Numbers of unwanted outputs that are kept to see whether they come again.
pub(super) const REPEATED_NUMBERS: usize = 1 << 20;

/// One input with the elements of all rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorFeed {
    pub name: String,
    /// Rows come first.
    pub tensor: Tensor,
    /// Elements of one row.
    pub width: usize,
    pub form: Form,
}

/// The shape of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The rows first, then this.
    Rows(Vec<usize>),
    /// This, with one row in another dimension than the first.
    Aside(Vec<usize>),
    /// This, which is one row and has no dimension for more.
    Alone(Vec<usize>),
    /// This, whatever the row.
    Whole(Vec<usize>),
}

/// An input that an output of the call before feeds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub input: String,
    pub output: String,
    initial: Tensor,
}

/// An output that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    pub name: String,
    /// Numbers for each row of one that was asked for. Others are kept only as long as there is room.
    pub width: Option<usize>,
    /// Whether it comes back, though nobody said how wide it is.
    pub comes_back: bool,
}

impl TensorFeed {
    /// The tensor of a call.
    pub fn of(&self, rows: &[usize]) -> Result<DynValue, Failure> {
        match &self.form {
            Form::Rows(row) => {
                let shape = std::iter::once(rows.len()).chain(row.iter().copied()).collect();
                of_rows(shape, self.tensor.values(), self.width, rows)
            }
            // Behind the first row others only fill a fixed batch, of which there is none here.
            Form::Aside(shape) | Form::Alone(shape) => {
                of_rows(shape.clone(), self.tensor.values(), self.width, rows.get(..1).unwrap_or_default())
            }
            Form::Whole(shape) => of_rows(shape.clone(), self.tensor.values(), self.width, &[0]),
        }
    }

    /// Bytes of all calls, one for each of so many rows.
    pub fn bytes(&self, rows: usize) -> u64 {
        match self.form {
            Form::Whole(_) => self.tensor.values().size_bytes().saturating_mul(rows as u64),
            Form::Rows(_) | Form::Aside(_) | Form::Alone(_) => self.tensor.values().size_bytes(),
        }
    }
}

impl Slot {
    /// What the first call of a sequence gets.
    pub fn begin(&self) -> Result<DynValue, Failure> {
        let values = self.initial.values();
        of_rows(self.initial.shape().to_vec(), values, values.len(), &[0])
    }
}

/// Everything about the rows of a task.
///
/// # Errors
/// `input_mismatch` names the input and the array that do not fit; `unsupported_model` an input that no tensor can be.
pub(super) fn plan_tensors(
    inputs: &[Port],
    outputs: &[Port],
    task: TensorTask,
    rows_per_call: usize,
) -> Result<Table, Failure> {
    let mut feeds = Vec::with_capacity(inputs.len());
    let mut fixed: Option<(String, usize)> = None;
    let mut missing = Vec::new();
    for port in inputs {
        if task.state.iter().any(|state| state.input == port.info.name) {
            continue;
        }
        let Some(fed) = task.inputs.iter().find(|fed| fed.input == port.info.name) else {
            missing.push(port.info.name.clone());
            continue;
        };
        let feed = feed(port, fed)?;
        if let Some(rows) = rows_of_a_call(port, &feed.form) {
            match &fixed {
                Some((other, want)) if *want != rows => {
                    return Err(Failure::unsupported(format!(
                        "the inputs {} and {} want {want} and {rows} rows in one call",
                        quoted(other),
                        quoted(&feed.name)
                    )));
                }
                _ => fixed = Some((feed.name.clone(), rows)),
            }
        }
        feeds.push(feed);
    }
    if !missing.is_empty() {
        return Err(Failure::input(format!(
            "no array feeds the input(s) {}; describe them under tensors.inputs, or under tensors.state",
            listing(missing.iter().map(String::as_str))
        )));
    }
    let state = task.state.iter().map(|state| slot(inputs, outputs, state)).collect::<Result<Vec<_>, _>>()?;
    let mut fixed_rows = fixed.as_ref().map(|(_, rows)| *rows);
    if !state.is_empty() {
        if let Some((name, rows)) = fixed.filter(|(_, rows)| *rows != 1) {
            return Err(Failure::unsupported(format!(
                "the input {} wants {rows} rows in one call, and a state is carried from row to row",
                quoted(&name)
            )));
        }
        fixed_rows = Some(1);
    }
    // One input with a dimension for rows is enough for the answer to have one.
    let is_alone = |feed: &TensorFeed| matches!(feed.form, Form::Alone(_));
    let has_rows = |feed: &TensorFeed| matches!(feed.form, Form::Rows(_) | Form::Aside(_));
    let width: usize = feeds.iter().filter(|feed| !matches!(feed.form, Form::Whole(_))).map(|feed| feed.width).sum();
    Ok(Table {
        plan: InputPlan { feeds: Vec::new(), fixed_rows },
        matrices: Vec::new(),
        rows: task.rows,
        unbatched: feeds.iter().any(is_alone) && !feeds.iter().any(has_rows),
        most_rows: (CALL_CELLS / width.max(1)).clamp(1, rows_per_call.max(1)),
        tensors: feeds,
        state,
        starts: task.starts,
        watched: watched(outputs, &task.wanted, task.predicts, task.keeps_outputs),
    })
}

fn feed(port: &Port, fed: &FedInput) -> Result<TensorFeed, Failure> {
    let (name, shape) = (quoted(&port.info.name), &port.info.shape);
    require_element(port, fed.tensor.element())?;
    let row = fed.tensor.shape().get(1..).unwrap_or_default();
    let form = match fed.axis {
        None => Form::Whole(fed.tensor.shape().to_vec()),
        Some(axis) => {
            let mut in_call = row.to_vec();
            in_call.insert(axis.min(row.len()), 1);
            // A shape that the model does not declare looks like that of a single number.
            let kept = shape.len() == in_call.len() || shape.is_empty() && !row.is_empty();
            match (kept, axis) {
                (true, 0) => Form::Rows(row.to_vec()),
                (true, _) => Form::Aside(in_call),
                (false, _) if shape.len() == row.len() => Form::Alone(row.to_vec()),
                (false, _) => {
                    return Err(Failure::input(format!(
                        "the input {name} has the shape {shape:?}, a row of its array has {row:?}; store the array \
                         with as many dimensions as the input, or with one more in front"
                    )));
                }
            }
        }
    };
    let (given, rows_at) = match &form {
        Form::Rows(row) => ([&[1], row.as_slice()].concat(), Some(0)),
        Form::Aside(given) | Form::Alone(given) | Form::Whole(given) => (given.clone(), None),
    };
    let differs = |(at, (want, given)): (usize, (&i64, &usize))| {
        rows_at != Some(at) && *want > 0 && usize::try_from(*want) != Ok(*given)
    };
    if (!shape.is_empty() && shape.len() != given.len()) || shape.iter().zip(&given).enumerate().any(differs) {
        return Err(Failure::input(format!(
            "the input {name} has the shape {shape:?}, a call with one row of its array would have {given:?}; store \
             the array in the shape that the model takes"
        )));
    }
    let width = match form {
        Form::Whole(_) => fed.tensor.values().len(),
        Form::Rows(_) | Form::Aside(_) | Form::Alone(_) => row.iter().product(),
    };
    Ok(TensorFeed { name: port.info.name.clone(), tensor: fed.tensor.clone(), width, form })
}

/// Rows that every call must have.
fn rows_of_a_call(port: &Port, form: &Form) -> Option<usize> {
    match form {
        Form::Rows(_) => port.fixed_rows(),
        Form::Aside(_) | Form::Alone(_) => Some(1),
        Form::Whole(_) => None,
    }
}

fn slot(inputs: &[Port], outputs: &[Port], state: &FedState) -> Result<Slot, Failure> {
    let find = |ports: &[Port], name: &str, what: &str| {
        ports.iter().find(|port| port.info.name == name).cloned().ok_or_else(|| {
            Failure::input(format!(
                "the model has no {what} {}, which the data set describes as its state; it has {}",
                quoted(name),
                listing(ports.iter().map(|port| port.info.name.as_str()))
            ))
        })
    };
    let (input, output) = (find(inputs, &state.input, "input")?, find(outputs, &state.output, "output")?);
    if input.kind != output.kind {
        return Err(Failure::input(format!(
            "the output {} is {}, the input {} that it feeds is {}",
            quoted(&state.output),
            output.info.element_type,
            quoted(&state.input),
            input.info.element_type
        )));
    }
    let initial = match &state.initial {
        Some(tensor) => {
            require_element(&input, tensor.element())?;
            tensor.clone()
        }
        None => zeros(&input)?,
    };
    Ok(Slot { input: state.input.clone(), output: state.output.clone(), initial })
}

/// One row's worth: what the model does not fix is 1.
fn zeros(port: &Port) -> Result<Tensor, Failure> {
    const MAX_ELEMENTS: usize = 1 << 26;
    let shape: Vec<usize> =
        port.info.shape.iter().map(|size| usize::try_from(*size).ok().filter(|size| 0 < *size).unwrap_or(1)).collect();
    let count = crate::formats::tensor::count(&shape).filter(|count| *count <= MAX_ELEMENTS);
    let PortKind::Tensor(element) = port.kind else { return Err(no_tensor(port)) };
    let zeros = count.and_then(|count| Tensor::new(shape, Values::zeros(element, count)));
    zeros.ok_or_else(|| {
        Failure::unsupported(format!("the state {} has more than {MAX_ELEMENTS} elements", quoted(&port.info.name)))
    })
}

fn require_element(port: &Port, given: Element) -> Result<(), Failure> {
    match port.kind {
        PortKind::Tensor(wanted) if wanted == given => Ok(()),
        PortKind::Tensor(wanted) => Err(Failure::input(format!(
            "the input {} takes {}, the array for it holds {}; store the array with astype('{}')",
            quoted(&port.info.name),
            wanted.name(),
            given.name(),
            if wanted == Element::Text { "str" } else { wanted.name() }
        ))),
        _ => Err(no_tensor(port)),
    }
}

fn no_tensor(port: &Port) -> Failure {
    Failure::unsupported(format!(
        "the input {} has the type {}, which no array can be",
        quoted(&port.info.name),
        port.info.element_type
    ))
}

/// Those that were asked for; where nothing is asked of the model, all of them, to see whether they come again.
fn watched(outputs: &[Port], wanted: &[super::tensors::Wanted], predicts: bool, comes_back: bool) -> Vec<Watched> {
    if wanted.is_empty() && (!predicts || comes_back) {
        let of = |port: &Port| Watched { name: port.info.name.clone(), width: None, comes_back };
        let few = if comes_back { MAX_OUTPUTS } else { usize::MAX };
        let named = |port: &&Port| !comes_back || port.info.name.len() <= MAX_NAME_BYTES;
        return outputs.iter().filter(named).take(few).map(of).collect();
    }
    let of = |one: &super::tensors::Wanted| Watched { name: one.output.clone(), width: Some(one.width), comes_back };
    wanted.iter().map(of).collect()
}

impl Table {
    /// The inputs of a call that tensors feed.
    pub(super) fn tensor_inputs(&self, rows: &[usize]) -> Result<Inputs, Failure> {
        self.tensors.iter().map(|feed| Ok((feed.name.clone(), feed.of(rows)?))).collect()
    }
}

#[cfg(test)]
#[path = "feeding_tests.rs"]
mod tests;
