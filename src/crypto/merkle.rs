//! Merkle trees of an append-only log (RFC 6962, section 2.1), with SHA-256.
//!
//! The hashes of complete subtrees are stored once, in the order in which they become
//! known; that layout is the one of Go's `sumdb/tlog`. An asynchronous caller first asks
//! which positions it needs, fetches them in one query, and then computes:
//!
//! | to get | positions | compute |
//! |---|---|---|
//! | the hashes to store for a leaf | [`positions_needed_for_leaf`] | [`stored_for_leaf`] |
//! | the root at a size | [`root_positions`] | [`root_from`] |
//! | an inclusion proof | [`inclusion_positions`] | [`inclusion_proof`] |
//! | a consistency proof | [`consistency_positions`] | [`consistency_proof`] |

use sha2::{Digest as _, Sha256};

pub use crate::crypto::{
    merkle_proof::{
        check_consistency, check_inclusion, consistency_positions, consistency_proof, inclusion_positions,
        inclusion_proof,
    },
    merkle_range::CompactRange,
    merkle_store::{positions_needed_for_leaf, root_from, root_positions, stored_count, stored_for_leaf, stored_index},
};

pub type Hash = [u8; 32];

/// SHA-256 of nothing: the root of a tree without leaves.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// H(0x00 || data)
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// H(0x01 || left || right)
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}
