use super::{Checker, Invariant, Report, Violation, store};
use crate::{
    app::App,
    audit::replay::{self, Comparison},
    authz::policy,
    error::Error,
};

/// Records per read.
const PAGE: u64 = 1_000;

/// Checks the whole log of this registry, and its tables against it. Reads only.
///
/// In memory are the rows that the rules look at, as in every replay, and never the log.
///
/// # Errors
/// When the database can't be read; what can't be read of the log alone is a violation.
pub async fn check(app: &App) -> Result<Report, Error> {
    let mut report = by_record(app).await?;
    match replay::ops::compare_tables(app).await {
        Ok(compared) => compare(&mut report, &compared),
        // The log itself is not the one that was signed.
        Err(error) => {
            let broken = Violation { invariant: Invariant::I13, leaf: None, detail: error.to_string() };
            report.add(Invariant::I13, 1, vec![broken]);
        }
    }
    Ok(report)
}

async fn by_record(app: &App) -> Result<Report, Error> {
    let snapshot = app.db.snapshot(&policy::upkeep()).await?;
    let reader = snapshot.reader();
    let mut checker = Checker::new(store::texts(&reader).await?);
    let mut size = 0;
    let mut unreadable = Vec::new();
    loop {
        // A record that has a place and is not there can't be read either.
        let page = match replay::store::placed(&reader, size, size + PAGE).await {
            Ok(page) => page,
            Err(error) => {
                unreadable.push(wrong(size, &format!("the records from here on can't be read: {error:?}")));
                break;
            }
        };
        if page.is_empty() {
            break;
        }
        for record in page {
            match record.read {
                Ok((leaf, _)) => checker.take(size, leaf),
                Err(error) => unreadable.push(wrong(size, &error.to_string())),
            }
            size += 1;
        }
    }
    for record in replay::store::unplaced(&reader).await? {
        match record.read {
            Ok((leaf, _)) => checker.take(size, leaf),
            Err(error) => unreadable.push(wrong(size, &error.to_string())),
        }
        size += 1;
    }
    let mut report = checker.finish();
    report.add(Invariant::I13, unreadable.len() as u64, unreadable);
    Ok(report)
}

fn wrong(index: u64, why: &str) -> Violation {
    Violation { invariant: Invariant::I13, leaf: Some(index), detail: why.to_owned() }
}

/// I12: the tables are what the log tells; I13: the rows of the log are what was hashed. That it got
/// so far means that the signed head holds.
fn compare(report: &mut Report, compared: &Comparison) {
    let (mut of_rows, mut of_records) = (Vec::new(), Vec::new());
    for difference in &compared.differences {
        let is_record = difference.table == "audit_event";
        let (invariant, to) =
            if is_record { (Invariant::I13, &mut of_records) } else { (Invariant::I12, &mut of_rows) };
        to.push(Violation { invariant, leaf: None, detail: difference.to_string() });
    }
    let left = compared.differing - compared.differences.len();
    if 0 < left {
        let detail = format!("{left} more rows are not as the log tells");
        of_rows.push(Violation { invariant: Invariant::I12, leaf: None, detail });
    }
    report.add(Invariant::I12, compared.rows as u64, of_rows);
    report.add(Invariant::I13, 1, of_records);
}
