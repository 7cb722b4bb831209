//! From what the service says to what the command line says.

use crate::{
    cli::{Exit, Failure},
    http::problem::Problem,
};
use reqwest::StatusCode;

/// The failure of an answer that is not a success.
pub fn failure(status: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => of(problem),
        Err(_) => Failure::new(exit_of(status.as_u16(), ""), format!("the service answered {status}"))
            .next("is there something else than Plimsoll at this address, or a proxy in between?"),
    }
}

fn of(problem: Problem) -> Failure {
    let mut failure = Failure::new(exit_of(problem.status, &problem.code), problem.detail);
    if !problem.errors.is_empty() {
        // The detail repeats the fields in one line; one line each reads better.
        failure.what = "the service did not accept what was sent".to_owned();
        failure.why.extend(problem.errors.into_iter().map(|e| format!("{}: {}", e.field, e.detail)));
    }
    for check in problem.failed_checks {
        let owner = check.owner.map_or_else(String::new, |owner| format!(" (owner: {owner})"));
        failure.why.push(format!("{}: {}{owner}", check.check, check.detail));
    }
    let id = problem.request_id.map_or_else(String::new, |id| format!(", request id {id}"));
    failure.why.push(format!("code {}{id}", problem.code));
    if !problem.unblock.is_empty() {
        failure.next = Some(format!("who can unblock it: {}", problem.unblock.join(", ")));
    } else if failure.exit == Exit::SignIn {
        failure.next = Some("plimsoll login URL --user NAME".to_owned());
    }
    failure
}

/// The exit code of a status. `stale` is a refusal by HTTP and a conflict to people.
fn exit_of(status: u16, code: &str) -> Exit {
    match status {
        401 => Exit::SignIn,
        412 if code == "stale" => Exit::Conflict,
        403 | 412 => Exit::Refused,
        404 => Exit::NotFound,
        409 | 428 => Exit::Conflict,
        400 | 413 | 415 | 422 => Exit::Usage,
        429 | 502..=504 => Exit::Unreachable,
        _ => Exit::Other,
    }
}

/// Nobody answered.
pub fn unreachable(address: &str, error: &reqwest::Error) -> Failure {
    let mut failure = Failure::new(Exit::Unreachable, format!("no answer from {address}"));
    if error.is_timeout() {
        failure.why.push("it took too long".to_owned());
    }
    failure.why.extend(last_cause(error));
    failure.next("is the service running there? plimsoll serve starts one")
}

/// The answer began and did not end.
pub fn broken_off(error: reqwest::Error) -> Failure {
    let mut failure = Failure::new(Exit::Unreachable, "the answer broke off");
    failure.why.extend(last_cause(&error));
    failure.next("run the command again")
}

/// The outer layers only repeat the address.
fn last_cause(error: &reqwest::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error)?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_exit_code() {
        for (status, code, exit) in [
            (401, "unauthenticated", Exit::SignIn),
            (403, "separation_of_duties", Exit::Refused),
            (412, "not_approved", Exit::Refused),
            (412, "stale", Exit::Conflict),
            (404, "not_found", Exit::NotFound),
            (409, "decision_changed", Exit::Conflict),
            (422, "invalid", Exit::Usage),
            (400, "malformed", Exit::Usage),
            (503, "database_busy", Exit::Unreachable),
            (500, "internal", Exit::Other),
        ] {
            assert_eq!(exit_of(status, code), exit, "{status} {code}");
        }
    }

    #[test]
    fn a_refusal_names_the_failed_checks_the_owners_and_who_can_help() {
        let body = br#"{"type":"/problems/not_approved","title":"Precondition Failed","status":412,"code":"not_approved",
            "detail":"m@3 is not approved","request_id":"r-1","failed_checks":[{"check":"constraint_fail","detail":"auc: 0.6","owner":"ines"}],
            "unblock":["mara"]}"#;
        let failure = failure(StatusCode::PRECONDITION_FAILED, body);
        assert_eq!(failure.exit, Exit::Refused);
        assert_eq!(failure.why, ["constraint_fail: auc: 0.6 (owner: ines)", "code not_approved, request id r-1"]);
        assert_eq!(failure.next.as_deref(), Some("who can unblock it: mara"));
    }

    #[test]
    fn an_answer_that_is_no_problem_is_still_explained() {
        let failure = failure(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!((failure.exit, failure.what.contains("502")), (Exit::Unreachable, true));
    }
}
