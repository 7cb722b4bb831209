use crate::crypto::{
    bundle,
    certificate::Authority,
    certificate_names::Rule,
    hex,
    keys::{SigningKey, VerifyingKey},
    oms::*,
    statement::{Statement, Subject},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{fs, path::Path, path::PathBuf};

fn file(path: &str, content: &str) -> FileDigest {
    FileDigest { path: path.to_owned(), sha256: hex::encode(&Sha256::digest(content)) }
}

fn model() -> Vec<FileDigest> {
    vec![file("weights.txt", "w"), file("weights/m.onnx", "m"), file("config.json", "{}")]
}

fn judge(bundle: &Value, files: &[FileDigest], key: &SigningKey) -> Result<Verified, OmsError> {
    verify(bundle.to_string().as_bytes(), files, &[key.verifying_key()])
}

#[test]
fn what_was_signed_verifies_and_names_the_key() {
    let key = SigningKey::generate().expect("key");
    let mut files = model();
    let signature = sign(&files, "model", &key).expect("signed");
    files.extend([file("model.sig", "s"), file(".gitattributes", "a"), file(".git/HEAD", "h")]);
    let verified = judge(&signature, &files, &key).expect("verified");
    assert_eq!(verified.key_fingerprint, key.verifying_key().fingerprint());
    assert_eq!((verified.model_name.as_str(), verified.file_count), ("model", 3));
    assert_eq!(verified.unsigned, ["model.sig", ".gitattributes", ".git/HEAD"]);
}

#[test]
fn any_other_set_of_files_is_refused() {
    let key = SigningKey::generate().expect("key");
    let signature = sign(&model(), "model", &key).expect("signed");
    let changed = |change: fn(&mut Vec<FileDigest>)| {
        let mut files = model();
        change(&mut files);
        judge(&signature, &files, &key).expect_err("other files").code()
    };
    assert_eq!(changed(|files| files[1] = file("weights/m.onnx", "x")), "digest_mismatch");
    assert_eq!(changed(|files| drop(files.remove(0))), "file_missing");
    assert_eq!(changed(|files| files.push(file("extra", ""))), "file_unsigned");
    assert_eq!(changed(|files| files.push(file("sub/model.sig", ""))), "file_unsigned");
    assert_eq!(changed(|files| files.push(file("sub/.git/x", ""))), "file_unsigned");
    assert_eq!(changed(|files| files.push(files[0].clone())), "file_unsigned");
    let other = SigningKey::generate().expect("key");
    assert!(matches!(judge(&signature, &model(), &other), Err(OmsError::UnknownKey { .. })));
}

#[test]
fn a_bundle_may_hold_the_key_instead_of_naming_it_and_only_a_trusted_one_counts() {
    let (key, other) = (SigningKey::generate().expect("key"), SigningKey::generate().expect("key"));
    let signed = sign(&model(), "m", &key).expect("signed");
    let text = key.verifying_key().to_pem();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let with = |material: Value, trusted: &SigningKey| {
        let mut bundle = signed.clone();
        bundle["verificationMaterial"]["publicKey"] = material;
        match judge(&bundle, &model(), trusted) {
            Ok(_) => "ok",
            Err(error) => error.code(),
        }
    };
    let (pem, der) = (STANDARD.encode(&text), body);
    let hint = key.verifying_key().fingerprint();
    for material in [
        json!({"rawBytes": pem, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}),
        json!({"rawBytes": der}),
        json!({"rawBytes": der, "hint": hint}),
    ] {
        assert_eq!(with(material.clone(), &key), "ok", "{material}");
        assert_eq!(with(material.clone(), &other), "key_unknown", "{material}");
    }
    let theirs = STANDARD.encode(other.verifying_key().to_pem());
    assert_eq!(with(json!({"rawBytes": theirs}), &key), "key_unknown");
    for material in
        [json!({}), json!({"rawBytes": theirs, "hint": hint}), json!({"rawBytes": "AAAA"}), json!({"raw": der})]
    {
        assert_eq!(with(material.clone(), &key), "bundle_malformed", "{material}");
    }
}

#[test]
fn every_broken_rule_of_the_list_has_its_own_answer() {
    let key = SigningKey::generate().expect("key");
    let digest = model()[0].sha256.clone();
    let root = hex::encode(&Sha256::digest(hex::decode::<32>(&digest).expect("hex")));
    let good = json!({
        "resources": [{"name": "weights.txt", "algorithm": "sha256", "digest": digest}],
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": ["config.json"]},
    });
    let sign = |predicate: Value| {
        let statement = Statement::new(vec![Subject::sha256("model", &root)], PREDICATE_TYPE, predicate);
        bundle::sign_statement(&statement, &key)
    };
    assert!(judge(&sign(good.clone()), &model()[..1], &key).is_ok());
    let hidden = [model()[0].clone(), model()[2].clone()];
    assert_eq!(judge(&sign(good.clone()), &hidden, &key).expect_err("hidden").code(), "file_hidden");
    for (pointer, value, code) in [
        ("/serialization/allow_symlinks", json!(true), "symlinks_allowed"),
        ("/serialization/method", json!("shards"), "serialization_unsupported"),
        ("/resources", json!([]), "no_files"),
        ("/resources/0/name", json!("/weights.txt"), "name_invalid"),
        ("/resources/0/name", json!("a//b"), "name_invalid"),
        ("/resources/0/digest", json!(digest.to_uppercase()), "digest_malformed"),
        ("/resources/0/digest", json!("0".repeat(64)), "root_mismatch"),
        ("/resources/0/algorithm", json!("md5"), "algorithm_mismatch"),
        ("/resources", json!("x"), "predicate_malformed"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).expect("field") = value;
        assert_eq!(judge(&sign(bad), &model()[..1], &key).expect_err(code).code(), code, "{pointer}");
    }
}

#[test]
fn what_was_hashed_in_shards_is_compared_shard_by_shard() {
    let key = SigningKey::generate().expect("key");
    let listed = |signed: &Signed, files: &[(&str, &[u8])]| {
        let entries = files.iter().map(|(path, bytes)| {
            let mut hasher = signed.hasher(path, bytes.len() as u64)?.expect("covered");
            hasher.update(bytes);
            Ok(FileEntries { path: (*path).to_owned(), entries: hasher.finish() })
        });
        signed.compare_entries(&entries.collect::<Result<Vec<_>, OmsError>>()?)
    };
    let digest = |bytes: &[u8]| hex::encode(&Sha256::digest(bytes));
    let resources = [("a:0:4", digest(b"abcd")), ("a:4:6", digest(b"ef")), ("b:c:0:1", digest(b"x"))]
        .map(|(name, digest)| json!({"name": name, "algorithm": "sha256", "digest": digest}));
    let raw: Vec<u8> =
        resources.iter().flat_map(|r| hex::decode::<32>(r["digest"].as_str().expect("text")).expect("hex")).collect();
    let predicate = json!({"resources": resources, "serialization":
        {"method": "shards", "hash_type": "sha256", "allow_symlinks": false, "shard_size": 4}});
    let statement = Statement::new(vec![Subject::sha256("model", digest(&raw))], PREDICATE_TYPE, predicate);
    let bundle = bundle::sign_statement(&statement, &key).to_string();
    let signed = open(bundle.as_bytes(), &[key.verifying_key()]).expect("signed");
    let code = |files: &[(&str, &[u8])]| listed(&signed, files).map_or_else(|e| e.code(), |_| "ok");
    assert_eq!(listed(&signed, &[("a", b"abcdef"), ("b:c", b"x")]).expect("honest").file_count, 2);
    assert_eq!(code(&[("a", b"abcdeF"), ("b:c", b"x")]), "digest_mismatch");
    assert_eq!(code(&[("a", b"abcd"), ("b:c", b"x")]), "file_missing");
    assert_eq!(code(&[("a", b"abcdef"), ("b:c", b"xy")]), "file_unsigned");
    assert_eq!(code(&[("a", b"abcdef"), ("b:c", b"x"), ("d", b"z")]), "file_unsigned");
    assert_eq!(
        code(&[("a", &[0; 400]), ("b:c", b"x")]),
        "file_unsigned",
        "more shards than were signed are not hashed"
    );
}

#[test]
fn nothing_that_cannot_be_verified_is_signed() {
    let key = SigningKey::generate().expect("key");
    let code = |files: &[FileDigest]| sign(files, "model", &key).expect_err("refused").code();
    assert_eq!(code(&[]), "no_files");
    assert_eq!(code(&[file("model.sig", "")]), "no_files");
    assert_eq!(code(&[file("../x", "")]), "name_invalid");
    assert_eq!(code(&[file("x", ""), file("x", "")]), "name_duplicate");
    assert_eq!(code(&[FileDigest { path: "x".to_owned(), sha256: "00".to_owned() }]), "digest_malformed");
}

/// What each vector must answer: `ok` with the first digits of its root, or a code.
const VECTORS: [(&str, &str); 24] = [
    ("bad-alg-mismatch", "algorithm_mismatch"),
    ("bad-duplicate-name-last-wrong", "name_duplicate"),
    ("bad-file-not-listed", "file_unsigned"),
    ("bad-hint", "key_unknown"),
    ("bad-path-traversal", "name_invalid"),
    ("bad-payload-tampered", "signature_invalid"),
    ("bad-predicate-type", "predicate_type_unknown"),
    ("bad-root-digest", "root_mismatch"),
    ("cert-P256", "not_key_method"),
    ("key-P256-blake2b", "ok 0f0bb19a1f85"),
    ("key-P256-shard100", "ok 774c79f06824"),
    ("key-P256-shard1000", "ok 3fd526e0a9c7"),
    ("key-P256-ignore-tokenizer-rel", "file_hidden"),
    ("key-P256-ignore-tokenizer", "file_hidden"),
    ("policy-ignore-paths-hides-file", "file_hidden"),
    ("key-P256-singlefile", "ok f5ffdf77bb54"),
    ("key-P521", "ok bdb32136365f"),
    ("key-P256", "ok bdb32136365f"),
    ("ok-jcs-payload", "ok ebe54144a109"),
    ("ok-keyid-absent", "ok bdb32136365f"),
    ("ok-keyid-null", "ok bdb32136365f"),
    ("ok-no-tlogEntries", "ok bdb32136365f"),
    ("ok-spec-sorted", "ok ebe54144a109"),
    ("rust-P256", "ok ebe54144a109"),
];

fn vectors() -> Option<PathBuf> {
    let below = |root: PathBuf| Some(root.join("oms")).filter(|oms| oms.join("bundles").is_dir());
    // Tests may read the environment; only the product must not.
    #[expect(clippy::disallowed_methods, reason = "where the vectors lie is no part of the configuration")]
    let named = std::env::var_os("PLIMSOLL_VECTORS").map(PathBuf::from);
    below(named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors")))
}

/// With the bytes of the files at hand.
fn verify_hashing(
    bundle: &[u8],
    files: &[FileDigest],
    trusted: &[VerifyingKey],
    folder: &Path,
) -> Result<Verified, OmsError> {
    let signed = open(bundle, trusted)?;
    if signed.is_plain() {
        return signed.compare(files);
    }
    assert_eq!(signed.compare(files).expect_err("bytes are needed").code(), "files_needed");
    let entries = files.iter().map(|file| {
        let bytes = fs::read(folder.join(&file.path)).expect("file");
        let hasher = signed.hasher(&file.path, bytes.len() as u64)?;
        let entries = hasher.map_or_else(Vec::new, |mut hasher| {
            hasher.update(&bytes);
            hasher.finish()
        });
        Ok(FileEntries { path: file.path.clone(), entries })
    });
    signed.compare_entries(&entries.collect::<Result<Vec<_>, OmsError>>()?)
}

fn listing(root: &Path, below: &Path, files: &mut Vec<FileDigest>) {
    for entry in fs::read_dir(below).expect("directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            listing(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            files.push(FileDigest { path: name, sha256: hex::encode(&Sha256::digest(fs::read(&path).expect("file"))) });
        }
    }
}

#[test]
fn the_vectors_of_the_reference_tool_answer_as_listed() {
    let Some(oms) = vectors() else {
        println!("skipped: no vectors; name their directory in PLIMSOLL_VECTORS");
        return;
    };
    let keys = ["P256", "P384", "P521"].map(|curve| {
        let text = fs::read_to_string(oms.join(format!("keys/{curve}.pub.pem"))).expect("key");
        let key = VerifyingKey::from_pem(&text).expect(curve);
        assert_eq!(key.to_pem(), text, "{curve}: the text of the reference tool is the canonical one");
        key
    });
    let mut files = Vec::new();
    listing(&oms.join("model"), &oms.join("model"), &mut files);
    let mut wrong = Vec::new();
    for (name, expected) in VECTORS {
        let bundle = fs::read(oms.join(format!("bundles/{name}.sig"))).expect("bundle");
        let single: Vec<_> = files.iter().filter(|f| f.path == "big.bin").cloned().collect();
        let there = if name.ends_with("singlefile") { &single } else { &files };
        let answer = match verify_hashing(&bundle, there, &keys, &oms.join("model")) {
            Ok(verified) => format!("ok {}", &verified.root[..12]),
            Err(error) => error.code().to_owned(),
        };
        if answer != expected {
            wrong.push(format!("{name}: {answer}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_vector_with_certificates_holds_for_its_authority_and_time() {
    let Some(oms) = vectors() else {
        println!("skipped: no vectors; name their directory in PLIMSOLL_VECTORS");
        return;
    };
    let mut files = Vec::new();
    listing(&oms.join("model"), &oms.join("model"), &mut files);
    let bundle = fs::read(oms.join("bundles/cert-P256.sig")).expect("bundle");
    let text = fs::read_to_string(oms.join("certs/ca.crt")).expect("authority");
    let judge = |rule: &str, at: &str| {
        let authorities = [Authority::from_pem(&text, vec![Rule::parse(rule).expect("rule")]).expect("authority")];
        let trust = Trust { keys: &[], authorities: &authorities, at: at.parse().expect("time") };
        match open_trusting(&bundle, &trust).and_then(|signed| signed.compare(&files)) {
            Ok(verified) => format!("ok {}", &verified.root[..12]),
            Err(error) => error.code().to_owned(),
        }
    };
    assert_eq!(judge("email:signer@example.com", "2026-11-22T00:00:00Z"), "ok bdb32136365f");
    assert_eq!(judge("email:another@example.com", "2026-11-22T00:00:00Z"), "identity_unknown");
    assert_eq!(judge("*", "2026-11-21T09:12:00Z"), "certificate_not_yet_valid");
    assert_eq!(judge("*", "2046-11-17T00:00:00Z"), "certificate_expired");
    // Two that are no authority, and one that is, though below another.
    let below = |name: &str| Authority::from_pem(&fs::read_to_string(oms.join(name)).expect("certificate"), Vec::new());
    assert_eq!(below("certs/leaf.crt").expect_err("no authority").code(), "not_authority");
    assert!(below("certs/int.crt").is_ok());
}
