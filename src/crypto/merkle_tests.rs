use crate::crypto::{hex, merkle::*};
use proptest::prelude::*;
use std::cell::RefCell;

/// MTH of RFC 6962, section 2.1, word for word: the second opinion.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&mth(left), &mth(right))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn stored(leaves: &[Hash]) -> Vec<Hash> {
    let mut stored = Vec::new();
    for (n, leaf) in (0..).zip(leaves) {
        assert_eq!(stored.len() as u64, stored_count(n));
        let more = stored_for_leaf(n, *leaf, |at| stored.get(at as usize).copied()).expect("earlier hashes");
        stored.extend(more);
    }
    stored
}

fn at(stored: &[Hash]) -> impl Fn(u64) -> Option<Hash> {
    |position| stored.get(usize::try_from(position).ok()?).copied()
}

#[test]
fn roots_equal_the_known_ones_of_certificate_transparency() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut range = CompactRange::new();
    assert_eq!(hex::encode(&range.root()), hex::encode(&EMPTY_ROOT));
    for (input, root) in inputs.into_iter().zip(roots) {
        range.append(leaf_hash(input));
        assert_eq!(hex::encode(&range.root()), root);
    }
}

#[test]
fn the_layout_equals_the_one_of_the_go_checksum_database() {
    // Leaves 0..=3 with the subtrees they complete: L0 L1 01 L2 L3 23 0123.
    let expected = [(0, 0, 0), (0, 1, 1), (1, 0, 2), (0, 2, 3), (0, 3, 4), (1, 1, 5), (2, 0, 6), (0, 4, 7)];
    for (level, n, position) in expected {
        assert_eq!(stored_index(level, n), position, "level {level}, {n}");
    }
    let counts: Vec<_> = (0..=8).map(stored_count).collect();
    assert_eq!(counts, [0, 1, 3, 4, 7, 8, 10, 11, 15]);
    assert_eq!(stored_index(64, u64::MAX), u64::MAX, "absurd positions do not panic");
}

#[test]
fn every_size_has_one_root_however_it_is_computed() {
    let leaves = leaves(70);
    let stored = stored(&leaves);
    let mut range = CompactRange::new();
    for size in 0..=leaves.len() {
        let expected = mth(&leaves[..size]);
        let edge: Vec<_> = root_positions(size as u64).into_iter().map(|p| at(&stored)(p).expect("stored")).collect();
        assert_eq!(root_from(size as u64, &edge), expected);
        assert_eq!(range.root(), expected);
        assert_eq!(CompactRange::from_edge(size as u64, edge), Some(range.clone()));
        if let Some(leaf) = leaves.get(size) {
            range.append(*leaf);
        }
    }
    assert_eq!(CompactRange::from_edge(3, vec![EMPTY_ROOT]), None);
}

#[test]
fn every_leaf_of_every_tree_can_be_proven_from_the_positions_alone() {
    let leaves = leaves(70);
    let stored = stored(&leaves);
    for size in 1..=70 {
        let root = mth(&leaves[..size as usize]);
        for index in 0..size {
            let asked = RefCell::new(Vec::new());
            let read = |position| {
                asked.borrow_mut().push(position);
                at(&stored[..stored_count(size) as usize])(position)
            };
            let proof = inclusion_proof(index, size, read).expect("proof");
            assert_eq!(*asked.borrow(), inclusion_positions(index, size));
            assert!(check_inclusion(leaves[index as usize], index, size, &proof, root));
        }
        assert_eq!(inclusion_proof(size, size, at(&stored)), None);
    }
}

#[test]
fn every_earlier_tree_is_proven_to_be_the_beginning() {
    let leaves = leaves(70);
    let stored = stored(&leaves);
    for new in 0..=70 {
        for old in 0..=new {
            let proof = consistency_proof(old, new, at(&stored)).expect("proof");
            let (old_root, new_root) = (mth(&leaves[..old as usize]), mth(&leaves[..new as usize]));
            assert!(check_consistency(old, old_root, new, new_root, &proof), "{old} {new}");
            if old < new && old > 0 {
                assert!(!check_consistency(old, new_root, new, new_root, &proof), "{old} {new}");
                assert!(!check_consistency(old, old_root, new, old_root, &proof), "{old} {new}");
            }
        }
        assert_eq!(consistency_proof(new + 1, new, at(&stored)), None);
    }
}

proptest! {
    #[test]
    fn a_tampered_inclusion_proof_never_holds(size in 1_u64..70, pick in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let leaves = leaves(size);
        let (stored, root) = (stored(&leaves), mth(&leaves));
        let index = pick.index(size as usize) as u64;
        let leaf = leaves[index as usize];
        let proof = inclusion_proof(index, size, at(&stored)).expect("proof");
        for line in 0..proof.len() {
            let mut bad = proof.clone();
            bad[line][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!check_inclusion(leaf, index, size, &bad, root));
            bad.remove(line);
            prop_assert!(!check_inclusion(leaf, index, size, &bad, root));
        }
        let longer: Vec<_> = proof.iter().copied().chain([root]).collect();
        prop_assert!(!check_inclusion(leaf, index, size, &longer, root));
        prop_assert!(!check_inclusion(root, index, size, &proof, root) || root == leaf);
        for other in (0..size + 2).filter(|other| *other != index) {
            prop_assert!(!check_inclusion(leaf, other, size, &proof, root));
        }
    }

    #[test]
    fn a_tampered_consistency_proof_never_holds(new in 2_u64..70, pick in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let leaves = leaves(new);
        let stored = stored(&leaves);
        let old = 1 + pick.index(new as usize - 1) as u64;
        let (old_root, new_root) = (mth(&leaves[..old as usize]), mth(&leaves));
        let proof = consistency_proof(old, new, at(&stored)).expect("proof");
        for line in 0..proof.len() {
            let mut bad = proof.clone();
            bad[line][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!check_consistency(old, old_root, new, new_root, &bad));
            bad.remove(line);
            prop_assert!(!check_consistency(old, old_root, new, new_root, &bad));
        }
        let longer: Vec<_> = proof.iter().copied().chain([old_root]).collect();
        prop_assert!(!check_consistency(old, old_root, new, new_root, &longer));
    }

    #[test]
    fn hostile_numbers_and_proofs_do_not_panic(index: u64, size: u64, proof in prop::collection::vec(any::<Hash>(), 0..70)) {
        check_inclusion(EMPTY_ROOT, index, size, &proof, EMPTY_ROOT);
        check_consistency(index, EMPTY_ROOT, size, EMPTY_ROOT, &proof);
        inclusion_positions(index, size);
        consistency_positions(index, size);
        root_positions(size);
        prop_assert!(stored_count(size) >= size);
    }
}
