//! Taking bytes in and giving them out, so that what is damaged is found, said and withheld.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    blobs::{
        Checksums, Fault, Opened, Place, Stored, Upload, UploadError,
        checksums::Summing,
        faults,
        keys::KeyError,
        owner, pieces,
        reading::{ReadError, Source},
        store,
        store::Settled,
    },
    core::{
        clock::rfc3339,
        digest::Digest,
        event::Event,
        ids::{StoredBlobId, WorkspaceId},
    },
    error::Error,
};
use sha2::{Digest as _, Sha256};
use std::{io, time::Duration};
use tokio::fs::File;

/// What somebody is told who asks for bytes in quarantine.
pub const QUARANTINED: &str = "blob_quarantined";
/// How much is read between two pauses of a scrub.
const STEP_BYTES: u64 = 1 << 20;

/// An upload that has its place, and counts once [`store::settle`] has said so in the transaction that refers to it.
pub struct Placed {
    pub id: StoredBlobId,
    pub digest: Digest,
    pub size_bytes: u64,
    /// Whether whoever reads an older copy goes on when that is taken away.
    pub may_replace: bool,
}

/// Gives an upload its place, if its bytes have the digest that was promised.
///
/// # Errors
/// `Invalid` for other bytes, `Unavailable` when the disk is full.
pub async fn place(app: &App, upload: Upload, digest: &Digest) -> Result<Placed, Error> {
    let arrived = upload.finish(digest).await.map_err(|error| match error {
        UploadError::WrongDigest { .. } => Error::invalid("body", format!("{error}; send the file again")),
        UploadError::Io(error) => storage(error),
    })?;
    let copy = Stored {
        id: arrived.id(),
        digest: *digest,
        is_plain: false,
        checksums: arrived.checksums.clone(),
        // It was hashed as it came.
        checked_at: Some(app.db.clock().now()),
        key: app.blobs.wrap(&arrived).await.map_err(keys)?,
        fault: None,
    };
    store::arrive(&app.db, &copy).await?;
    let may_replace = app.blobs.is_folder();
    let placed = Placed { id: copy.id, digest: *digest, size_bytes: copy.checksums.size_bytes, may_replace };
    match app.blobs.put(arrived, copy.place()).await {
        Ok(()) => Ok(placed),
        Err(error) => {
            pieces::discard(app, placed).await?;
            // It was taken away on its way in, as nobody had touched it for long.
            Err(if error.kind() == io::ErrorKind::NotFound { store::lapsed() } else { storage(error) })
        }
    }
}

/// After the commit: takes away what does not count any more, and tells of bytes that are well again.
pub async fn tidy(app: &App, digest: &Digest, settled: Settled) -> Result<(), Error> {
    clear(app, settled.leftover).await;
    if !settled.healed.is_empty() {
        tracing::info!(%digest, "damaged bytes were sent again and are well");
    }
    // Whoever holds them only now has nothing to hear: that others had them is nobody's business.
    for workspace in settled.healed {
        tell(app, workspace, restored(digest)).await?;
    }
    Ok(())
}

/// Bytes for reading, chunk by chunk.
///
/// # Errors
/// `Conflict` when they are in quarantine.
pub async fn open(app: &App, digest: &Digest) -> Result<Opened, Error> {
    for _ in 0..3 {
        let stored = look_up(app, digest).await?;
        if let Some(fault) = &stored.fault {
            return Err(withheld(digest, fault));
        }
        match app.blobs.read(&stored).await {
            Ok((source, size)) if size == stored.checksums.size_bytes => return Ok(Opened::new(stored, source)),
            Ok(_) => return Err(damaged(app, &stored, faults::SIZE).await),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Another copy may count by now. If not, it is gone, unless the whole folder is out of reach.
                if look_up(app, digest).await?.id == stored.id {
                    owner::confirm(app).await?;
                    return Err(damaged(app, &stored, faults::MISSING).await);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged(app, &stored, faults::SEAL).await);
            }
            Err(error) => return Err(unread(app, &stored, ReadError::Io(error)).await),
        }
    }
    Err(Error::internal(format!("the copies of {digest} change all the time")))
}

/// Takes away copies that have no row any more. What stays is found by the next collection.
pub async fn clear(app: &App, places: Vec<Place>) {
    for place in places {
        if let Err(error) = app.blobs.remove(place).await {
            tracing::warn!(digest = %place.digest, %error, "a copy that is not needed any more could not be removed");
        }
    }
}

/// Bytes as a file that was looked at from end to end, with its size.
///
/// # Errors
/// `Conflict` when they are in quarantine, or are now.
pub async fn local(app: &App, digest: &Digest) -> Result<(File, u64), Error> {
    let opened = open(app, digest).await?;
    let stored = opened.stored.clone();
    match opened.into_file(app.blobs.incoming()).await {
        Ok((file, stored)) => Ok((file, stored.checksums.size_bytes)),
        Err(error) => Err(unread(app, &stored, error).await),
    }
}

/// What somebody is told who can't have bytes; damaged ones are in quarantine afterwards.
pub async fn unread(app: &App, stored: &Stored, error: ReadError) -> Error {
    match error {
        ReadError::Damaged(fault) => damaged(app, stored, fault).await,
        ReadError::Io(error) if is_of_the_medium(&error) => match owner::confirm(app).await {
            Ok(()) => damaged(app, stored, faults::UNREADABLE).await,
            Err(error) => error,
        },
        ReadError::Io(error) => storage(error),
    }
}

/// The disk can't read just this any more, or it is no file: another try gives the same.
fn is_of_the_medium(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EIO) || error.kind() == io::ErrorKind::IsADirectory
}

/// Compares bytes with their sha256 from end to end, at most so many bytes a second, and puts them into quarantine
/// or takes them out again. Returns what is wrong, and how many bytes were read.
pub async fn check(app: &App, digest: &Digest, rate: Option<u64>) -> Result<(Option<String>, u64), Error> {
    let Some(stored) = find(app, digest).await? else {
        let stored = look_up(app, digest).await?;
        return Ok((stored.fault.map(|fault| fault.what), stored.checksums.size_bytes));
    };
    let (read, fault) = match app.blobs.read(&stored).await {
        Ok((source, size)) => match sum(&source, size, rate).await {
            Ok((found, checksums)) if found == *digest => {
                well(app, &stored, checksums).await?;
                (size, None)
            }
            Ok((_, checksums)) => {
                let is_whole = checksums.size_bytes == stored.checksums.size_bytes;
                (size, Some(if is_whole { faults::DIGEST } else { faults::SIZE }))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => (size, Some(faults::SEAL)),
            Err(error) if is_of_the_medium(&error) => {
                owner::confirm(app).await?;
                (0, Some(faults::UNREADABLE))
            }
            Err(error) => return Err(storage(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidData => (0, Some(faults::SEAL)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            owner::confirm(app).await?;
            (0, Some(faults::MISSING))
        }
        Err(error) if is_of_the_medium(&error) => {
            owner::confirm(app).await?;
            (0, Some(faults::UNREADABLE))
        }
        Err(error) => return Err(storage(error)),
    };
    if let Some(fault) = fault {
        quarantine(app, &stored, fault).await?;
    }
    store::checked(&app.db, stored.id).await?;
    Ok((fault.map(str::to_owned), read))
}

/// Bytes that have their sha256 are well, whatever their row says, and have these checksums from now on.
async fn well(app: &App, stored: &Stored, checksums: Checksums) -> Result<(), Error> {
    let is_known = stored.checksums == checksums;
    if stored.fault.is_none() && is_known {
        return Ok(());
    }
    if !is_known {
        quarantine(app, stored, faults::CHUNK).await?;
    }
    release(app, &Stored { checksums, ..stored.clone() }).await
}

async fn find(app: &App, digest: &Digest) -> Result<Option<Stored>, Error> {
    store::find(app.db.read(&policy::upkeep()).conn(), digest).await
}

/// The copy that counts. One that was stored before there were checksums gets them now.
async fn look_up(app: &App, digest: &Digest) -> Result<Stored, Error> {
    if let Some(stored) = find(app, digest).await? {
        return Ok(stored);
    }
    let now = app.db.clock().now();
    let place = crate::blobs::Place { digest: *digest, id: None };
    let (what, checksums) = match app.blobs.read_raw(place).await {
        Ok((raw, size)) => {
            let source = Source::plain(raw);
            let (found, checksums) = sum(&source, size, None).await.map_err(Error::internal)?;
            ((found != *digest).then_some(faults::DIGEST), checksums)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            owner::confirm(app).await?;
            (Some(faults::MISSING), Summing::default().finish())
        }
        Err(error) => return Err(storage(error)),
    };
    let fault = what.map(|what| Fault { what: what.to_owned(), at: now });
    let id = StoredBlobId::generate();
    let copy = Stored { id, digest: *digest, is_plain: true, checksums, checked_at: Some(now), key: None, fault };
    store::adopt(&app.db, &copy).await?;
    let stored = find(app, digest).await?.ok_or_else(|| Error::internal("a blob was removed at this moment"))?;
    if let Some(fault) = what.filter(|_| stored.id == id) {
        tracing::error!(%digest, fault, "stored bytes are damaged; they are in quarantine");
        for workspace in holders(app, digest).await? {
            tell(app, workspace, quarantined(digest, fault)).await?;
        }
    }
    Ok(stored)
}

async fn damaged(app: &App, stored: &Stored, fault: &'static str) -> Error {
    let at = app.db.clock().now();
    match quarantine(app, stored, fault).await {
        Ok(()) => withheld(&stored.digest, &Fault { what: fault.to_owned(), at }),
        Err(error) => error,
    }
}

/// Withholds a copy, and tells everybody who holds its bytes.
pub async fn quarantine(app: &App, stored: &Stored, fault: &'static str) -> Result<(), Error> {
    let digest = &stored.digest;
    let mut holders = holders(app, digest).await?.into_iter();
    let Some(first) = holders.next() else {
        return Err(Error::internal(format!("the bytes {digest}, which are nobody's, are damaged: {fault}")));
    };
    let tx = app.db.begin().await?;
    if !store::quarantine(&tx, stored.id, fault).await? {
        return Ok(());
    }
    tx.commit(policy::system(&system(first), Action::BlobQuarantine)?, quarantined(digest, fault)).await?;
    tracing::error!(%digest, fault, "stored bytes are damaged; they are in quarantine");
    for workspace in holders {
        tell(app, workspace, quarantined(digest, fault)).await?;
    }
    Ok(())
}

async fn release(app: &App, stored: &Stored) -> Result<(), Error> {
    let digest = &stored.digest;
    let mut holders = holders(app, digest).await?.into_iter();
    let Some(first) = holders.next() else { return Ok(()) };
    let tx = app.db.begin().await?;
    if !store::release(&tx, stored).await? {
        return Ok(());
    }
    tx.commit(policy::system(&system(first), Action::BlobRestore)?, restored(digest)).await?;
    tracing::info!(%digest, "bytes in quarantine are well again");
    for workspace in holders {
        tell(app, workspace, restored(digest)).await?;
    }
    Ok(())
}

async fn holders(app: &App, digest: &Digest) -> Result<std::collections::BTreeSet<WorkspaceId>, Error> {
    store::holders(app.db.read(&policy::upkeep()).conn(), digest).await
}

async fn tell(app: &App, workspace: WorkspaceId, event: Event) -> Result<(), Error> {
    let permit = policy::system(&system(workspace), event.action())?;
    app.db.begin().await?.commit(permit, event).await
}

fn system(workspace: WorkspaceId) -> Principal {
    Principal::system("store", workspace)
}

fn quarantined(digest: &Digest, fault: &str) -> Event {
    Event::BlobQuarantined { sha256: digest.to_string(), fault: fault.to_owned() }
}

fn restored(digest: &Digest) -> Event {
    Event::BlobRestored { sha256: digest.to_string() }
}

fn withheld(digest: &Digest, fault: &Fault) -> Error {
    let detail = format!(
        "the stored bytes of {digest} were found damaged on {} ({}) and are withheld. Push the same file again, or have the \
         operator put a good copy in its place and run plimsoll admin scrub",
        rfc3339(fault.at),
        fault.what
    );
    Error::conflict(QUARANTINED, detail)
}

/// The sha256 of so many bytes and the checksums of their chunks.
async fn sum(source: &Source, size: u64, rate: Option<u64>) -> io::Result<(Digest, Checksums)> {
    let (mut hasher, mut sums) = (Sha256::new(), Summing::default());
    let begun = tokio::time::Instant::now();
    loop {
        let left = size.saturating_sub(sums.size_bytes());
        let read = source.read(sums.size_bytes(), left.min(STEP_BYTES)).await?;
        if read.is_empty() {
            return Ok((Digest::finish(hasher), sums.finish()));
        }
        hasher.update(&read);
        sums.update(&read);
        if let Some(rate) = rate.filter(|rate| 0 < *rate) {
            let due = Duration::from_millis(sums.size_bytes().saturating_mul(1_000) / rate);
            tokio::time::sleep_until(begun + due).await;
        }
    }
}

/// A key that is not to be had is the operator's business too.
pub(super) fn keys(error: KeyError) -> Error {
    storage(io::Error::other(error))
}

/// A full disk, or a service that does not answer, is the operator's business, and worth trying again later.
pub fn storage(error: io::Error) -> Error {
    let (code, detail) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ("storage_full", "the registry's storage is full; nothing was kept. Tell its operator")
        }
        io::ErrorKind::NetworkDown => {
            ("storage_unreachable", "the store of the registry's files does not answer. Try again in a minute")
        }
        _ if error.get_ref().is_some_and(|error| error.is::<KeyError>()) => (
            "encryption_key_unavailable",
            "the key of the registry's files is not to be had; nothing was kept or given. Tell its operator",
        ),
        _ => return Error::internal(error),
    };
    tracing::error!(%error, code, "the store of files failed");
    Error::Unavailable { code, detail: detail.to_owned() }
}
