//! Certificates of those who sign models: chains up to an authority that somebody here trusts (RFC 5280).
//!
//! There is no transparency log, so nothing tells when a signature was made: the time that counts is given by the
//! caller, and is that at which the registry took the signature in. The path is built and verified by `rustls-webpki`;
//! what that leaves out, as servers on the web have no need of it, is checked here: the key usage of every certificate,
//! the path length and the time of the authority itself, and that a leaf names code signing as its use.

use crate::crypto::{
    certificate_names::{Names, Rule},
    hex,
    keys::VerifyingKey,
    pem,
};
use chrono::{DateTime, Utc};
use rustls::pki_types::{CertificateDer, UnixTime, pem::PemObject};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// Larger certificates, and longer chains, are nobody's.
const MAX_CERTIFICATE_BYTES: usize = 16 << 10;
pub const MAX_CHAIN: usize = 8;
/// id-kp-codeSigning (RFC 5280, section 4.2.1.12), in DER.
const CODE_SIGNING: KeyUsage = KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 3]);
/// What an authority may hold as critical: basic constraints, key usage, its own names, name constraints, extended key usage.
const KNOWN_OF_AUTHORITIES: [&str; 5] = ["2.5.29.19", "2.5.29.15", "2.5.29.17", "2.5.29.30", "2.5.29.37"];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("this is no certificate in PEM form, which begins with \"-----BEGIN CERTIFICATE-----\"")]
    NotPem,
    #[error("a certificate is malformed, or has more than {MAX_CERTIFICATE_BYTES} bytes")]
    Malformed,
    #[error("the chain has {0} certificates; between 1 and {MAX_CHAIN} are read")]
    ChainLength(usize),
    #[error("this certificate is not of an authority: {0}; trust the authority that issued it")]
    NotAuthority(&'static str),
    #[error("no trusted authority issued the certificate that signed; add its authority, or sign with another")]
    UnknownAuthority,
    #[error("the authority trusts nobody called {0} to sign; add a rule for that name, or sign as somebody else")]
    Identity(String),
    #[error("a certificate of the chain had expired when the signature came in; sign with one that is valid")]
    Expired,
    #[error("a certificate of the chain was not valid yet when the signature came in")]
    NotYetValid,
    #[error("the certificate of the trusted authority was not valid when the signature came in")]
    AuthorityTime,
    #[error("what signed is the certificate of an authority; authorities sign certificates, not models")]
    LeafIsAuthority,
    #[error("a certificate of the chain was issued by one that is not of an authority")]
    IssuerIsNoAuthority,
    #[error("the chain is longer than an authority of it allows")]
    PathLength,
    #[error("the certificate is not for {0}; ask for one for code signing")]
    Usage(&'static str),
    #[error("a certificate of the chain has a critical extension that is not known here")]
    Extension,
    #[error("a certificate of the chain was not signed by its issuer as it stands: it was altered, or is a forgery")]
    Signature,
    #[error("a certificate of the chain is signed with an algorithm that is not accepted, or its key has another")]
    Algorithm,
    #[error("a certificate of the chain names somebody for whom its authority may not speak")]
    NameConstraint,
    #[error("the key of the certificate is not one of EC P-256, P-384 or P-521")]
    Key,
    #[error("the chain does not verify: {0}")]
    Other(String),
}

impl CertificateError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPem | Self::Malformed | Self::Other(_) => "certificate_malformed",
            Self::ChainLength(_) => "chain_length",
            Self::NotAuthority(_) => "not_authority",
            Self::UnknownAuthority => "authority_unknown",
            Self::Identity(_) => "identity_unknown",
            Self::Expired => "certificate_expired",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::AuthorityTime => "authority_not_valid",
            Self::LeafIsAuthority => "leaf_is_authority",
            Self::IssuerIsNoAuthority => "issuer_is_no_authority",
            Self::PathLength => "path_length",
            Self::Usage(_) => "certificate_usage",
            Self::Extension => "certificate_extension",
            Self::Signature => "certificate_signature",
            Self::Algorithm => "certificate_algorithm",
            Self::NameConstraint => "name_constraint",
            Self::Key => "certificate_key",
        }
    }

    /// Whether nobody whom we trust has anything to do with it, rather than that it is wrong.
    pub fn is_stranger(&self) -> bool {
        matches!(self, Self::UnknownAuthority | Self::Identity(_))
    }
}

impl From<Error> for CertificateError {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownIssuer => Self::UnknownAuthority,
            Error::CertExpired { .. } => Self::Expired,
            Error::CertNotValidYet { .. } => Self::NotYetValid,
            Error::CaUsedAsEndEntity => Self::LeafIsAuthority,
            Error::EndEntityUsedAsCa => Self::IssuerIsNoAuthority,
            Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => Self::PathLength,
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Self::Usage("code signing"),
            Error::UnsupportedCriticalExtension => Self::Extension,
            Error::InvalidSignatureForPublicKey => Self::Signature,
            Error::SignatureAlgorithmMismatch
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Algorithm,
            Error::NameConstraintViolation => Self::NameConstraint,
            Error::BadDer | Error::BadDerTime | Error::TrailingData(_) => Self::Malformed,
            error => Self::Other(error.to_string()),
        }
    }
}

/// An authority whose certificates are believed, and for which names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    der: Vec<u8>,
    rules: Vec<Rule>,
}

/// Who signed, as an authority says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// Lowercase hex SHA-256 over the DER of the certificate.
    pub sha256: String,
    /// Lowercase hex without leading zeros but for whole bytes, as the authority numbered it.
    pub serial: String,
    /// The numbers of every certificate below the authority, the signatory's first.
    pub serials: Vec<String>,
    /// Lowercase hex SHA-256 over the PEM text of the key that signed, as of a key that is trusted by itself.
    pub key_fingerprint: String,
    pub names: Names,
    /// The SHA-256 of every certificate below the authority, the signatory's first; then those of their twins, which differ
    /// in how their signatures are written alone.
    pub path: Vec<String>,
}

impl Authority {
    /// Reads one certificate. It need not be signed by itself: an authority below another may be trusted alone.
    pub fn from_pem(text: &str, rules: Vec<Rule>) -> Result<Self, CertificateError> {
        match certificates(text)?.as_slice() {
            [one] => Self::from_der(one.clone(), rules),
            many => Err(CertificateError::ChainLength(many.len())),
        }
    }

    fn from_der(der: Vec<u8>, rules: Vec<Rule>) -> Result<Self, CertificateError> {
        let read = parse(&der)?;
        let not = CertificateError::NotAuthority;
        let constraints = read.basic_constraints().map_err(|_| CertificateError::Malformed)?;
        if !constraints.is_some_and(|found| found.value.ca) {
            return Err(not("it may not issue certificates"));
        }
        require_issuing(&read).map_err(|_| not("its key is not for signing certificates"))?;
        let usage = read.extended_key_usage().map_err(|_| CertificateError::Malformed)?;
        if usage.is_some_and(|usage| !usage.value.code_signing && !usage.value.any) {
            return Err(not("it may not certify code signing"));
        }
        let known = |oid: &str| KNOWN_OF_AUTHORITIES.contains(&oid);
        if read.extensions().iter().any(|e| e.critical && !known(&e.oid.to_id_string())) {
            return Err(CertificateError::Extension);
        }
        webpki::anchor_from_trusted_cert(&CertificateDer::from(der.as_slice()))?;
        Ok(Self { der, rules })
    }

    /// Lowercase hex SHA-256 over the DER, as other tools print it.
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(&self.der))
    }

    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der).to_string()
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whom a chain names, if this authority vouches for it at a time, and the key that signed.
    fn judge(&self, chain: &Chain, at: DateTime<Utc>) -> Result<(VerifyingKey, Signatory), CertificateError> {
        let own = CertificateDer::from(self.der.as_slice());
        let anchors = [webpki::anchor_from_trusted_cert(&own)?];
        let certificates: Vec<_> = chain.0.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let (first, above) = certificates.split_first().ok_or(CertificateError::ChainLength(0))?;
        let seconds = u64::try_from(at.timestamp()).map_err(|_| CertificateError::NotYetValid)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let end = EndEntityCert::try_from(first)?;
        let path = end.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, above, time, CODE_SIGNING, None, None)?;
        let between: Vec<CertificateDer<'_>> = path.intermediate_certificates().map(|c| c.der()).collect();
        self.require_room(between.len(), at)?;
        for issuer in &between {
            require_issuing(&parse(issuer)?)?;
        }
        let leaf = parse(first)?;
        let usage = leaf.extended_key_usage().map_err(|_| CertificateError::Malformed)?;
        if !usage.is_some_and(|usage| usage.value.code_signing) {
            return Err(CertificateError::Usage("code signing"));
        }
        let usage = leaf.key_usage().map_err(|_| CertificateError::Malformed)?;
        if usage.is_some_and(|usage| !usage.value.digital_signature()) {
            return Err(CertificateError::Usage("digital signatures"));
        }
        let key = VerifyingKey::from_der(leaf.public_key().raw).map_err(|_| CertificateError::Key)?;
        if !key.is_of_oms() {
            return Err(CertificateError::Key);
        }
        let names = Names::of(&leaf).ok_or(CertificateError::Malformed)?;
        if !self.rules.iter().any(|rule| rule.matches(&names).is_some()) {
            let called = if names.names.is_empty() { "anything".to_owned() } else { names.names.join(", ") };
            return Err(CertificateError::Identity(called));
        }
        let digest = |der: &[u8]| hex::encode(&Sha256::digest(der));
        let all: Vec<&[u8]> = std::iter::once(first).chain(&between).map(AsRef::as_ref).collect();
        let twins = all.iter().filter_map(|der| twin(der));
        let path = all.iter().map(|der| digest(der)).chain(twins.map(|der| digest(&der))).collect();
        let serials: Vec<_> = all.iter().map(|der| parse(der).map(|read| serial(&read))).collect::<Result<_, _>>()?;
        let signatory = Signatory {
            sha256: digest(first),
            serial: serial(&leaf),
            serials,
            key_fingerprint: key.fingerprint(),
            names,
            path,
        };
        Ok((key, signatory))
    }

    /// What is not asked of the certificate that a path ends at, as it is trusted: its time, and how long the path may be.
    fn require_room(&self, between: usize, at: DateTime<Utc>) -> Result<(), CertificateError> {
        let own = parse(&self.der)?;
        let (from, until) = (own.validity().not_before.timestamp(), own.validity().not_after.timestamp());
        if at.timestamp() < from || until < at.timestamp() {
            return Err(CertificateError::AuthorityTime);
        }
        let constraints = own.basic_constraints().map_err(|_| CertificateError::Malformed)?;
        let allowed = constraints.and_then(|found| found.value.path_len_constraint);
        if allowed.is_some_and(|allowed| (allowed as usize) < between) {
            return Err(CertificateError::PathLength);
        }
        Ok(())
    }
}

/// The certificates that a bundle brings, the signatory's first.
#[derive(Clone, Debug)]
pub struct Chain(Vec<Vec<u8>>);

impl Chain {
    pub fn new(certificates: Vec<Vec<u8>>) -> Result<Self, CertificateError> {
        if certificates.is_empty() || MAX_CHAIN < certificates.len() {
            return Err(CertificateError::ChainLength(certificates.len()));
        }
        for der in &certificates {
            parse(der)?;
        }
        Ok(Self(certificates))
    }

    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::new(certificates(text)?)
    }

    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// The key that the first certificate names, whoever issued it.
    pub fn key(&self) -> Result<VerifyingKey, CertificateError> {
        let first = self.0.first().ok_or(CertificateError::ChainLength(0))?;
        VerifyingKey::from_der(parse(first)?.public_key().raw).map_err(|_| CertificateError::Key)
    }

    /// The first of the authorities that vouches for the chain, with what it says. Of several refusals, one that knows
    /// the chain tells more than one of a stranger.
    pub(super) fn judge(
        &self,
        authorities: &[Authority],
        at: DateTime<Utc>,
    ) -> Result<(VerifyingKey, Signatory, String), CertificateError> {
        let mut refused = CertificateError::UnknownAuthority;
        for authority in authorities {
            match authority.judge(self, at) {
                Ok((key, signatory)) => return Ok((key, signatory, authority.fingerprint())),
                Err(error) if refused == CertificateError::UnknownAuthority => refused = error,
                Err(error) if refused.is_stranger() && !error.is_stranger() => refused = error,
                Err(_) => {}
            }
        }
        Err(refused)
    }
}

fn certificates(text: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    if MAX_CHAIN * MAX_CERTIFICATE_BYTES * 2 < text.len() {
        return Err(CertificateError::Malformed);
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let read = read.map_err(|_| CertificateError::NotPem)?;
    if read.is_empty() {
        return Err(CertificateError::NotPem);
    }
    Ok(read.into_iter().map(|der| der.as_ref().to_vec()).collect())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    if MAX_CERTIFICATE_BYTES < der.len() {
        return Err(CertificateError::Malformed);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateError::Malformed),
    }
}

fn serial(certificate: &X509Certificate<'_>) -> String {
    let number = certificate.raw_serial();
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len().saturating_sub(1));
    hex::encode(number.get(start..).unwrap_or_default())
}

fn require_issuing(issuer: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let usage = issuer.key_usage().map_err(|_| CertificateError::Malformed)?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(CertificateError::IssuerIsNoAuthority);
    }
    Ok(())
}

/// The same certificate with the other signature that ECDSA has for it: whoever holds one can write the other, which must
/// not bring back what was revoked by its fingerprint. None where the signature is of another kind.
pub(super) fn twin(der: &[u8]) -> Option<Vec<u8>> {
    let read = parse(der).ok()?;
    let signature = read.signature_value.data.as_ref();
    let other = match p256::ecdsa::Signature::from_der(signature) {
        Ok(found) => {
            let (r, s) = found.split_scalars();
            p256::ecdsa::Signature::from_scalars(*r, -*s).ok()?.to_der().as_bytes().to_vec()
        }
        Err(_) => {
            let (r, s) = p384::ecdsa::Signature::from_der(signature).ok()?.split_scalars();
            p384::ecdsa::Signature::from_scalars(*r, -*s).ok()?.to_der().as_bytes().to_vec()
        }
    };
    let header = match *der.get(1)? {
        short if short < 0x80 => 2,
        long => 2 + usize::from(long & 0x7f),
    };
    let end = der.len().checked_sub(element(BIT_STRING, &[&[0], signature]).len())?;
    Some(element(SEQUENCE, &[der.get(header..end)?, &element(BIT_STRING, &[&[0], &other])]))
}

const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// DER of an element of less than 64 KiB.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut all = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    all.extend(content);
    all
}
