//! The model card that an author puts beside a model: `README.md`, in the manner of Hugging Face, with metadata in YAML at
//! its head and text in Markdown below.
//!
//! Invariants: everything in it is its author's word and no evidence: no limit is judged by it. What is shown is made of an
//! allow-list, so that nothing of it runs, loads or is fetched where somebody reads it. Size, depth and number are bounded.

mod front_matter;
mod markdown;

pub use front_matter::{Metadata, Reported};

/// At the top of a version.
pub const FILE: &str = "README.md";
/// Longer cards are not read.
pub const MAX_BYTES: usize = 256 << 10;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CardError {
    #[error("the card has {0} bytes, and at most {MAX_BYTES} are read; move what is long to files of its own")]
    TooLong(usize),
    #[error("the card is not UTF-8 text; save it as such")]
    NotText,
}

/// A card as it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    pub metadata: Metadata,
    /// Why the metadata was not read, if there is some.
    pub metadata_refused: Option<String>,
    /// Of an allow-list: safe to put into a page.
    pub html: String,
    /// Whether the text ends before its end, as more would not be shown.
    pub is_cut: bool,
}

/// Reads a card. Metadata that can't be read do not keep the text from being shown.
///
/// # Errors
/// When the whole is too long, or no text.
pub fn read(bytes: &[u8]) -> Result<Card, CardError> {
    if MAX_BYTES < bytes.len() {
        return Err(CardError::TooLong(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| CardError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (head, body) = split(text);
    let (metadata, metadata_refused) = match head.map(front_matter::read) {
        None => (Metadata::default(), None),
        Some(Ok(metadata)) => (metadata, None),
        Some(Err(refused)) => (Metadata::default(), Some(refused)),
    };
    let (html, is_cut) = markdown::render(body);
    Ok(Card { metadata, metadata_refused, html, is_cut })
}

/// The metadata between two lines of three dashes at the head, and what follows.
fn split(text: &str) -> (Option<&str>, &str) {
    let Some(first) = text.lines().next().filter(|line| line.trim_end() == "---") else { return (None, text) };
    let start = text.len().min(first.len() + 1);
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return (Some(&text[start..end]), &text[end + line.len()..]);
        }
        end += line.len();
    }
    (None, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CARD: &str = "---\nlicense: apache-2.0\nlanguage: [en, de]\ndatasets:\n- acme/credit\nbase_model: acme/base\ntags: [credit]\nmodel-index:\n- name: credit\n  results:\n  - task: {type: classification}\n    dataset: {name: Credit, type: acme/credit}\n    metrics:\n    - {type: accuracy, value: 0.93}\n---\n# Credit\n\nIt **scores**, see [here](https://example.com/a?b=1&c=2).\n";

    #[test]
    fn a_card_is_read_and_shown() {
        let card = read(CARD.as_bytes()).expect("read");
        assert_eq!(card.metadata_refused, None);
        assert_eq!(card.metadata.license.as_deref(), Some("apache-2.0"));
        assert_eq!(card.metadata.language, ["en", "de"]);
        assert_eq!(card.metadata.base_model, ["acme/base"]);
        let reported = &card.metadata.reported[0];
        assert_eq!((reported.metric.as_str(), reported.value.as_str()), ("accuracy", "0.93"));
        assert_eq!((reported.task.as_deref(), reported.dataset.as_deref()), (Some("classification"), Some("Credit")));
        assert!(card.html.contains("<h3>Credit</h3>"), "{}", card.html);
        let link = "<a href=\"https://example.com/a?b=1&amp;c=2\" rel=\"nofollow noopener noreferrer\">here</a>";
        assert!(card.html.contains(link), "{}", card.html);
    }

    #[test]
    fn cards_are_read_as_people_really_write_them() {
        for (head, license) in [
            ("", None),
            ("# later\n", None),
            ("license: mit\n", Some("mit")),
            ("license: mit\r\nlanguage:\r\n- no\r\n", Some("mit")),
            ("license:\n- mit\n- apache-2.0\nbase_model:\n", Some("mit, apache-2.0")),
            ("license: mit\n2024: yes\ndate: 2024-01-01\nx: ~\ny: .nan\n", Some("mit")),
        ] {
            let card = read(format!("\u{feff}---\n{head}---\ntext\n").as_bytes()).expect("read");
            assert_eq!((card.metadata_refused, card.metadata.license.as_deref()), (None, license), "{head:?}");
            assert_eq!(card.html, "<p>text</p>\n", "{head:?}");
        }
    }

    #[test]
    fn metadata_that_cannot_be_read_do_not_hide_the_text() {
        for head in ["a: [", "a: 1\na: 2", "a: !python x", "- a", "x: &a [1]\ny: *undefined"] {
            let card = read(format!("---\n{head}\n---\ntext\n").as_bytes()).expect("read");
            assert!(card.metadata_refused.is_some(), "{head}");
            assert_eq!(card.html, "<p>text</p>\n");
        }
    }

    #[test]
    fn yaml_does_not_grow() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(","));
        }
        let card = read(format!("---\n{bomb}---\nx").as_bytes()).expect("read");
        assert!(card.metadata_refused.is_some());
        let often = format!("---\na: &a \"{}\"\nb: [{}]\n---\n", "x".repeat(40_000), vec!["*a"; 4_000].join(","));
        let refused = read(often.as_bytes()).expect("read").metadata_refused.expect("refused");
        assert!(refused.contains("repeat too much text"), "{refused}");
        let deep = format!("---\na: {}{}\n---\n", "[".repeat(2_000), "]".repeat(2_000));
        assert!(read(deep.as_bytes()).expect("read").metadata_refused.is_some());
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused() {
        assert_eq!(read(&vec![b'a'; MAX_BYTES + 1]), Err(CardError::TooLong(MAX_BYTES + 1)));
        assert_eq!(read(&[0xff]), Err(CardError::NotText));
    }

    /// What would run, load or be fetched.
    const HOSTILE: [&str; 30] = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<iframe src=\"javascript:alert(1)\"></iframe>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#10;script:alert(1))",
        "[x](&#x6A;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x](//evil.example)",
        "[x](/session/end)",
        "[x](<https://a\" onclick=\"alert(1)>)",
        "[x](https://a\u{22}onmouseover=alert(1))",
        "[x](https://a 'title\" onclick=\"alert(1)')",
        "![x](https://evil.example/pixel.png)",
        "![x](x \"onerror=alert(1)\")",
        "![\" onerror=\"alert(1)](y)",
        "<javascript:alert(1)>",
        "<https://a/\"onclick=alert(1)>",
        "```\"><script>alert(1)</script>\nx\n```",
        "`<script>alert(1)</script>`",
        "[x]: javascript:alert(1)\n\n[x]",
        "<style>body{display:none}</style>",
        "<form action=/login><input name=password></form>",
        "<!-- --><script>alert(1)</script>",
        "<![CDATA[<script>alert(1)</script>]]>",
        "| <script> |\n|---|\n| <img src=x> |",
        "- <details open ontoggle=alert(1)>\n> <base href=//evil>",
    ];

    /// Every tag is one of the allowed in exactly the form in which it is made, and every other sign of markup is escaped.
    fn require_harmless(html: &str) {
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            let end = rest[start..].find('>').expect("closed") + start;
            let tag = &rest[start + 1..end];
            let name = tag.strip_prefix('/').unwrap_or(tag);
            let plain = [
                "p",
                "h3",
                "h4",
                "h5",
                "h6",
                "em",
                "strong",
                "del",
                "code",
                "pre",
                "pre tabindex=\"0\"",
                "blockquote",
                "ul",
                "ol",
                "li",
                "table",
                "thead",
                "tbody",
                "tr",
                "th",
                "th scope=\"col\"",
                "td",
                "hr",
                "br",
                "a",
                "ol start",
            ];
            let is_link =
                tag.strip_prefix("a href=\"").and_then(|t| t.strip_suffix("\" rel=\"nofollow noopener noreferrer\""));
            let is_number = tag.strip_prefix("ol start=\"").and_then(|t| t.strip_suffix('"'));
            match (is_link, is_number) {
                (Some(address), _) => {
                    assert!(address.starts_with("https://") || address.starts_with("http://"), "{tag}");
                    assert!(!address.contains(['"', '\'', '<', '>', ' ']), "{tag}");
                }
                (_, Some(number)) => assert!(number.bytes().all(|b| b.is_ascii_digit()), "{tag}"),
                _ => assert!(plain.contains(&name), "{tag} in {html}"),
            }
            assert!(!rest[..start].contains('>'), "{html}");
            rest = &rest[end + 1..];
        }
        assert!(!rest.contains('>'), "{html}");
    }

    #[test]
    fn nothing_of_a_hostile_card_runs_loads_or_is_fetched() {
        for hostile in HOSTILE {
            for text in [hostile.to_owned(), format!("text {hostile} text"), format!("> - # {hostile}")] {
                let card = read(text.as_bytes()).expect("read");
                require_harmless(&card.html);
                assert!(!card.html.contains("<img") && !card.html.contains("<script"), "{}", card.html);
            }
        }
    }

    #[test]
    fn what_is_short_stays_short() {
        let columns = format!("{}\n{}\n{}", "a|".repeat(20_000), "-|".repeat(20_000), "b|\n".repeat(20_000));
        for text in ["> ".repeat(50_000), "- ".repeat(50_000), "[".repeat(100_000), "*a_".repeat(50_000), columns] {
            let card = read(text.as_bytes()).expect("read");
            assert!(card.html.len() < 2 << 20, "{}", card.html.len());
            require_harmless(&card.html);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_other_tags(
            parts in proptest::collection::vec(prop_oneof![
                proptest::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
                "[\\[\\]()<>\"'`*_#|\\\\&;:/!-]{0,12}",
                "\\PC{0,12}",
                Just("\n".to_owned()), Just("\n\n".to_owned()), Just("    ".to_owned()), Just("> ".to_owned()),
            ], 0..24)
        ) {
            let card = read(parts.concat().as_bytes()).expect("read");
            require_harmless(&card.html);
        }
    }
}
