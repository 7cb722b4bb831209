//! Why a use-case did not happen. The HTTP layer owns the mapping to status codes.

use crate::{
    authz::Denied,
    core::{Malformed, page::PageError},
};

/// One thing that a check found, for a person to act on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct FailedCheck {
    /// Stable and machine-readable, such as `constraint_failed`.
    pub check: String,
    /// A sentence with numbers.
    pub detail: String,
    /// The account name of whoever answers for it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// A part of what was decided on that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// A field of the decision, such as `constraints`.
    pub part: String,
    /// `null` where there was nothing.
    #[schema(value_type = Object)]
    pub before: serde_json::Value,
    /// `null` where there is nothing any more.
    #[schema(value_type = Object)]
    pub now: serde_json::Value,
}

/// Something that the present state of a thing does not allow.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Untimely {
    pub code: &'static str,
    pub detail: String,
    /// What can be done with it now, by the names of the actions.
    pub allowed: Vec<&'static str>,
    /// What differs from what was decided on, where that is the reason.
    pub changes: Vec<Change>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such {kind}, or it is not visible to you")]
    NotFound { kind: &'static str },
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    #[error(transparent)]
    Untimely(Box<Untimely>),
    /// What was sent breaks a rule; one entry per field.
    #[error("{}", sentence(.0))]
    Invalid(Vec<(String, String)>),
    /// The request itself is not well-formed.
    #[error("{detail}")]
    BadRequest { code: &'static str, detail: String },
    #[error("sign in or send a valid token")]
    Unauthenticated,
    /// The password was right, and a code of the second factor is missing or wrong.
    #[error("{detail}")]
    SecondFactor { code: &'static str, detail: &'static str },
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The gate is closed, or something that must hold first does not hold. In the audit log like
    /// every refusal.
    #[error("{denied}")]
    Refused { denied: Denied, failed: Vec<FailedCheck>, unblock: Vec<String> },
    #[error("someone else changed it in the meantime; it is now at {current}")]
    Stale { current: String },
    #[error("send the header If-Match with the ETag that you last saw")]
    PreconditionRequired,
    #[error("{detail}")]
    TooLarge { detail: String },
    /// The workspace keeps as much as it may.
    #[error("{detail}")]
    OverQuota { detail: String },
    /// Whoever asks has asked too often; `retry_after` in seconds.
    #[error("{detail}")]
    TooMany { code: &'static str, detail: String, retry_after: u64 },
    #[error("{detail}")]
    Unavailable { code: &'static str, detail: String },
    #[error("something went wrong on the server's side; the request id leads to it in the log")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub fn not_found(kind: &'static str) -> Self {
        Self::NotFound { kind }
    }

    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![(field.into(), detail.into())])
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// Names the field of a malformed value: `Name::parse(&x).in_field("name")?`.
pub trait InField<T> {
    fn in_field(self, field: &str) -> Result<T, Error>;
}

impl<T> InField<T> for Result<T, Malformed> {
    fn in_field(self, field: &str) -> Result<T, Error> {
        self.map_err(|malformed| Error::invalid(field, malformed.0))
    }
}

fn sentence(problems: &[(String, String)]) -> String {
    let parts: Vec<_> = problems.iter().map(|(field, detail)| format!("{field}: {detail}")).collect();
    parts.join("; ")
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        match error {
            sea_orm::DbErr::ConnectionAcquire(_) => Self::Unavailable {
                code: "database_busy",
                detail: "the database is busy; try again shortly".to_owned(),
            },
            error if is_full(&error) => Self::Unavailable {
                code: "storage_full",
                detail: "the registry's storage is full; nothing was changed. Tell its operator".to_owned(),
            },
            // Whoever gave way changed nothing, and may come again.
            error if is_collision(&error) => Self::Unavailable {
                code: "database_busy",
                detail: "another change got in the way at the same moment; nothing was changed, try again".to_owned(),
            },
            error => Self::internal(error),
        }
    }
}

/// PostgreSQL's SQLSTATE for a deadlock and for transactions that can't be put in an order.
fn is_collision(error: &sea_orm::DbErr) -> bool {
    use sea_orm::{DbErr, RuntimeErr};
    let (DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))
    | DbErr::Conn(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    let code = cause.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["40P01", "40001"].contains(&code.as_ref()))
}

/// SQLite says it in words (SQLITE_FULL), PostgreSQL by its SQLSTATE 53100.
fn is_full(error: &sea_orm::DbErr) -> bool {
    let text = error.to_string();
    text.contains("database or disk is full") || text.contains("53100") || text.contains("No space left on device")
}

impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Limit(malformed) => Self::invalid("limit", malformed.0),
            PageError::Cursor => Self::BadRequest {
                code: "cursor_invalid",
                detail: "the cursor does not come from this list; start again without one".to_owned(),
            },
        }
    }
}
