use crate::{
    app::App,
    audit::{
        archive::{
            Extent, MAX_HEADS,
            pack::{Pack, Plan},
        },
        ops::{current_head, whole_log, with_cosignatures},
        store,
    },
    authz::{Action, Principal, policy},
    core::{clock::rfc3339, event::Event},
    crypto::checkpoint::Checkpoint,
    crypto::note::Note,
    error::Error,
    keys,
};

/// Begins an archive of the whole log, for those who answer for the registry, or of the
/// caller's workspace.
pub async fn begin(app: &App, who: &Principal, extent: Option<Extent>) -> Result<Pack, Error> {
    let permit = policy::act(who, Action::AuditExport)?;
    let extent = match extent {
        Some(Extent::Log) => {
            whole_log(app, who).await?;
            Extent::Log
        }
        Some(Extent::Workspace) => Extent::Workspace,
        None if whole_log(app, who).await.is_ok() => Extent::Log,
        None => Extent::Workspace,
    };
    let head = current_head(app).await?;
    let checkpoint = Note::parse(&head.note).and_then(|note| Checkpoint::parse(&note.text)).map_err(Error::internal)?;
    let heads = match extent {
        Extent::Log => earlier_heads(app, head.size).await?,
        Extent::Workspace => Vec::new(),
    };
    let size = i64::try_from(head.size).map_err(Error::internal)?;
    let tx = app.db.begin().await?;
    let exported_at = rfc3339(tx.at());
    let origin = app.signer.origin().to_owned();
    tx.commit(permit, Event::AuditExported { origin, size, extent: extent.name().to_owned() }).await?;
    Ok(Pack::of(Plan {
        head: checkpoint,
        note: head.note,
        vkey: app.signer.vkey(),
        keys: keys::ops::key_file(app).await?,
        heads,
        workspace: (extent == Extent::Workspace).then_some(who.workspace),
        exported_at,
    }))
}

/// Signed heads from all over the log's past, each with its signatures.
async fn earlier_heads(app: &App, size: u64) -> Result<Vec<(u64, String)>, Error> {
    let reader = app.db.read(&policy::upkeep());
    let mut heads: Vec<(u64, String)> = Vec::new();
    let steps = MAX_HEADS as u64;
    for step in 1..=steps {
        // In 128 bits, as no log is too long for them.
        let at_most = u64::try_from(u128::from(size.saturating_sub(1)) * u128::from(step) / u128::from(steps));
        let head = store::head_up_to(&reader, at_most.map_err(Error::internal)?).await?;
        let Some(head) = head.filter(|head| heads.last().is_none_or(|(last, _)| *last < head.size)) else { continue };
        let head = with_cosignatures(&reader, head).await?;
        heads.push((head.size, head.note));
    }
    Ok(heads)
}

/// What an auditor reads first.
pub(super) fn readme(extent: Extent) -> String {
    let (holds, more) = match extent {
        Extent::Log => (
            "the whole audit log of a Plimsoll registry up to one signed head",
            "It is laid out as C2SP tlog-tiles: unpacked, it is a mirror of the log, and any verifier of\n\
             such logs reads it. checkpoints/ has earlier signed heads; each must be a beginning of the log.\n\
             If you kept a signed head yourself, add --since FILE: only that shows that the log was\n\
             not written anew between your visits.\n",
        ),
        Extent::Workspace => (
            "the records of one workspace from the audit log of a Plimsoll registry",
            "Each record in records/ has its proof (C2SP tlog-proof) that it is in the signed log at its\n\
             place. Whether these are all records of the workspace is what the registry says and signs in\n\
             manifest.json; only an archive of the whole log proves that.\n",
        ),
    };
    format!(
        "This archive holds {holds}.\n\n\
         To verify it you need the program plimsoll and the registry's public key, which you must have\n\
         from somewhere else than this archive. Nothing has to be unpacked, and no network is needed:\n\n\
         \x20   plimsoll audit verify ARCHIVE.tar --key-file registry.vkey\n\n\
         {more}\n\
         SHA256SUMS lists the files before it (sha256sum -c SHA256SUMS), manifest.json has the digest of\n\
         that list, and manifest.sigstore.json is the registry's signature over manifest.json (DSSE).\n"
    )
}
