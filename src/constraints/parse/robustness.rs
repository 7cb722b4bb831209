//! Perturbations of a spec, and which of them a limit is about.

use super::super::{
    fields::{Fields, Problems, kind},
    metric::{Dimension, Metric},
    perturbation::{Change, DEFAULT_SEEDS, MAXIMUM_PERTURBATIONS, MAXIMUM_SEEDS, Perturbation},
    spec::{Constraint, DEFAULT_SEED},
    words::{Words, words},
};
use std::collections::HashSet;

const FIELDS: &[&str] = &["name", "kind", "columns", "seeds", "seed", "sigma", "share", "by_std", "factor", "digits"];
const MAXIMUM_COLUMNS: usize = 10_000;
/// Larger amounts overflow 32-bit floats, which is what `infinite` is for.
const LARGEST: f64 = 1e30;

words! {
    Kind {
        Noise = "noise",
        Missing = "missing",
        Shift = "shift",
        Scale = "scale",
        Mean = "mean",
        Outlier = "outlier",
        Infinite = "infinite",
        Round = "round",
        Category = "category",
        UnseenCategory = "unseen_category",
    }
}

/// The `perturbations` of the spec.
pub fn perturbations(fields: &mut Fields) -> Vec<Perturbation> {
    let Some(value) = fields.get("perturbations") else { return Vec::new() };
    let Some(list) = value.as_array().filter(|list| list.len() <= MAXIMUM_PERTURBATIONS) else {
        let detail = format!("{} stands where a list of at most {MAXIMUM_PERTURBATIONS} belongs", kind(value));
        fields.note("perturbations", detail);
        return Vec::new();
    };
    let mut names = HashSet::new();
    let mut all = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Some(mut one) = fields.item("perturbations", index, item, FIELDS) else { continue };
        let Some(read) = perturbation(&mut one) else { continue };
        if names.insert(read.name.clone()) {
            all.push(read);
        } else {
            one.note("name", "another perturbation has this name; names are unique");
        }
    }
    all
}

fn perturbation(fields: &mut Fields) -> Option<Perturbation> {
    let name = super::name(fields);
    let change = change(fields);
    let columns = columns(fields);
    let random = change.is_none_or(Change::is_random);
    if !random {
        fields.refuse("seeds", "nothing in this perturbation is random");
        fields.refuse("seed", "nothing in this perturbation is random");
    }
    let seeds = fields.integer("seeds", 1..=MAXIMUM_SEEDS.into()).and_then(|seeds| u32::try_from(seeds).ok());
    let seed = fields.integer("seed", 0..=1 << 53);
    Some(Perturbation {
        name: name?,
        change: change?,
        columns,
        seeds: random.then(|| seeds.unwrap_or(DEFAULT_SEEDS)),
        seed: random.then(|| seed.unwrap_or(DEFAULT_SEED)),
    })
}

fn change(fields: &mut Fields) -> Option<Change> {
    let kind: Kind = super::needed_word(fields, "kind")?;
    let takes: &[&str] = match kind {
        Kind::Noise => &["sigma"],
        Kind::Missing | Kind::Infinite | Kind::Category | Kind::UnseenCategory => &["share"],
        Kind::Shift => &["by_std"],
        Kind::Scale => &["factor"],
        Kind::Mean => &[],
        Kind::Outlier => &["share", "by_std"],
        Kind::Round => &["digits"],
    };
    for other in ["sigma", "share", "by_std", "factor", "digits"].into_iter().filter(|name| !takes.contains(name)) {
        let because = match takes {
            [] => format!("{} takes no amount", kind.word()),
            _ => format!("{} takes {}", kind.word(), takes.join(" and ")),
        };
        fields.refuse(other, &because);
    }
    let share = |fields: &mut Fields| number(fields, "share", |share| 0.0 < share && share <= 1.0, "above 0, to 1");
    let any = |amount: f64| amount != 0.0 && amount.abs() <= LARGEST;
    match kind {
        Kind::Noise => number(fields, "sigma", |sigma| 0.0 < sigma && sigma <= LARGEST, "above 0")
            .map(|sigma| Change::Noise { sigma }),
        Kind::Missing => share(fields).map(|share| Change::Missing { share }),
        Kind::Infinite => share(fields).map(|share| Change::Infinite { share }),
        Kind::Category => share(fields).map(|share| Change::Category { share }),
        Kind::UnseenCategory => share(fields).map(|share| Change::UnseenCategory { share }),
        Kind::Shift => number(fields, "by_std", any, "other than 0").map(|by_std| Change::Shift { by_std }),
        Kind::Scale => number(fields, "factor", any, "other than 0").map(|factor| Change::Scale { factor }),
        Kind::Mean => Some(Change::Mean),
        Kind::Outlier => {
            let (share, by_std) = (share(fields), number(fields, "by_std", any, "other than 0"));
            Some(Change::Outlier { share: share?, by_std: by_std? })
        }
        Kind::Round => {
            fields.needed("digits", "how many significant digits are kept")?;
            let digits = fields.integer("digits", 1..=15)?;
            Some(Change::Round { digits: u32::try_from(digits).ok()? })
        }
    }
}

/// A number that has to be there.
pub(super) fn number(fields: &mut Fields, name: &str, fits: impl Fn(f64) -> bool, wanted: &str) -> Option<f64> {
    let value = fields.needed(name, &format!("a number {wanted}"))?;
    let number = value.as_f64().filter(|number| fits(*number));
    if number.is_none() {
        fields.note(name, format!("give a number {wanted}"));
    }
    number
}

fn columns(fields: &mut Fields) -> Option<Vec<String>> {
    let value = fields.get("columns")?;
    let names: Option<Vec<String>> =
        value.as_array().map(|list| list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect());
    let distinct = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let whole = |names: &Vec<String>| value.as_array().is_some_and(|list| list.len() == names.len());
    match names.filter(|names| (1..=MAXIMUM_COLUMNS).contains(&names.len()) && distinct(names) && whole(names)) {
        Some(names) => Some(names),
        None => {
            fields.note("columns", "give a list of different column names, or leave it out");
            None
        }
    }
}

/// The perturbation that a limit names; without one the worst of all decides.
pub fn named(fields: &mut Fields, dimension: Option<Dimension>, metric: Option<Metric>) -> Option<String> {
    if dimension? != Dimension::Robustness || metric == Some(Metric::Repeats) {
        fields.refuse("perturbation", "only a limit on what perturbations do names one");
        return None;
    }
    fields.text("perturbation", 64).map(str::to_owned)
}

/// Every limit on robustness is about a perturbation that the spec has.
pub fn check_named(constraints: &[Option<Constraint>], suite: &[Perturbation], problems: &mut Problems) {
    for (index, constraint) in constraints.iter().enumerate() {
        let Some(constraint) = constraint.as_ref().filter(|c| c.dimension == Dimension::Robustness) else { continue };
        if constraint.metric == Metric::Repeats {
            continue;
        }
        let known: Vec<&str> = suite.iter().map(|one| one.name.as_str()).collect();
        match &constraint.perturbation {
            _ if known.is_empty() => {
                let detail = "the spec has no `perturbations`, so nothing would be measured; add some";
                problems.add(format!("constraints[{index}].dimension"), detail);
            }
            Some(name) if !known.contains(&name.as_str()) => {
                let detail = format!("the spec has no perturbation of this name; it has {}", known.join(", "));
                problems.add(format!("constraints[{index}].perturbation"), detail);
            }
            _ => {}
        }
    }
}
