//! Technical documentation by the points of Annex IV of Regulation (EU) 2024/1689.

use super::{governance, measured, parts};
use crate::{
    dossiers::{
        collect::Collected,
        document::{Document, Section},
    },
    error::Error,
    frameworks::ItemState,
};

/// The nine points, named in our own words.
const POINTS: [(u8, &str); 9] = [
    (1, "General description of the system"),
    (2, "Its elements and how it was developed"),
    (3, "Monitoring, functioning and control"),
    (4, "Why these metrics are appropriate"),
    (5, "The risk management system"),
    (6, "What changed over its life"),
    (7, "Standards that were applied"),
    (8, "The EU declaration of conformity"),
    (9, "Monitoring after it is on the market"),
];

pub(super) fn write(document: &mut Document, of: &Collected) -> Result<(), Error> {
    for (point, title) in POINTS {
        let mut section = Section::new(format!("Annex IV, point {point}: {title}"));
        let items: Vec<_> = of.held.items.iter().filter(|item| point_of(item) == point).collect();
        if items.is_empty() {
            section.absent("The profile has no item under this point; the registry can show nothing for it.");
        }
        parts::list(&mut section, &format!("Items under point {point}"), items.into_iter());
        match point {
            1 => {
                parts::describe(&mut section, of);
                parts::describe_place(&mut section, of);
            }
            2 => {
                parts::describe_provenance(&mut section, of);
                parts::describe_data(&mut section, of);
                measured::figures_of(&mut section, of);
                measured::groups_of(document, &mut section, of)?;
            }
            3 => {
                measured::verdicts_of(&mut section, of);
                governance::owners(&mut section, of);
            }
            6 => governance::history(&mut section, of),
            _ => {}
        }
        document.sections.push(section);
    }
    document.sections.extend([governance::approvals(of), parts::reported(of)]);
    Ok(())
}

/// The point that an item belongs to: the one it cites, or the one that speaks of the article.
fn point_of(item: &ItemState) -> u8 {
    if let Some(rest) = item.citation.strip_prefix("Annex IV ") {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return digits.parse().unwrap_or(2);
    }
    let article = item.citation.split("Art. ").nth(1).unwrap_or_default();
    let digits: String = article.chars().take_while(char::is_ascii_digit).collect();
    match digits.as_str() {
        "9" if item.item == "foreseeable-misuse" => 1,
        "9" => 5,
        "13" => 1,
        "12" | "14" => 3,
        "72" => 9,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use crate::frameworks::{Facts, catalog, coverage};
    use chrono::Utc;

    #[test]
    fn every_item_of_the_profile_stands_under_one_of_the_nine_points() {
        let at = chrono::DateTime::<Utc>::UNIX_EPOCH;
        for revision in [1, 2] {
            let entry = catalog().expect("catalog").find("eu-ai-act", revision).expect("profile");
            let items = coverage(&entry.profile, &Facts::default(), at);
            let points: std::collections::BTreeSet<_> = items.iter().map(super::point_of).collect();
            assert_eq!(points, (1..=9).collect(), "revision {revision}");
        }
    }
}
