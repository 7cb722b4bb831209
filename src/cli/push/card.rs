//! `plimsoll.yaml`: what a model is for, as its authors say it.

use super::super::{Exit, Failure};
use crate::models::api::ModelInput;
use std::{fs, path::Path};

pub const CARD_FILE: &str = "plimsoll.yaml";
/// A description is a page, not a book.
const MAX_BYTES: u64 = 64 << 10;
const OPEN: &str = "TODO";

/// A description to fill in.
pub fn template(model: &str) -> String {
    format!(
        "# What this model is. `plimsoll push` reads it when it registers the model.
name: {model}
title: {OPEN}
# What it is for, and for whom.
intended_use: {OPEN}
# What it must not be used for.
prohibited_use: {OPEN}
# low, medium or high: how bad is a wrong answer?
risk_tier: medium
# Who answers for what, by account name. Remove the lines that are vacant.
owners:
  business: {OPEN}
  development: {OPEN}
  validation: {OPEN}
  operations: {OPEN}
  data: {OPEN}
  compliance: {OPEN}
"
    )
}

/// The description in the folder, or in the one above when that holds all versions.
pub fn read(dir: &Path, model: &str) -> Result<ModelInput, Failure> {
    let above = dir.canonicalize().ok().and_then(|dir| dir.parent().map(|above| above.join(CARD_FILE)));
    let Some(file) = [Some(dir.join(CARD_FILE)), above].into_iter().flatten().find(|file| file.is_file()) else {
        return Err(Failure::new(
            Exit::Usage,
            format!("{model} is not registered, and there is no {CARD_FILE} to register it from"),
        )
        .next(format!("plimsoll init {} --model {model}", dir.display())));
    };
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    if fs::metadata(&file).is_ok_and(|m| MAX_BYTES < m.len()) {
        return Err(wrong(format!("has more than {MAX_BYTES} bytes")));
    }
    let text = fs::read_to_string(&file).map_err(|e| wrong(e.to_string()))?;
    let card: ModelInput = yaml_serde::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    if card.name != model {
        return Err(wrong(format!("describes the model {}, not {model}", card.name)));
    }
    let open = unanswered(&card);
    if open.is_empty() {
        return Ok(card);
    }
    let mut failure = wrong(format!("still says {OPEN}"));
    failure.why = vec![format!("in {}", open.join(", "))];
    Err(failure.next("fill it in: people will decide by it"))
}

fn unanswered(card: &ModelInput) -> Vec<String> {
    let texts =
        [("title", &card.title), ("intended_use", &card.intended_use), ("prohibited_use", &card.prohibited_use)];
    let owners = card.owners.iter().map(|(role, who)| (format!("owners.{role}"), who));
    let all = texts.into_iter().map(|(field, text)| (field.to_owned(), text)).chain(owners);
    all.filter(|(_, text)| text.starts_with(OPEN)).map(|(field, _)| field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_readable_and_must_be_filled_in() {
        let card: ModelInput = yaml_serde::from_str(&template("credit-risk")).expect("readable");
        assert_eq!(card.name, "credit-risk");
        assert_eq!(unanswered(&card).len(), 9);
    }
}
