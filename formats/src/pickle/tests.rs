//! Pickles by hand: what weights need passes, everything else is found where it stands.

use super::*;
use proptest::prelude::*;

fn walked(file: &[u8], around: Around) -> Walked {
    let mut from = file;
    walk(&mut from, file.len() as u64, around).expect("readable")
}

fn found(file: &[u8]) -> Vec<(&'static str, Option<u64>, Option<&'static str>)> {
    walked(file, Around::Nothing)
        .findings
        .iter()
        .map(|finding| (finding.code, finding.offset, finding.opcode))
        .collect()
}

/// `{"w": tensor}` as `torch.save` writes it.
const STATE: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03\
    ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\t\x89\
    ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs.";

#[test]
fn weights_pass_and_are_counted() {
    let walked = walked(STATE, Around::Storages);
    assert_eq!(walked.findings, []);
    assert_eq!(walked.storages.len(), 1);
    let contents = walked.into_contents("weights");
    assert_eq!((contents.class, contents.total.parameters, contents.total.bytes), (Class::Pickled, 6, 24));
    assert_eq!(contents.types.keys().collect::<Vec<_>>(), ["Float"]);
    // Without weights beside it there is nothing to refer to.
    assert_eq!(found(STATE).first().map(|found| found.0), Some("pickle_reference"));
}

#[test]
fn arrays_of_numbers_pass_and_arrays_of_objects_do_not() {
    let array = |kind: &str| {
        let mut file = b"\x80\x04\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\
            \x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x01\x85\x94h\x03\x8c\x05dtype\x94\x93\x94\x8c".to_vec();
        file.push(u8::try_from(kind.len()).expect("short"));
        file.extend(kind.as_bytes());
        file.extend(b"\x94\x89\x88\x87\x94R\x94\x89C\x08\0\0\0\0\0\0\0\0\x94t\x94b.");
        file
    };
    assert_eq!(found(&array("f8")), []);
    for kind in ["O8", "O", "object", "f4,O", "|O8", ""] {
        assert_eq!(found(&array(kind)).first().map(|found| found.0), Some("pickle_objects"), "{kind}");
    }
    // A state with fields and flags of somebody's choice makes addresses of numbers.
    let mut made = b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f8\x85R".to_vec();
    let state = |fields: &[u8]| [b"(K\x03\x8c\x01<N".as_slice(), fields, b"K\x01K\x01K\x00tb."].concat();
    assert_eq!(found(&[made.as_slice(), &state(b"NN")].concat()), []);
    assert_eq!(found(&[made.as_slice(), &state(b"N}")].concat()).first().map(|found| found.0), Some("pickle_objects"));
    made.extend(b"}b.");
    assert_eq!(found(&made).first().map(|found| found.0), Some("pickle_objects"));
}

#[test]
fn what_weights_do_not_need_is_found_where_it_stands() {
    for (what, file, expected) in [
        ("a name", b"cos\nsystem\n(S'id'\ntR.".as_slice(), ("pickle_name", Some(0), Some("GLOBAL"))),
        ("a name and a class", b"(S'id'\nios\nsystem\n.", ("pickle_name", Some(7), Some("INST"))),
        (
            "a name from the stack",
            b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.",
            ("pickle_name", Some(14), Some("STACK_GLOBAL")),
        ),
        (
            "a name from memory",
            b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940h\x00h\x01\x93.",
            ("pickle_name", Some(22), Some("STACK_GLOBAL")),
        ),
        (
            "a name that is put together",
            b"\x80\x04]\x8c\x06system\x93.",
            ("pickle_call", Some(11), Some("STACK_GLOBAL")),
        ),
        (
            "a name with escapes",
            b"\x80\x04S'o\\x73'\n\x8c\x06system\x93.",
            ("pickle_call", Some(19), Some("STACK_GLOBAL")),
        ),
        (
            "a part of a name that is listed",
            b"ccollections\nOrderedDict.__init__\n.",
            ("pickle_name", Some(0), Some("GLOBAL")),
        ),
        ("an extension", b"\x80\x02\x82\x01.", ("pickle_call", Some(2), Some("EXT1"))),
        ("a call of a text", b"\x80\x02X\x01\x00\x00\x00x)R.", ("pickle_call", Some(9), Some("REDUCE"))),
        ("a change of a class", b"\x80\x02ccollections\nOrderedDict\n}b.", ("pickle_change", Some(28), Some("BUILD"))),
        ("something outside", b"\x80\x02X\x01\x00\x00\x00xQ.", ("pickle_reference", Some(8), Some("BINPERSID"))),
        (
            "importlib",
            b"\x80\x04cimportlib\nimport_module\n(\x8c\x02ostR\x8c\x06system\x93.",
            ("pickle_name", Some(2), Some("GLOBAL")),
        ),
        ("the end of it", b"\x80\x02}", ("pickle_broken", Some(3), None)),
        ("too few values", b"\x80\x02R.", ("pickle_broken", Some(2), Some("REDUCE"))),
        ("values beyond a mark", b"\x80\x02K\x01(0.", ("pickle_trailing", None, None)),
        ("no instruction", b"\x80\x02\xff", ("pickle_broken", Some(2), None)),
        ("a second pickle", b"\x80\x02}.\x80\x02cos\nsystem\n.", ("pickle_name", Some(6), Some("GLOBAL"))),
        ("bytes behind it", b"\x80\x02}.\xff\xff", ("pickle_trailing", Some(4), None)),
        ("a protocol of tomorrow", b"\x80\x06}.", ("pickle_broken", Some(0), Some("PROTO"))),
    ] {
        let found = found(file);
        if what == "values beyond a mark" {
            // Python takes the mark away; what is left is one value, and an honest end.
            assert_eq!(found, [], "{what}");
            continue;
        }
        assert_eq!(found.first(), Some(&expected), "{what}: {found:?}");
    }
}

fn is_one(file: &[u8]) -> bool {
    let start = &file[..file.len().min(64 << 10)];
    let mut whole = file;
    match hidden(start, file.len() as u64) {
        Hidden::Yes => true,
        Hidden::Perhaps => read_hidden(start, &mut whole, file.len() as u64).expect("readable").is_some(),
        Hidden::No => false,
    }
}

#[test]
fn pickles_are_known_by_what_they_do_whatever_they_begin_with() {
    let call = b"cos\nsystem\n(S'id'\ntR.".as_slice();
    let long = |opcode: &[u8], width: usize| {
        let length = 200_000u64.to_le_bytes();
        [opcode, &length[..width], &vec![b'a'; 200_000], b"0"].concat()
    };
    let lines = |opcode: &str| [opcode.as_bytes(), &vec![b'1'; 200_000], b"\n0"].concat();
    let befores = [
        b"".to_vec(),
        b"\x80\x02".to_vec(),
        b"\x95\x16\0\0\0\0\0\0\0".to_vec(),
        b")0".to_vec(),
        b"\x880".to_vec(),
        b"C\x01a0".to_vec(),
        b"\x8c\x01a0".to_vec(),
        b"\x8a\x01\x010".to_vec(),
        b"N.".to_vec(),
        b"Np 1\n0g 1_\n0".to_vec(),
        b"I 1_0 \n0".to_vec(),
        long(b"X", 4),
        long(b"B", 4),
        long(b"\x8d", 8),
        long(b"\x96", 8),
        lines("V"),
        lines("F"),
        [b"S'".as_slice(), &vec![b'a'; 200_000], b"'\n0"].concat(),
        b"N0".repeat(100_000),
    ];
    for before in befores {
        let shown = String::from_utf8_lossy(&before[..before.len().min(8)]).into_owned();
        assert!(is_one(&[before.as_slice(), call].concat()), "{shown:?}");
    }
    assert!(is_one(b"(S'id'\nios\nsystem\n."));
    assert!(is_one(b"c__builtin__\neval\n(S'x'\ntRbroken"));
    assert!(is_one(b"S'\\x6fs'\nS'system'\n\x93(S'id'\ntR."), "a name that is written in another way");
    assert!(is_one(b"\x80\x04cos\nsystem\nand no more"), "it says itself what it is");
    assert!(is_one(&b"N".repeat(2 << 20)), "what is too long to be followed is not taken for harmless");
}

#[test]
fn texts_and_numbers_are_no_pickles() {
    for numbers in [b"\x80\x02\0?\0\0".as_slice(), b"\x80\x00\x00\x00\x00\x00\x00\x00{}", &[0x80; 100], &[0; 100]] {
        assert!(!is_one(numbers), "{numbers:?}");
    }
    for text in [
        "",
        "(a) first",
        "I am a text.\n",
        "configuration\nand more\n",
        "Looks\ngood\n",
        "{\"a\": 1}",
        "]",
        "case\nfoo\nbar\n",
        "cost,label\n.7,1\n.5,0\n",
        "Project\n.. image:: x\n",
    ] {
        assert!(!is_one(text.as_bytes()), "{text}");
    }
}

#[test]
fn an_old_file_of_torch_is_five_pickles_and_weights() {
    let magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
    let file = [magic.as_slice(), b"\x80\x02M\xe9\x03.", b"\x80\x02}.", STATE, b"\x80\x02].", &[255; 40]].concat();
    let codes: Vec<&str> = walked(&file, Around::Nothing).findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [] as [&str; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_instructions_are_followed_to_an_answer(file in proptest::collection::vec(prop_oneof![
        Just(b'('), Just(b'.'), Just(b'0'), Just(b'1'), Just(b'2'), Just(b'R'), Just(b'b'), Just(b't'), Just(b'q'), Just(b'h'),
        Just(b')'), Just(b'}'), Just(b']'), Just(0x85), Just(0x93), Just(0x94), Just(b'X'), Just(b'K'), Just(b'\n'), Just(b'c'), any::<u8>()
    ], 0..200)) {
        let walked = walked(&file, Around::Storages);
        // Fails closed: nothing is fit without an end.
        prop_assert!(!walked.findings.is_empty() || file.last() == Some(&b'.'));
    }
}
