//! Inclusion and consistency proofs: made after RFC 6962, section 2.1; checked after
//! RFC 9162, sections 2.1.3.2 and 2.1.4.2, which proves the same trees.

use crate::crypto::{
    merkle::{EMPTY_ROOT, Hash, node_hash},
    merkle_store::{join, subtree_positions},
};

/// The stored positions that [`inclusion_proof`] reads. Empty if the leaf is not in the tree.
pub fn inclusion_positions(index: u64, size: u64) -> Vec<u64> {
    positions(&inclusion_ranges(index, size))
}

/// The proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards.
/// Nothing, if the leaf is not in the tree or `read` lacks a hash.
pub fn inclusion_proof(index: u64, size: u64, read: impl FnMut(u64) -> Option<Hash>) -> Option<Vec<Hash>> {
    (index < size).then(|| prove(&inclusion_ranges(index, size), read)).flatten()
}

/// The stored positions that [`consistency_proof`] reads. Empty if the old tree is empty, or
/// not smaller than the new one.
pub fn consistency_positions(old_size: u64, new_size: u64) -> Vec<u64> {
    positions(&consistency_ranges(old_size, new_size))
}

/// The proof that the tree of `new_size` leaves begins with the tree of `old_size` leaves.
/// Nothing, if the old tree is the larger one or `read` lacks a hash.
pub fn consistency_proof(old_size: u64, new_size: u64, read: impl FnMut(u64) -> Option<Hash>) -> Option<Vec<Hash>> {
    (old_size <= new_size).then(|| prove(&consistency_ranges(old_size, new_size), read)).flatten()
}

/// Leaves `from..to`, whose joint hash is one line of a proof.
type Range = (u64, u64);

fn positions(ranges: &[Range]) -> Vec<u64> {
    ranges.iter().flat_map(|(from, to)| subtree_positions(*from, *to)).collect()
}

fn prove(ranges: &[Range], mut read: impl FnMut(u64) -> Option<Hash>) -> Option<Vec<Hash>> {
    let hash = |(from, to): &Range| {
        let parts: Option<Vec<_>> = subtree_positions(*from, *to).into_iter().map(&mut read).collect();
        join(&parts?)
    };
    ranges.iter().map(hash).collect()
}

/// The largest power of two below the number of leaves: where RFC 6962 splits a tree.
fn split(from: u64, to: u64) -> u64 {
    from + (1 << (to - from - 1).ilog2())
}

fn inclusion_ranges(index: u64, size: u64) -> Vec<Range> {
    let (mut from, mut to) = (0, size);
    let mut ranges = Vec::new();
    while index < size && 1 < to - from {
        let middle = split(from, to);
        if index < middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    ranges.reverse();
    ranges
}

fn consistency_ranges(old_size: u64, new_size: u64) -> Vec<Range> {
    if old_size == 0 || new_size <= old_size {
        return Vec::new();
    }
    let (mut from, mut to) = (0, new_size);
    let mut ranges = Vec::new();
    while old_size != to {
        let middle = split(from, to);
        if old_size <= middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    // The verifier knows the old root; any other subtree must be told.
    if from != 0 {
        ranges.push((from, to));
    }
    ranges.reverse();
    ranges
}

/// Whether the proof shows that the leaf is at `index` in the tree with this size and root.
pub fn check_inclusion(leaf_hash: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> bool {
    if size <= index {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf_hash);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A right edge node without a sibling moves up until it has one.
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether the proof shows that the new tree only appends to the old one.
pub fn check_consistency(old_size: u64, old_root: Hash, new_size: u64, new_root: Hash, proof: &[Hash]) -> bool {
    if old_size == 0 {
        return proof.is_empty() && old_root == EMPTY_ROOT;
    }
    if new_size <= old_size {
        return old_size == new_size && proof.is_empty() && old_root == new_root;
    }
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (*first, rest),
        None => return false,
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old == old_root && new == new_root
}
