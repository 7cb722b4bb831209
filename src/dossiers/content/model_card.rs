//! A model card, in the order of its authors' proposal (Mitchell et al., 2019).

use super::{governance, measured, parts};
use crate::{
    dossiers::{
        collect::Collected,
        document::{Document, Section},
    },
    error::Error,
};

pub(super) fn write(document: &mut Document, of: &Collected) -> Result<(), Error> {
    let mut details = Section::new("Model details and intended use");
    parts::describe(&mut details, of);
    governance::owners(&mut details, of);
    document.sections.push(details);
    let mut factors = Section::new("Factors");
    match of.facts.dataset.as_ref().map(|data| &data.description.sensitive) {
        Some(columns) if !columns.is_empty() => {
            factors.say(format!("Results are broken down by {}.", columns.join(", ")));
        }
        _ => factors.absent("No evaluation data name a column that results are broken down by."),
    }
    parts::describe_place(&mut factors, of);
    document.sections.push(factors);
    let mut metrics = Section::new("Metrics");
    measured::verdicts_of(&mut metrics, of);
    measured::figures_of(&mut metrics, of);
    document.sections.push(metrics);
    document.sections.push(parts::data(of));
    let mut training = Section::new("Training data");
    parts::describe_provenance(&mut training, of);
    document.sections.push(training);
    let mut analyses = Section::new("Quantitative analyses");
    measured::groups_of(document, &mut analyses, of)?;
    document.sections.push(analyses);
    document.sections.push(parts::reported(of));
    document.sections.push(parts::items(of));
    document.sections.push(governance::releases(of));
    Ok(())
}
