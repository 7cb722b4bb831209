//! The inputs and outputs of a model, as far as a table of rows can feed and read them.

pub(super) use crate::formats::tensor::Element;
use serde::{Deserialize, Serialize};

/// One input or output as the model declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortInfo {
    /// Byte-exact; escape it where it is shown.
    pub name: String,
    /// `float32`, `int64`, `string`…, or `sequence(map(int64,float32))`.
    pub element_type: String,
    /// -1 for a dimension that is not fixed. Empty when the model declares no shape.
    pub shape: Vec<i64>,
}

/// What a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortKind {
    Tensor(Element),
    /// A ZipMap: for each row a map from class to probability.
    Maps,
    /// Anything else: sequences of tensors, optionals, complex numbers.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub info: PortInfo,
    pub kind: PortKind,
}

impl Port {
    /// Rows that every call must have, when the model fixes them.
    pub fn fixed_rows(&self) -> Option<usize> {
        let rows = *self.info.shape.first()?;
        usize::try_from(rows).ok().filter(|rows| *rows > 0)
    }

    /// Columns that the model fixes; 1 for a vector.
    pub fn fixed_width(&self) -> Option<usize> {
        match self.info.shape.as_slice() {
            [_] => Some(1),
            [_, width] => usize::try_from(*width).ok(),
            // Image classifiers leave the height and width of 1 that pooling made.
            [_, width, rest @ ..] if rest.iter().all(|size| *size == 1) => usize::try_from(*width).ok(),
            _ => None,
        }
    }

    /// The dimensions of one row of a tensor of more than two, when the model fixes all of them.
    pub fn row_shape(&self) -> Option<Vec<usize>> {
        const MAXIMUM_CELLS: usize = 1 << 26;
        let (_, row) = self.info.shape.split_first().filter(|(_, row)| row.len() > 1)?;
        let row: Vec<usize> =
            row.iter().map(|size| usize::try_from(*size).ok().filter(|size| *size > 0)).collect::<Option<_>>()?;
        let cells = row.iter().try_fold(1_usize, |cells, size| cells.checked_mul(*size));
        cells.filter(|cells| *cells <= MAXIMUM_CELLS).map(|_| row)
    }

    /// Whether it gives each row a list of numbers: [N], [N, C], or [N, C, 1, 1].
    pub fn is_list_of_rows(&self) -> bool {
        self.is_tabular() || self.info.shape.iter().skip(2).all(|size| *size == 1)
    }

    /// Whether a table of rows fits: a vector, a matrix, or a shape that the model does not declare.
    pub fn is_tabular(&self) -> bool {
        self.info.shape.len() <= 2
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::sandbox) fn port(name: &str, kind: PortKind, shape: &[i64]) -> Port {
        Port { info: PortInfo { name: name.to_owned(), element_type: String::new(), shape: shape.to_vec() }, kind }
    }

    #[test]
    fn the_dimensions_of_a_row_are_known_when_all_are_fixed() {
        let row = |shape: &[i64]| port("x", PortKind::Tensor(Element::Float32), shape).row_shape();
        assert_eq!(row(&[-1, 3, 224, 224]), Some(vec![3, 224, 224]));
        for shape in
            [&[][..], &[-1], &[-1, 3], &[1, 3, -1, 8], &[1, 0, 8], &[1, i64::MAX, i64::MAX], &[1, 1 << 20, 1 << 20]]
        {
            assert_eq!(row(shape), None, "{shape:?}");
        }
        let list = |shape: &[i64]| port("x", PortKind::Tensor(Element::Float32), shape).is_list_of_rows();
        assert_eq!([&[-1, 9][..], &[1, 9, 1, 1], &[1, 9, 2, 1]].map(list), [true, true, false]);
    }

    #[test]
    fn a_shape_says_what_is_fixed() {
        let cases = [
            (&[][..], None, None, true),
            (&[-1], None, Some(1), true),
            (&[-1, 3], None, Some(3), true),
            (&[1, -1], Some(1), None, true),
            (&[0, 2], None, Some(2), true),
            (&[1, 3, 224, 224], Some(1), None, false),
            (&[1, 1000, 1, 1], Some(1), Some(1000), false),
        ];
        for (shape, rows, width, tabular) in cases {
            let port = port("x", PortKind::Tensor(Element::Float32), shape);
            assert_eq!(port.fixed_rows(), rows, "{shape:?}");
            assert_eq!(port.fixed_width(), width, "{shape:?}");
            assert_eq!(port.is_tabular(), tabular, "{shape:?}");
        }
    }
}
