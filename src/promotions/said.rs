//! What somebody says with a decision: outcome, reason, conditions, and in whose stead.

use crate::{
    authz::{Action, Principal, policy, policy::Involved},
    core::{ids::AccountId, text::Line},
    db::Conn,
    error::{Error, InField},
    oversight,
    promotions::Outcome,
};

/// So that conditions stay something to check, and no contract.
pub const MAX_CONDITIONS: usize = 20;

/// A decision as it is asked for, every field checked.
#[derive(Clone, Debug)]
pub struct Said {
    pub outcome: Outcome,
    pub reason: Line,
    /// Only with an approval.
    pub conditions: Vec<Line>,
    /// The delegator's account name.
    pub on_behalf_of: Option<String>,
}

impl Said {
    /// # Errors
    /// When the outcome is none, a rejection has no reason, or a condition says nothing, stands
    /// twice, or goes with a rejection.
    pub fn parse(
        outcome: &str,
        reason: &str,
        conditions: &[String],
        on_behalf_of: Option<&str>,
    ) -> Result<Self, Error> {
        let outcome = match outcome {
            "approve" => Outcome::Approve,
            "reject" => Outcome::Reject,
            _ => return Err(Error::invalid("outcome", "use approve or reject")),
        };
        let reason = match outcome {
            Outcome::Approve => Line::parse(reason),
            Outcome::Reject => Line::parse_required(reason),
        };
        if outcome == Outcome::Reject && !conditions.is_empty() {
            return Err(Error::invalid("conditions", "a rejection has a reason, and no conditions"));
        }
        if MAX_CONDITIONS < conditions.len() {
            return Err(Error::invalid("conditions", format!("use at most {MAX_CONDITIONS}")));
        }
        let mut parsed: Vec<Line> = Vec::new();
        for (i, condition) in conditions.iter().enumerate() {
            let place = format!("conditions[{i}]");
            let condition = Line::parse_required(condition).in_field(&place)?;
            if parsed.contains(&condition) {
                return Err(Error::invalid(place, "stands twice"));
            }
            parsed.push(condition);
        }
        let on_behalf_of = on_behalf_of.filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Self { outcome, reason: reason.in_field("reason")?, conditions: parsed, on_behalf_of })
    }

    /// In whose stead it is said: of somebody whose delegate the caller is at this moment.
    pub async fn stands_in_for(
        &self,
        conn: &Conn<'_>,
        who: &Principal,
        action: Action,
        involved: &Involved,
    ) -> Result<Option<AccountId>, Error> {
        let (Some(wanted), Some(caller)) = (&self.on_behalf_of, who.id) else { return Ok(None) };
        let names = oversight::store::people(conn, &involved.persons.delegators(caller)).await?;
        let found = names.into_iter().find(|(_, name)| name == wanted).map(|(id, _)| id);
        let reason = || {
            let name = &who.name;
            format!("{name} is not the delegate of {wanted} now; decide in your own name, or ask for a delegation")
        };
        found.map(Some).ok_or_else(|| policy::refuse(who, action, "no_delegation", reason()).into())
    }

    /// Conditions go with an approval where the policy lets them.
    pub fn require_allowed(&self, allowed: bool) -> Result<(), Error> {
        if allowed || self.conditions.is_empty() {
            return Ok(());
        }
        let detail = "the environment's policy takes no approval with conditions; approve without them, or reject";
        Err(Error::invalid("conditions", detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_said_in_full_or_refused_with_its_place() {
        let said = |outcome: &str, reason: &str, conditions: &[&str]| {
            let conditions: Vec<_> = conditions.iter().map(|c| (*c).to_owned()).collect();
            Said::parse(outcome, reason, &conditions, None)
        };
        assert_eq!(said("approve", "", &["watch it", "ask again in May"]).expect("said").conditions.len(), 2);
        assert!(said("reject", "no", &[]).is_ok());
        let many = ["x"; MAX_CONDITIONS + 1];
        for (outcome, reason, conditions, field) in [
            ("maybe", "", &[][..], "outcome"),
            ("reject", " ", &[][..], "reason"),
            ("reject", "no", &["watch it"][..], "conditions"),
            ("approve", "", &["a", " "][..], "conditions[1]"),
            ("approve", "", &["a", "a"][..], "conditions[1]"),
            ("approve", "", &many[..], "conditions"),
        ] {
            let refused = said(outcome, reason, conditions).expect_err(field).to_string();
            assert!(refused.starts_with(field), "{refused}");
        }
    }
}
