//! The PDF: tagged, with title and language, and the text of what is missing.

use super::{dossier, page, parsed, stage, unpack};
use crate::story::{MODEL, scorer, text};
use lopdf::{Dictionary, Document, Object, ObjectId, content::Content};
use plimsoll::dossiers::archive::Entries;
use std::collections::BTreeMap;

/// The text of all pages without white space: lines break where they fit.
fn squeezed(pdf: &Document) -> String {
    let said = pieces(pdf).concat();
    assert!(!said.contains(['\u{200b}', '\u{ad}']), "something that nobody sees is between letters");
    squeeze(&said)
}

/// Every text that the page shows in one go: what a reader finds and copies as one piece.
fn pieces(pdf: &Document) -> Vec<String> {
    let mut all = Vec::new();
    for page in pdf.get_pages().into_values() {
        shown(pdf, page, &mut |piece| all.push(piece));
    }
    all
}

fn shown(pdf: &Document, page: ObjectId, take: &mut impl FnMut(String)) {
    let fonts: BTreeMap<Vec<u8>, Letters> =
        pdf.get_page_fonts(page).expect("fonts").into_iter().map(|(name, font)| (name, letters(pdf, font))).collect();
    let content = Content::decode(&pdf.get_page_content(page).expect("content")).expect("operators");
    let mut font = None;
    for operation in content.operations {
        if operation.operator == "Tf" {
            font = operation.operands[0].as_name().ok().and_then(|name| fonts.get(name));
        }
        let operands = operation.operands.iter();
        let operands = operands.flat_map(|o| o.as_array().map_or(vec![o], |all| all.iter().collect()));
        let mut piece = String::new();
        for operand in operands {
            if let (Object::String(codes, _), Some(font)) = (operand, font) {
                piece.extend(codes.chunks(2).filter_map(|code| font.get(code)).map(String::as_str));
            }
        }
        take(piece);
    }
}

/// Letters by the code of their glyph, as the font's ToUnicode table says.
type Letters = BTreeMap<Vec<u8>, String>;

fn letters(pdf: &Document, font: &Dictionary) -> Letters {
    let table = font.get(b"ToUnicode").and_then(Object::as_reference).expect("a table of letters");
    let table = pdf.get_object(table).and_then(Object::as_stream).expect("stream");
    let table =
        String::from_utf8(table.decompressed_content().unwrap_or_else(|_| table.content.clone())).expect("text");
    let hex = |text: &str| {
        let digits = text.trim_matches(['<', '>']).as_bytes();
        digits
            .chunks(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect::<Vec<_>>()
    };
    let mut letters = Letters::new();
    for block in table.split("beginbfchar").skip(1) {
        for line in block.split("endbfchar").next().unwrap_or_default().lines() {
            let Some((code, text)) = line.trim().split_once(' ') else { continue };
            let units: Vec<u16> = hex(text).chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
            letters.insert(hex(code), String::from_utf16_lossy(&units));
        }
    }
    assert!(!letters.is_empty() && !table.contains("beginbfrange"), "{table}");
    letters
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Tagged, with title and language, and it says everything that is missing.
pub fn is_accessible_and_says_what_is_missing(profile: &str, entries: &Entries) {
    let pdf = Document::load_mem(entries.get("dossier.pdf").expect("pdf")).expect("a PDF");
    let root = pdf.catalog().expect("catalog");
    let marked = root.get(b"MarkInfo").and_then(Object::as_dict).expect("MarkInfo");
    assert_eq!(marked.get(b"Marked").and_then(Object::as_bool).ok(), Some(true));
    assert!(root.has(b"StructTreeRoot") && root.has(b"Metadata"), "{profile}");
    let language = root.get(b"Lang").and_then(Object::as_str).expect("language");
    assert!(language.starts_with(b"en"), "{language:?}");
    let metadata = root.get(b"Metadata").and_then(Object::as_reference).expect("metadata");
    let xmp = pdf.get_object(metadata).and_then(Object::as_stream).expect("stream");
    let xmp = String::from_utf8_lossy(&xmp.content).into_owned();
    assert!(xmp.contains("pdfuaid:part") && xmp.contains(MODEL), "{profile} is not PDF/UA: {xmp}");
    let said = squeezed(&pdf);
    let data = parsed(entries, "dossier.json");
    for lack in data["document"]["lacks"]["items"].as_array().expect("items") {
        assert!(said.contains(&squeeze(&text(&lack["title"]))), "{profile}: {lack}");
    }
    let pieces = pieces(&pdf);
    let mut wanted = vec![text(&data["coverage"]["digest"]), text(&data["version"]["digest"])];
    wanted.extend(data["evidence"].as_array().expect("evidence").iter().map(|record| text(&record["digest"])));
    wanted.extend(data["requests"].as_array().expect("requests").iter().map(|r| text(&r["decision_digest"])));
    // A bias audit summary has no table of requests.
    wanted.retain(|digest| page(entries, "dossier.html").contains(digest));
    assert!(4 < wanted.len(), "{profile}: {wanted:?}");
    for digest in wanted {
        assert!(pieces.iter().any(|piece| piece.contains(&digest)), "{profile}: {digest} is broken");
    }
}

#[actix_web::test]
async fn text_from_people_is_text_and_letters_without_a_font_are_spelled() {
    let story = stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let entries = unpack(&dossier(&story, &format!("profile=model-card&model={MODEL}")).await);
    let pdf = Document::load_mem(entries.get("dossier.pdf").expect("pdf")).expect("a PDF");
    let said = squeezed(&pdf);
    for wanted in [r##"#panic("x")*_$@here`raw`//[U+4E2D][U+6587]"##, "Scores*applications*.#letx=1", "<b>Scorer</b>&"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // Nothing was measured: it says so and shows no figure.
    assert!(said.contains("Notmeasured"), "{said}");
}
