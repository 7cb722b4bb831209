//! What is known to be wrong beside a request, and who has seen it.
//!
//! A request fixes the findings that stood when it was made, as it fixes everything else. One that blocks ends it,
//! by a check that fails. Others come and go beside it and end nothing; but whoever approves has to have seen them, so
//! an approval names the digest over the decision with the findings that stand at that moment.

use crate::{
    core::{canonical, digest::Digest},
    error::{Error, FailedCheck, Untimely},
    oversight::{
        Standing,
        findings::{Finding, Known, Severity},
    },
    promotions::{Promotion, assessment::Assessment, changes},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const PART: &str = "findings";

/// The findings that the decision of a request names.
pub fn fixed(decision: &str) -> Result<Vec<Value>, Error> {
    #[derive(Deserialize)]
    struct Fixed {
        #[serde(default)]
        findings: Vec<Value>,
    }
    Ok(serde_json::from_str::<Fixed>(decision).map_err(Error::internal)?.findings)
}

/// The same as a decision has them.
pub fn named(known: &[Known]) -> Result<Vec<Value>, Error> {
    known.iter().map(|known| serde_json::to_value(known).map_err(Error::internal)).collect()
}

/// A decision with the findings that stand now.
pub fn shown(decision: &str, now: Vec<Value>) -> Result<String, Error> {
    let mut parts: Map<String, Value> = serde_json::from_str(decision).map_err(Error::internal)?;
    match now.is_empty() {
        true => parts.remove(PART),
        false => parts.insert(PART.to_owned(), now.into()),
    };
    canonical::to_string(&parts).map_err(Error::internal)
}

/// A word to those who decide about each finding that stands and that the request does not name, and that
/// stops nothing.
pub fn since(standing: &Standing, fixed: &[Value], from: Severity, now: DateTime<Utc>) -> Vec<FailedCheck> {
    let ids: BTreeSet<&str> = fixed.iter().filter_map(|known| known["finding"].as_str()).collect();
    let is_new = |finding: &&Finding| !ids.contains(finding.id.to_string().as_str()) && !finding.blocks(from, now);
    let word = |finding: &Finding| FailedCheck {
        check: "finding_since".to_owned(),
        detail: format!(
            "{} ({}, finding {}), opened since it was asked; it stops nothing here: {}",
            finding.code, finding.severity, finding.id, finding.title
        ),
        owner: finding.owner.and_then(|owner| standing.owners.get(&owner).cloned()),
    };
    standing.findings.iter().filter(is_new).map(word).collect()
}

/// The digest that the machine is asked about: whoever saw what stands now decides on what the request fixed.
pub fn meant(seen: &Digest, promotion: &Promotion, assessment: &Assessment) -> Digest {
    if *seen == assessment.shown_digest && assessment.digest == promotion.decision_digest {
        return promotion.decision_digest;
    }
    *seen
}

/// The answer to an approver who has not seen what stands now.
pub fn unseen(promotion: &Promotion, assessment: &Assessment) -> Error {
    Error::Untimely(Box::new(Untimely {
        code: "decision_changed",
        detail: format!(
            "findings that stop nothing came or went since you looked; look at them, and approve {} if they change nothing",
            assessment.shown_digest
        ),
        allowed: promotion.stage.allowed().to_vec(),
        changes: changes::between(&promotion.decision, &assessment.shown),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_decision_is_shown_with_the_findings_that_stand_now_and_is_otherwise_the_same() {
        let known = |n: u8| json!({"finding": n, "state": "open"});
        let none = canonical::to_string(&json!({"model": "m", "v": 2})).expect("json");
        let one = canonical::to_string(&json!({"findings": [known(1)], "model": "m", "v": 2})).expect("json");
        assert_eq!(fixed(&none).expect("read"), Vec::<Value>::new());
        assert_eq!(fixed(&one).expect("read"), [known(1)]);
        assert_eq!(shown(&none, vec![known(1)]).expect("shown"), one);
        assert_eq!(shown(&one, Vec::new()).expect("shown"), none);
        assert_eq!(shown(&one, vec![known(1)]).expect("shown"), one);
        let both = shown(&one, vec![known(1), known(2)]).expect("shown");
        let changed = changes::between(&one, &both);
        assert_eq!((changed.len(), changed[0].part.as_str()), (1, "findings"));
        assert!(fixed("no decision").is_err() && shown("[]", Vec::new()).is_err());
    }
}
