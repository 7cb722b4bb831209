//! What the clock ends, and what has to be done now and then. Whoever starts a worker hands it this list; each slice has its line in it.
//!
//! Nothing may rest on a sweep having run: whoever asks looks at the clock as well.

use crate::{
    accountability, app::App, blobs, error::Error, http::idempotency, jobs::worker::Sweep, oversight, promotions,
    releases, versions,
};
use std::fmt::Display;

/// In this order, each whether or not the one before it succeeded.
pub const ALL: &[Sweep] = &[
    Sweep { name: "promotion requests", run: |app| Box::pin(promotions::sweep::run(app)) },
    Sweep { name: "lapsed records", run: |app| Box::pin(accountability::vacancy::sweep(app)) },
    Sweep { name: "oversight", run: |app| Box::pin(oversight::sweep(app)) },
    Sweep { name: "reviews of rollbacks", run: |app| Box::pin(releases::reviews::sweep(app)) },
    Sweep { name: "assurance of releases", run: |app| Box::pin(releases::assurance::sweep(app)) },
    Sweep {
        name: "idempotency claims",
        run: |app| Box::pin(async { idempotency::store::purge(&app.db).await.map(drop) }),
    },
    Sweep { name: "uploads that came to nothing", run: |app| Box::pin(blobs::sweep(app)) },
    Sweep { name: "upload sessions", run: |app| Box::pin(versions::sessions::ops::sweep(app)) },
    Sweep { name: "statistics of the database", run: |app| Box::pin(app.db.refresh_statistics()) },
];

/// Does all of it now.
///
/// # Errors
/// The first failure, after everything was tried.
pub async fn run(app: &App) -> Result<(), Error> {
    let mut outcome = Ok(());
    for sweep in ALL {
        let done = (sweep.run)(app).await;
        outcome = outcome.and(done);
    }
    outcome
}

/// What came of a sweep so far, with one thing more: a failure is logged and keeps nothing else from its turn.
pub(crate) fn and(so_far: Result<(), Error>, what: impl Display, done: Result<(), Error>) -> Result<(), Error> {
    if let Err(error) = &done {
        tracing::error!(%what, ?error, "a sweep left this undone");
    }
    so_far.and(done)
}

/// Rows as the things that they are. One that can't be read is logged and left out, so that it keeps no other from
/// its turn: for sweeps alone, since everybody else has to doubt.
pub(crate) fn readable<R, T>(rows: Vec<R>) -> Vec<T>
where
    R: TryInto<T, Error = Error>,
{
    let read = |row: R| row.try_into().inspect_err(|error| tracing::error!(?error, "a sweep can't read a row")).ok();
    rows.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(u8);

    impl TryFrom<Row> for u8 {
        type Error = Error;

        fn try_from(row: Row) -> Result<Self, Error> {
            if row.0 == 2 { Err(Error::internal("two")) } else { Ok(row.0) }
        }
    }

    #[test]
    fn one_row_that_cannot_be_read_keeps_no_other_from_its_turn() {
        assert_eq!(readable::<Row, u8>(vec![Row(1), Row(2), Row(3)]), [1, 3]);
    }

    #[test]
    fn the_first_failure_is_what_came_of_it() {
        let failed = |code| Err(Error::conflict(code, "a test"));
        let outcome = and(and(and(Ok(()), 1, Ok(())), 2, failed("first")), 3, failed("second"));
        assert!(matches!(outcome, Err(Error::Conflict { code: "first", .. })), "{outcome:?}");
        assert!(and(Ok(()), 1, Ok(())).is_ok());
    }
}
