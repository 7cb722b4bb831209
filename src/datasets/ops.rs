use crate::{
    accounts,
    app::App,
    authz::{Action, Permit, Principal, policy},
    blobs::{self, Opened, ops::storage, store::settle},
    core::{
        digest::Digest,
        event::Event,
        ids::DatasetId,
        name::Name,
        page::{Page, PageRequest},
    },
    datasets::{
        Dataset, Description,
        data::{Data, Unfit},
        store,
    },
    error::Error,
    quotas,
};
use tokio::io::AsyncReadExt;

pub const NOT_FOUND: Error = Error::NotFound { kind: "dataset" };

/// Whether somebody may send one at all.
pub fn may_register(who: &Principal) -> Result<(), Error> {
    Ok(policy::act(who, Action::DatasetRegister).map(drop)?)
}

/// Takes a table or tensors in, once they have been read from end to end.
pub async fn register(
    app: &App,
    who: &Principal,
    name: Name,
    description: Description,
    bytes: Vec<u8>,
) -> Result<Dataset, Error> {
    let permit = policy::act(who, Action::DatasetRegister)?;
    let created_by = who.id.ok_or(Error::Unauthenticated)?;
    let _turn = app.tables.acquire().await.map_err(Error::internal)?;
    let (bytes, description, data) = parse(bytes, description).await?;
    let digest = Digest::of(&bytes);
    // The body may have taken hours; whoever was signed out meanwhile registers nothing.
    if !accounts::ops::is_signed_in(app, who).await? {
        return Err(Error::Unauthenticated);
    }
    let mut upload = app.blobs.begin().await.map_err(storage)?;
    upload.write(&bytes).await.map_err(storage)?;
    let placed = blobs::ops::place(app, upload, &digest).await?;
    let kept = async {
        let tx = app.db.begin().await?;
        let dataset = Dataset {
            id: DatasetId::generate(),
            workspace: who.workspace,
            name: name.to_string(),
            digest,
            size_bytes: i64::try_from(placed.size_bytes).map_err(Error::internal)?,
            rows: i64::try_from(data.rows()).map_err(Error::internal)?,
            description,
            created_by,
            created_at: tx.at(),
        };
        let settled = settle(&tx, &placed).await?;
        quotas::store::keep(&tx, dataset.workspace, &digest, dataset.size_bytes).await?;
        store::insert(&tx, &dataset).await?;
        let event = Event::DatasetRegistered {
            dataset: dataset.id,
            name: dataset.name.clone(),
            sha256: digest.to_string(),
            rows: dataset.rows,
        };
        tx.commit(permit, event).await.map(|()| (dataset, settled))
    };
    match kept.await {
        Ok((dataset, settled)) => blobs::ops::tidy(app, &digest, settled).await.map(|()| dataset),
        Err(error) => {
            blobs::pieces::discard(app, placed).await?;
            Err(error)
        }
    }
}

pub async fn find(app: &App, who: &Principal, name: &str) -> Result<Dataset, Error> {
    let sight = policy::read(who, Action::DatasetRead)?;
    store::find(app.db.read(&sight).conn(), sight.scope(), name).await?.ok_or(NOT_FOUND)
}

pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Dataset>, Error> {
    let sight = policy::read(who, Action::DatasetRead)?;
    store::list(&app.db.read(&sight), page).await
}

/// The bytes of the file, for somebody who measures with them before anything is pushed.
pub async fn inspect(app: &App, (dataset, permit): (&Dataset, Permit)) -> Result<Opened, Error> {
    let bytes = blobs::ops::open(app, &dataset.digest).await?;
    let event = Event::DatasetInspected { dataset: dataset.id, sha256: dataset.digest.to_string() };
    // Before the first byte leaves.
    app.db.begin().await?.commit(permit, event).await?;
    Ok(bytes)
}

/// Whose rows may be read, and the permit to do so: nothing leaves, and nothing is recorded.
pub async fn inspectable(app: &App, who: &Principal, name: &str) -> Result<(Dataset, Permit), Error> {
    let dataset = find(app, who, name).await?;
    let permit = policy::act(who, Action::DatasetInspect)?;
    if dataset.description.held_out {
        let reason = format!(
            "the rows of {name} are held out: only validation runs read them; ask for a run, or measure with rows of your own"
        );
        let denied = policy::refuse(who, Action::DatasetInspect, "dataset_held_out", reason);
        return Err(Error::Denied(denied.on("dataset", dataset.id)));
    }
    Ok((dataset, permit))
}

/// The rows, for a worker. Checked against the digest: a damaged file measures nothing.
pub(crate) async fn load(app: &App, dataset: &Dataset) -> Result<Data, Error> {
    let (mut file, size) = blobs::ops::local(app, &dataset.digest).await?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.read_to_end(&mut bytes).await.map_err(Error::internal)?;
    if Digest::of(&bytes) != dataset.digest {
        return Err(Error::internal(format!("the bytes of dataset {} are damaged", dataset.name)));
    }
    Ok(parse(bytes, dataset.description.clone()).await?.2)
}

/// Off the async threads; hands back what it was given.
async fn parse(bytes: Vec<u8>, description: Description) -> Result<(Vec<u8>, Description, Data), Error> {
    let parsed = tokio::task::spawn_blocking(move || {
        let data = Data::read(&bytes, &description)?;
        Ok((bytes, description, data))
    });
    parsed.await.map_err(Error::internal)?.map_err(|unfit: Unfit| Error::invalid(unfit.field, unfit.detail))
}
