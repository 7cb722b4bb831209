//! The bare loop once more, in compiled code: the same library, options, rows and order as in `reference.py`, and nothing
//! of the sandbox around a call. What the loop in Python needs beyond this one is Python's.

use ort::{
    logging::LogLevel,
    session::{Session, SessionInputValue},
    value::{DynValue, Tensor, TensorElementType, ValueType},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, error::Error, fs, hint::black_box, path::Path, time::Instant};

/// Cells that are held ready for one load, as in the lab.
const READY_CELLS: usize = 1 << 20;

/// Rows of one call when all of them are predicted.
const PIECE_ROWS: usize = 1_024;

/// All rows of one input.
struct Array {
    name: String,
    cells: Cells,
    width: usize,
    is_vector: bool,
}

enum Cells {
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Int64(Vec<i64>),
    Int32(Vec<i32>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

/// The same question as `run` of the program gets; answers with `nanos`, batch by batch.
pub fn run(asked: &Value) -> Result<Value, Box<dyn Error>> {
    let text = |name: &str| asked[name].as_str().ok_or_else(|| format!("{name} is missing"));
    let environment = ort::init_from(Path::new(text("ort_lib")?))?.with_telemetry(false).build()?;
    // As in the lab and in Python. Otherwise the library writes a message for each call of some models, which nobody reads.
    environment.set_log_level(LogLevel::Fatal);
    let mut session = Session::builder(&environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .commit_from_memory(&fs::read(text("model")?)?)?;
    let columns: BTreeMap<String, Vec<String>> = serde_json::from_value(asked["columns"].clone())?;
    let features: Vec<String> = serde_json::from_value(asked["features"].clone())?;
    let loads: Vec<[usize; 3]> = serde_json::from_value(asked["loads"].clone())?;
    let arrays = arrays(&session, &columns, &features)?;
    // Every row once, as the lab and the loop in Python do before they measure a load.
    let rows = arrays.first().map_or(0, Array::rows);
    for from in (0..rows).step_by(PIECE_ROWS) {
        let piece: Vec<usize> = (from..rows.min(from + PIECE_ROWS)).collect();
        let inputs = inputs(&arrays, &piece)?;
        drop(black_box(session.run(named(&inputs))?));
    }
    let mut nanos = Vec::new();
    for [batch, warm_up, samples] in loads {
        nanos.push(json!([batch, timed(&mut session, &arrays, batch, warm_up, samples)?]));
    }
    Ok(json!({ "nanos": nanos }))
}

fn arrays(
    session: &Session,
    columns: &BTreeMap<String, Vec<String>>,
    features: &[String],
) -> Result<Vec<Array>, Box<dyn Error>> {
    let ports = session.inputs();
    let is_alone = ports.len() == 1 && !features.is_empty();
    let read = |port: &ort::value::Outlet| {
        let ValueType::Tensor { ty, shape, .. } = port.dtype() else { return Err("an input is no tensor".into()) };
        let own = [port.name().to_owned()];
        let names = if is_alone { features } else { &own };
        let chosen: Option<Vec<_>> = names.iter().map(|name| columns.get(name)).collect();
        let chosen = chosen.ok_or_else(|| format!("a column of input {} is missing", port.name()))?;
        let rows = chosen.first().map_or(0, |column| column.len());
        let cells = (0..rows).flat_map(|row| chosen.iter().map(move |column| column[row].as_str()));
        Ok::<_, Box<dyn Error>>(Array {
            name: port.name().to_owned(),
            cells: Cells::parse(*ty, cells)?,
            width: chosen.len(),
            is_vector: shape.len() == 1,
        })
    };
    ports.iter().map(read).collect()
}

impl Cells {
    fn parse<'c>(ty: TensorElementType, cells: impl Iterator<Item = &'c str>) -> Result<Self, Box<dyn Error>> {
        // Numbers are read as 64-bit floats and narrowed, as in the lab and in Python.
        let number = |cell: &'c str| if cell.is_empty() { Ok(f64::NAN) } else { cell.parse::<f64>() };
        Ok(match ty {
            TensorElementType::Float32 => {
                Self::Float32(cells.map(|c| number(c).map(|x| x as f32)).collect::<Result<_, _>>()?)
            }
            TensorElementType::Float64 => Self::Float64(cells.map(number).collect::<Result<_, _>>()?),
            TensorElementType::Int64 => {
                Self::Int64(cells.map(|c| number(c).map(|x| x as i64)).collect::<Result<_, _>>()?)
            }
            TensorElementType::Int32 => {
                Self::Int32(cells.map(|c| number(c).map(|x| x as i32)).collect::<Result<_, _>>()?)
            }
            TensorElementType::Bool => Self::Bool(cells.map(|cell| matches!(cell, "1" | "true" | "True")).collect()),
            TensorElementType::String => Self::Text(cells.map(str::to_owned).collect()),
            other => return Err(format!("no rule for an input of {other}").into()),
        })
    }
}

impl Array {
    fn rows(&self) -> usize {
        let cells = match &self.cells {
            Cells::Float32(all) => all.len(),
            Cells::Float64(all) => all.len(),
            Cells::Int64(all) => all.len(),
            Cells::Int32(all) => all.len(),
            Cells::Bool(all) => all.len(),
            Cells::Text(all) => all.len(),
        };
        cells / self.width.max(1)
    }

    fn of(&self, rows: &[usize]) -> ort::Result<DynValue> {
        fn picked<T: Clone>(all: &[T], width: usize, rows: &[usize]) -> Vec<T> {
            rows.iter().flat_map(|row| all[row * width..(row + 1) * width].iter().cloned()).collect()
        }
        let mut shape = vec![rows.len()];
        if !self.is_vector {
            shape.push(self.width);
        }
        Ok(match &self.cells {
            Cells::Float32(all) => Tensor::from_array((shape, picked(all, self.width, rows)))?.into_dyn(),
            Cells::Float64(all) => Tensor::from_array((shape, picked(all, self.width, rows)))?.into_dyn(),
            Cells::Int64(all) => Tensor::from_array((shape, picked(all, self.width, rows)))?.into_dyn(),
            Cells::Int32(all) => Tensor::from_array((shape, picked(all, self.width, rows)))?.into_dyn(),
            Cells::Bool(all) => Tensor::from_array((shape, picked(all, self.width, rows)))?.into_dyn(),
            Cells::Text(all) => {
                Tensor::from_string_array((shape, picked(all, self.width, rows).as_slice()))?.into_dyn()
            }
        })
    }
}

fn inputs<'a>(arrays: &'a [Array], rows: &[usize]) -> ort::Result<Vec<(&'a str, DynValue)>> {
    arrays.iter().map(|array| Ok((array.name.as_str(), array.of(rows)?))).collect()
}

fn named<'a>(inputs: &'a [(&'a str, DynValue)]) -> Vec<(&'a str, SessionInputValue<'a>)> {
    inputs.iter().map(|(name, value)| (*name, SessionInputValue::from(value))).collect()
}

/// Nanoseconds of each call; inputs are prepared beforehand, answers are dropped outside of the clock.
fn timed(
    session: &mut Session,
    arrays: &[Array],
    batch: usize,
    warm_up: usize,
    samples: usize,
) -> Result<Vec<u64>, Box<dyn Error>> {
    let rows = arrays.first().map_or(0, Array::rows);
    let columns: usize = arrays.iter().map(|array| array.width).sum();
    let count = (READY_CELLS / (batch * columns.max(1))).max(1).min(samples).min(rows);
    let request = |place: usize| {
        let chosen: Vec<usize> = (0..batch).map(|i| (place * batch + i) % rows).collect();
        inputs(arrays, &chosen)
    };
    let requests = (0..count).map(request).collect::<Result<Vec<_>, _>>()?;
    let mut nanos = Vec::with_capacity(samples);
    for place in 0..warm_up + samples {
        let named = named(&requests[place % count]);
        let begin = Instant::now();
        let answers = black_box(session.run(named)?);
        let taken = begin.elapsed();
        drop(answers);
        if warm_up <= place {
            nanos.push(u64::try_from(taken.as_nanos())?);
        }
    }
    Ok(nanos)
}
