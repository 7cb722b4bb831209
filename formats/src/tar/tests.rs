//! Archives by hand, block by block.

use super::*;
use std::io::Write;

fn header(name: &str, kind: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    sealed(block)
}

fn sealed(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    block[148..156].copy_from_slice(b"        ");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn entry(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut file = header(name, kind, data.len() as u64).to_vec();
    file.extend(data);
    file.resize(file.len().next_multiple_of(BLOCK), 0);
    file
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 2 * BLOCK]].concat()
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let line = |(key, value): &(&str, &str)| {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length).expect("a length");
        format!("{length}{rest}")
    };
    entry("PaxHeaders/x", b'x', records.iter().map(line).collect::<String>().as_bytes())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("packed")
}

#[test]
fn archives_of_all_writers_are_read() {
    let long = format!("{}/x", "long".repeat(40));
    let file = archive(&[
        entry("./", b'5', b""),
        entry("./a", b'0', b"one"),
        entry("b/", b'5', b""),
        entry("b/c", 0, &[7; 1_000]),
        pax(&[("mtime", "1.5"), ("path", "köln")]),
        entry("other", b'0', b"x"),
        entry("@LongLink", b'L', format!("{long}\0").as_bytes()),
        entry("cut", b'0', b"y"),
    ]);
    assert!(is_tar(&file));
    let contents = read(&mut file.as_slice()).expect("readable");
    assert_eq!(contents.members.map(|members| (members.files, members.unpacked_bytes)), Some((4, 1_005)));
    let packed = gzip(&file);
    let again = read_gzip("a.tar.gz", &mut packed.as_slice(), packed.len() as u64).expect("readable");
    assert_eq!(again.members, contents.members);
}

#[test]
fn what_leaves_its_folder_links_or_lies_is_refused() {
    let good = || entry("a", b'0', b"one");
    let mut bad_sum = good();
    bad_sum[0] = b'b';
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("up", archive(&[entry("../x", b'0', b"y")]), "leaves"),
        ("absolute", archive(&[entry("/etc/x", b'0', b"y")]), "leaves"),
        ("absolute by pax", archive(&[pax(&[("path", "/etc/x")]), good()]), "leaves"),
        ("up by a long name", archive(&[entry("l", b'L', b"../x\0"), good()]), "leaves"),
        ("twice", archive(&[good(), good()]), "twice"),
        ("twice with a point", archive(&[good(), entry("./a", b'0', b"z")]), "twice"),
        ("hard link", archive(&[entry("h", b'1', b"")]), "hard link"),
        ("link", archive(&[entry("s", b'2', b""), entry("s/x", b'0', b"y")]), "link"),
        ("device", archive(&[entry("d", b'3', b"")]), "device"),
        ("block device", archive(&[entry("d", b'4', b"")]), "device"),
        ("pipe", archive(&[entry("d", b'6', b"")]), "device"),
        ("sparse", archive(&[entry("d", b'S', b"")]), "kind"),
        ("link by pax", archive(&[pax(&[("linkpath", "/x")]), good()]), "link"),
        ("two names", archive(&[pax(&[("path", "x"), ("path", "y")]), good()]), "two names"),
        (
            "a name for all",
            archive(&[
                {
                    let mut all = pax(&[("path", "x")]);
                    let block = sealed({
                        let mut b: [u8; BLOCK] = all[..BLOCK].try_into().expect("a block");
                        b[156] = b'g';
                        b
                    });
                    all[..BLOCK].copy_from_slice(&block);
                    all
                },
                good(),
            ]),
            "one name",
        ),
        ("holes", archive(&[pax(&[("GNU.sparse.major", "1")]), good()]), "holes"),
        ("a false sum", archive(&[good(), bad_sum]), "checksum"),
        ("no end", good(), "two empty blocks"),
        ("cut", archive(&[header("x", b'0', 5_000).to_vec()]), "middle"),
        ("a huge size", archive(&[header("x", b'0', 0o77_777_777_777).to_vec()]), "middle"),
        ("more behind", [archive(&[good()]), good()].concat(), "behind the end"),
        ("a backslash", archive(&[entry("a\\b", b'0', b"")]), "backslash"),
        ("an archive inside", archive(&[entry("in.tar", b'0', &archive(&[good()]))]), "archive itself"),
    ];
    for (what, file, said) in cases {
        let refusal = read(&mut file.as_slice()).expect_err(what);
        assert!(refusal.detail().contains(said), "{what}: {refusal}");
    }
}

#[test]
fn what_is_packed_is_unpacked_within_bounds_and_looked_into() {
    let bomb = gzip(&archive(&[entry("zeros", b'0', &vec![0; 8 << 20])]));
    let refusal = read_gzip("b.tar.gz", &mut bomb.as_slice(), bomb.len() as u64).expect_err("a bomb");
    assert!(refusal.detail().contains("times as many"), "{refusal}");
    let mut cut = gzip(&archive(&[entry("a", b'0', b"one")]));
    cut.truncate(cut.len() - 9);
    let refusal = read_gzip("b.tar.gz", &mut cut.as_slice(), cut.len() as u64).expect_err("cut");
    assert!(refusal.detail().contains("unpacked"), "{refusal}");
    let pickle = b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00idtR.";
    for (name, packed) in [("m.pkl.gz", gzip(pickle)), ("m.tar.gz", gzip(&archive(&[entry("m.bin", b'0', pickle)])))] {
        let contents = read_gzip(name, &mut packed.as_slice(), packed.len() as u64).expect("readable");
        assert!(contents.findings[0].what.contains("os.system"), "{name}: {:?}", contents.findings);
    }
}
