//! The bias evidence of a run as pages show it: for each attribute tables with intervals, one
//! drawing, disparities and impact ratios.
//!
//! Invariants: a group that is too small says so in every table and never has a rate of its own
//! among them; only what a limit of an environment judges has a tone of pass or fail; what a page
//! has no room for is counted on it.

mod amount;
mod chart;
mod disparities;
mod drawn;
mod grid;
mod impact;
mod names;
pub(super) mod scale;

use crate::{
    constraints::{ConstraintVerdict, Verdict},
    stats::{
        bootstrap::{Plan, Scheme},
        disparity::Against,
        fairness::{AttributeTable, GroupRates},
    },
    validation::evidence::BiasBody,
    web::{verdicts, words},
};
pub(crate) use amount::method;
pub(crate) use chart::Chart;
pub(super) use chart::cut_to;
use disparities::Disparities;
pub(crate) use disparities::Row as DisparityRow;
use drawn::Drawn;
use grid::Grid;
pub(crate) use grid::{Heading, Row as GridRow};
use impact::Impact;

/// Groups of all tables of one page. Further tables are only counted.
const MAXIMUM_GROUPS_ON_PAGE: usize = 160;
/// Small groups that a sentence names.
const NAMED: usize = 5;
/// Different bootstraps that are described.
const PLANS: usize = 3;

#[derive(Default)]
pub struct Subgroups {
    /// What many comparisons mean; empty for few.
    pub note: String,
    /// The bootstraps behind the intervals, in one line.
    pub bootstrap: String,
    pub tables: Vec<Breakdown>,
    /// Tables that the page has no room for.
    pub left_out: usize,
}

impl Subgroups {
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

/// Everything about one attribute, intersection or class.
pub struct Breakdown {
    /// "sex × region, for the class x".
    pub title: String,
    /// The title, and whose figures they are: no two regions of a page have one name.
    pub label: String,
    /// Unique on the page.
    pub id: String,
    /// Intersections and classes are folded away.
    pub folded: bool,
    /// Unfolded at first, because a limit on it isn't kept.
    pub open: bool,
    pub about: String,
    pub minimum_group_size: String,
    /// Which groups are too small to have rates; empty for none.
    pub small: String,
    /// How many groups the page has no room for, and how many of them are too small.
    pub left_out: usize,
    pub left_out_small: usize,
    /// What the limits say: tone, word, sentence.
    pub verdicts: Vec<(&'static str, String, String)>,
    pub chart: Option<Chart>,
    pub grids: Vec<Grid>,
    pub disparities: Disparities,
    pub impact: Option<Impact>,
}

/// `record` is the id of reported evidence, and empty for what the registry measured.
pub fn of(bias: &BiasBody, verdicts: &[ConstraintVerdict], record: &str) -> Subgroups {
    let order = |place: usize, table: &AttributeTable| {
        let trouble = about(table, &bias.tables, verdicts).iter().any(|v| v.verdict != Verdict::Pass);
        (!trouble, is_folded(table), place)
    };
    let mut ranked: Vec<(usize, &AttributeTable)> = bias.tables.iter().enumerate().collect();
    ranked.sort_by_key(|(place, table)| order(*place, table));
    let mut room = MAXIMUM_GROUPS_ON_PAGE;
    ranked.retain(|(_, table)| {
        let needed = table.groups.len().min(drawn::MAXIMUM_GROUPS);
        let fits = needed <= room;
        room -= if fits { needed } else { 0 };
        fits
    });
    ranked.sort_by_key(|(place, table)| (is_folded(table), *place));
    let one = |(place, table): &(usize, &AttributeTable)| {
        breakdown(record, *place, table, &about(table, &bias.tables, verdicts))
    };
    Subgroups {
        note: bias.comparisons.note.clone().unwrap_or_default(),
        bootstrap: bootstrap(&bias.tables),
        left_out: bias.tables.len() - ranked.len(),
        tables: ranked.iter().map(one).collect(),
    }
}

fn is_folded(table: &AttributeTable) -> bool {
    table.attribute.contains('*') || table.class.is_some()
}

/// The verdicts on this table. A verdict names its attribute; where several tables are of the same
/// one (for several classes, or held against several things), what it measured tells them apart.
fn about<'a>(
    table: &AttributeTable,
    tables: &[AttributeTable],
    verdicts: &'a [ConstraintVerdict],
) -> Vec<&'a ConstraintVerdict> {
    let alone = tables.iter().filter(|other| other.attribute == table.attribute).count() == 1;
    let is_measured = |v: &ConstraintVerdict| {
        let measured = v.measured.map(|measured| v.unit.to_base(measured));
        let own = v.metric.disparity().and_then(|metric| table.disparity(metric)?.value);
        match (measured, v.metric.disparity()) {
            (Some(a), Some(_)) => own.is_some_and(|b| (a - b).abs() <= 1e-9 * a.abs().max(1.0)),
            _ => true,
        }
    };
    let named = verdicts.iter().filter(|v| v.attribute.as_deref() == Some(table.attribute.as_str()));
    named.filter(|v| alone || is_measured(v)).collect()
}

fn breakdown(record: &str, place: usize, table: &AttributeTable, about: &[&ConstraintVerdict]) -> Breakdown {
    let drawn = Drawn::of(table, about);
    let shown = drawn::shown(table, drawn);
    let small = |groups: &[&GroupRates]| groups.iter().filter(|group| group.too_small).count();
    let all_small = table.groups.iter().filter(|group| group.too_small).count();
    let spoken = |v: &&ConstraintVerdict| (verdicts::tone(v), words::spoken(&v.verdict.to_string()), v.reason.clone());
    Breakdown {
        label: if record.is_empty() { title(table) } else { format!("{}, as record {record} reports", title(table)) },
        title: title(table),
        id: if record.is_empty() { format!("groups-{place}") } else { format!("reported-{record}-{place}") },
        folded: is_folded(table),
        open: about.iter().any(|v| v.verdict != Verdict::Pass),
        about: description(table),
        minimum_group_size: words::grouped(table.minimum_group_size),
        small: small_groups(table),
        left_out: table.groups.len() - shown.len(),
        left_out_small: all_small - small(&shown),
        verdicts: about.iter().map(spoken).collect(),
        chart: drawn.and_then(|drawn| chart::chart(table, &shown, drawn)),
        grids: grid::all(table, &shown),
        disparities: disparities::all(table, about),
        impact: impact::impact(table, &shown),
    }
}

fn title(table: &AttributeTable) -> String {
    let attribute = names::attribute(&table.attribute);
    let class = table.class.as_ref().map(|class| format!(", for the class {class}")).unwrap_or_default();
    let against = match &table.against {
        Against::BetweenGroups => String::new(),
        Against::Overall => ", against all rows".to_owned(),
        Against::Group(name) => format!(", against {name}"),
    };
    format!("{attribute}{class}{against}")
}

fn description(table: &AttributeTable) -> String {
    let (rows, groups) = (words::grouped(table.n), table.groups.len());
    let against = match &table.against {
        Against::BetweenGroups => "each other",
        Against::Overall => "all rows",
        Against::Group(name) => name,
    };
    let minimum = words::grouped(table.minimum_group_size);
    format!(
        "{rows} rows in {groups} {}, held against {against}; no rates below {minimum} rows.",
        if groups == 1 { "group" } else { "groups" }
    )
}

/// "2 of 4 groups have fewer than 30 rows, so they have no rates: island (4), (missing) (3)"
fn small_groups(table: &AttributeTable) -> String {
    let small: Vec<&GroupRates> = table.groups.iter().filter(|group| group.too_small).collect();
    if small.is_empty() {
        return String::new();
    }
    let mut named: Vec<String> =
        small.iter().take(NAMED).map(|group| format!("{} ({})", group.group, words::grouped(group.n))).collect();
    if NAMED < small.len() {
        named.push(format!("{} more", small.len() - NAMED));
    }
    format!(
        "{} of {} groups {} fewer than {} rows, so no rate can be given: {}",
        small.len(),
        table.groups.len(),
        if small.len() == 1 { "has" } else { "have" },
        words::grouped(table.minimum_group_size),
        named.join(", ")
    )
}

/// "2,000 resamples within each group, seed 7".
fn bootstrap(tables: &[AttributeTable]) -> String {
    let mut plans: Vec<Plan> = Vec::new();
    for table in tables {
        let counts = table.bootstrap.as_ref().map(|b| b.plan);
        for plan in counts.into_iter().chain(table.row_bootstrap.as_ref().map(|b| b.plan)) {
            if !plans.contains(&plan) && plans.len() <= PLANS {
                plans.push(plan);
            }
        }
    }
    let spoken = |plan: &Plan| {
        let scheme = match plan.scheme {
            Scheme::StratifiedByGroup => "within each group",
            Scheme::Rows => "of all rows",
        };
        format!("{} resamples {scheme}, seed {}", words::grouped(plan.resamples.into()), plan.seed)
    };
    let mut all: Vec<String> = plans.iter().take(PLANS).map(spoken).collect();
    if PLANS < plans.len() {
        all.push("and others".to_owned());
    }
    all.join("; ")
}

#[cfg(test)]
mod tests;
