//! Prices, and limits in their currency.

use super::{
    super::{
        fields::{Fields, Problems},
        metric::Dimension,
        spec::{Constraint, CostBasis},
        unit::{Quantity, Unit},
    },
    robustness::number,
};

const HIGHEST_PRICE: f64 = 1e9;

pub fn basis(fields: &mut Fields) -> Option<CostBasis> {
    let mut basis = fields.object("cost", &["currency", "cpu_hour", "memory_gib_hour"])?;
    let currency: Option<Unit> = super::needed_word(&mut basis, "currency");
    if let Some(unit) = currency.filter(|unit| unit.quantity() != Quantity::Money) {
        basis.note("currency", format!("`{unit}` is no currency; give one such as `{{EUR}}`"));
    }
    let is_price = |price: f64| (0.0..=HIGHEST_PRICE).contains(&price);
    let cpu_hour = number(&mut basis, "cpu_hour", is_price, "from 0 on: the price of a core for an hour");
    let memory = number(&mut basis, "memory_gib_hour", is_price, "from 0 on: the price of a GiBy for an hour");
    Some(CostBasis { currency: currency?, cpu_hour: cpu_hour?, memory_gib_hour: memory? })
}

/// A limit on cost needs prices, and is in their currency.
pub fn check(constraints: &[Option<Constraint>], cost: Option<CostBasis>, problems: &mut Problems) {
    for (index, constraint) in constraints.iter().enumerate() {
        let Some(constraint) = constraint.as_ref().filter(|c| c.dimension == Dimension::Cost) else { continue };
        match cost {
            None => {
                let detail = "the spec has no prices; add `cost` with currency, cpu_hour and memory_gib_hour";
                problems.add(format!("constraints[{index}].dimension"), detail);
            }
            Some(cost) if cost.currency != constraint.unit => {
                let detail = format!("the prices of the spec are in `{}`; give the limit in it too", cost.currency);
                problems.add(format!("constraints[{index}].unit"), detail);
            }
            Some(_) => {}
        }
    }
}
