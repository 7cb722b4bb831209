//! The cryptographic formats: what is signed, hashed and proven, and how it is written down.
//!
//! Invariants: nothing in here reads files, the clock or the database; every parser takes
//! hostile bytes, bounds their size and answers with an error that says what to do next;
//! a signature is checked before the bytes that it covers are interpreted.

pub mod bundle;
pub mod certificate;
pub mod certificate_names;
pub mod checkpoint;
pub mod cobblestone;
pub mod cosignature;
pub mod dsse;
pub mod jwk;
pub mod jwt;
pub mod keys;
pub mod merkle;
pub mod note;
pub mod oms;
pub mod oms_hashing;
pub mod passwords;
pub mod proof_file;
pub mod seal;
pub mod statement;
pub mod tile;
pub mod tokens;
pub mod totp;

mod ec_key;
pub mod hex;
pub mod json;
pub mod key_chain;
mod merkle_proof;
mod merkle_range;
mod merkle_store;
mod oms_manifest;
mod pem;
mod registry_key;

#[cfg(test)]
mod certificate_tests;
#[cfg(test)]
mod merkle_tests;
#[cfg(test)]
mod oms_tests;
