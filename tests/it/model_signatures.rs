//! Models' signatures before foreign judges: what `plimsoll sign` makes, PyPI `model-signing` and npm `@sigstore/verify`
//! accept, and the reverse. `scripts/foreign.sh` installs them.

use crate::certificates::Authorities;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A model in a folder, and somebody with a signing key.
struct Desk {
    folder: tempfile::TempDir,
    model: PathBuf,
}

impl Desk {
    fn set() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let model = folder.path().join("credit");
        let files: [(&str, &[u8]); 6] = [
            ("model.onnx", &[7; 4_000]),
            ("weights.txt", b"w"),
            ("weights/model.safetensors", b"m"),
            ("empty.bin", b""),
            ("\u{fc}n\u{ef}code.txt", b"u"),
            (".hidden", b"h"),
        ];
        for (name, bytes) in files {
            let place = model.join(name);
            fs::create_dir_all(place.parent().expect("parent")).expect("folder");
            fs::write(place, bytes).expect("file");
        }
        let desk = Self { folder, model };
        let card = desk.folder.path().join("card").display().to_string();
        succeeded(desk.plimsoll(&["init", &card, "--model", "credit"]));
        desk
    }

    fn plimsoll(&self, words: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(words).env("PLIMSOLL_CONFIG_DIR", self.folder.path()).current_dir(self.folder.path());
        program.output().expect("the program")
    }

    /// The reference tool: `sign key …` or `verify key …`.
    fn reference(&self, words: &[&str]) -> Output {
        let python = foreign("venv/bin/python3");
        Command::new(python).args(["-m", "model_signing"]).args(words).output().expect("the reference tool")
    }

    fn in_model(&self, name: &str) -> String {
        self.model.join(name).display().to_string()
    }

    fn model(&self) -> String {
        self.model.display().to_string()
    }

    fn key(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

fn foreign(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/foreign").join(name);
    assert!(place.exists(), "the foreign verifiers must be here: run scripts/foreign.sh");
    place
}

#[track_caller]
fn succeeded(output: Output) -> String {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

/// What was done to a file, the reference tool and the program both find. `theirs` and `ours`: by what each of them verifies.
fn both_refuse(desk: &Desk, signature: &str, theirs: (&str, [&str; 2]), ours: &[&str]) {
    let model = desk.model();
    let (method, trusted) = theirs;
    let judge = |what: &str| {
        let words = [&["verify", method, &model, "--signature", signature], &trusted[..]].concat();
        assert!(!desk.reference(&words).status.success(), "{what}: the reference tool accepts it");
        let ours = desk.plimsoll(&[&["verify", &model, "--signature", signature], ours].concat());
        assert_eq!(ours.status.code(), Some(6), "{what}: {}", String::from_utf8_lossy(&ours.stderr));
    };
    let place = desk.in_model("weights/model.safetensors");
    fs::write(&place, b"M").expect("written");
    judge("a changed byte");
    fs::write(&place, b"m").expect("written");
    let more = desk.in_model("extra.bin");
    fs::write(&more, b"x").expect("written");
    judge("a file more");
    fs::remove_file(&more).expect("removed");
    let gone = desk.in_model("weights.txt");
    fs::remove_file(&gone).expect("removed");
    judge("a file less");
    fs::write(&gone, b"w").expect("written");
}

#[test]
fn what_is_signed_here_others_verify() {
    let desk = Desk::set();
    let (model, public) = (desk.model(), desk.key("signing-key.pub.pem"));
    let said = succeeded(desk.plimsoll(&["sign", &model, "--name", "credit"]));
    assert!(said.contains("6 files of credit"), "{said}");
    let signature = desk.in_model("model.sig");
    succeeded(desk.reference(&["verify", "key", &model, "--signature", &signature, "--public_key", &public]));
    let said = succeeded(desk.plimsoll(&["verify", &model, "--key", &public, "--json"]));
    let said: Value = serde_json::from_str(&said).expect("json");
    let fingerprint = said["fingerprint"].as_str().expect("text");
    assert_eq!((&said["model"], &said["files"]), (&"credit".into(), &6.into()), "{said:#}");
    // Modules are looked for from where the script lies.
    let script = foreign("sigstore").join("verify.js");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/sigstore/verify.js"), &script).expect("copied");
    let node = |signature: &str| {
        Command::new("node").arg(&script).args([signature, &public, fingerprint]).output().expect("node")
    };
    assert_eq!(succeeded(node(&signature)).trim(), "verified");
    let mut altered: Value = serde_json::from_str(&fs::read_to_string(&signature).expect("signature")).expect("json");
    let other = altered["dsseEnvelope"]["payload"].as_str().expect("text").replacen('e', "f", 1);
    altered["dsseEnvelope"]["payload"] = other.into();
    let forged = desk.key("forged.sig");
    fs::write(&forged, altered.to_string()).expect("written");
    assert!(!node(&forged).status.success(), "the library refuses what was altered");
    both_refuse(&desk, &signature, ("key", ["--public_key", &public]), &["--key", &public]);
}

#[test]
fn a_model_that_is_one_file_is_signed_and_verified_and_its_signature_lies_beside_it() {
    let desk = Desk::set();
    let public = desk.key("signing-key.pub.pem");
    let (one, signature) = (desk.key("one.onnx"), desk.key("one.onnx.sig"));
    fs::write(&one, b"a model").expect("written");
    assert!(succeeded(desk.plimsoll(&["sign", &one])).contains("1 file of one.onnx"));
    assert!(Path::new(&signature).is_file());
    assert!(succeeded(desk.plimsoll(&["verify", &one, "--key", &public])).contains("1 file of one.onnx"));
    fs::write(&one, b"another").expect("written");
    assert!(!desk.plimsoll(&["verify", &one, "--key", &public]).status.success());
    // As the reference tool writes it.
    fs::write(&one, b"a model").expect("written");
    let (theirs, private) = (desk.key("theirs.sig"), desk.key("signing-key.pem"));
    succeeded(desk.reference(&["sign", "key", &one, "--signature", &theirs, "--private_key", &private]));
    succeeded(desk.plimsoll(&["verify", &one, "--signature", &theirs, "--key", &public]));
}

#[test]
fn what_others_sign_is_verified_here() {
    let desk = Desk::set();
    let (model, private) = (desk.model(), desk.key("signing-key.pem"));
    let (public, signature) = (desk.key("signing-key.pub.pem"), desk.key("theirs.sig"));
    succeeded(desk.reference(&["sign", "key", &model, "--signature", &signature, "--private_key", &private]));
    let said = succeeded(desk.plimsoll(&["verify", &model, "--key", &public, "--signature", &signature]));
    assert!(said.contains("6 files of credit"), "{said}");
    both_refuse(&desk, &signature, ("key", ["--public_key", &public]), &["--key", &public]);
    let stranger = desk.key("stranger");
    fs::create_dir(&stranger).expect("folder");
    let mut other = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    other.args(["init", &desk.key("card"), "--model", "credit"]).env("PLIMSOLL_CONFIG_DIR", &stranger);
    succeeded(other.output().expect("the program"));
    let wrong = format!("{stranger}/signing-key.pub.pem");
    let refused = desk.plimsoll(&["verify", &model, "--key", &wrong, "--signature", &signature]);
    assert_eq!(refused.status.code(), Some(6));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("which is not trusted"),
        "it says that the key is another"
    );
}

/// Whom the certificates of [`Authorities`] name.
const INES: &str = "email:ines@example.com";

/// PEM files beside the key.
struct Placed {
    root: String,
    between: String,
    leaf: String,
    chain: String,
    key: String,
}

fn certify(desk: &Desk) -> Placed {
    place(desk, &Authorities::made())
}

fn place(desk: &Desk, made: &Authorities) -> Placed {
    let write = |name: &str, text: &str| {
        let place = desk.key(name);
        fs::write(&place, text).expect("written");
        place
    };
    Placed {
        root: write("root.pem", &made.root),
        between: write("between.pem", &made.between),
        leaf: write("leaf.pem", &made.leaf),
        chain: write("chain.pem", &made.chain()),
        key: write("leaf.key.pem", &made.key),
    }
}

/// What npm's library says of a signature with certificates.
fn npm(signature: &str, made: &Placed, name: &str) -> Output {
    // Modules are looked for from where the script lies. Tests run at the same time, so each has a copy of its own.
    let script = tempfile::Builder::new().suffix(".js").tempfile_in(foreign("sigstore")).expect("file");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/sigstore/verify_certificate.js");
    fs::copy(source, script.path()).expect("copied");
    let words = [signature, &made.root, &made.between, name];
    Command::new("node").arg(script.path()).args(words).output().expect("node")
}

/// What the reference tool says of it.
fn reference_of(desk: &Desk, signature: &str, made: &Placed) -> Output {
    let words = ["verify", "certificate", &desk.model(), "--signature", signature, "--certificate_chain", &made.root];
    desk.reference(&words)
}

fn signed_by_the_reference(desk: &Desk, made: &Placed) -> String {
    let (model, signature) = (desk.model(), desk.key("theirs.sig"));
    let words = ["sign", "certificate", &model, "--signature", &signature, "--private_key", &made.key];
    let with = ["--signing_certificate", &made.leaf, "--certificate_chain", &made.between];
    succeeded(desk.reference(&[&words[..], &with].concat()));
    signature
}

/// A copy of a signature that was changed.
fn changed(desk: &Desk, signature: &str, change: impl Fn(&mut Value)) -> String {
    let mut bundle: Value = serde_json::from_str(&fs::read_to_string(signature).expect("signature")).expect("json");
    change(&mut bundle);
    let place = desk.key("changed.sig");
    fs::write(&place, bundle.to_string()).expect("written");
    place
}

/// The certificates of a bundle.
fn certificates(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
}

/// As a bundle holds them.
fn raw(pem: &str) -> Value {
    pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>().into()
}

/// By the name that the certificate should have.
fn verify_certificate(desk: &Desk, signature: &str, made: &Placed) -> Output {
    let model = desk.model();
    let words = ["verify", &model, "--signature", signature, "--trust-root", &made.root, "--identity", INES];
    desk.plimsoll(&words)
}

/// The program, the reference tool and npm's library.
fn all_accept(desk: &Desk, signature: &str, made: &Placed) {
    succeeded(verify_certificate(desk, signature, made));
    succeeded(reference_of(desk, signature, made));
    assert_eq!(succeeded(npm(signature, made, "ines@example.com")).trim(), "verified");
}

fn all_refuse(desk: &Desk, forged: &str, made: &Placed, what: &str) {
    assert_eq!(verify_certificate(desk, forged, made).status.code(), Some(6), "{what}");
    assert!(!reference_of(desk, forged, made).status.success(), "{what}: the reference tool accepts it");
    assert!(!npm(forged, made, "ines@example.com").status.success(), "{what}: npm accepts it");
}

/// All accept a signature as it is, and refuse it altered, with the certificate of another, or over other files.
fn all_agree(desk: &Desk, signature: &str, made: &Placed) {
    all_accept(desk, signature, made);
    assert!(!npm(signature, made, "anna@example.com").status.success(), "somebody else was asked for");
    let altered = changed(desk, signature, |bundle| {
        let payload = &mut bundle["dsseEnvelope"]["payload"];
        let other = payload.as_str().expect("text").replacen('e', "f", 1);
        *payload = other.into();
    });
    all_refuse(desk, &altered, made, "another payload");
    let stranger = raw(&Authorities::made().leaf);
    let renamed = changed(desk, signature, |bundle| certificates(bundle)[0]["rawBytes"] = stranger.clone());
    all_refuse(desk, &renamed, made, "the certificate of another");
    let trusted = ["--trust-root", &made.root, "--identity", INES];
    both_refuse(desk, signature, ("certificate", ["--certificate_chain", &made.root]), &trusted);
}

#[test]
fn all_verify_the_certificates_of_each_other() {
    let desk = Desk::set();
    let made = certify(&desk);
    let ours = desk.key("ours.sig");
    succeeded(desk.plimsoll(&[
        "sign",
        &desk.model(),
        "--key",
        &made.key,
        "--certificate",
        &made.chain,
        "--output",
        &ours,
    ]));
    all_agree(&desk, &ours, &made);
    all_agree(&desk, &signed_by_the_reference(&desk, &made), &made);
}

/// A private key of RSA (PKCS #8, PEM), which nothing here makes.
fn rsa(bits: &str) -> String {
    let program = "import sys\n\
        from cryptography.hazmat.primitives import serialization as s\n\
        from cryptography.hazmat.primitives.asymmetric import rsa\n\
        key = rsa.generate_private_key(65537, int(sys.argv[1]))\n\
        print(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())";
    let mut python = Command::new(foreign("venv/bin/python3"));
    succeeded(python.args(["-c", program, bits]).output().expect("python"))
}

#[test]
fn authorities_may_have_keys_of_rsa() {
    for bits in ["2048", "3072"] {
        let desk = Desk::set();
        let made = place(&desk, &Authorities::issued_by([&rsa(bits), &rsa(bits)]));
        let ours = desk.key("ours.sig");
        let words = ["sign", &desk.model(), "--key", &made.key, "--certificate", &made.chain, "--output", &ours];
        succeeded(desk.plimsoll(&words));
        all_accept(&desk, &ours, &made);
        all_accept(&desk, &signed_by_the_reference(&desk, &made), &made);
        // Another of the same name, whose key is of RSA as well.
        let other = Desk::set();
        let other = place(&other, &Authorities::issued_by([&rsa(bits), &rsa(bits)])).root;
        let verify = ["verify", &desk.model(), "--signature", &ours, "--trust-root", &other, "--any-identity"];
        assert_eq!(desk.plimsoll(&verify).status.code(), Some(6), "another authority");
    }
}

#[test]
fn who_signs_has_no_key_of_rsa() {
    let desk = Desk::set();
    let names = Authorities::naming(&rsa("2048"));
    let good = certify(&desk);
    let signature = desk.in_model("model.sig");
    succeeded(desk.plimsoll(&["sign", &desk.model(), "--key", &good.key, "--certificate", &good.chain]));
    let named = changed(&desk, &signature, |bundle| {
        certificates(bundle)[0]["rawBytes"] = raw(&names.leaf);
        certificates(bundle)[1]["rawBytes"] = raw(&names.between);
    });
    let made = place(&desk, &names);
    let trusted = ["--signature", &named, "--trust-root", &made.root, "--identity", INES];
    let refused = desk.plimsoll(&[&["verify", &desk.model()], &trusted[..]].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(6) && said.contains("is not one of EC P-256"), "{said}");
    let refused = desk.plimsoll(&["sign", &desk.model(), "--key", &made.key, "--certificate", &made.chain]);
    assert_eq!(refused.status.code(), Some(2), "nobody signs with such a key here");
    let (model, output) = (desk.model(), desk.key("theirs.sig"));
    let words = ["sign", "certificate", &model, "--signature", &output, "--private_key", &made.key];
    let with = ["--signing_certificate", &made.leaf, "--certificate_chain", &made.between];
    assert!(!desk.reference(&[&words[..], &with].concat()).status.success(), "nor with the reference tool");
}

#[test]
fn what_is_signed_here_with_a_certificate_others_verify() {
    let desk = Desk::set();
    let made = certify(&desk);
    let (model, signature) = (desk.model(), desk.in_model("model.sig"));
    succeeded(desk.plimsoll(&["sign", &model, "--key", &made.key, "--certificate", &made.chain]));
    succeeded(reference_of(&desk, &signature, &made));
    let verify = |more: &[&str]| desk.plimsoll(&[&["verify", &model, "--trust-root", &made.root], more].concat());
    let said = succeeded(verify(&["--identity", "email:ines@example.com"]));
    assert!(said.contains("email:ines@example.com"), "{said}");
    let refused = verify(&["--identity", "email:anna@example.com"]);
    assert_eq!(refused.status.code(), Some(6), "another name");
    let refused = verify(&["--any-identity", "--at", "1971-01-01T00:00:00Z"]);
    assert_eq!(refused.status.code(), Some(6), "another time");
    let refused = verify(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "nobody was named: {said}");
    assert!(said.contains("--identity") && said.contains("--any-identity"), "{said}");
    succeeded(verify(&["--any-identity"]));
    let both = verify(&["--any-identity", "--identity", "email:ines@example.com"]);
    assert_eq!(both.status.code(), Some(2), "everybody and somebody");
    let refused = desk.plimsoll(&["verify", &model, "--key", &desk.key("signing-key.pub.pem")]);
    assert_eq!(refused.status.code(), Some(6), "a key says nothing about certificates");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--trust-root"), "it says what to do");
    fs::write(desk.in_model("weights.txt"), b"W").expect("written");
    assert_eq!(verify(&["--any-identity"]).status.code(), Some(6), "a changed byte");
    let mixed = desk.plimsoll(&["sign", &model, "--certificate", &made.chain]);
    assert_eq!(mixed.status.code(), Some(2), "the certificate is for another key");
}

#[test]
fn what_others_sign_with_a_certificate_is_verified_here() {
    let desk = Desk::set();
    let made = certify(&desk);
    let (model, signature) = (desk.model(), signed_by_the_reference(&desk, &made));
    let verify = |root: &str| {
        let words =
            ["verify", &model, "--signature", &signature, "--trust-root", root, "--identity", "email:*@example.com"];
        desk.plimsoll(&words)
    };
    let said = succeeded(verify(&made.root));
    assert!(said.contains("6 files of credit"), "{said}");
    let stranger = Desk::set();
    let refused = verify(&certify(&stranger).root);
    assert_eq!(refused.status.code(), Some(6), "another authority");
    assert_eq!(verify(&made.leaf).status.code(), Some(2), "who signs is no authority");
}

#[test]
fn who_prefers_ed25519_signs_in_the_same_layout() {
    let desk = Desk::set();
    let pair = plimsoll::crypto::keys::RegistryKey::generate().expect("pair");
    let (key, public) = (desk.key("ed25519.pem"), desk.key("ed25519.pub.pem"));
    fs::write(&key, pair.to_pem()).expect("written");
    fs::write(&public, pair.public_key_pem()).expect("written");
    let model = desk.model();
    succeeded(desk.plimsoll(&["sign", &model, "--key", &key]));
    succeeded(desk.plimsoll(&["verify", &model, "--key", &public]));
    let other = desk.key("signing-key.pub.pem");
    assert_eq!(desk.plimsoll(&["verify", &model, "--key", &other]).status.code(), Some(6));
    fs::write(desk.in_model("weights.txt"), b"W").expect("written");
    assert_eq!(desk.plimsoll(&["verify", &model, "--key", &public]).status.code(), Some(6));
}
