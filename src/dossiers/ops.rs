use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{clock::rfc3339, digest::Digest, event::Event},
    crypto::statement::{Statement, Subject},
    dossiers::{
        Ask,
        archive::{self, DOSSIER_TYPE, Entries, FORMAT, MANIFEST, MAX_BYTES, MAX_ENTRIES, Manifest, SIGNATURE, listed},
        collect::{self, Collected},
        content, cyclonedx, json, moment, render_html, render_pdf, verify,
    },
    error::Error,
    keys,
};
use serde_json::json;

const README: &str = include_str!("../../templates/dossiers/README.txt");

/// A dossier that is in the log and may leave.
pub struct Package {
    pub file_name: String,
    pub zip: Vec<u8>,
}

/// Makes a dossier. The log says who took which one away before the first byte leaves.
pub async fn export(app: &App, who: &Principal, ask: &Ask) -> Result<Package, Error> {
    let permit = policy::act(who, Action::DossierExport)?;
    let sight = policy::read(who, Action::DossierExport)?;
    let at = moment(ask.as_of.as_deref(), app.db.clock().now())?;
    let found = collect::collect(app, &sight, ask, at).await?;
    let entries = entries(app, &found).await?;
    let (entries, manifest) = signed(app, &found, entries)?;
    let (version, model, environment) = (found.facts.version.id, found.facts.model.id, found.facts.environment.id);
    let event = Event::DossierExported {
        version,
        model,
        environment,
        profile: found.held.entry.profile.name(),
        as_of: rfc3339(at),
        manifest: manifest.to_string(),
    };
    let file_name = format!(
        "{}-{}-{}-{}.zip",
        found.held.entry.profile.id,
        found.facts.model.name,
        found.facts.version.number,
        at.date_naive()
    );
    let packed = tokio::task::spawn_blocking(move || archive::write(&entries, at)).await;
    let zip = packed.map_err(Error::internal)?.map_err(Error::internal)?;
    app.db.begin().await?.commit(permit, event).await?;
    Ok(Package { file_name, zip })
}

async fn entries(app: &App, of: &Collected) -> Result<Entries, Error> {
    let document = content::document(of)?;
    let mut entries = Entries::new();
    let mut put = |name: String, bytes: Vec<u8>| entries.insert(name, bytes);
    put("README.txt".to_owned(), README.as_bytes().to_vec());
    put("dossier.html".to_owned(), render_html::render(&document)?.into_bytes());
    put("dossier.pdf".to_owned(), render_pdf::render(&document, of.at).await?);
    put("dossier.json".to_owned(), json::render(of, &document)?.into_bytes());
    put("cyclonedx.json".to_owned(), cyclonedx::render(of)?.into_bytes());
    for record in &of.facts.evidence {
        put(format!("evidence/{}.json", record.digest.hex()), record.body.clone().into_bytes());
    }
    for report in &of.reports {
        put(format!("reported/{}.json", report.record.digest.hex()), report.bundle.clone().into_bytes());
    }
    for approval in of.requests.iter().flat_map(|request| &request.approvals) {
        put(format!("approvals/{}.json", approval.id), approval.statement.clone().into_bytes());
    }
    for release in &of.releases {
        put(format!("releases/{}.json", release.id), release.statement.clone().into_bytes());
    }
    let mut lines = String::new();
    for (leaf, proof) in of.slice.leaves.iter().zip(&of.slice.proofs) {
        lines += &verify::line(leaf.index, &leaf.leaf);
        put(format!("audit/{}.tlog-proof", leaf.index), proof.clone().into_bytes());
    }
    if let Some(note) = &of.slice.checkpoint {
        put("audit/leaves.jsonl".to_owned(), lines.into_bytes());
        put("audit/checkpoint".to_owned(), note.clone().into_bytes());
    }
    // Older approvals and heads may be signed by an earlier key.
    let keys: String = keys::ops::list(app).await?.iter().map(|(key, _)| format!("{}\n", key.verifier_key)).collect();
    put("keys/registry.vkey".to_owned(), keys.into_bytes());
    put(verify::KEYS.to_owned(), keys::ops::key_file(app).await?.into_bytes());
    put("keys/registry.pem".to_owned(), app.signer.public_key_pem().into_bytes());
    Ok(entries)
}

/// Adds the manifest and the signature over it; the digest is the manifest's.
fn signed(app: &App, of: &Collected, mut entries: Entries) -> Result<(Entries, Digest), Error> {
    let bytes: u64 = entries.values().map(|bytes| bytes.len() as u64).sum();
    if MAX_ENTRIES < entries.len() + 2 || MAX_BYTES < bytes + (4 << 20) {
        let detail = format!(
            "the dossier would have {} files and {bytes} bytes, and at most {MAX_ENTRIES} files and {MAX_BYTES} bytes \
             are packed; ask for an earlier moment",
            entries.len()
        );
        return Err(Error::TooLarge { detail });
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin: of.origin.clone(),
        profile: of.held.entry.profile.name(),
        profile_digest: of.held.entry.digest.to_string(),
        model: of.facts.model.name.clone(),
        version: of.facts.version.number,
        version_digest: of.facts.version.manifest.to_string(),
        environment: of.facts.environment.name.clone(),
        as_of: rfc3339(of.at),
        files: listed(&entries),
    };
    let text = manifest.to_canonical().map_err(Error::internal)?;
    let digest = Digest::of(&text);
    let predicate = json!({"registry": manifest.origin, "profile": manifest.profile, "as_of": manifest.as_of});
    let statement = Statement::new(vec![Subject::sha256(MANIFEST, digest.hex())], DOSSIER_TYPE, predicate);
    entries.insert(SIGNATURE.to_owned(), app.signer.sign_statement(&statement).to_string().into_bytes());
    entries.insert(MANIFEST.to_owned(), text.into_bytes());
    Ok((entries, digest))
}
