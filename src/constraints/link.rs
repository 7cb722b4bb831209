//! How an environment reaches what runs there, as its profile declares it.

use super::unit::{Quantity, Unit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    pub value: f64,
    pub unit: Unit,
}

impl Amount {
    pub fn in_base(self) -> f64 {
        self.unit.to_base(self.value)
    }

    /// What is wrong with it as an amount of `quantity` that is above 0, or may be 0.
    fn problem(self, quantity: Quantity, may_be_zero: bool) -> Option<String> {
        if self.unit.quantity() != quantity {
            let base = quantity.base_unit();
            return Some(format!("`{}` is no unit of it; give one of the same kind as `{base}`", self.unit));
        }
        let base = self.in_base();
        let fits = base.is_finite() && (0.0 < base || (may_be_zero && base == 0.0)) && base <= LARGEST;
        (!fits).then(|| format!("give a number {}", if may_be_zero { "from 0 on" } else { "above 0" }))
    }
}

/// Beyond any rate in bit/s and any time in seconds.
const LARGEST: f64 = 1e15;

/// What is between the environment and the rest of the world. What is absent is not known, and what needs it is not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LinkMode>,
    /// In each direction: `bit/s`, `kbit/s`, `Mbit/s` or `Gbit/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Amount>,
    /// There and back, without any data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<Amount>,
    /// For how long a model may be on its own before somebody has to look after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_offline_time: Option<Amount>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkMode {
    Always,
    Intermittent,
    Never,
}

impl Link {
    /// The first thing that is wrong: the field and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let of = |name, amount: Option<Amount>, quantity, zero| Some((name, amount?.problem(quantity, zero)?));
        of("rate", self.rate, Quantity::BitRate, false)
            .or_else(|| of("round_trip", self.round_trip, Quantity::Time, true))
            .or_else(|| of("maximum_offline_time", self.maximum_offline_time, Quantity::Time, true))
    }

    /// Seconds that so many bytes take: one round trip, and all bits at the rate of the link, one behind the other.
    ///
    /// # Errors
    /// What the profile does not say.
    pub fn transfer_seconds(&self, bytes: f64) -> Result<f64, &'static str> {
        let rate = self.rate.ok_or("the environment's profile declares no `connectivity.rate`")?;
        let round_trip = self.round_trip.ok_or("the environment's profile declares no `connectivity.round_trip`")?;
        Ok(round_trip.in_base() + 8.0 * bytes / rate.in_base())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link = Link {
        mode: Some(LinkMode::Intermittent),
        rate: Some(Amount { value: 8.0, unit: Unit::KilobitPerSecond }),
        round_trip: Some(Amount { value: 50.0, unit: Unit::Millisecond }),
        maximum_offline_time: Some(Amount { value: 72.0, unit: Unit::Hour }),
    };

    #[test]
    fn bytes_take_a_round_trip_and_their_bits() {
        assert!((LINK.transfer_seconds(100.0).expect("declared") - 0.15).abs() < 1e-12);
        let without = |link: Link| link.transfer_seconds(1.0).expect_err("not declared");
        assert!(without(Link { rate: None, ..LINK }).contains("connectivity.rate"));
        assert!(without(Link { round_trip: None, ..LINK }).contains("connectivity.round_trip"));
    }

    #[test]
    fn a_link_says_what_is_wrong_with_it() {
        assert_eq!(LINK.problem(), None);
        let amount = |value, unit| Some(Amount { value, unit });
        for (link, field, said) in [
            (Link { rate: amount(0.0, Unit::BitPerSecond), ..LINK }, "rate", "above 0"),
            (Link { rate: amount(1.0, Unit::Second), ..LINK }, "rate", "bit/s"),
            (Link { round_trip: amount(-1.0, Unit::Second), ..LINK }, "round_trip", "from 0 on"),
            (Link { maximum_offline_time: amount(1.0, Unit::Byte), ..LINK }, "maximum_offline_time", "`s`"),
        ] {
            let (found, why) = link.problem().expect(field);
            assert_eq!(found, field);
            assert!(why.contains(said), "{why}");
        }
    }
}
