//! What the clock ends. Whoever starts a worker hands it this list; each slice has its line in it.
//!
//! Nothing may rest on a sweep having run: whoever asks looks at the clock as well.

use crate::{
    accountability, app::App, error::Error, http::idempotency, jobs::worker::Sweep, oversight, promotions, releases,
};

/// In this order, each whether or not the one before it succeeded.
pub const ALL: &[Sweep] = &[
    Sweep { name: "promotion requests", run: |app| Box::pin(promotions::sweep::run(app)) },
    Sweep { name: "lapsed records", run: |app| Box::pin(accountability::vacancy::sweep(app)) },
    Sweep { name: "oversight", run: |app| Box::pin(oversight::sweep(app)) },
    Sweep { name: "reviews of rollbacks", run: |app| Box::pin(releases::reviews::remind_due(app)) },
    Sweep { name: "assurance of releases", run: |app| Box::pin(releases::assurance::sweep(app)) },
    Sweep {
        name: "idempotency claims",
        run: |app| Box::pin(async { idempotency::store::purge(&app.db).await.map(drop) }),
    },
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
