//! Which checks warn in an environment instead of blocking.

use crate::{error::FailedCheck, policies::document::OnMissing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One check, and what it does here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// A code that can stand in `failed_checks`.
    pub code: String,
    pub action: OnMissing,
}

/// Checks that a policy may let warn. All others block always, whatever a policy says: those about
/// the signature, revocation and missing documents because nothing may be unknown about what runs,
/// those about measured limits because an exception to a limit is a waiver, with an owner and an end.
pub const SOFT: &[&str] = &[
    "evidence_expired",
    "constraint_evidence_expired",
    "required_evidence_missing",
    "required_evidence_expired",
    "record_missing",
    "record_lapsed",
    "owner_vacant",
    "framework_not_in_force",
    "framework_item_missing",
    "framework_item_stale",
];

/// Whether a policy may let this check warn.
pub fn may_warn(code: &str) -> bool {
    SOFT.contains(&code)
}

/// Checks by what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    pub failed: Vec<FailedCheck>,
    pub warnings: Vec<FailedCheck>,
}

impl Sorted {
    /// Adds checks that block, unless their code is among those that warn.
    pub fn take(&mut self, checks: Vec<FailedCheck>, warn: &[String]) {
        for check in checks {
            let warns = may_warn(&check.check) && warn.contains(&check.check);
            if warns { self.warnings.push(check) } else { self.failed.push(check) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_block_blocks_whatever_a_list_says() {
        let check = |code: &str| FailedCheck { check: code.to_owned(), detail: "x".to_owned(), owner: None };
        let codes = ["evidence_expired", "version_revoked", "signature_missing", "policy_missing", "constraint_fail"];
        let warn: Vec<_> = codes.iter().map(|code| (*code).to_owned()).collect();
        let mut sorted = Sorted::default();
        sorted.take(codes.map(check).to_vec(), &warn);
        assert_eq!(sorted.warnings, [check("evidence_expired")]);
        assert_eq!(sorted.failed.len(), 4);
    }
}
