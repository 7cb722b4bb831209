//! Exit codes and the form of an error: what, why, what next.

use super::printable;
use std::{fmt, process::ExitCode};

/// Stable and documented; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    Other = 1,
    Usage = 2,
    NotFound = 3,
    SignIn = 4,
    Refused = 5,
    Verification = 6,
    Conflict = 7,
    Unreachable = 8,
    TimedOut = 9,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// What happened.
    pub what: String,
    /// Why, one line each.
    pub why: Vec<String>,
    /// What to do next.
    pub next: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: Vec::new(), next: None }
    }

    pub fn other(error: impl fmt::Display) -> Self {
        Self::new(Exit::Other, error.to_string())
    }

    /// Whether it is the refusal of a service with this code.
    pub fn is(&self, code: &str) -> bool {
        let said = format!("code {code}");
        self.why.iter().any(|why| why.strip_prefix(&said).is_some_and(|rest| rest.is_empty() || rest.starts_with(',')))
    }

    /// Whether a service said so, and not somebody in between.
    pub fn is_a_services(&self) -> bool {
        self.why.iter().any(|why| why.starts_with("code "))
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Much of it is what a service says, which may be another one than it seems: it does not steer the terminal.
    pub fn print(&self) {
        say!("error: {}", printable(&self.what));
        for why in &self.why {
            say!("  {}", printable(why));
        }
        if let Some(next) = &self.next {
            say!("  next: {}", printable(next));
        }
    }
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        use crate::error::Error;
        let exit = match &error {
            Error::NotFound { .. } => Exit::NotFound,
            Error::Conflict { .. } | Error::Untimely(_) | Error::Stale { .. } => Exit::Conflict,
            Error::Invalid(_) | Error::BadRequest { .. } => Exit::Usage,
            Error::Denied(_) | Error::Refused { .. } | Error::OverQuota { .. } => Exit::Refused,
            Error::Unauthenticated | Error::SecondFactor { .. } => Exit::SignIn,
            Error::Unavailable { .. } | Error::TooMany { .. } => Exit::Unreachable,
            _ => Exit::Other,
        };
        let mut failure = Self::new(exit, error.to_string());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            failure.why.push(cause.to_string());
            source = cause.source();
        }
        failure
    }
}
