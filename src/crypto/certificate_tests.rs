//! Chains made here, each wrong in one way, and the verdict on it.

use crate::crypto::{
    certificate::{Authority, CertificateError, Chain, twin},
    certificate_names::Rule,
    dsse::Signer,
    hex,
    keys::{SigningKey, VerifyingKey},
    oms::{self, FileDigest, OmsError, Trust, Verified},
};
use chrono::{DateTime, Utc};
use p384::ecdsa::signature::Signer as _;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

type Change<'c> = &'c dyn Fn(&mut CertificateParams);

const UNCHANGED: Change<'static> = &|_| {};

/// A root, an authority below it, and somebody who signs.
struct Made {
    root: Authority,
    chain: Chain,
    key: KeyPair,
}

fn pair() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("pair")
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn authority(name: &str, change: Change<'_>) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    change(&mut params);
    params
}

fn signatory(change: Change<'_>) -> CertificateParams {
    let mut params = named("signer");
    params.subject_alt_names = vec![SanType::Rfc822Name("ines@example.com".try_into().expect("name"))];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    change(&mut params);
    params
}

fn made_with(root: Change<'_>, between: Change<'_>, leaf: Change<'_>, keys: [KeyPair; 3]) -> Made {
    let [root_key, between_key, key] = keys;
    let (root, between) = (authority("root", root), authority("between", between));
    let root_certificate = root.self_signed(&root_key).expect("root");
    let above = Issuer::new(root, root_key);
    let between_certificate = between.signed_by(&between_key, &above).expect("between");
    let issuer = Issuer::new(between, between_key);
    let leaf = signatory(leaf).signed_by(&key, &issuer).expect("leaf");
    let chain = Chain::new(vec![leaf.der().to_vec(), between_certificate.der().to_vec()]).expect("chain");
    Made { root: trusting(&root_certificate.pem(), "*"), chain, key }
}

fn made(root: Change<'_>, between: Change<'_>, leaf: Change<'_>) -> Made {
    made_with(root, between, leaf, [pair(), pair(), pair()])
}

fn trusting(pem: &str, rule: &str) -> Authority {
    Authority::from_pem(pem, vec![Rule::parse(rule).expect("rule")]).expect("authority")
}

fn on(day: &str) -> DateTime<Utc> {
    format!("{day}T12:00:00Z").parse().expect("time")
}

fn files() -> [FileDigest; 1] {
    [FileDigest { path: "model.onnx".to_owned(), sha256: hex::encode(&Sha256::digest(b"m")) }]
}

fn judge(bundle: &str, authorities: &[Authority], day: &str) -> Result<Verified, OmsError> {
    let trust = Trust { keys: &[], authorities, at: on(day) };
    oms::open_trusting(bundle.as_bytes(), &trust)?.compare(&files())
}

impl Made {
    fn signed(&self) -> String {
        let key = SigningKey::from_pem(&self.key.serialize_pem()).expect("key");
        oms::sign_certified(&files(), "m", &key, &self.chain).expect("signed").to_string()
    }

    fn verdict(&self, day: &str) -> &'static str {
        judge(&self.signed(), std::slice::from_ref(&self.root), day).map_or_else(|e| e.code(), |_| "ok")
    }
}

#[test]
fn an_authority_says_who_signed() {
    let made = made(UNCHANGED, UNCHANGED, UNCHANGED);
    let verified = judge(&made.signed(), std::slice::from_ref(&made.root), "2026-06-01").expect("verified");
    assert_eq!(verified.key_fingerprint, made.root.fingerprint());
    let who = verified.signatory.expect("named");
    assert_eq!(who.names.names, ["email:ines@example.com"]);
    assert_eq!((who.path.len(), &who.path[0]), (4, &who.sha256));
    assert_eq!(Authority::from_pem(&made.root.to_pem(), made.root.rules().to_vec()).as_ref(), Ok(&made.root));
    let other = judge(&made.signed(), &[], "2026-06-01").expect_err("nobody is trusted to say it");
    assert_eq!(other.code(), "not_key_method");
}

#[test]
fn the_time_that_counts_is_that_of_the_caller() {
    let made = made(
        &|root| root.not_after = date_time_ymd(2026, 10, 1),
        &|between| between.not_after = date_time_ymd(2026, 9, 1),
        &|leaf| {
            leaf.not_before = date_time_ymd(2026, 3, 1);
            leaf.not_after = date_time_ymd(2026, 4, 1);
        },
    );
    assert_eq!(made.verdict("2026-02-01"), "certificate_not_yet_valid");
    assert_eq!(made.verdict("2026-03-15"), "ok");
    assert_eq!(made.verdict("2026-04-15"), "certificate_expired");
    let made = self::made(
        &|root| root.not_after = date_time_ymd(2026, 5, 1),
        &|between| between.not_before = date_time_ymd(2026, 2, 1),
        UNCHANGED,
    );
    assert_eq!(made.verdict("2026-01-15"), "certificate_not_yet_valid", "of the authority between");
    assert_eq!(made.verdict("2026-03-15"), "ok");
    assert_eq!(made.verdict("2026-05-15"), "authority_not_valid");
    assert_eq!(made.verdict("1969-05-15"), "certificate_not_yet_valid");
}

#[test]
fn every_way_in_which_a_chain_can_be_bad_has_its_own_answer() {
    let day = "2026-06-01";
    let unknown = |critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        extension
    };
    let leaf = |change: Change<'_>| made(UNCHANGED, UNCHANGED, change).verdict(day);
    let between = |change: Change<'_>| made(UNCHANGED, change, UNCHANGED).verdict(day);
    let root = |change: Change<'_>| made(change, UNCHANGED, UNCHANGED).verdict(day);
    assert_eq!(leaf(UNCHANGED), "ok");
    assert_eq!(leaf(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]), "certificate_usage");
    assert_eq!(leaf(&|p| p.extended_key_usages.clear()), "certificate_usage");
    assert_eq!(leaf(&|p| p.key_usages = vec![KeyUsagePurpose::KeyAgreement]), "certificate_usage");
    assert_eq!(leaf(&|p| p.key_usages.clear()), "ok", "then it is for all");
    assert_eq!(leaf(&|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)), "leaf_is_authority");
    assert_eq!(leaf(&|p| p.custom_extensions.push(unknown(true))), "certificate_extension");
    assert_eq!(leaf(&|p| p.custom_extensions.push(unknown(false))), "ok");
    assert_eq!(between(&|p| p.is_ca = IsCa::ExplicitNoCa), "issuer_is_no_authority");
    assert_eq!(between(&|p| p.is_ca = IsCa::NoCa), "issuer_is_no_authority");
    assert_eq!(between(&|p| p.key_usages = vec![KeyUsagePurpose::CrlSign]), "issuer_is_no_authority");
    assert_eq!(between(&|p| p.custom_extensions.push(unknown(true))), "certificate_extension");
    assert_eq!(
        between(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        "certificate_usage",
        "an authority for servers alone"
    );
    assert_eq!(between(&|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))), "ok");
    assert_eq!(root(&|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1))), "ok");
    assert_eq!(root(&|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))), "path_length");
    let names = |name: &str| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName(name.to_owned())];
        Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() })
    };
    let dns = |p: &mut CertificateParams| {
        p.subject_alt_names = vec![SanType::DnsName("ci.example.com".try_into().expect("name"))];
    };
    let constrained = |name: &str| made(UNCHANGED, &|p| p.name_constraints = names(name), &dns).verdict(day);
    assert_eq!(constrained("example.com"), "ok");
    assert_eq!(constrained("example.org"), "name_constraint");
}

#[test]
fn a_chain_of_others_is_a_strangers() {
    let (ours, theirs) = (made(UNCHANGED, UNCHANGED, UNCHANGED), made(UNCHANGED, UNCHANGED, UNCHANGED));
    let trust = [ours.root.clone()];
    // The other root is called the same, so its signature is looked at.
    let error = judge(&theirs.signed(), &trust, "2026-06-01").expect_err("another authority");
    assert!(matches!(error.code(), "certificate_signature" | "authority_unknown"), "{error}");
    let elsewhere = made(&|p| p.distinguished_name.push(DnType::CommonName, "elsewhere"), UNCHANGED, UNCHANGED);
    let error = judge(&elsewhere.signed(), &trust, "2026-06-01").expect_err("another authority");
    assert_eq!((error.code(), error.is_stranger()), ("authority_unknown", true));
    assert!(judge(&theirs.signed(), &[ours.root, theirs.root], "2026-06-01").is_ok(), "the second of two");
    // Nobody vouches for who signs his own certificate.
    let key = pair();
    let own = signatory(UNCHANGED).self_signed(&key).expect("certificate");
    let chain = Chain::new(vec![own.der().to_vec()]).expect("chain");
    let alone = Made { root: trust[0].clone(), chain, key };
    assert_eq!(alone.verdict("2026-06-01"), "authority_unknown");
    let refused = Authority::from_pem(&own.pem(), Vec::new()).expect_err("no authority");
    assert_eq!(refused.code(), "not_authority");
}

#[test]
fn a_changed_byte_in_a_chain_is_found() {
    let made = made(UNCHANGED, UNCHANGED, UNCHANGED);
    for place in 0..2 {
        let mut certificates = made.chain.certificates().to_vec();
        let end = certificates[place].len() - 1;
        certificates[place][end] ^= 1;
        let Ok(chain) = Chain::new(certificates) else { continue };
        let altered =
            Made { root: made.root.clone(), chain, key: KeyPair::from_pem(&made.key.serialize_pem()).expect("key") };
        assert_eq!(altered.verdict("2026-06-01"), "certificate_signature", "{place}");
    }
    let without = Chain::new(made.chain.certificates()[..1].to_vec()).expect("chain");
    let without = Made { root: made.root, chain: without, key: made.key };
    assert_eq!(without.verdict("2026-06-01"), "authority_unknown", "the authority between is not there");
}

#[test]
fn a_certificate_written_otherwise_has_the_same_fingerprints() {
    let path = |made: &Made| {
        let trust = std::slice::from_ref(&made.root);
        judge(&made.signed(), trust, "2026-06-01").expect("verified").signatory.expect("named").path
    };
    let p384 = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("pair");
    for issuers in [pair, p384] {
        let made = made_with(UNCHANGED, UNCHANGED, UNCHANGED, [issuers(), issuers(), pair()]);
        let twins: Vec<_> = made.chain.certificates().iter().map(|der| twin(der).expect("of ECDSA")).collect();
        assert_eq!(&twin(&twins[0]).expect("twin"), &made.chain.certificates()[0], "there are two");
        let first = path(&made);
        let other = Made { chain: Chain::new(twins).expect("chain"), ..made };
        let second = path(&other);
        assert_ne!(first[0], second[0]);
        for one in &first {
            assert!(second.contains(one), "{first:?} {second:?}");
        }
    }
}

#[test]
fn only_who_is_named_by_a_rule_may_sign() {
    let made = made(UNCHANGED, UNCHANGED, &|leaf| {
        let issuer = "https://idp.example.com";
        let mut der = vec![0x0c, issuer.len() as u8];
        der.extend_from_slice(issuer.as_bytes());
        leaf.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], der));
    });
    let signed = made.signed();
    let verdict = |rule: &str| {
        let root = trusting(&made.root.to_pem(), rule);
        judge(&signed, &[root], "2026-06-01").map_or_else(|e| e.code(), |_| "ok")
    };
    assert_eq!(verdict("email:ines@example.com"), "ok");
    assert_eq!(verdict("email:ines@example.com issuer=https://idp.example.com"), "ok");
    assert_eq!(verdict("email:ines@example.com issuer=https://other.example.com"), "identity_unknown");
    assert_eq!(verdict("email:anna@example.com"), "identity_unknown");
    assert_eq!(verdict("dns:ines@example.com"), "identity_unknown");
    let nobody = Authority::from_pem(&made.root.to_pem(), Vec::new()).expect("authority");
    assert_eq!(judge(&signed, &[nobody], "2026-06-01").expect_err("no rule").code(), "identity_unknown");
}

/// Signs with a curve that is only verified here.
struct OnP384(p384::ecdsa::SigningKey);

impl Signer for OnP384 {
    fn fingerprint(&self) -> String {
        String::new()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p384::ecdsa::Signature = self.0.sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

#[test]
fn keys_are_those_of_the_format() {
    use p256::pkcs8::DecodePrivateKey as _;
    let p384 = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("pair");
    let made = made_with(UNCHANGED, UNCHANGED, UNCHANGED, [p384(), p384(), p384()]);
    let key = p384::ecdsa::SigningKey::from_pkcs8_pem(&made.key.serialize_pem()).expect("key");
    // Signed anew, as another tool signs with that curve.
    let by_p256 = self::made(UNCHANGED, UNCHANGED, UNCHANGED).signed();
    let mut bundle: serde_json::Value = serde_json::from_str(&by_p256).expect("json");
    let envelope =
        crate::crypto::dsse::Envelope::parse(bundle["dsseEnvelope"].to_string().as_bytes()).expect("envelope");
    let again = crate::crypto::dsse::Envelope::sign(&envelope.payload_type, envelope.payload, &OnP384(key));
    bundle["dsseEnvelope"] = again.to_json();
    let raw = made.chain.certificates().iter().map(|der| {
        use base64::Engine as _;
        serde_json::json!({"rawBytes": base64::engine::general_purpose::STANDARD.encode(der)})
    });
    bundle["verificationMaterial"]["x509CertificateChain"]["certificates"] = raw.collect();
    let trust = std::slice::from_ref(&made.root);
    assert!(judge(&bundle.to_string(), trust, "2026-06-01").is_ok());
    assert_eq!(judge(&by_p256, trust, "2026-06-01").expect_err("others").code(), "certificate_signature");
    bundle["dsseEnvelope"]["payload"] = "e30=".into();
    assert_eq!(judge(&bundle.to_string(), trust, "2026-06-01").expect_err("altered").code(), "signature_invalid");

    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("pair");
    let made = made_with(UNCHANGED, UNCHANGED, UNCHANGED, [pair(), pair(), ed25519]);
    let key = SigningKey::from_pem(&made.key.serialize_pem());
    if let Ok(key) = key {
        let error = oms::sign_certified(&files(), "m", &key, &made.chain).expect_err("no key of the format");
        assert_eq!(error.code(), "certificate_key");
    }
    assert!(made.chain.key().is_ok_and(|key: VerifyingKey| !key.is_of_oms()));
}

#[test]
fn a_certificate_is_for_the_key_that_signs() {
    let made = made(UNCHANGED, UNCHANGED, UNCHANGED);
    let other = SigningKey::generate().expect("key");
    let error = oms::sign_certified(&files(), "m", &other, &made.chain).expect_err("another key");
    assert!(matches!(error, OmsError::OtherKey), "{error}");
}

#[test]
fn what_is_no_chain_is_refused() {
    assert_eq!(Chain::new(Vec::new()).err(), Some(CertificateError::ChainLength(0)));
    assert_eq!(Chain::new(vec![Vec::new(); 9]).err(), Some(CertificateError::ChainLength(9)));
    assert_eq!(Chain::new(vec![vec![0x30; 40]]).err(), Some(CertificateError::Malformed));
    assert_eq!(Chain::new(vec![vec![0x30; 20 << 10]]).err(), Some(CertificateError::Malformed));
    assert_eq!(Chain::from_pem("").err(), Some(CertificateError::NotPem));
    let made = made(UNCHANGED, UNCHANGED, UNCHANGED);
    let mut longer = made.chain.certificates()[0].clone();
    longer.push(0);
    assert_eq!(Chain::new(vec![longer]).err(), Some(CertificateError::Malformed), "bytes after its end");
    let twice = made.root.to_pem().repeat(2);
    assert_eq!(Authority::from_pem(&twice, Vec::new()).err(), Some(CertificateError::ChainLength(2)));
}
