//! Dossiers: what an auditor takes away about one version in one environment, as of one moment.
//!
//! A dossier is a zip with the same document for people (HTML, PDF) and machines (JSON), the
//! bodies of the evidence by digest, the statements of approvals and releases, the slice of
//! the audit log that is about all of this with proofs, and a manifest that the registry signed.
//!
//! Invariants: nothing in it is later than `as_of`; what could not be told for that moment is
//! said in the document; the same facts give the same bytes; a figure that nobody measured is
//! missing, never 0; no profile of a law gets a mark of passing here; evidence holds aggregates,
//! so no row of any data is in it.

pub mod api;
pub mod archive;
mod collect;
mod content;
mod cyclonedx;
mod document;
mod json;
pub mod ops;
mod plots;
pub mod profiles;
mod record;
mod render_html;
mod render_pdf;
mod slice;
mod store;
pub mod verify;
mod watched;

use crate::{
    core::clock::{self, MOMENT, rfc3339},
    error::Error,
    versions::VersionRef,
};
use chrono::{DateTime, Utc};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// A framework, `model-card` or `cyclonedx`; `@` and a revision may follow.
    pub profile: String,
    pub model: String,
    /// The version in force, or else the newest sealed one, if absent.
    pub version: Option<VersionRef>,
    /// May be absent where only one fits.
    pub environment: Option<String>,
    /// Now, if absent.
    pub as_of: Option<String>,
}

/// The moment of a dossier: a time, or the end of a day (UTC).
///
/// # Errors
/// For what is no day or time, and for the future: what comes is not on record.
pub fn moment(raw: Option<&str>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let Some(raw) = raw else { return Ok(now) };
    let at = clock::moment(raw, now).ok_or_else(|| Error::invalid("as_of", MOMENT))?;
    if now < at {
        return Err(Error::invalid("as_of", format!("{} is to come; nothing is on record of it", rfc3339(at))));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_day_means_its_end_and_the_future_is_refused() {
        let now = Utc.with_ymd_and_hms(2026, 5, 6, 7, 8, 9).single().expect("time");
        assert_eq!(moment(None, now).expect("now"), now);
        assert_eq!(moment(Some("2026-05-06"), now).expect("today"), now);
        let day = moment(Some("2026-05-05"), now).expect("a day");
        assert_eq!(rfc3339(day), "2026-05-05T23:59:59.999999Z");
        let time = moment(Some("2026-05-05T10:00:00+02:00"), now).expect("a time");
        assert_eq!(rfc3339(time), "2026-05-05T08:00:00.000000Z");
        for bad in ["2026-05-07", "2026-05-06T07:08:10Z", "yesterday", "2026-5-5", "", "2026-13-01"] {
            assert!(moment(Some(bad), now).is_err(), "{bad}");
        }
    }
}
