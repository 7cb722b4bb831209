//! How many bytes a row takes on the way in, and its answer on the way out: the tensors alone, without any framing.

use super::{
    cells::Matrix,
    ports::{Element, Port, PortKind},
    scores::Raw,
};
use serde::{Deserialize, Serialize};

/// Bytes of one row, as means over the rows where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Of all inputs of the model: numbers as wide as their type, texts in UTF-8.
    pub bytes_in: f64,
    /// Of the outputs that hold the prediction.
    pub bytes_out: f64,
}

impl Traffic {
    pub(super) fn is_possible(self) -> bool {
        [self.bytes_in, self.bytes_out].iter().all(|bytes| bytes.is_finite() && *bytes >= 0.0)
    }
}

/// Bytes of all rows of an input.
pub(super) fn of_matrix(matrix: &Matrix) -> u64 {
    matrix.values.size_bytes()
}

/// Bytes of one output of one call.
pub(super) fn of_raw(port: &Port, raw: &Raw) -> u64 {
    let width = |element: Element| element.width().unwrap_or(1) as u64;
    match (port.kind, raw) {
        (PortKind::Tensor(Element::Text), Raw::Classes { values, .. }) => {
            values.iter().map(|text| text.len() as u64).sum()
        }
        (PortKind::Tensor(element), Raw::Classes { values, .. }) => width(element) * values.len() as u64,
        (PortKind::Tensor(element), Raw::Numbers { values, .. }) => width(element) * values.len() as u64,
        // A class as it is written, and a 32-bit number.
        (_, Raw::Maps(maps)) => maps.iter().flatten().map(|(class, _)| class.len() as u64 + 4).sum(),
        (_, Raw::Classes { values, .. }) => values.iter().map(|text| text.len() as u64).sum(),
        (_, Raw::Numbers { values, .. }) => 4 * values.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{cells::Values, ports::PortInfo},
        *,
    };

    #[test]
    fn numbers_count_as_wide_as_they_are_and_texts_as_long() {
        let matrix = |values| Matrix { values, width: 1, vector: false, row_shape: None };
        assert_eq!(of_matrix(&matrix(Values::Float32(vec![0.0; 3]))), 12);
        assert_eq!(of_matrix(&matrix(Values::Int64(vec![0; 3]))), 24);
        assert_eq!(of_matrix(&matrix(Values::Text(vec!["a".to_owned(), "é".to_owned(), String::new()]))), 3);
        let port = |kind| Port {
            info: PortInfo { name: "y".to_owned(), element_type: String::new(), shape: Vec::new() },
            kind,
        };
        let classes = Raw::Classes { shape: vec![2], values: vec!["10".to_owned(), "2".to_owned()] };
        assert_eq!(of_raw(&port(PortKind::Tensor(Element::Int64)), &classes), 16);
        assert_eq!(of_raw(&port(PortKind::Tensor(Element::Text)), &classes), 3);
        let numbers = Raw::Numbers { shape: vec![2, 2], values: vec![0.5; 4] };
        assert_eq!(of_raw(&port(PortKind::Tensor(Element::Float32)), &numbers), 16);
        let maps = Raw::Maps(vec![vec![("no".to_owned(), 0.5), ("yes".to_owned(), 0.5)]]);
        assert_eq!(of_raw(&port(PortKind::Maps), &maps), 13);
    }
}
