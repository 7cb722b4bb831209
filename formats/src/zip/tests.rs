//! Archives by hand: whatever a directory says, the entries say it too, or nobody reads it.

use super::*;
use std::io::{Cursor, Write};

/// One entry, with whatever somebody wants to be wrong about it.
#[derive(Clone)]
struct Made {
    name: &'static [u8],
    data: Vec<u8>,
    method: u16,
    flags: u16,
    mode: u32,
    /// As the directory has it, where it differs.
    listed_name: Option<&'static [u8]>,
    listed_size: Option<u32>,
    listed_at: Option<u32>,
    crc: Option<u32>,
    behind: Vec<u8>,
    listed: bool,
}

fn made(name: &'static str, data: &[u8]) -> Made {
    Made {
        name: name.as_bytes(),
        data: data.to_vec(),
        method: 0,
        flags: 0,
        mode: 0o100_644,
        listed_name: None,
        listed_size: None,
        listed_at: None,
        crc: None,
        behind: Vec::new(),
        listed: true,
    }
}

fn sum(data: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(data);
    sum.sum()
}

fn packed(entry: &Made) -> Vec<u8> {
    if entry.method != DEFLATED {
        return entry.data.clone();
    }
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&entry.data).expect("written");
    encoder.finish().expect("packed")
}

fn built(entries: &[Made], comment: &[u8]) -> Vec<u8> {
    let (mut file, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for entry in entries {
        let at = u32::try_from(file.len()).expect("small");
        let packed = packed(entry);
        let crc = entry.crc.unwrap_or_else(|| sum(&entry.data)).to_le_bytes();
        let (packed_bytes, size) = (packed.len() as u32, entry.data.len() as u32);
        let two = |number: usize| u16::try_from(number).expect("short").to_le_bytes();
        file.extend(b"PK\x03\x04\x14\0");
        file.extend([entry.flags.to_le_bytes(), entry.method.to_le_bytes(), [0; 2], [0; 2]].concat());
        if entry.flags & DESCRIBED_BEHIND != 0 {
            file.extend([0; 12]);
        } else {
            file.extend([crc, packed_bytes.to_le_bytes(), size.to_le_bytes()].concat());
        }
        file.extend([two(entry.name.len()), [0; 2]].concat());
        file.extend(entry.name);
        file.extend(&packed);
        file.extend(&entry.behind);
        if !entry.listed {
            continue;
        }
        count += 1;
        let name = entry.listed_name.unwrap_or(entry.name);
        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        directory.extend([entry.flags.to_le_bytes(), entry.method.to_le_bytes(), [0; 2], [0; 2]].concat());
        directory.extend([crc, packed_bytes.to_le_bytes(), entry.listed_size.unwrap_or(size).to_le_bytes()].concat());
        directory.extend([two(name.len()), [0; 2], [0; 2], [0; 2], [0; 2]].concat());
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(entry.listed_at.unwrap_or(at).to_le_bytes());
        directory.extend(name);
    }
    let at = (file.len() as u32).to_le_bytes();
    let bytes = (directory.len() as u32).to_le_bytes();
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend([bytes, at].concat());
    file.extend(u16::try_from(comment.len()).expect("short").to_le_bytes());
    file.extend(comment);
    file
}

fn looked(file: &[u8]) -> Result<Contents, Refusal> {
    read(&mut Cursor::new(file), file.len() as u64)
}

fn described(entry: &Made, wide: bool, signed: bool) -> Vec<u8> {
    let (packed, size) = (packed(entry).len() as u64, entry.data.len() as u64);
    let signature: &[u8] = if signed { b"PK\x07\x08" } else { b"" };
    let sizes = match wide {
        true => [packed.to_le_bytes(), size.to_le_bytes()].concat(),
        false => [(packed as u32).to_le_bytes(), (size as u32).to_le_bytes()].concat(),
    };
    [signature, &sum(&entry.data).to_le_bytes(), &sizes].concat()
}

#[test]
fn archives_of_all_writers_are_read() {
    let deflated = Made { method: DEFLATED, ..made("b/c", b"text text text text") };
    let mut behind = Made { flags: DESCRIBED_BEHIND, ..made("d", b"weights") };
    let folder = Made { mode: 0o040_755, ..made("b/", b"") };
    for (wide, signed) in [(false, false), (false, true), (true, false), (true, true)] {
        behind.behind = described(&behind, wide, signed);
        let file = built(&[made("a", b"1"), folder.clone(), deflated.clone(), behind.clone()], b"a comment");
        let contents = looked(&file).expect("readable");
        assert_eq!(
            contents.members,
            Some(Members { files: 3, packed_bytes: contents.members.expect("known").packed_bytes, unpacked_bytes: 27 })
        );
    }
    looked(&built(&[], b"")).expect("an empty one");
}

#[test]
fn an_archive_with_two_readings_is_refused() {
    let a = || made("a", b"one");
    let b = || made("b", b"two");
    let deflated = || Made { method: DEFLATED, ..made("a", &[b'x'; 400]) };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("another name", built(&[Made { listed_name: Some(b"z"), ..a() }], b""), "denies"),
        ("another size", built(&[Made { listed_size: Some(9), ..deflated() }], b""), "denies"),
        ("twice", built(&[a(), a()], b""), "twice"),
        ("twice by case", built(&[a(), made("A", b"x")], b""), "twice"),
        ("an entry that is not listed", built(&[a(), Made { listed: false, ..b() }], b""), "behind the entry"),
        ("a first entry that is not listed", built(&[Made { listed: false, ..a() }, b()], b""), "gap"),
        ("two entries at one place", built(&[a(), Made { listed_at: Some(0), ..b() }], b""), "overlap"),
        ("an entry elsewhere", built(&[a(), Made { listed_at: Some(7), ..b() }], b""), "overlap"),
        ("something between", built(&[Made { behind: b"hidden".to_vec(), ..a() }, b()], b""), "behind the entry"),
        ("a second end", built(&[a()], &built(&[], b"")), "one end"),
        ("an end in the comment", built(&[a()], b"PK\x05\x06 x"), "second end"),
        ("something before", [b"#!/bin/sh\n".to_vec(), built(&[a()], b"")].concat(), "before its beginning"),
        ("something after", [built(&[a()], b""), b"more".to_vec()].concat(), "one end"),
        ("a link", built(&[Made { mode: 0o120_777, ..a() }], b""), "link"),
        ("a pipe", built(&[Made { mode: 0o010_644, ..a() }], b""), "neither"),
        ("encrypted", built(&[Made { flags: 1, ..a() }], b""), "encrypted"),
        ("another method", built(&[Made { method: 12, ..a() }], b""), "packed in a way"),
        ("a false checksum", built(&[Made { crc: Some(1), ..deflated() }], b""), "checksum"),
        ("a backslash", built(&[made("a\\b", b"")], b""), "backslash"),
        ("a NUL", built(&[made("a\0b", b"")], b""), "NUL"),
        ("a drive", built(&[made("c:x", b"")], b""), "leaves"),
        ("a folder with data", built(&[made("a/", b"x")], b""), "neither"),
        ("a file in a file", built(&[a(), made("a/b", b"x")], b""), "folder that is a file"),
    ];
    for (what, file, said) in cases {
        let refusal = looked(&file).expect_err(what);
        assert!(refusal.detail().contains(said), "{what}: {refusal}");
    }
}

#[test]
fn a_bomb_that_lies_about_its_size_is_stopped_at_what_it_says() {
    let bomb =
        Made { method: DEFLATED, listed_size: Some(3), flags: DESCRIBED_BEHIND, ..made("zeros", &vec![0; 4 << 20]) };
    let packed = packed(&bomb).len() as u32;
    let behind =
        [b"PK\x07\x08".as_slice(), &sum(&bomb.data).to_le_bytes(), &packed.to_le_bytes(), &3u32.to_le_bytes()].concat();
    let refusal = looked(&built(&[Made { behind, ..bomb }], b"")).expect_err("a lie");
    assert!(refusal.detail().contains("more than it says"), "{refusal}");
}

#[test]
fn code_is_found_in_the_member_that_holds_it() {
    let pickle = b"\x80\x02cos\nsystem\nq\x00X\x02\x00\x00\x00idq\x01\x85q\x02Rq\x03.";
    let contents = looked(&built(&[made("m/data.pkl", pickle), made("m/data/0", b"1234")], b"")).expect("readable");
    let finding = &contents.findings[0];
    assert_eq!(
        (finding.member.as_deref(), finding.offset, finding.opcode),
        (Some("m/data.pkl"), Some(2), Some("GLOBAL"))
    );
    assert!(finding.what.contains("os.system"), "{finding}");
    let hidden = looked(&built(&[made("notes.txt", pickle)], b"")).expect("readable");
    assert_eq!(hidden.findings[0].member.as_deref(), Some("notes.txt"));
}
