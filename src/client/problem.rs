//! From what the service says to what the command line says.

use crate::{
    cli::{Exit, Failure, printable},
    http::problem::Problem,
};
use reqwest::StatusCode;

const SAME_VERSION: &str = "use the program that came with the service, or ask its operator for a newer service";
const MAX_VERSION_CHARS: usize = 40;

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
    for change in problem.changes {
        failure.why.push(format!(
            "{}: {} is now {}",
            change.part,
            printable(&change.before.to_string()),
            printable(&change.now.to_string())
        ));
    }
    let id = problem.request_id.map_or_else(String::new, |id| format!(", request id {id}"));
    failure.why.push(format!("code {}{id}", problem.code));
    if !problem.unblock.is_empty() {
        failure.next = Some(format!("who can unblock it: {}", problem.unblock.join(", ")));
    } else if !problem.allowed.is_empty() {
        failure.next = Some(format!("possible now: {}", problem.allowed.join(", ")));
    } else if problem.code == "no_route" {
        failure.what = "the service has no such operation".to_owned();
        failure.next = Some(format!("it may be older than this program: {SAME_VERSION}"));
    } else if problem.code == "reauthentication_required" {
        failure.next = Some("give your password with plimsoll login, and repeat the command".to_owned());
    } else if failure.exit == Exit::SignIn {
        failure.next = Some("plimsoll login URL --user NAME".to_owned());
    }
    failure
}

/// An answer that can't be read, though it is a success. Services add fields and take none away, so
/// what lacks one comes from an older service.
pub fn unexpected(error: &serde_json::Error, version: Option<&str>) -> Failure {
    let said = error.to_string();
    let lacks = said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(field, _)| field);
    let mut failure = match lacks {
        Some(field) => {
            Failure::new(Exit::Other, format!("the service is older than this program: its answer has no \"{field}\""))
        }
        None => Failure::new(Exit::Other, format!("the answer is not what this program expects: {}", printable(&said))),
    };
    let own = env!("CARGO_PKG_VERSION");
    failure.why.push(match version {
        Some(version) => {
            format!("the service says that it is version {}; this program is {own}", printable(&short(version)))
        }
        None => format!("the service does not say which version it is; this program is {own}"),
    });
    failure.next(SAME_VERSION)
}

fn short(version: &str) -> String {
    version.chars().take(MAX_VERSION_CHARS).collect()
}

/// The exit code of a status. `stale` is a refusal by HTTP and a conflict to people.
fn exit_of(status: u16, code: &str) -> Exit {
    match status {
        401 => Exit::SignIn,
        412 if code == "stale" => Exit::Conflict,
        403 | 412 | 507 => Exit::Refused,
        404 => Exit::NotFound,
        409 | 428 => Exit::Conflict,
        400 | 413 | 415 | 422 => Exit::Usage,
        408 | 429 | 502..=504 => Exit::Unreachable,
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

/// Nothing moved any more.
pub fn silent(address: &str) -> Failure {
    Failure::new(Exit::Unreachable, format!("no answer from {address}: the connection is silent"))
        .next("look whether the network is there, and run the command again")
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
    fn an_answer_that_lacks_a_field_comes_from_an_older_service() {
        #[derive(Debug, serde::Deserialize)]
        struct New {
            #[expect(dead_code, reason = "only whether it is there counts")]
            roles: Vec<String>,
        }
        let error = |body: &str| serde_json::from_str::<New>(body).expect_err("no such answer");
        let old = unexpected(&error("{}"), Some("0.0.1\u{1b}[2J"));
        assert_eq!(old.what, "the service is older than this program: its answer has no \"roles\"");
        assert!(old.why[0].starts_with("the service says that it is version 0.0.1\u{FFFD}[2J; this program is "));
        let silent = unexpected(&error("{}"), None);
        assert!(silent.why[0].contains("does not say which version"), "{:?}", silent.why);
        let other = unexpected(&error("<html>"), None);
        assert!(other.what.starts_with("the answer is not what this program expects: expected value"), "{other:?}");
    }

    #[test]
    fn an_operation_that_is_not_there_is_of_a_newer_program() {
        let body = br#"{"type":"/problems/no_route","title":"Not Found","status":404,"code":"no_route",
            "detail":"there is nothing at this address; see /docs"}"#;
        let failure = failure(StatusCode::NOT_FOUND, body);
        assert_eq!(failure.exit, Exit::NotFound);
        assert!(failure.next.is_some_and(|next| next.contains("older than this program")));
    }

    #[test]
    fn an_answer_that_is_no_problem_is_still_explained() {
        let failure = failure(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!((failure.exit, failure.what.contains("502")), (Exit::Unreachable, true));
    }
}
