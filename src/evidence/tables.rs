//! Tables of groups from outside: what must hold in them before a page, a command or a program
//! may rely on it. Each was computed somewhere else, so it is compared with its own counts.
//!
//! Nothing here takes longer than the table is long: exact tests are not computed again, since
//! their cost grows with the counts that somebody claims.

use crate::{
    constraints::Dimension,
    error::Error,
    evidence::body::ROUNDING,
    stats::{
        disparity::Disparity,
        fairness::{AttributeTable, GroupCounts, GroupRates, MAXIMUM_GROUPS, RateName},
        figure::{Figure, Rate},
        impact::{CategoryCount, Exclusion, LocalLaw144, Standing, local_law_144},
    },
};

const MAX_TABLES: usize = 500;
const MAX_DISPARITIES: usize = 200;
/// Looking for each among the categories takes the square.
const MAX_EXCLUSIONS: usize = 200;
/// Names of three crossed attributes with a label each.
const MAX_NAME_BYTES: usize = 1024;
/// Squares of anything smaller are finite.
const MAX_MAGNITUDE: f64 = 1e100;

type Checked = Result<(), Error>;

pub(super) fn check(tables: &[AttributeTable]) -> Checked {
    bounded("predicate.body.tables", tables.len(), MAX_TABLES)?;
    tables.iter().enumerate().try_for_each(|(i, table)| check_table(&format!("predicate.body.tables[{i}]"), table))
}

/// Of any object that has the fields of an interval.
pub(super) fn check_interval(path: &str, value: &serde_json::Value) -> Checked {
    let number = |key: &str| value.get(key).and_then(serde_json::Value::as_f64);
    if let Some(number) = value.as_f64()
        && MAX_MAGNITUDE < number.abs()
    {
        return Err(Error::invalid(path, "is too large to be a figure"));
    }
    let (Some(low), Some(high), Some(confidence)) = (number("low"), number("high"), number("confidence")) else {
        return Ok(());
    };
    if high < low {
        return Err(Error::invalid(path, "the interval ends before it begins"));
    }
    match 0.0 < confidence && confidence < 1.0 {
        true => Ok(()),
        false => Err(Error::invalid(path, "confidence is a share above 0 and below 1")),
    }
}

/// A value that the figure can take.
pub(super) fn within(path: &str, figure: &Figure, (low, high): (f64, f64)) -> Checked {
    match figure.value {
        Some(value) if value < low - ROUNDING || high + ROUNDING < value => {
            Err(Error::invalid(path, format!("{value} does not lie between {low} and {high}")))
        }
        _ => Ok(()),
    }
}

fn bounded(path: &str, length: usize, most: usize) -> Checked {
    match length <= most {
        true => Ok(()),
        false => Err(Error::invalid(path, format!("has {length} entries; at most {most}"))),
    }
}

fn check_table(path: &str, table: &AttributeTable) -> Checked {
    let names = table.groups.iter().map(|group| &group.group).chain([&table.attribute]).chain(&table.class);
    for name in names {
        bounded(path, name.len(), MAX_NAME_BYTES)?;
    }
    bounded(&format!("{path}.groups"), table.groups.len(), MAXIMUM_GROUPS)?;
    bounded(&format!("{path}.disparities"), table.disparities.len(), MAX_DISPARITIES)?;
    let rows = table.groups.iter().try_fold(0_u64, |sum, group| sum.checked_add(group.n));
    if rows != Some(table.n) {
        return Err(Error::invalid(format!("{path}.n"), "is not the number of rows of all groups"));
    }
    for (i, group) in table.groups.iter().enumerate() {
        let path = format!("{path}.groups[{i}]");
        if group.too_small != (group.n < table.minimum_group_size) {
            return Err(Error::invalid(format!("{path}.too_small"), "is not what n and minimum_group_size say"));
        }
        if group.too_small && has_figures(group) {
            return Err(Error::invalid(path, "is below the minimum group size, so it has a count and no rate"));
        }
        check_group(&path, group)?;
    }
    if let Some(overall) = &table.overall {
        let path = format!("{path}.overall");
        if overall.n != table.n {
            return Err(Error::invalid(format!("{path}.n"), "is not the number of rows of all groups"));
        }
        check_group(&path, overall)?;
    }
    for (i, disparity) in table.disparities.iter().enumerate() {
        check_disparity(&format!("{path}.disparities[{i}]"), disparity)?;
    }
    check_rest(path, table)
}

fn has_figures(group: &GroupRates) -> bool {
    group.counts.is_some() || rates(group).any(|(_, rate)| rate.is_some()) || !group.figures.is_empty()
}

fn rates(group: &GroupRates) -> impl Iterator<Item = (RateName, Option<Rate>)> {
    use RateName as R;
    let all = [
        R::SelectionRate,
        R::Accuracy,
        R::Tpr,
        R::Fpr,
        R::Tnr,
        R::Fnr,
        R::Precision,
        R::Npv,
        R::FalseOmissionRate,
        R::FalseDiscoveryRate,
    ];
    all.into_iter().map(|name| (name, group.rate(name)))
}

fn check_group(path: &str, group: &GroupRates) -> Checked {
    let shares = rates(group).chain([(RateName::SelectionRate, group.base_rate)]);
    for (_, rate) in shares {
        if rate.is_some_and(|rate| group.n < rate.total) {
            return Err(Error::invalid(path, "a rate rests on more rows than the group has"));
        }
    }
    if let Some(counts) = &group.counts {
        check_counts(path, group, counts)?;
    }
    for (name, figure) in &group.figures {
        let known = Dimension::Bias.metrics().iter().find(|metric| metric.group_figure() == Some(*name));
        within(path, figure, known.map_or((0.0, f64::INFINITY), |metric| metric.range()))?;
    }
    Ok(())
}

/// What is said twice is the same.
fn check_counts(path: &str, group: &GroupRates, counts: &GroupCounts) -> Checked {
    let confusion = &counts.confusion;
    let derived = (confusion.positives(), confusion.negatives(), confusion.selected());
    if confusion.n() != group.n || derived != (counts.positives, counts.negatives, counts.selected) {
        return Err(Error::invalid(format!("{path}.counts"), "do not add up to the rows of the group"));
    }
    let of = |rate: Option<Rate>| rate.map(|rate| (rate.count, rate.total));
    for (name, said) in rates(group) {
        // Accuracy is of labels; with several classes it is no count of one class against the rest.
        if name != RateName::Accuracy && said.is_some() && of(said) != of(confusion.rate(name)) {
            return Err(Error::invalid(path, format!("{} is not what counts say", words(name))));
        }
    }
    Ok(())
}

fn words(name: RateName) -> String {
    serde_json::to_value(name).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn check_disparity(path: &str, disparity: &Disparity) -> Checked {
    let lists = [&disparity.groups_used, &disparity.groups_dropped, &disparity.groups_undefined];
    for list in lists {
        bounded(path, list.len(), MAXIMUM_GROUPS)?;
    }
    let known = Dimension::Bias.metrics().iter().find(|metric| metric.disparity() == Some(disparity.metric));
    let range = known.map_or((f64::NEG_INFINITY, f64::INFINITY), |metric| metric.range());
    within(path, &Figure::point(disparity.value, disparity.n), range)
}

/// What a table may have beside its groups.
fn check_rest(path: &str, table: &AttributeTable) -> Checked {
    if let Some(contrasts) = &table.contrasts {
        bounded(&format!("{path}.contrasts.groups"), contrasts.groups.len(), MAXIMUM_GROUPS)?;
    }
    if let Some(bootstrap) = &table.bootstrap {
        bounded(&format!("{path}.bootstrap.groups"), bootstrap.groups.len(), MAXIMUM_GROUPS)?;
        bounded(&format!("{path}.bootstrap.disparities"), bootstrap.disparities.len(), MAX_DISPARITIES)?;
    }
    let Some(impact) = &table.impact else { return Ok(()) };
    let path = format!("{path}.impact");
    bounded(&format!("{path}.refused_exclusions"), impact.refused_exclusions.len(), MAXIMUM_GROUPS)?;
    check_law(&format!("{path}.selection"), &impact.selection)?;
    if let Some(scoring) = &impact.scoring {
        check_law(&format!("{path}.scoring"), scoring)?;
    }
    let rule = &impact.four_fifths;
    let path = format!("{path}.four_fifths");
    check_counted(&path, rule.categories.iter().map(|c| &c.count), (rule.n, rule.unknown))?;
    let share = |value: f64| (-ROUNDING..=1.0 + ROUNDING).contains(&value);
    let tested = rule.categories.iter().filter_map(|c| c.against_highest).map(|a| a.fisher_exact_p_value);
    let ratios = rule.categories.iter().filter_map(|c| c.impact_ratio).chain(rule.lowest_impact_ratio);
    let shares = rule.categories.iter().map(|c| c.share_of_rows);
    match tested.chain(ratios).chain(shares).all(share) {
        true => Ok(()),
        false => Err(Error::invalid(path, "a share, a ratio or a p-value does not lie between 0 and 1")),
    }
}

fn check_counted<'a>(
    path: &str,
    counts: impl ExactSizeIterator<Item = &'a CategoryCount> + Clone,
    (n, unknown): (u64, u64),
) -> Checked {
    bounded(path, counts.len(), MAXIMUM_GROUPS)?;
    let sum = |wanted: &dyn Fn(&CategoryCount) -> bool| {
        counts.clone().filter(|c| wanted(c)).try_fold(0_u64, |sum, count| sum.checked_add(count.n))
    };
    if sum(&|_| true) != Some(n) || sum(&|count| !count.known) != Some(unknown) {
        return Err(Error::invalid(path, "n and unknown are not the rows of its categories"));
    }
    match counts.clone().all(|count| count.selected <= count.n && count.category.len() <= MAX_NAME_BYTES) {
        true => Ok(()),
        false => Err(Error::invalid(path, "more are selected than there are rows, or a name is too long")),
    }
}

/// The table follows from its counts and from what it leaves out.
fn check_law(path: &str, law: &LocalLaw144) -> Checked {
    check_counted(path, law.categories.iter().map(|c| &c.count), (law.n, law.unknown))?;
    let counts: Vec<_> = law.categories.iter().map(|c| c.count.clone()).collect();
    let exclusions: Vec<_> = law
        .categories
        .iter()
        .filter_map(|c| match &c.standing {
            Standing::Excluded { justification } => {
                Some(Exclusion { category: c.count.category.clone(), justification: justification.clone() })
            }
            Standing::Rated | Standing::Unknown => None,
        })
        .collect();
    bounded(path, exclusions.len(), MAX_EXCLUSIONS)?;
    let computed =
        local_law_144(&counts, law.scoring, &exclusions).map_err(|error| Error::invalid(path, error.to_string()))?;
    let close = |said: Option<f64>, computed: Option<f64>| match (said, computed) {
        (Some(said), Some(computed)) => (said - computed).abs() <= ROUNDING,
        (said, computed) => said == computed,
    };
    for (said, computed) in law.categories.iter().zip(&computed.categories) {
        let path = format!("{path}.{}", said.count.category.chars().take(100).collect::<String>());
        if said.standing != computed.standing || said.may_be_excluded != computed.may_be_excluded {
            return Err(Error::invalid(path, "its standing is not what its count says"));
        }
        let rate = |rate: Option<Rate>| rate.map(|rate| (rate.count, rate.total));
        if rate(said.rate) != rate(computed.rate) || !close(said.impact_ratio, computed.impact_ratio) {
            return Err(Error::invalid(path, "rate or impact ratio does not follow from the counts"));
        }
        if !close(said.share_of_known, computed.share_of_known) {
            return Err(Error::invalid(path, "share_of_known does not follow from the counts"));
        }
    }
    Ok(())
}
