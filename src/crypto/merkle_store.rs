//! Where the hashes of complete subtrees are stored (the layout of Go's `sumdb/tlog`):
//! after each leaf come the subtrees that it completes, smallest first.

use crate::crypto::merkle::{EMPTY_ROOT, Hash, node_hash};

/// The position of the hash of subtree `n` at `level`, which covers the leaves from
/// `n << level` to `((n + 1) << level) - 1`.
pub fn stored_index(level: u32, n: u64) -> u64 {
    // The subtree is stored right after its last leaf and that leaf's smaller subtrees.
    let mut last_leaf = n;
    for _ in 0..level {
        last_leaf = last_leaf.saturating_mul(2).saturating_add(1);
    }
    let mut position = u64::from(level);
    while last_leaf > 0 {
        position = position.saturating_add(last_leaf);
        last_leaf >>= 1;
    }
    position
}

/// How many hashes a tree of `size` leaves has stored.
pub fn stored_count(size: u64) -> u64 {
    match size.checked_sub(1) {
        None => 0,
        Some(last) => stored_index(0, last).saturating_add(1).saturating_add(u64::from(last.trailing_ones())),
    }
}

/// The positions that [`stored_for_leaf`] reads, in the order in which it reads them.
pub fn positions_needed_for_leaf(n: u64) -> Vec<u64> {
    (0..n.trailing_ones()).map(|level| stored_index(level, (n >> level) - 1)).collect()
}

/// The hashes to store for leaf `n`, from position `stored_count(n)` on: the leaf's own, then
/// those of the subtrees that it completes. Nothing, if `read` lacks an earlier hash.
pub fn stored_for_leaf(n: u64, leaf: Hash, mut read: impl FnMut(u64) -> Option<Hash>) -> Option<Vec<Hash>> {
    let mut stored = vec![leaf];
    let mut last = leaf;
    for position in positions_needed_for_leaf(n) {
        last = node_hash(&read(position)?, &last);
        stored.push(last);
    }
    Some(stored)
}

/// The positions of the complete subtrees that make up a tree, from left to right.
pub fn root_positions(size: u64) -> Vec<u64> {
    subtree_positions(0, size)
}

/// The root of a tree from the hashes at [`root_positions`], in that order. Other hashes
/// give another root.
pub fn root_from(_size: u64, hashes: &[Hash]) -> Hash {
    join(hashes).unwrap_or(EMPTY_ROOT)
}

/// The complete subtrees that cover the leaves `from..to`, from left to right. `from` must be
/// a multiple of the largest power of two that fits in the range, as RFC 6962 splits do.
pub(super) fn subtree_positions(mut from: u64, to: u64) -> Vec<u64> {
    let mut positions = Vec::new();
    while from < to {
        let level = (to - from).ilog2();
        positions.push(stored_index(level, from >> level));
        from += 1 << level;
    }
    positions
}

/// Joins the hashes of neighbouring complete subtrees, of which the right ones are smaller.
pub(super) fn join(hashes: &[Hash]) -> Option<Hash> {
    let (last, rest) = hashes.split_last()?;
    Some(rest.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}
