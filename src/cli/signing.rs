//! `sign` and `verify`: a model's signature (OMS v1.0) without a registry, as other tools of that format make and read it.

use super::{Exit, Failure, authorities, authorities::Authorities, init, meter::Meter, output, print, push::files};
use crate::{
    config::Client as Connection,
    core::{clock::rfc3339, words::counted},
    crypto::{
        certificate::{CertificateError, Chain},
        hex,
        keys::{SigningKey, VerifyingKey},
        oms::{self, FileDigest, FileEntries, SIGNATURE_FILE, Signed, Trust},
    },
};
use clap::Args;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Larger bundles are read by nobody.
const MAX_SIGNATURE_BYTES: u64 = 32 << 20;
/// Read at a time.
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Args)]
pub struct Sign {
    /// The folder of the model, of which every file is signed, but Git's own at its top; or a model that is one file.
    dir: PathBuf,
    /// What the model is called in the signature [default: the folder's name].
    #[arg(long)]
    name: Option<String>,
    /// Where the signature goes [default: model.sig in the folder, or FILE.sig beside a file].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The private key: EC P-256, or Ed25519, which no other tool of the format reads [default: the one of `plimsoll init`].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The key's certificate, followed by those of the authorities below the root (PEM).
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Verify {
    /// The folder of the model, or a model that is one file.
    dir: PathBuf,
    /// A public key that may have signed (PEM); again for more.
    #[arg(long, value_name = "FILE", required_unless_present = "trust_root")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    authorities: Authorities,
    /// The signature [default: model.sig in the folder, or FILE.sig beside a file].
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

/// A file of a model that lies here.
pub(super) struct Local {
    pub path: String,
    pub place: PathBuf,
    pub size_bytes: u64,
}

impl Sign {
    pub fn run(self) -> Result<Exit, Failure> {
        let key = match &self.key {
            Some(file) => read_private_key(file)?,
            None => init::read_signing_key(&self.connection)?,
        };
        let chain = self.certificate.as_deref().map(read_chain).transpose()?;
        let target = self.output.unwrap_or_else(|| beside(&self.dir));
        let mut files = all(&self.dir)?;
        // A signature cannot sign itself, whatever it is called.
        files.retain(|file| !is_same(&file.place, &target));
        let name = self.name.unwrap_or_else(|| called(&self.dir));
        let mut meter = meter(&files);
        let digests = files.iter().map(|file| {
            let mut hasher = Sha256::new();
            read(&file.place, &mut meter, |bytes| hasher.update(bytes))?;
            Ok(FileDigest { path: file.path.clone(), sha256: hex::encode(&hasher.finalize()) })
        });
        let digests = digests.collect::<Result<Vec<_>, Failure>>()?;
        let wrong = |e: oms::OmsError| Failure::new(Exit::Usage, e.to_string());
        let signature = match &chain {
            Some(chain) => oms::sign_certified(&digests, &name, &key, chain),
            None => oms::sign(&digests, &name, &key),
        };
        let signature = signature.map_err(wrong)?;
        write_whole(&target, &signature.to_string())?;
        let fingerprint = key.verifying_key().fingerprint();
        let count = digests.iter().filter(|file| oms::is_signed(&file.path)).count();
        if self.json {
            return output::json(&json!({"signature": target, "files": count, "fingerprint": fingerprint}));
        }
        let with = if chain.is_some() { "--trust-root AUTHORITY.pem --identity NAME" } else { "--key PUBLIC-KEY.pem" };
        say!("next: plimsoll verify {} {with}", self.dir.display());
        print(&output::fields(&[
            ("signed", format!("{} of {name}", counted(count, "file"))),
            ("key", fingerprint),
            ("signature", target.display().to_string()),
        ]))
    }
}

impl Verify {
    pub fn run(self) -> Result<Exit, Failure> {
        let source = self.signature.clone().unwrap_or_else(|| beside(&self.dir));
        let bundle = read_signature(&source)?;
        let keys = self.key.iter().map(|file| read_key(file)).collect::<Result<Vec<_>, _>>()?;
        let (authorities, at) = (self.authorities.read()?, self.authorities.at());
        let wrong = |e: oms::OmsError| {
            let failure = Failure::new(Exit::Verification, format!("the signature does not verify: {e}"));
            failure.next(authorities::advice(&e).unwrap_or("do not use these files as those that were signed"))
        };
        let trust = Trust { keys: &keys, authorities: &authorities, at };
        let signed = oms::open_trusting(&bundle, &trust).map_err(wrong)?;
        let mut files = all(&self.dir)?;
        files.retain(|file| !is_same(&file.place, &source));
        let mut meter = meter(&files);
        let entries = files.iter().map(|file| entries(&signed, file, &mut meter, wrong));
        let verified = signed.compare_entries(&entries.collect::<Result<Vec<_>, _>>()?).map_err(wrong)?;
        if self.json {
            return output::json(&json!({
                "model": verified.model_name, "root": verified.root, "files": verified.file_count,
                "fingerprint": verified.key_fingerprint, "unsigned": verified.unsigned,
                "certificate": verified.signatory.as_ref().map(|who| json!({
                    "sha256": who.sha256, "serial": who.serial, "names": who.names.names, "issuer": who.names.issuer,
                })),
            }));
        }
        if !verified.unsigned.is_empty() {
            say!("note: not signed, and left out by every tool: {}", output::printable(&verified.unsigned.join(", ")));
        }
        let mut said = vec![(
            "verified",
            format!("{} of {}", counted(verified.file_count, "file"), output::printable(&verified.model_name)),
        )];
        match verified.signatory {
            Some(who) => {
                said.push(("signed by", output::printable(&who.names.names.join(", "))));
                said.push(("certificate", who.sha256));
                said.push(("authority", verified.key_fingerprint));
                say!("note: certificates are judged as of {}; nothing tells when the signature was made", rfc3339(at));
            }
            None => said.push(("signed by", verified.key_fingerprint)),
        }
        said.push(("root", verified.root));
        print(&output::fields(&said))
    }
}

/// A file hashed as the signer did.
pub(super) fn entries(
    signed: &Signed,
    file: &Local,
    meter: &mut Meter,
    wrong: impl Fn(oms::OmsError) -> Failure,
) -> Result<FileEntries, Failure> {
    let path = file.path.clone();
    let Some(mut hasher) = signed.hasher(&path, file.size_bytes).map_err(wrong)? else {
        meter.add(file.size_bytes);
        return Ok(FileEntries { path, entries: Vec::new() });
    };
    read(&file.place, meter, |bytes| hasher.update(bytes))?;
    Ok(FileEntries { path, entries: hasher.finish() })
}

/// Of a folder; a model may be one file, too.
fn all(dir: &Path) -> Result<Vec<Local>, Failure> {
    if let Some(about) = fs::metadata(dir).ok().filter(|about| about.is_file()) {
        return Ok(vec![Local { path: called(dir), place: dir.to_owned(), size_bytes: about.len() }]);
    }
    let local =
        |found: files::Found| Local { path: found.path.to_string(), place: found.place, size_bytes: found.size_bytes };
    Ok(files::find_all(dir)?.into_iter().map(local).collect())
}

fn meter(files: &[Local]) -> Meter {
    Meter::new("hashing", files.iter().map(|file| file.size_bytes).sum())
}

fn read(place: &Path, meter: &mut Meter, mut each: impl FnMut(&[u8])) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::other(format!("can't read {}: {e}", place.display()));
    let mut file = File::open(place).map_err(failed)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(());
        }
        each(&buffer[..count]);
        meter.add(count as u64);
    }
}

fn read_signature(source: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |e: io::Error| {
        let failure = Failure::new(Exit::Usage, format!("can't read the signature {}: {e}", source.display()));
        failure.next("name it with --signature")
    };
    let mut bytes = Vec::new();
    let file = File::open(source).map_err(failed)?;
    file.take(MAX_SIGNATURE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn read_private_key(file: &Path) -> Result<SigningKey, Failure> {
    let usage = |what: String| Failure::new(Exit::Usage, format!("the key {}: {what}", file.display()));
    let text = Zeroizing::new(fs::read_to_string(file).map_err(|e| usage(e.to_string()))?);
    SigningKey::from_pem(&text).map_err(|e| usage(e.to_string()))
}

pub(super) fn read_chain(file: &Path) -> Result<Chain, Failure> {
    let usage = |what: String| Failure::new(Exit::Usage, format!("the certificate {}: {what}", file.display()));
    let text = fs::read_to_string(file).map_err(|e| usage(e.to_string()))?;
    Chain::from_pem(&text).map_err(|e: CertificateError| usage(e.to_string()))
}

fn read_key(file: &Path) -> Result<VerifyingKey, Failure> {
    let usage = |what: String| Failure::new(Exit::Usage, format!("the key {}: {what}", file.display()));
    let text = fs::read_to_string(file).map_err(|e| usage(e.to_string()))?;
    VerifyingKey::from_pem(&text).map_err(|e| usage(e.to_string()))
}

/// The signature is there whole or not at all.
fn write_whole(target: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::other(format!("can't write {}: {e}", target.display()));
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".plimsoll-sign-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    // It is for everybody to read, unlike what temporary files usually hold.
    file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(target).map_err(|e| failed(e.error)).map(drop)
}

fn is_same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Where a signature is looked for and put.
fn beside(model: &Path) -> PathBuf {
    if !model.is_file() {
        return model.join(SIGNATURE_FILE);
    }
    let mut name = model.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

/// The name of a folder, also of `.` and `..`.
fn called(dir: &Path) -> String {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    whole.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}
