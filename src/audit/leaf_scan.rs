//! A quick look at a record in its canonical form, for logs of millions of them.
//!
//! Invariant: what is accepted here, [`Leaf::parse`](super::leaf::Leaf::parse) accepts. The
//! reverse need not hold: escapes, keys beyond ASCII and deep nesting are left to it, and so
//! is saying what is wrong.

use crate::audit::leaf::{ACTOR_KINDS, MAX_INTEGER, MAX_LEAF_BYTES};

/// Far below what a record may have.
const MAX_DEPTH: usize = 16;

/// The record's time, if the text is certainly that of a record.
pub fn time_of(text: &str) -> Option<&str> {
    if MAX_LEAF_BYTES < text.len() {
        return None;
    }
    let mut scan = Scan { text, at: 0 };
    scan.literal("{\"action\":")?;
    scan.string()?;
    scan.literal(",\"actor\":{\"auth\":")?;
    scan.string()?;
    if scan.literal(",\"credential\":").is_some() {
        scan.string()?;
    }
    if scan.literal(",\"id\":").is_some() {
        scan.string()?;
    }
    scan.literal(",\"kind\":")?;
    let kind = scan.string()?;
    if scan.literal(",\"name\":").is_some() {
        scan.string()?;
    }
    scan.literal("},\"at\":")?;
    let at = scan.string()?;
    // Changed rows are left to the full reader when they are asked for; their form is checked there.
    if scan.literal(",\"changes\":[").is_some() {
        scan.changes()?;
    }
    scan.literal(",\"detail\":")?;
    scan.object(MAX_DEPTH)?;
    scan.literal(",\"id\":")?;
    let id = scan.string()?;
    if scan.literal(",\"object\":{\"id\":").is_some() {
        scan.string()?;
        scan.literal(",\"kind\":")?;
        scan.string()?;
        scan.literal("}")?;
    }
    scan.literal(",\"outcome\":\"done\"").or_else(|| scan.literal(",\"outcome\":\"denied\""))?;
    if scan.literal(",\"request_id\":").is_some() {
        scan.string()?;
    }
    scan.literal(",\"v\":1")?;
    if scan.literal(",\"workspace\":").is_some() {
        scan.string()?;
    }
    scan.literal("}")?;
    let whole = scan.at == text.len() && ACTOR_KINDS.contains(&kind) && is_uuid(id) && is_instant(at);
    whole.then_some(at)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        let found = self.bytes().get(self.at..)?.starts_with(literal.as_bytes());
        found.then(|| self.at += literal.len())
    }

    /// Without escapes: what stands there is what is meant.
    fn string(&mut self) -> Option<&'a str> {
        self.literal("\"")?;
        let from = self.at;
        let length = self.bytes().get(from..)?.iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20)?;
        self.at = from + length;
        self.literal("\"")?;
        self.text.get(from..from + length)
    }

    /// At least one, each in the form that `Change` writes.
    fn changes(&mut self) -> Option<()> {
        loop {
            self.literal("{\"key\":")?;
            self.string()?;
            self.literal(",\"op\":")?;
            let op = self.string()?;
            let has_row = self.literal(",\"row\":").is_some();
            if has_row {
                let from = self.at;
                self.object(MAX_DEPTH)?;
                (from + 2 < self.at).then_some(())?;
            }
            self.literal(",\"table\":")?;
            self.string()?;
            self.literal("}")?;
            ["insert", "update", "delete"].contains(&op).then_some(())?;
            if self.literal(",").is_none() {
                return self.literal("]");
            }
        }
    }

    fn value(&mut self, depth_left: usize) -> Option<()> {
        match self.bytes().get(self.at)? {
            b'"' => self.string().map(drop),
            b'{' => self.object(depth_left),
            b'[' => self.array(depth_left),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.integer(),
        }
    }

    /// Keys of ASCII characters in strictly rising order: their order by bytes is that of RFC 8785.
    fn object(&mut self, depth_left: usize) -> Option<()> {
        let depth_left = depth_left.checked_sub(1)?;
        self.literal("{")?;
        if self.literal("}").is_some() {
            return Some(());
        }
        let mut last: Option<&str> = None;
        loop {
            let key = self.string()?;
            if !key.is_ascii() || last.is_some_and(|last| key <= last) {
                return None;
            }
            last = Some(key);
            self.literal(":")?;
            self.value(depth_left)?;
            if self.literal(",").is_none() {
                return self.literal("}");
            }
        }
    }

    fn array(&mut self, depth_left: usize) -> Option<()> {
        let depth_left = depth_left.checked_sub(1)?;
        self.literal("[")?;
        if self.literal("]").is_some() {
            return Some(());
        }
        loop {
            self.value(depth_left)?;
            if self.literal(",").is_none() {
                return self.literal("]");
            }
        }
    }

    fn integer(&mut self) -> Option<()> {
        let negative = self.literal("-").is_some();
        let digits = self.bytes().get(self.at..)?;
        let length = digits.iter().position(|b| !b.is_ascii_digit())?;
        let digits = digits.get(..length).filter(|digits| (1..=16).contains(&digits.len()))?;
        if digits[0] == b'0' && (negative || length > 1) {
            return None;
        }
        let number = digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        self.at += length;
        (number <= MAX_INTEGER).then_some(())
    }
}

fn is_uuid(text: &str) -> bool {
    let fits = |(n, b): (usize, u8)| match n {
        8 | 13 | 18 | 23 => b == b'-',
        _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// `2026-11-21T10:00:00.000000Z`; years before 1000 and leap seconds are left to the full reader.
fn is_instant(text: &str) -> bool {
    const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    let bytes = text.as_bytes();
    let fits = |(b, form): (&u8, &u8)| if *form == b'0' { b.is_ascii_digit() } else { b == form };
    if bytes.len() != FORM.len() || !bytes.iter().zip(FORM).all(fits) {
        return false;
    }
    let number = |from: usize, to: usize| bytes[from..to].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    1_000 <= year && (1..=days).contains(&day) && number(11, 13) < 24 && number(14, 16) < 60 && number(17, 19) < 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{
        changes::{Change, Operation},
        leaf::{Leaf, LeafActor, LeafObject, Outcome},
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn leaf(detail: Value) -> Leaf {
        let id = Some("0190a3c4-0000-7000-8000-00000000000b".to_owned());
        Leaf {
            v: 1,
            id: "0190a3c4-0000-7000-8000-00000000000a".to_owned(),
            at: "2024-02-29T23:59:59.123456Z".to_owned(),
            workspace: id.clone(),
            actor: LeafActor {
                kind: "user".to_owned(),
                id: id.clone(),
                name: Some("ann".to_owned()),
                auth: "token".to_owned(),
                credential: id,
            },
            action: "model.register".to_owned(),
            outcome: Outcome::Denied,
            object: Some(LeafObject { kind: "model".to_owned(), id: "m".to_owned() }),
            request_id: Some("r".to_owned()),
            detail,
            changes: vec![
                change(Operation::Insert, [("name", Some(json!("x"))), ("revision", Some(json!(1)))].into()),
                change(Operation::Update, [("title", None)].into()),
                change(Operation::Delete, [].into()),
            ],
        }
    }

    fn change(op: Operation, row: BTreeMap<&str, Option<Value>>) -> Change {
        let row = row.into_iter().map(|(column, value)| (column.to_owned(), value)).collect();
        Change { table: "model".to_owned(), key: "k".to_owned(), op, row }
    }

    fn full() -> String {
        let detail =
            json!({"a": [1, -2, [], {}, true, false, null], "b": {"x": "\u{e9}", "y": 9_007_199_254_740_991_u64}});
        leaf(detail).to_canonical().expect("canonical")
    }

    #[test]
    fn records_as_they_are_written_are_read() {
        assert_eq!(time_of(&full()), Some("2024-02-29T23:59:59.123456Z"));
        let mut least = leaf(json!({}));
        (least.workspace, least.actor.id, least.object, least.request_id) = (None, None, None, None);
        (least.actor.name, least.actor.credential, least.changes) = (None, None, Vec::new());
        assert!(time_of(&least.to_canonical().expect("canonical")).is_some());
    }

    /// What the full reader accepts in another form is found by the other tests' many texts.
    #[test]
    fn no_text_that_the_full_reader_refuses_is_accepted() {
        let text = full();
        let tries = (0..text.len()).flat_map(|at| {
            let text = &text;
            b"\"\\,:{}[]0129-. zZaA\n".iter().flat_map(move |byte| {
                let (mut put, mut replaced) = (text.clone().into_bytes(), text.clone().into_bytes());
                put.insert(at, *byte);
                replaced[at] = *byte;
                [put, replaced]
            })
        });
        let cuts = (0..text.len()).flat_map(|at| {
            let (mut without, cut) = (text.clone().into_bytes(), text.as_bytes()[..at].to_vec());
            without.remove(at);
            [without, cut]
        });
        let mut accepted = 0;
        for text in tries.chain(cuts).filter_map(|bytes| String::from_utf8(bytes).ok()) {
            if time_of(&text).is_some() {
                accepted += 1;
                assert!(Leaf::parse(&text).is_ok(), "{text}");
            }
        }
        assert!(1_000 < accepted, "other names and numbers are records too: {accepted}");
    }

    #[test]
    fn odd_dates_ids_numbers_and_orders_are_not_accepted() {
        let text = full();
        for (from, to) in [
            ("2024-02-29", "2023-02-29"),
            ("2024-02-29", "1900-02-29"),
            ("2024-02-29", "2024-13-01"),
            ("2024-02-29", "2024-04-31"),
            ("2024-02-29", "2024-00-10"),
            ("23:59:59", "24:00:00"),
            ("23:59:59", "23:59:60"),
            ("9007199254740991", "9007199254740992"),
            ("1,-2", "1,-0"),
            ("1,-2", "1,02"),
            ("1,-2", "1,1.0"),
            ("\"x\":", "\"z\":"),
            ("\"x\":", "\"y\":"),
            ("\"user\"", "\"wizard\""),
            ("00000a", "00000A"),
            ("\"v\":1", "\"v\":2"),
        ] {
            assert!(text.contains(from) && time_of(&text.replacen(from, to, 1)).is_none(), "{to}");
        }
        let deep = format!("{}1{}", "[".repeat(15), "]".repeat(15));
        let nested = |depth: String| text.replacen("1,-2", &depth, 1);
        assert!(time_of(&nested(deep)).is_none());
        assert!(time_of(&nested("[".repeat(30_000))).is_none());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
            "[^\\x00]{0,12}".prop_map(Value::from),
        ];
        plain.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[^\\x00]{0,6}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_accepted_record_has_the_time_that_the_full_reader_finds(detail in prop::collection::btree_map("[a-z]{1,3}", any_value(), 0..4)) {
            let text = leaf(Value::Object(detail.into_iter().collect())).to_canonical().expect("canonical");
            let parsed = Leaf::parse(&text).expect("canonical");
            prop_assert!(time_of(&text).is_none_or(|at| at == parsed.at));
        }
    }
}
