//! Writing an archive piece by piece.
//!
//! Invariant: one file is in memory at a time; the list of digests goes to a temporary file
//! when it grows.

use crate::{
    app::App,
    audit::{
        archive::{
            ARCHIVE_TYPE, Extent, FORMAT, KEYS, MANIFEST, Manifest, README, STATEMENT, SUMS, VKEY, head_path,
            proof_path, record_path, tape::Writer,
        },
        mirror::{CHECKPOINT, entries_path, tile_path},
        store,
    },
    authz::policy,
    core::ids::WorkspaceId,
    crypto::{
        checkpoint::Checkpoint,
        hex,
        merkle::{self, Hash},
        proof_file,
        statement::{Statement, Subject},
        tile::{Tile, entry_bundle},
    },
    error::Error,
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::VecDeque,
    io::{Read, Seek, Write},
};
use tempfile::SpooledTempFile;

/// What the list of digests may take in memory.
const SPOOL_BYTES: usize = 1 << 20;
/// What leaves at once of the list of digests.
const PIECE_BYTES: usize = 256 << 10;
/// Places of the log that one statement looks at for records of a workspace.
const STRETCH: u64 = 1_000;

/// An archive under way.
pub struct Pack {
    head: Checkpoint,
    note: String,
    /// Absent for the whole log.
    workspace: Option<WorkspaceId>,
    exported_at: String,
    parts: VecDeque<Part>,
    writer: Writer,
    sums: SpooledTempFile,
    sums_bytes: u64,
    sums_hash: Sha256,
    records: u64,
    /// Files before the list of digests.
    files: u64,
}

/// What comes next.
enum Part {
    Text(String, Vec<u8>),
    Tile(Tile),
    /// The records of a workspace from this place on.
    Records(u64),
    Sums,
    RestOfSums(u64),
    Manifest,
}

/// What an archive is to hold.
pub struct Plan {
    pub head: Checkpoint,
    /// With its signatures.
    pub note: String,
    pub vkey: String,
    /// `key_chain::to_file`.
    pub keys: String,
    /// Earlier heads by size.
    pub heads: Vec<(u64, String)>,
    /// Absent for the whole log.
    pub workspace: Option<WorkspaceId>,
    pub exported_at: String,
}

impl Pack {
    pub fn of(plan: Plan) -> Self {
        let extent = extent(plan.workspace);
        let mut parts = VecDeque::from([
            Part::Text(README.to_owned(), super::ops::readme(extent).into_bytes()),
            Part::Text(VKEY.to_owned(), format!("{}\n", plan.vkey).into_bytes()),
            Part::Text(KEYS.to_owned(), plan.keys.into_bytes()),
            Part::Text(CHECKPOINT.to_owned(), plan.note.clone().into_bytes()),
        ]);
        match extent {
            Extent::Log => {
                let heads = plan.heads.into_iter();
                parts.extend(heads.map(|(size, note)| Part::Text(head_path(size), note.into_bytes())));
                parts.extend(Tile::of_tree(plan.head.size).map(Part::Tile));
            }
            Extent::Workspace => parts.push_back(Part::Records(0)),
        }
        parts.extend([Part::Sums, Part::Manifest]);
        Self {
            records: if extent == Extent::Log { plan.head.size } else { 0 },
            head: plan.head,
            note: plan.note,
            workspace: plan.workspace,
            exported_at: plan.exported_at,
            parts,
            writer: Writer::default(),
            sums: SpooledTempFile::new(SPOOL_BYTES),
            sums_bytes: 0,
            sums_hash: Sha256::new(),
            files: 0,
        }
    }

    /// The next bytes; nothing after the last.
    pub async fn next(&mut self, app: &App) -> Result<Option<Vec<u8>>, Error> {
        let Some(part) = self.parts.pop_front() else { return Ok(None) };
        let bytes = match part {
            Part::Text(path, bytes) => self.file(&path, &bytes)?,
            Part::Tile(tile) => self.tile(app, &tile).await?,
            Part::Records(from) => self.records(app, from).await?,
            Part::Sums => self.begin_sums()?,
            Part::RestOfSums(left) => self.rest_of_sums(left)?,
            Part::Manifest => self.manifest(app)?,
        };
        Ok(Some(bytes))
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (blocks, line) = self.writer.file(path, bytes).ok_or_else(|| unfit(path))?;
        self.sums.write_all(line.as_bytes()).map_err(Error::internal)?;
        self.sums_hash.update(&line);
        self.sums_bytes += line.len() as u64;
        Ok(blocks)
    }

    async fn tile(&mut self, app: &App, tile: &Tile) -> Result<Vec<u8>, Error> {
        let reader = app.db.read(&policy::upkeep());
        let mut blocks = Vec::new();
        if tile.level() == 0 {
            let (from, to) = tile.range();
            let leaves = store::leaves(&reader, from, to).await?;
            let bundle = entry_bundle(leaves.iter().map(String::as_bytes));
            let bundle = bundle.ok_or_else(|| Error::internal("a leaf is longer than an entry may be"))?;
            blocks = self.file(&entries_path(tile), &bundle)?;
        }
        let positions = tile.positions();
        let nodes = store::nodes(&reader, &positions).await?;
        let hashes: Option<Vec<Hash>> = positions.iter().map(|position| nodes.get(position).copied()).collect();
        let hashes = hashes.ok_or_else(lacking)?;
        blocks.extend(self.file(&tile_path(tile), &hashes.concat())?);
        Ok(blocks)
    }

    async fn records(&mut self, app: &App, from: u64) -> Result<Vec<u8>, Error> {
        let Some(workspace) = self.workspace else { return Ok(Vec::new()) };
        let reader = app.db.read(&policy::upkeep());
        let (size, to) = (self.head.size, self.head.size.min(from + STRETCH));
        let leaves = store::leaves_of(&reader, workspace, from, to).await?;
        let mut positions: Vec<u64> =
            leaves.iter().flat_map(|(index, _)| merkle::inclusion_positions(*index, size)).collect();
        positions.sort_unstable();
        positions.dedup();
        let nodes = store::nodes(&reader, &positions).await?;
        let mut blocks = Vec::new();
        for (index, leaf) in leaves {
            let proof = merkle::inclusion_proof(index, size, |position| nodes.get(&position).copied());
            let proof = proof_file::format(index, &proof.ok_or_else(lacking)?, &self.note);
            blocks.extend(self.file(&record_path(index), leaf.as_bytes())?);
            blocks.extend(self.file(&proof_path(index), proof.as_bytes())?);
            self.records += 1;
        }
        if to < size {
            self.parts.push_front(Part::Records(to));
        }
        Ok(blocks)
    }

    fn begin_sums(&mut self) -> Result<Vec<u8>, Error> {
        self.files = self.writer.files();
        self.sums.rewind().map_err(Error::internal)?;
        self.parts.push_front(Part::RestOfSums(self.sums_bytes));
        self.writer.head(SUMS, self.sums_bytes).ok_or_else(|| unfit(SUMS))
    }

    fn rest_of_sums(&mut self, left: u64) -> Result<Vec<u8>, Error> {
        let piece = left.min(PIECE_BYTES as u64);
        let mut bytes = Vec::new();
        Read::take(&mut self.sums, piece).read_to_end(&mut bytes).map_err(Error::internal)?;
        match left - piece {
            0 => bytes.extend(Writer::tail(self.sums_bytes)),
            left => self.parts.push_front(Part::RestOfSums(left)),
        }
        Ok(bytes)
    }

    fn manifest(&mut self, app: &App) -> Result<Vec<u8>, Error> {
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            extent: extent(self.workspace),
            workspace: self.workspace.map(|id| id.to_string()),
            origin: self.head.origin.clone(),
            size: self.head.size,
            root: hex::encode(&self.head.root),
            records: self.records,
            files: self.files,
            sums_sha256: hex::encode(&self.sums_hash.clone().finalize()),
            exported_at: self.exported_at.clone(),
        };
        let value = serde_json::to_value(&manifest).map_err(Error::internal)?;
        let text = serde_json::to_string_pretty(&manifest).map_err(Error::internal)? + "\n";
        let subject = Subject::sha256(MANIFEST, hex::encode(&Sha256::digest(&text)));
        let statement = app.signer.sign_statement(&Statement::new(vec![subject], ARCHIVE_TYPE, value));
        let mut blocks = self.file(MANIFEST, text.as_bytes())?;
        blocks.extend(self.file(STATEMENT, statement.to_string().as_bytes())?);
        blocks.extend(Writer::end());
        Ok(blocks)
    }
}

fn extent(workspace: Option<WorkspaceId>) -> Extent {
    if workspace.is_some() { Extent::Workspace } else { Extent::Log }
}

fn unfit(path: &str) -> Error {
    Error::internal(format!("{path} does not fit into an archive"))
}

fn lacking() -> Error {
    Error::internal("the log's tree lacks a node")
}
