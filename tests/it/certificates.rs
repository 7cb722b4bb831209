//! Certificates for tests: an authority, one below it, and somebody who signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};

/// All in PEM.
pub struct Authorities {
    pub root: String,
    pub between: String,
    pub leaf: String,
    pub key: String,
}

impl Authorities {
    /// Names ines@example.com.
    pub fn made() -> Self {
        Self::made_with([pair(), pair(), pair()], |_| {})
    }

    /// The same, where the certificate of who signs counts until the beginning of a day.
    pub fn made_until(year: i32, month: u8, day: u8) -> Self {
        Self::made_with([pair(), pair(), pair()], |leaf| leaf.not_after = date_time_ymd(year, month, day))
    }

    /// The same, where the root and the authority below it have these keys (PEM).
    pub fn issued_by([root, between]: [&str; 2]) -> Self {
        Self::made_with([read(root), read(between), pair()], |_| {})
    }

    /// The same, where who signs has this key (PEM).
    pub fn naming(key: &str) -> Self {
        Self::made_with([pair(), pair(), read(key)], |_| {})
    }

    fn made_with(keys: [KeyPair; 3], change: impl Fn(&mut CertificateParams)) -> Self {
        let [root_key, between_key, key] = keys;
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let (root, between) = (authority("root"), authority("between"));
        let root_pem = root.self_signed(&root_key).expect("root").pem();
        let between_pem = between.signed_by(&between_key, &Issuer::new(root, root_key)).expect("between").pem();
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "ines");
        leaf.subject_alt_names = vec![SanType::Rfc822Name("ines@example.com".try_into().expect("name"))];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        change(&mut leaf);
        let leaf = leaf.signed_by(&key, &Issuer::new(between, between_key)).expect("leaf").pem();
        Self { root: root_pem, between: between_pem, leaf, key: key.serialize_pem() }
    }

    /// As a signature carries them.
    pub fn chain(&self) -> String {
        format!("{}{}", self.leaf, self.between)
    }
}

fn pair() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("pair")
}

fn read(pem: &str) -> KeyPair {
    KeyPair::from_pem(pem).expect("a private key")
}
