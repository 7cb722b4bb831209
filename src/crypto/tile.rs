//! Tiles: the log's hashes and entries in pieces of fixed place and content, so that any
//! cache or mirror can hold them. Format: C2SP `tlog-tiles` v0.1.0, tiles of height 8.
//!
//! Invariants: a tile has one path; a tile that is in the tree of one size has the same
//! bytes in every later tree.

use crate::crypto::merkle::stored_index;

/// Hashes or entries in a full tile.
pub const FULL_WIDTH: u64 = 256;
/// Levels of the tree in one tile.
const HEIGHT: u32 = 8;
/// A tree of 2^63 leaves has no higher tile.
const MAX_LEVEL: u32 = 7;

/// A run of neighbouring hashes of one level, or of entries: `width` from `256 * number` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Of tiles, not of the tree: 0 has the hashes of leaves, 1 those of 256 leaves each.
    level: u32,
    number: u64,
    /// 1 to 256.
    width: u64,
}

impl Tile {
    /// Reads `LEVEL` and `NUMBER[.p/WIDTH]`. Nothing, if a log of any size has no such tile.
    pub fn parse(level: &str, path: &str) -> Option<Self> {
        let level = u32::try_from(plain_number(level)?).ok().filter(|level| *level <= MAX_LEVEL)?;
        let (number, width) = match path.split_once(".p/") {
            None => (path, FULL_WIDTH),
            Some((number, width)) => (number, plain_number(width).filter(|w| (1..FULL_WIDTH).contains(w))?),
        };
        let number = parse_number(number)?;
        // Past this there is no position in any tree.
        (number < 1 << (55 - HEIGHT * level.min(6))).then_some(Self { level, number, width })
    }

    /// Reads the path of a bundle of entries, which are numbered as the tiles of level 0 are.
    pub fn parse_entries(path: &str) -> Option<Self> {
        Self::parse("0", path)
    }

    /// The tiles of every level that a log of this size consists of, the entries' included as level 0.
    /// One after the other: whoever signed a size may claim any.
    pub fn of_tree(size: u64) -> impl Iterator<Item = Self> {
        let hashes_of = move |level: u32| size >> (HEIGHT * level);
        let levels = (0..=MAX_LEVEL).take_while(move |level| hashes_of(*level) > 0);
        levels.flat_map(move |level| {
            let (full, rest) = (hashes_of(level) / FULL_WIDTH, hashes_of(level) % FULL_WIDTH);
            let all = (0..full).map(move |number| Self { level, number, width: FULL_WIDTH });
            all.chain((rest > 0).then_some(Self { level, number: full, width: rest }))
        })
    }

    pub fn level(&self) -> u32 {
        self.level
    }

    /// `NUMBER[.p/WIDTH]`, the number in groups of three digits: `x001/x234/067`.
    pub fn path(&self) -> String {
        let mut path = format!("{:03}", self.number % 1_000);
        let mut rest = self.number / 1_000;
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1_000);
            rest /= 1_000;
        }
        if self.width < FULL_WIDTH { format!("{path}.p/{}", self.width) } else { path }
    }

    /// Whether a tree of `size` leaves has all of it.
    pub fn is_in(&self, size: u64) -> bool {
        self.end() <= size >> (HEIGHT * self.level)
    }

    /// The first entry or hash, counted in its level, and the one after the last.
    pub fn range(&self) -> (u64, u64) {
        (self.number * FULL_WIDTH, self.end())
    }

    fn end(&self) -> u64 {
        self.number * FULL_WIDTH + self.width
    }

    /// Where the hashes are stored, in their order.
    pub fn positions(&self) -> Vec<u64> {
        let (from, to) = self.range();
        (from..to).map(|n| stored_index(HEIGHT * self.level, n)).collect()
    }
}

/// Entries as a bundle has them: each with its length before it, two bytes, big-endian.
/// Nothing, if one is longer than 65,535 bytes.
pub fn entry_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Some(bytes)
}

/// A decimal number in its one form.
fn plain_number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

fn parse_number(path: &str) -> Option<u64> {
    let mut groups = path.split('/').peekable();
    let (mut number, mut first) = (0_u64, true);
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Another group of zeros in front would be another path of the same tile.
        if first && digits == "000" && groups.peek().is_some() {
            return None;
        }
        first = false;
        number = number.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_path_and_survives_it() {
        for (level, path, range) in [
            ("0", "000", (0, 256)),
            ("0", "x001/x234/067", (315_921_152, 315_921_408)),
            ("1", "001.p/7", (256, 263)),
            ("7", "000.p/255", (0, 255)),
            ("2", "x001/000", (256_000, 256_256)),
        ] {
            let tile = Tile::parse(level, path).expect(path);
            assert_eq!((tile.path().as_str(), tile.level().to_string().as_str()), (path, level));
            assert_eq!(tile.range(), range, "{path}");
        }
        for (level, path) in [
            ("8", "000"),
            ("00", "000"),
            ("-1", "000"),
            ("+0", "000"),
            ("", "000"),
            ("0", ""),
            ("0", "0"),
            ("0", "0000"),
            ("0", "x000/001"),
            ("0", "001/002"),
            ("0", "x001"),
            ("0", "x001/"),
            ("0", "/000"),
            ("0", "../000"),
            ("0", "000.p/0"),
            ("0", "000.p/256"),
            ("0", "000.p/01"),
            ("0", "000.p/"),
            ("0", "000.p/1/"),
            ("0", "000.p/1.p/1"),
            ("0", "+01"),
            ("0", "x999/x999/x999/x999/x999/x999/x999/999"),
            ("0", "x999/x999/x999/x999/x999/999"),
        ] {
            assert_eq!(Tile::parse(level, path), None, "{level} {path}");
        }
    }

    #[test]
    fn a_tree_has_exactly_the_tiles_that_its_hashes_fill() {
        for size in [0, 1, 255, 256, 257, 65_535, 65_536, 70_000] {
            let tiles: Vec<_> = Tile::of_tree(size).collect();
            assert!(tiles.iter().all(|tile| tile.is_in(size)), "{size}");
            for level in 0..3 {
                let width: u64 = tiles.iter().filter(|t| t.level == level).map(|t| t.width).sum();
                assert_eq!(width, size >> (8 * level), "{size} at level {level}");
            }
            assert!(!Tile { level: 0, number: size / 256, width: size % 256 + 1 }.is_in(size), "{size}");
        }
        let tile = |level: &str, path: &str| Tile::parse(level, path).expect(path);
        assert!(tile("1", "000.p/1").is_in(256) && !tile("1", "000.p/1").is_in(255));
        assert!(tile("7", "000.p/127").is_in(i64::MAX as u64) && !tile("7", "000.p/128").is_in(i64::MAX as u64));
    }

    #[test]
    fn a_tree_that_nobody_can_hold_is_walked_all_the_same() {
        let first: Vec<_> = Tile::of_tree(1 << 62).take(2).map(|tile| tile.path()).collect();
        assert_eq!(first, ["000", "001"]);
    }

    #[test]
    fn the_hashes_of_a_tile_are_where_the_tree_stores_them() {
        assert_eq!(Tile::parse("0", "000.p/4").expect("tile").positions(), [0, 1, 3, 4]);
        // 256 leaves and the 255 subtrees above them; the last of all is the first hash of level 8.
        assert_eq!(Tile::parse("1", "000.p/2").expect("tile").positions(), [510, 1021]);
    }

    #[test]
    fn a_bundle_has_the_length_before_each_entry() {
        let entries: [&[u8]; 3] = [b"ab", b"", &[7; 300]];
        let bundle = entry_bundle(entries).expect("bundle");
        assert_eq!((&bundle[..6], bundle.len()), (&[0, 2, b'a', b'b', 0, 0][..], 4 + 2 + 2 + 300));
        assert_eq!(bundle[6..8], [1, 44]);
        assert_eq!(entry_bundle([&[0; 65_536][..]]), None);
    }
}
