//! The PDF: tagged, with title and language, and the text of what is missing.

use super::{PROFILES, dossier, parsed, released, stage, unpack};
use crate::story::{MODEL, scorer, text};
use lopdf::{Document, Object};

fn catalog(pdf: &Document) -> &lopdf::Dictionary {
    pdf.catalog().expect("catalog")
}

/// The text of all pages without white space: lines break where they fit.
fn squeezed(pdf: &Document) -> String {
    let pages: Vec<u32> = pdf.get_pages().keys().copied().collect();
    squeeze(&pdf.extract_text(&pages).expect("text"))
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '\u{200b}').collect()
}

#[actix_web::test]
async fn the_document_is_tagged_and_says_what_is_missing() {
    let story = released().await;
    for profile in PROFILES {
        let entries = unpack(&dossier(&story, &format!("profile={profile}&model={MODEL}")).await);
        let pdf = Document::load_mem(entries.get("dossier.pdf").expect("pdf")).expect("a PDF");
        let root = catalog(&pdf);
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
        let data = parsed(&entries, "dossier.json");
        for lack in data["document"]["lacks"]["items"].as_array().expect("items") {
            assert!(said.contains(&squeeze(&text(&lack["title"]))), "{profile}: {lack}");
        }
        assert!(said.contains(&squeeze(&text(&data["coverage"]["digest"]))), "{profile}");
    }
}

#[actix_web::test]
async fn text_from_people_is_text_and_letters_without_a_font_are_spelled() {
    let story = stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let entries = unpack(&dossier(&story, &format!("profile=model-card&model={MODEL}")).await);
    let pdf = Document::load_mem(entries.get("dossier.pdf").expect("pdf")).expect("a PDF");
    let said = squeezed(&pdf);
    for wanted in [r##"#panic("x")*_$@here`raw`//[U+4E2D][U+6587]"##, "Scores*applications*.#letx=1", "<b>Scorer</b>&"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // Nothing was measured: it says so and shows no figure.
    assert!(said.contains("Notmeasured"), "{said}");
}
