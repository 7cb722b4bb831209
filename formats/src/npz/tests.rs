use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

const MOST: u64 = 1 << 20;

fn npy(descr: &str, fortran: bool, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let dims: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({dims}), }}\n");
    let length = u16::try_from(header.len()).expect("short").to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn npz(entries: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("begun");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("finished").into_inner()
}

/// Two entries of one name, which the writer would refuse to write.
fn twice() -> Vec<u8> {
    let array = || npy("|u1", false, &[1], &[7]);
    let mut bytes = npz(&[("a.npy", array()), ("b.npy", array())], false);
    for at in 0..bytes.len().saturating_sub(5) {
        if bytes[at..].starts_with(b"b.npy") {
            bytes[at] = b'a';
        }
    }
    bytes
}

fn said(bytes: Vec<u8>, most: u64) -> String {
    read(Cursor::new(bytes), most).expect_err("refused").to_string()
}

#[test]
fn arrays_of_both_orders_and_of_texts_are_read_as_they_are_meant() {
    let numbers: Vec<u8> = [1_i16, 4, 2, 5, 3, 6].iter().flat_map(|x| x.to_le_bytes()).collect();
    let texts: Vec<u8> = "ja\0né\0".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let entries = [
        ("x.npy", npy("<i2", true, &[2, 3], &numbers)),
        ("words.npy", npy("<U3", false, &[2], &texts)),
        ("sr.npy", npy("<i8", false, &[], &16_000_i64.to_le_bytes())),
        ("nan.npy", npy("<f2", false, &[1], &half::f16::NAN.to_le_bytes())),
    ];
    for deflated in [false, true] {
        let arrays = read(Cursor::new(npz(&entries, deflated)), MOST).expect("readable");
        assert_eq!((arrays["x"].shape(), arrays["x"].values()), (&[2, 3][..], &Values::Int16(vec![1, 2, 3, 4, 5, 6])));
        assert_eq!(arrays["words"].values(), &Values::Text(vec!["ja".to_owned(), "né".to_owned()]));
        assert_eq!((arrays["sr"].shape(), arrays["sr"].values()), (&[][..], &Values::Int64(vec![16_000])));
        assert!(arrays["nan"].values().numbers().expect("numbers")[0].is_nan());
    }
}

#[test]
fn what_is_hostile_or_broken_is_refused_with_the_entry_that_is() {
    let one = |entry: &str, bytes: Vec<u8>| npz(&[(entry, bytes)], false);
    let long_header = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes()].concat();
    let huge = npy("<f8", false, &[1 << 40], &[]);
    for (bytes, expected) in [
        (b"no archive".to_vec(), "a broken archive"),
        (npz(&[], false), "no array"),
        (one("none.npy", npy("<f4", false, &[2, 0, 3], &[])), "\"none\" has no elements"),
        (one("wide.npy", npy("<f4", false, &[0, 1 << 62], &[])), "\"wide\" has no elements"),
        (one("blank.npy", npy("<U0", false, &[1 << 40], &[])), "\"blank\" holds texts of no characters"),
        (one("words.npy", npy("<U1", false, &[1 << 15], &vec![0; 1 << 17])), "take more than"),
        (twice(), "an entry twice"),
        (one("readme.txt", vec![1]), "\"readme.txt\" is no array"),
        (one("../../x", vec![1]), "is no array"),
        (one("x.npy", npy("|O", false, &[1], &[0; 8])), "\"x\" holds Python objects"),
        (one("x.npy", npy("<f4", false, &[2], &[0; 4])), "\"x\" is cut off"),
        (one("x.npy", npy("<f4", false, &[1], &[0; 8])), "more bytes than its shape says"),
        (one("x.npy", npy("|b1", false, &[1], &[7])), "neither 0 nor 1"),
        (one("x.npy", npy("<U1", false, &[1], &u32::MAX.to_le_bytes())), "no Unicode"),
        (one("x.npy", long_header), "4294967295 bytes"),
        (one("x.npy", b"\x93NUMPY".to_vec()), "is cut off"),
        (one("x.npy", b"\x93NUMPY\x09\x00\x00\x00".to_vec()), "no readable header"),
        (one("x.npy", huge), "\"x\" the arrays take more than"),
    ] {
        let said = said(bytes, MOST);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let two = [("a.npy", npy("|u1", false, &[600], &[0; 600])), ("b.npy", npy("|u1", false, &[600], &[0; 600]))];
    assert!(said(npz(&two, false), 1_000).contains("\"b\""));
    let zeros = npy("|u1", false, &[32 << 20], &vec![0; 32 << 20]);
    assert!(said(npz(&[("z.npy", zeros)], true), 1 << 30).contains("\"z.npy\" unpacks from"));
    let mut damaged = one("x.npy", npy("<f4", false, &[1], &1.5_f32.to_le_bytes()));
    let at = damaged.windows(4).position(|four| four == 1.5_f32.to_le_bytes()).expect("the number");
    damaged[at] ^= 1;
    assert!(said(damaged, MOST).contains("\"x.npy\" can't be unpacked"), "the checksum");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_arrays_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(Cursor::new(bytes), MOST);
    }

    #[test]
    fn a_changed_byte_never_changes_an_array_in_silence(at in 0usize..400, with in any::<u8>()) {
        let data: Vec<u8> = (0..=255).collect();
        let whole = npz(&[("x.npy", npy("|u1", false, &[16, 16], &data))], true);
        let mut changed = whole.clone();
        let at = at % changed.len();
        changed[at] = with;
        if let Ok(arrays) = read(Cursor::new(changed), MOST) {
            let as_written = read(Cursor::new(whole), MOST).expect("readable");
            prop_assert_eq!(arrays.values().collect::<Vec<_>>(), as_written.values().collect::<Vec<_>>());
        }
    }

    #[test]
    fn both_orders_say_the_same(shape in proptest::collection::vec(1usize..5, 0..5)) {
        let all = count(&shape).expect("few");
        // In Fortran's order the element at a place of the other order is where its places lead.
        let places: Vec<usize> = places_of_fortran(&shape).collect();
        let mut laid: Vec<u8> = vec![0; all];
        for (at, place) in places.iter().enumerate() {
            laid[*place] = u8::try_from(at % 251).expect("a byte");
        }
        let arrays = read(Cursor::new(npz(&[("x.npy", npy("|u1", true, &shape, &laid))], false)), MOST).expect("readable");
        let wanted = (0..all).map(|at| u8::try_from(at % 251).expect("a byte")).collect();
        prop_assert_eq!(arrays["x"].values(), &Values::Uint8(wanted));
    }
}
