//! Predicts the whole data set in pieces, so that memory stays bounded, and repeats the start of it.

use super::{
    carried::Carried,
    cells::Matrix,
    failure::{Failure, FailureKind, quoted},
    feeding::{Slot, TensorFeed, Watched},
    gathered::Gathered,
    host::cpu_seconds,
    inputs::InputPlan,
    observation::Spent,
    outputs::OutputPlan,
    ports::Port,
    scores::{Collected, Raw},
    session::{Inputs, Model, arguments},
    traffic::{Traffic, of_matrix, of_raw},
    values::{is_text, plain_numbers, raw, size_bytes, tensor},
};
use ort::session::SessionOutputs;

/// The data set in the form that the model takes.
pub(super) struct Table {
    pub plan: InputPlan,
    /// One for each input of the plan.
    pub matrices: Vec<Matrix>,
    pub rows: usize,
    /// Rows of one call, where the model does not fix them.
    pub most_rows: usize,
    /// The inputs of a data set of named tensors, which has no columns.
    pub tensors: Vec<TensorFeed>,
    /// The model takes rows without a dimension for them.
    pub unbatched: bool,
    /// What one call leaves for the next.
    pub state: Vec<Slot>,
    /// Rows with which a sequence begins, in order.
    pub starts: Vec<usize>,
    /// Outputs that are kept beside the prediction.
    pub watched: Vec<Watched>,
}

/// Rows for one call. Behind the `keep` first ones the last row is repeated to fill a fixed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub rows: Vec<usize>,
    pub keep: usize,
}

impl Table {
    /// Rows that are predicted twice.
    pub const REPEATED_ROWS: usize = 1_024;

    /// Columns of a CSV; `most_rows` go into one call, where the model does not fix them.
    pub fn of_columns(plan: InputPlan, matrices: Vec<Matrix>, rows: usize, most_rows: usize) -> Self {
        Self {
            plan,
            matrices,
            rows,
            most_rows,
            tensors: Vec::new(),
            unbatched: false,
            state: Vec::new(),
            starts: Vec::new(),
            watched: Vec::new(),
        }
    }

    /// `rows` cut into calls of at most `most` rows, or of exactly as many as the model fixes.
    pub fn pieces(&self, rows: &[usize], most: usize) -> Vec<Piece> {
        pieces(rows, most, self.plan.fixed_rows)
    }

    pub fn inputs(&self, rows: &[usize]) -> Result<Inputs, Failure> {
        let feeds = self.plan.feeds.iter().zip(&self.matrices);
        let mut inputs = self.tensor_inputs(rows)?;
        for (feed, matrix) in feeds {
            inputs.push((feed.name.clone(), tensor(matrix, rows)?));
        }
        Ok(inputs)
    }

    /// Bytes of a row's inputs, as the mean over the rows.
    fn bytes_in(&self) -> f64 {
        let columns: u64 = self.matrices.iter().map(of_matrix).sum();
        let bytes = columns + self.tensors.iter().map(|feed| feed.bytes(self.rows)).sum::<u64>();
        bytes as f64 / self.rows.max(1) as f64
    }
}

fn pieces(rows: &[usize], most: usize, fixed: Option<usize>) -> Vec<Piece> {
    rows.chunks(fixed.unwrap_or(most).max(1))
        .map(|chunk| {
            let mut filled = chunk.to_vec();
            if let (Some(fixed), Some(last)) = (fixed, chunk.last()) {
                filled.resize(fixed, *last);
            }
            Piece { rows: filled, keep: chunk.len() }
        })
        .collect()
}

/// The first call of all, with the first row: what a process that was just started gives its first answer with.
pub(super) fn answer_first(model: &mut Model, table: &Table, outputs: &OutputPlan) -> Result<(), Failure> {
    for piece in table.pieces(&[0], 1).iter().take(1) {
        call(model, table, outputs, piece, &mut Carried::default(), &mut Collected::default())?;
    }
    Ok(())
}

/// Every row once, and what the runtime's calls cost; `progress` hears how many rows are done.
pub(super) fn predict(
    model: &mut Model,
    table: &Table,
    outputs: &OutputPlan,
    mut progress: impl FnMut(usize),
) -> Result<(Collected, Spent, Traffic), Failure> {
    let all: Vec<usize> = (0..table.rows).collect();
    let mut collected = Collected::default();
    let (mut spent, mut bytes_out) = (Spent::default(), 0);
    let (mut done, mut carried) = (0, Carried::default());
    for piece in &table.pieces(&all, table.most_rows) {
        let (cpu_seconds, bytes) = call(model, table, outputs, piece, &mut carried, &mut collected)?;
        spent.cpu_seconds += cpu_seconds;
        bytes_out += bytes;
        spent.rows += piece.rows.len() as u64;
        done += piece.keep;
        progress(done);
    }
    let traffic = Traffic { bytes_in: table.bytes_in(), bytes_out: bytes_out as f64 / spent.rows.max(1) as f64 };
    Ok((collected, spent, traffic))
}

/// Predicts the first rows again, in the same calls as before, and says how many they are.
///
/// # Errors
/// `non_deterministic` names the first row whose answer changed.
pub(super) fn repeat(
    model: &mut Model,
    table: &Table,
    outputs: &OutputPlan,
    before: &Collected,
) -> Result<usize, Failure> {
    // Whole calls, as many as before or fewer: a call is repeated as it was, because dynamically quantised models scale by
    // the largest value in the batch, so that the same row may rightly get another answer among other rows.
    let each = table.plan.fixed_rows.unwrap_or(table.most_rows).max(1);
    let rows = (Table::REPEATED_ROWS / each).max(1) * each;
    let start: Vec<usize> = (0..table.rows.min(rows)).collect();
    let (mut again, mut carried) = (Collected::default(), Carried::default());
    for piece in &table.pieces(&start, table.most_rows) {
        call(model, table, outputs, piece, &mut carried, &mut again)?;
    }
    match before.first_difference(&again) {
        // What kept nothing that can be compared is no repetition.
        None if before.is_empty() => Ok(0),
        None => Ok(start.len()),
        Some(difference) => Err(Failure::new(
            FailureKind::NonDeterministic,
            format!(
                "the same rows gave two answers ({difference}); remove random operators, or give them no effect on the outputs"
            ),
        )),
    }
}

/// One call. Returns the CPU seconds of the runtime's own work, and the bytes of its answer.
fn call(
    model: &mut Model,
    table: &Table,
    outputs: &OutputPlan,
    piece: &Piece,
    carried: &mut Carried,
    collected: &mut Collected,
) -> Result<(f64, u64), Failure> {
    let inputs = table.inputs(&piece.rows)?;
    carried.before(table, piece.rows.first().copied().unwrap_or(0))?;
    let port = |index: Option<usize>| index.and_then(|index| model.outputs.get(index)).cloned();
    let (label, score) = (port(outputs.label), port(outputs.score));
    let before = cpu_seconds();
    let given = arguments(&inputs).into_iter().chain(carried.arguments(table)).collect();
    let mut answers = model.run_prepared(given)?;
    let spent = cpu_seconds() - before;
    let mut bytes = 0;
    let mut taken = |port: Port| {
        let raw = read(&answers, &port)?;
        bytes += of_raw(&port, &raw);
        Ok::<_, Failure>(if table.unbatched { raw.of_one_row() } else { raw })
    };
    let label = label.map(&mut taken).transpose()?;
    let score = score.map(taken).transpose()?;
    let read_as_prediction = label.is_some() || score.is_some();
    if read_as_prediction {
        collected.add(piece.rows.len(), piece.keep, label, score)?;
    }
    let kept = keep_watched(table, &answers, piece, collected)?;
    carried.after(table, &mut answers)?;
    Ok((spent, if read_as_prediction { bytes } else { kept }))
}

/// Keeps what is watched, and says how many bytes that is.
fn keep_watched(
    table: &Table,
    answers: &SessionOutputs<'_>,
    piece: &Piece,
    collected: &mut Collected,
) -> Result<u64, Failure> {
    collected.outputs.resize_with(table.watched.len(), Gathered::default);
    let mut bytes = 0;
    let mut is_finite = vec![true; piece.keep];
    for (watched, gathered) in table.watched.iter().zip(&mut collected.outputs) {
        let Some(value) = answers.get(&watched.name) else {
            gathered.refuse(format!("the model has no output {}; record one that it has", quoted(&watched.name)));
            collected.has_unseen = true;
            continue;
        };
        bytes += size_bytes(value);
        let numbers = plain_numbers(value)?;
        match &numbers {
            Some((shape, numbers)) => note_non_finite(&mut is_finite, piece.rows.len(), shape, numbers),
            None => collected.has_unseen |= !is_text(value),
        }
        gathered.add(watched, (piece.rows.len(), piece.keep), numbers);
    }
    collected.non_finite_rows += is_finite.iter().filter(|finite| !**finite).count() as u64;
    Ok(bytes)
}

/// Which of the rows that count have a number that is not finite: all of them, where the output has no dimension for rows.
fn note_non_finite(is_finite: &mut [bool], fed: usize, shape: &[i64], numbers: &[f64]) {
    let of_rows = shape.first().and_then(|rows| usize::try_from(*rows).ok()) == Some(fed);
    let width = if of_rows { numbers.len().checked_div(fed).unwrap_or(0) } else { 0 };
    for (row, finite) in is_finite.iter_mut().enumerate() {
        let own = if of_rows { numbers.get(row * width..(row + 1) * width).unwrap_or_default() } else { numbers };
        *finite &= own.iter().all(|number| number.is_finite());
    }
}

fn read(answers: &SessionOutputs<'_>, port: &Port) -> Result<Raw, Failure> {
    let name = quoted(&port.info.name);
    let value =
        answers.get(&port.info.name).ok_or_else(|| Failure::output(format!("the output {name} was not given")))?;
    let raw = raw(value)?;
    let shape = match &raw {
        Raw::Classes { shape, .. } | Raw::Numbers { shape, .. } => shape.as_slice(),
        Raw::Maps(_) => &[],
    };
    match (port.fixed_width(), shape) {
        (Some(declared), [_, given, ..]) if usize::try_from(*given) != Ok(declared) => {
            Err(Failure::output(format!("the output {name} declares {declared} column(s) and has {given}")))
        }
        _ => Ok(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_pieces_and_a_fixed_batch_is_filled_up() {
        let cut = |rows: usize, most, fixed| -> Vec<(usize, usize)> {
            let rows: Vec<usize> = (0..rows).collect();
            pieces(&rows, most, fixed).iter().map(|piece| (piece.rows.len(), piece.keep)).collect()
        };
        assert_eq!(cut(5, 2, None), [(2, 2), (2, 2), (1, 1)]);
        assert_eq!(cut(2, 100, Some(1)), [(1, 1), (1, 1)]);
        assert_eq!(cut(5, 100, Some(4)), [(4, 4), (4, 1)]);
        assert_eq!(cut(0, 100, Some(4)), []);
    }

    #[test]
    fn a_number_that_is_not_finite_is_its_rows_and_everybodys_where_an_output_has_no_rows() {
        let of = |fed: usize, shape: &[i64], numbers: &[f64]| {
            let mut finite = [true, true];
            note_non_finite(&mut finite, fed, shape, numbers);
            finite
        };
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert_eq!(of(2, &[2, 2], &[1.0, 2.0, 3.0, nan]), [true, false]);
        assert_eq!(of(3, &[3, 1], &[1.0, 2.0, inf]), [true, true], "what only fills a batch is nobody's");
        assert_eq!(of(2, &[1], &[nan]), [false, false]);
        assert_eq!(of(2, &[2, 0], &[]), [true, true]);
    }

    #[test]
    fn a_filled_batch_repeats_the_last_row() {
        assert_eq!(pieces(&[7, 8, 9], 2, Some(2))[1], Piece { rows: vec![9, 9], keep: 1 });
    }
}
