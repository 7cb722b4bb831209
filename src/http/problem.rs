//! RFC 9457 problem details: the one error body of the JSON API.

use crate::error::{Change, Error, FailedCheck};
use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use std::{collections::BTreeMap, fmt};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response::Response},
};

pub const CONTENT_TYPE: &str = "application/problem+json";

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Where, such as `constraints[2].unit`.
    pub field: String,
    /// What, and what would be right.
    pub detail: String,
}

/// Why a request did not do what was asked.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct Problem {
    /// Stable: `/problems/<code>`.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable and machine-readable; the last part of `type`.
    pub code: String,
    /// What happened and what to do, for a person.
    pub detail: String,
    /// What happened once more, where clients of the Open Inference Protocol look for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Leads to the lines of this request in the service's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// One entry per field that was not right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// The checks that closed the gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_checks: Vec<FailedCheck>,
    /// Who can change that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unblock: Vec<String>,
    /// What can be done instead, as things stand: `approve`, `activate`, `request` and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// What is not what it was when it was decided on, part by part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The methods that the address takes, for the header `Allow`.
    #[serde(skip)]
    #[schema(ignore)]
    allow: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    content_range: Option<String>,
    /// After how many seconds it is worth trying again, for the header `Retry-After`.
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<u64>,
    #[serde(skip)]
    #[schema(ignore)]
    source: Option<Box<Error>>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("/problems/{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            error: None,
            request_id: None,
            errors: Vec::new(),
            failed_checks: Vec::new(),
            unblock: Vec::new(),
            allowed: Vec::new(),
            changes: Vec::new(),
            allow: None,
            content_range: None,
            retry_after: None,
            source: None,
        }
    }

    /// For a method that the address does not take.
    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("this address takes {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        Self { allow: Some(allow), ..problem }
    }

    /// Says how much there is to somebody who asked for a part that is not there.
    pub fn with_content_range(self, range: String) -> Self {
        Self { content_range: Some(range), ..self }
    }

    /// As clients of the Open Inference Protocol v2 expect it: with `error`, fields at fault included.
    pub fn for_inference(self) -> Self {
        let fields = self.errors.iter().map(|one| format!("{}: {}", one.field, one.detail)).collect::<Vec<_>>();
        let said = if fields.is_empty() { self.detail.clone() } else { fields.join("; ") };
        Self { error: Some(said), ..self }
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub fn cause(&self) -> Option<&Error> {
        self.source.as_deref()
    }

    /// The answer, once the request's id is known.
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        body["request_id"] = request_id.into();
        let mut response = HttpResponse::build(self.status());
        response.content_type(CONTENT_TYPE);
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"plimsoll\""));
            }
            // The rest of the body is not waited for.
            StatusCode::REQUEST_TIMEOUT => {
                response.force_close();
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((header::RETRY_AFTER, "2"));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(range) = &self.content_range {
            response.insert_header((header::CONTENT_RANGE, range.as_str()));
        }
        if self.code == "idempotency_in_flight" {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        response.json(body)
    }
}

/// The single mapping from failures to status codes.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Error::Conflict { code, .. } => (StatusCode::CONFLICT, *code),
            Error::Untimely(untimely) => (StatusCode::CONFLICT, untimely.code),
            Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Error::BadRequest { code, .. } => (StatusCode::BAD_REQUEST, *code),
            Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Error::SecondFactor { code, .. } => (StatusCode::UNAUTHORIZED, *code),
            Error::Denied(denied) => (StatusCode::FORBIDDEN, denied.code),
            Error::Refused { denied, .. } => (StatusCode::PRECONDITION_FAILED, denied.code),
            Error::Stale { .. } => (StatusCode::PRECONDITION_FAILED, "stale"),
            Error::PreconditionRequired => (StatusCode::PRECONDITION_REQUIRED, "if_match_required"),
            Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            // RFC 4331 says so of quotas.
            Error::OverQuota { .. } => (StatusCode::INSUFFICIENT_STORAGE, "quota_exceeded"),
            Error::TooMany { code, .. } => (StatusCode::TOO_MANY_REQUESTS, *code),
            Error::Unavailable { code, .. } => (StatusCode::SERVICE_UNAVAILABLE, *code),
            // The cause stays in the log; `Display` of this variant says nothing.
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let mut problem = Self::new(status, code, error.to_string());
        match &error {
            Error::Invalid(fields) => {
                problem.errors = fields
                    .iter()
                    .map(|(field, detail)| FieldProblem { field: field.clone(), detail: detail.clone() })
                    .collect();
            }
            Error::TooMany { retry_after, .. } => problem.retry_after = Some(*retry_after),
            Error::Untimely(untimely) => {
                problem.allowed = untimely.allowed.iter().map(|action| (*action).to_owned()).collect();
                problem.changes = untimely.changes.clone();
            }
            Error::Refused { failed, unblock, .. } => {
                problem.failed_checks = failed.clone();
                problem.unblock = unblock.clone();
            }
            _ => {}
        }
        problem.source = Some(Box::new(error));
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}

/// What any operation that needs a caller may answer.
pub struct Guarded;
/// `Guarded`, and the object may not be there.
pub struct Found;
/// `Found`, and what was sent may not be right, or may collide.
pub struct Changed;
/// `Changed`, and the object may have moved on: `If-Match` is needed.
pub struct Revised;
/// What gives stored bytes, where they may be damaged.
pub struct Withheld;
/// What keeps bytes, for which there may be no room.
pub struct Keeps;
/// What may be asked for in part, or only if it is not here yet.
pub struct Parts;

const GUARDED: &[(&str, &str)] = &[
    ("401", "No valid token was sent"),
    ("403", "The caller may not do this; the refusal is in the audit log"),
    ("429", "Too many requests, or too many failed attempts; the header `Retry-After` says when to come again"),
];
const FOUND: &[(&str, &str)] = &[("404", "No such object, or not visible to the caller")];
const CHANGED: &[(&str, &str)] = &[
    ("400", "The request is not well-formed: JSON, unknown or repeated field, header"),
    ("408", "The body came too slowly"),
    ("409", "It collides with what is there, or its state does not allow it"),
    ("413", "The body is too large"),
    ("415", "The body has another type than the operation takes"),
    ("422", "A value breaks a rule; `errors` says which and why"),
];
const REVISED: &[(&str, &str)] =
    &[("412", "Someone else changed it in the meantime"), ("428", "The header If-Match is missing")];
const WITHHELD: &[(&str, &str)] = &[("409", "The stored bytes are damaged and withheld; `detail` says what to do")];
const KEEPS: &[(&str, &str)] =
    &[("507", "It does not fit into the workspace's quota; `detail` says how much it uses and what to do")];
const PARTS: &[(&str, &str)] = &[
    ("412", "It is not what `If-Match` names"),
    ("416", "It has no such part; `Content-Range` says how many bytes there are"),
];

macro_rules! problem_sets {
    ($($set:ident: $($table:ident)*;)*) => {$(
        impl IntoResponses for $set {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let mut all = BTreeMap::new();
                $(all.extend($table.iter().map(|(status, why)| described(status, why)));)*
                all
            }
        }
    )*};
}

problem_sets! {
    Guarded: GUARDED;
    Found: GUARDED FOUND;
    Changed: GUARDED FOUND CHANGED;
    Revised: GUARDED FOUND CHANGED REVISED;
    Withheld: WITHHELD;
    Keeps: KEEPS;
    Parts: PARTS;
}

fn described(status: &str, why: &str) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(why).content(CONTENT_TYPE, content).build();
    (status.to_owned(), RefOr::T(response))
}
