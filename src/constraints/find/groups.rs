//! Figures of the groups of an attribute.

use super::{
    super::{
        measured::Measured,
        metric::{ImpactForm, Metric},
        spec::Constraint,
        words::Words,
    },
    Beyond, Candidate, missing,
};
use crate::stats::{
    breakdown::ImpactRatios,
    disparity::{Against, Disparity},
    fairness::{AttributeTable, FigureName, GroupRates, RateName},
    figure::{Figure, Rate},
    impact::{LocalLaw144, LocalLaw144Category, Standing},
    interval,
};

pub fn find(constraint: &Constraint, attribute: &str, measured: &Measured) -> Result<Vec<Candidate>, String> {
    let table = table(constraint, attribute, measured).ok_or_else(|| missing(measured, attribute))?;
    let metric = constraint.metric;
    if let Some(form) = metric.impact() {
        return impact_ratios(metric, form, table);
    }
    let usable: Vec<&GroupRates> = table.usable().collect();
    if usable.len() < 2 {
        let (count, size) = (usable.len(), table.minimum_group_size);
        let doubt =
            format!("{count} of {} groups have at least {size} rows, and a comparison needs two", table.groups.len());
        let rows = usable.iter().map(|g| g.n).sum();
        return Ok(vec![about(metric, table, Figure::point(None, rows), Some(doubt))]);
    }
    if needs_counts(metric) && table.overall.as_ref().is_none_or(|all| all.counts.is_none()) {
        return Err(without_counts(metric, table));
    }
    let left_out = left_out(table);
    let of_nobody = of_nobody(constraint, table);
    if let Some(wanted) = metric.disparity() {
        let disparity = table.disparity(wanted).ok_or_else(|| missing_figure(measured, metric))?;
        let mut candidate = of_disparity(metric, table, disparity, left_out);
        candidate.doubt = candidate.doubt.or(of_nobody);
        return Ok(vec![candidate]);
    }
    if let Some(rate) = metric.group_rate() {
        let candidate = |group: &&GroupRates| Candidate {
            doubt: of_nobody.clone(),
            ..of_rate(metric, table, group, rate, left_out.clone())
        };
        return Ok(usable.iter().map(candidate).collect());
    }
    let figure = metric.group_figure().ok_or_else(|| missing(measured, metric.word()))?;
    if usable.iter().all(|group| group.figure(figure).is_none()) {
        return Err(missing_figure(measured, metric));
    }
    Ok(usable.iter().map(|group| of_figure(metric, group, figure, left_out.clone())).collect())
}

fn table<'m>(constraint: &Constraint, attribute: &str, measured: &'m Measured) -> Option<&'m AttributeTable> {
    let against = constraint.against.clone().unwrap_or_default();
    measured.bias.iter().find(|table| {
        table.attribute == attribute
            && Some(table.minimum_group_size) == constraint.minimum_group_size
            && table.class == constraint.class
            && table.against == against
    })
}

/// Figures of scores are missing for the reason that the figure over all rows is.
fn missing_figure(measured: &Measured, metric: Metric) -> String {
    let whole = metric.word().trim_end_matches("_difference").trim_end_matches("_ratio");
    match measured.absent.get(whole) {
        Some(reason) => format!("{} was not measured: {reason}", metric.word()),
        None => format!("{} was not measured: this kind of prediction doesn't have it", metric.word()),
    }
}

/// Whether it rests on who is selected; accuracy is over all labels.
fn needs_counts(metric: Metric) -> bool {
    match (metric.disparity(), metric.group_rate()) {
        (Some(disparity), _) => disparity.is_counted() && disparity.rates().iter().all(selects),
        (None, rate) => rate.as_ref().is_some_and(selects),
    }
}

/// Why an upper limit on who is selected says nothing where nobody is: every rate is 0, and every difference a perfect 0.
fn of_nobody(constraint: &Constraint, table: &AttributeTable) -> Option<String> {
    let rests_on_selection = match (constraint.metric.disparity(), constraint.metric.group_rate()) {
        (Some(disparity), _) => disparity.rates().iter().any(selects),
        (None, rate) => rate.as_ref().is_some_and(selects),
    };
    let is_of_nobody = table.overall.as_ref()?.counts?.selected == 0;
    (rests_on_selection && constraint.operator.is_upper_limit() && is_of_nobody).then(|| {
        "the model answers no row with the label that it is about, and rates that are all 0 say nothing about how it \
         would treat the groups; check how the model spells that label"
            .to_owned()
    })
}

fn selects(rate: &RateName) -> bool {
    !matches!(rate, RateName::Accuracy | RateName::ErrorRate)
}

fn without_counts(metric: Metric, table: &AttributeTable) -> String {
    let has_labels = table.overall.as_ref().is_some_and(|all| all.accuracy.is_some());
    let why = match has_labels {
        true => "it needs a favourable label, or a class that the limit is about",
        false => "this kind of prediction doesn't have it",
    };
    format!("{} was not measured: {why}", metric.word())
}

fn about(metric: Metric, table: &AttributeTable, figure: Figure, doubt: Option<String>) -> Candidate {
    let against = match &table.against {
        Against::BetweenGroups | Against::Overall => String::new(),
        Against::Group(name) => format!(" against {}", shortened(name)),
    };
    Candidate {
        subject: format!("{} over {}{against}{}", spoken(metric), table.attribute, of_class(table)),
        figure,
        counted: "rows",
        doubt,
        left_out: None,
        beyond: Beyond::Interval,
    }
}

fn spoken(metric: Metric) -> String {
    metric.word().replace('_', " ")
}

fn of_class(table: &AttributeTable) -> String {
    table.class.as_ref().map_or_else(String::new, |class| format!(" for the class {}", shortened(class)))
}

fn of_disparity(metric: Metric, table: &AttributeTable, disparity: &Disparity, left_out: Option<String>) -> Candidate {
    let figure = Figure::with_interval(disparity.value, disparity.interval, disparity.least_n);
    let mut candidate = about(metric, table, figure, doubt(table, disparity));
    candidate.counted = "rows or more on each side";
    candidate.beyond = Beyond::AllPairs(disparity.simultaneous_interval);
    if let (Some(low), Some(high)) = (&disparity.lowest_group, &disparity.highest_group) {
        let (low, high) = (shortened(low), shortened(high));
        candidate.subject = format!("{} ({low} lowest, {high} highest)", candidate.subject);
    }
    candidate.left_out = left_out;
    candidate
}

fn doubt(table: &AttributeTable, disparity: &Disparity) -> Option<String> {
    if let Against::Group(name) = &table.against
        && !table.usable().any(|group| group.group == *name)
    {
        let name = shortened(name);
        return Some(format!(
            "the reference group {name} is absent or has fewer than {} rows",
            table.minimum_group_size
        ));
    }
    let sentence = match (disparity.value, disparity.complete) {
        (Some(_), true) if disparity.groups_undefined.is_empty() => return None,
        (Some(_), true) => {
            let names = listed(disparity.groups_undefined.iter().map(String::as_str));
            return Some(format!("it is undefined for {names}, which has enough rows to count"));
        }
        (Some(_), false) => "only one of its two rates exists in two groups",
        (None, false) => "fewer than two groups have a rate to compare",
        (None, true) => "it would divide by 0",
    };
    Some(sentence.to_owned())
}

fn of_rate(
    metric: Metric,
    table: &AttributeTable,
    group: &GroupRates,
    rate: RateName,
    left_out: Option<String>,
) -> Candidate {
    let rate = group.rate(rate);
    let share = rate.map_or_else(|| format!("{} rows", group.n), |rate| format!("{} of {}", rate.count, rate.total));
    Candidate {
        subject: format!("{}{} of {} ({share})", spoken(metric), of_class(table), shortened(&group.group)),
        figure: Rate::figure(rate),
        counted: "rows",
        doubt: None,
        left_out,
        beyond: Beyond::Interval,
    }
}

fn of_figure(metric: Metric, group: &GroupRates, name: FigureName, left_out: Option<String>) -> Candidate {
    let figure = group.figure(name).unwrap_or(Figure::point(None, 0));
    Candidate {
        subject: format!("{} of {} ({} rows)", spoken(metric), shortened(&group.group), group.n),
        figure,
        counted: "rows",
        doubt: None,
        left_out,
        beyond: Beyond::Interval,
    }
}

/// The ratio of every rated category but the highest one itself.
fn impact_ratios(metric: Metric, form: ImpactForm, table: &AttributeTable) -> Result<Vec<Candidate>, String> {
    let not_there = || {
        format!(
            "{metric} was not measured: it needs a favourable label{}",
            match form {
                ImpactForm::Selection => "",
                ImpactForm::Scoring => " and its scores",
            }
        )
    };
    let impact = table.impact.as_ref().ok_or_else(not_there)?;
    let analysis = match form {
        ImpactForm::Selection => Some(&impact.selection),
        ImpactForm::Scoring => impact.scoring.as_ref(),
    }
    .ok_or_else(not_there)?;
    let minimum = table.minimum_group_size;
    let rated = || analysis.categories.iter().filter(|c| c.standing == Standing::Rated);
    let top = rated().find(|c| Some(&c.count.category) == analysis.highest_category.as_ref());
    let compared: Vec<&LocalLaw144Category> =
        rated().filter(|c| top.is_some_and(|top| top.count.category != c.count.category)).collect();
    let Some(top) = top.filter(|_| !compared.is_empty()) else {
        let doubt = format!("fewer than two known categories have at least {minimum} rows");
        return Ok(vec![about(metric, table, Figure::point(None, analysis.n), Some(doubt))]);
    };
    let left_out = impact_left_out(analysis, impact);
    Ok(compared.into_iter().map(|category| of_category(metric, category, top, &left_out)).collect())
}

fn of_category(
    metric: Metric,
    category: &LocalLaw144Category,
    top: &LocalLaw144Category,
    left_out: &Option<String>,
) -> Candidate {
    let counts = |c: &LocalLaw144Category| (c.count.selected, c.count.n);
    let (name, best) = (shortened(&category.count.category), shortened(&top.count.category));
    let interval = interval::katz(counts(category), counts(top));
    let n = category.count.n.min(top.count.n);
    Candidate {
        subject: format!("{} of {name} over {best}", spoken(metric)),
        figure: Figure::with_interval(category.impact_ratio, interval, n),
        counted: "rows or more on each side",
        doubt: category.impact_ratio.is_none().then(|| "nobody is selected".to_owned()),
        left_out: left_out.clone(),
        beyond: Beyond::Interval,
    }
}

fn impact_left_out(analysis: &LocalLaw144, impact: &ImpactRatios) -> Option<String> {
    let names = |wanted: &dyn Fn(&LocalLaw144Category) -> bool| -> Vec<&str> {
        analysis.categories.iter().filter(|c| wanted(c)).map(|c| c.count.category.as_str()).collect()
    };
    let small = |known: bool| impact.too_small.iter().filter(move |c| c.known == known).map(|c| c.category.as_str());
    let excluded = |c: &&LocalLaw144Category| matches!(c.standing, Standing::Excluded { .. });
    let rows: u64 = analysis.categories.iter().filter(excluded).map(|c| c.count.n).sum();
    let unknown = names(&|c| c.standing == Standing::Unknown).into_iter().chain(small(false)).collect();
    let parts = [
        ("too small and left out".to_owned(), small(true).collect()),
        (format!("left out with a reason ({rows} rows)"), names(&|c| excluded(&c))),
        ("unknown".to_owned(), unknown),
    ];
    let sentences = parts.into_iter().filter(|(_, names): &(String, Vec<&str>)| !names.is_empty());
    let all: String = sentences.map(|(what, names)| format!("; {what}: {}", listed(names.into_iter()))).collect();
    (!all.is_empty()).then_some(all)
}

fn left_out(table: &AttributeTable) -> Option<String> {
    let small: Vec<&str> = table.groups.iter().filter(|g| g.too_small).map(|g| g.group.as_str()).collect();
    (!small.is_empty()).then(|| format!("; too small and left out: {}", listed(small.into_iter())))
}

/// The first names, and how many more.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<String> = names.take(SHOWN).map(shortened).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 40;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let start: String = name.chars().take(LONGEST).collect();
    format!("{start}…")
}
