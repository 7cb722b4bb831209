//! Counts as an auditor publishes them, one table for each analysis and form.

use super::{super::impact::*, Case, Kind, LABELS, Value, check, check_count, each, object};
use std::collections::BTreeMap;

/// Every row of the expected figures by its analysis and form. Where a file holds several audits
/// a row names its own.
fn tables(expected: &Value) -> BTreeMap<(String, String, String), Vec<&Value>> {
    let mut tables: BTreeMap<(String, String, String), Vec<&Value>> = BTreeMap::new();
    for row in expected["rows"].as_array().expect("rows") {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        tables.entry((text("audit"), text("analysis"), text("version"))).or_default().push(row);
    }
    tables
}

fn check_case(case: &Case) {
    let test = case.columns("test.csv");
    let row_of = |want: &Value| {
        let id = &want["row_id"];
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        test["row_id"].iter().position(|cell| *cell == id).expect("a row")
    };
    for ((audit, analysis, version), rows) in tables(&case.expected) {
        let column = if version == "scoring" { "above_median" } else { "selected" };
        let number = |column: &str, row: usize| test[column][row].parse::<u64>().expect("a count");
        let is_unknown = |row: usize| ["race_ethnicity", "sex"].iter().any(|column| test[*column][row] == "Unknown");
        let count = |want: &&Value| {
            let row = row_of(want);
            CategoryCount {
                category: row.to_string(),
                n: number("applicants", row),
                selected: number(column, row),
                known: want["known"].as_bool().unwrap_or_else(|| !is_unknown(row)),
            }
        };
        let counts: Vec<CategoryCount> = rows.iter().map(count).collect();
        let all = local_law_144(&counts, None, &[]).expect("no exclusion");
        let small = all.categories.iter().filter(|c| c.may_be_excluded);
        let exclusions: Vec<Exclusion> = small
            .map(|c| Exclusion { category: c.count.category.clone(), justification: "under 2 %".to_owned() })
            .collect();
        let fewer = local_law_144(&counts, None, &exclusions).expect("small categories");
        let what = format!("{} {audit} {analysis} {version}", case.name);
        if let Some(want) = case.expected["unknown"].get(&analysis) {
            check_count(&what, all.unknown, &want["unknown_applicants"]);
            let unknown = counts.iter().filter(|c| !c.known).count();
            check_count(&what, unknown as u64, &want["unknown_rows"]);
        }
        let several = 2 <= counts.iter().filter(|c| c.known).count();
        for ((one, other), want) in all.categories.iter().zip(&fewer.categories).zip(rows) {
            check_category(&format!("{what} {}", one.count.category), one, other, several, want);
        }
    }
}

fn check_category(
    what: &str,
    one: &LocalLaw144Category,
    without_small: &LocalLaw144Category,
    several: bool,
    want: &Value,
) {
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        match key {
            "rate" => check(&what, one.rate.map(|r| r.value), want, LABELS),
            "share_of_known" => check(&what, one.share_of_known, want, LABELS),
            // The reference rates a category on its own as 1; here that isn't applicable.
            "impact_ratio" if several => check(&what, one.impact_ratio, want, LABELS),
            "impact_ratio_when_categories_below_2pct_are_excluded" if several => {
                check(&what, without_small.impact_ratio, want, LABELS);
            }
            // The law has no pass mark; four fifths of the ratio above.
            "passes_four_fifths" if several && one.impact_ratio.is_some() => {
                assert_eq!(one.impact_ratio.map(|r| 0.8 <= r), want.as_bool(), "{what}");
            }
            _ => {}
        }
    }
}

#[test]
fn audit_tables_give_the_reference_impact_ratios() {
    each(Kind::Counts, &["rows"], 1, check_case);
}
