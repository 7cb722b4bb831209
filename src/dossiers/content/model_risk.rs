//! The inventory entry and the validation report of supervisory guidance on model risk.

use super::{governance, measured, parts};
use crate::{
    dossiers::{
        collect::Collected,
        document::{Document, Section},
    },
    error::Error,
};

pub(super) fn write(document: &mut Document, of: &Collected) -> Result<(), Error> {
    let mut inventory = Section::new("Inventory entry");
    parts::describe(&mut inventory, of);
    governance::owners(&mut inventory, of);
    document.sections.push(inventory);
    document.sections.push(parts::items(of));
    let mut report = Section::new("Validation report: data and development");
    parts::describe_data(&mut report, of);
    parts::describe_provenance(&mut report, of);
    document.sections.push(report);
    let mut outcomes = Section::new("Validation report: outcomes");
    outcomes.say(
        "Measured by the registry's own worker on the exact files of the version. A report by somebody who did not \
         develop the model stands under what others reported, if there is one.",
    );
    measured::verdicts_of(&mut outcomes, of);
    measured::figures_of(&mut outcomes, of);
    document.sections.push(outcomes);
    measured::groups(document, of)?;
    document.sections.extend([parts::place(of), parts::reported(of)]);
    document.sections.extend([governance::approvals(of), governance::releases(of)]);
    Ok(())
}
