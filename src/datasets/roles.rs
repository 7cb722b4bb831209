//! What a sensitive column means to a law, whatever it is called.
//!
//! Invariant: of a description that was read, a stated column is a sensitive one and has one role.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Columns by role: `{race: herkunft}`. A role without a column is told by columns' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// Race or ethnicity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<String>,
}

impl Roles {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether somebody said what this column means.
    pub fn names(&self, column: &str) -> bool {
        [&self.sex, &self.race].into_iter().flatten().any(|stated| stated == column)
    }

    pub(super) fn check(&self, sensitive: &[String]) -> Result<(), Error> {
        for (role, column) in [("roles.sex", &self.sex), ("roles.race", &self.race)] {
            if let Some(column) = column
                && !sensitive.contains(column)
            {
                let detail = format!("\"{column}\" is no sensitive column; list it under sensitive too");
                return Err(Error::invalid(role, detail));
            }
        }
        match self.sex.is_some() && self.sex == self.race {
            true => Err(Error::invalid("roles.race", "one column has one role; name another one for sex or for race")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::datasets::Description;
    use serde_json::{Value, json};

    fn with(roles: Value) -> Result<Description, String> {
        let written = json!({"label": "y", "sensitive": ["gender", "origin"], "roles": roles});
        Description::parse(&written).map_err(|e| e.to_string())
    }

    #[test]
    fn a_role_belongs_to_one_sensitive_column() {
        for (roles, says) in [
            (json!({"race": "colour"}), "roles.race"),
            (json!({"sex": "y"}), "roles.sex"),
            (json!({"sex": "origin", "race": "origin"}), "one column has one role"),
            (json!({"religion": "origin"}), "unknown field"),
            (json!({"race": ["origin"]}), "roles.race"),
            (json!("origin"), "roles"),
        ] {
            let said = with(roles.clone()).expect_err(says);
            assert!(said.contains(says), "{roles}: {said}");
        }
    }

    #[test]
    fn a_description_says_roles_only_where_somebody_stated_one() {
        let plain = serde_json::to_value(with(json!({})).expect("none")).expect("json");
        assert!(plain.get("roles").is_none());
        let stated = with(json!({"race": "origin"})).expect("stated");
        assert!(stated.roles.names("origin") && !stated.roles.names("gender"));
        assert_eq!(serde_json::to_value(&stated).expect("json")["roles"], json!({"race": "origin"}));
    }
}
