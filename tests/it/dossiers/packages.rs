//! What is in a package, for every profile.

use super::{TITLE, dossier, every_profile, page, parsed, pdf, released, unpack};
use crate::story::{ENVIRONMENT, MODEL, text};
use plimsoll::{core::digest::Digest, dossiers::verify};
use serde_json::{Value, json};

#[actix_web::test]
async fn every_profile_gives_a_package_that_verifies_with_the_public_key_alone() {
    let story = released().await;
    let registry = story.app.get("", "/api/v1/registry").await.expect(200).json();
    let (vkey, pem) = (text(&registry["verifier_key"]), text(&registry["public_key_pem"]));
    let all = every_profile(&story).await;
    let logged = story.leaves("dossier.export").await;
    for ((profile, zip), leaf) in all.into_iter().zip(logged.into_iter().rev()) {
        let verified = verify::verify(&zip, &vkey).expect(profile);
        assert_eq!(verify::verify(&zip, &pem).expect("pem"), verified);
        let manifest = &verified.manifest;
        assert_eq!((manifest.model.as_str(), manifest.version, manifest.environment.as_str()), (MODEL, 1, ENVIRONMENT));
        assert!(manifest.profile.starts_with(&format!("{profile}@")), "{}", manifest.profile);
        // Three records of the run; an approval and a release; the sealing and all that followed.
        assert_eq!((verified.evidence, verified.statements), (3, 2));
        assert!(10 < verified.records, "{verified:?}");
        let entries = unpack(&zip);
        says_what_it_is(profile, page(&entries, "dossier.html"), &parsed(&entries, "dossier.json"));
        holds_what_it_names(&entries);
        every_interval_says_how_it_was_made(profile, &parsed(&entries, "dossier.json"));
        pdf::is_accessible_and_says_what_is_missing(profile, &entries);
        // The log says which package left.
        assert_eq!(leaf["detail"]["manifest"], verified.manifest_digest);
        assert_eq!(leaf["detail"]["profile"], manifest.profile);
    }
}

/// Two methods give two intervals for one ratio; nobody should have to guess which is which.
fn every_interval_says_how_it_was_made(profile: &str, data: &Value) {
    let (mut found, mut text_of_it) = (0, String::new());
    let sections = data["document"]["sections"].as_array().expect("sections");
    for block in sections.iter().flat_map(|section| section["blocks"].as_array().expect("blocks")) {
        text_of_it += block["text"].as_str().unwrap_or_default();
        let caption = block["caption"].as_str().unwrap_or_default();
        for row in block["rows"].as_array().into_iter().flatten() {
            for (head, cell) in block["head"].as_array().expect("head").iter().zip(row.as_array().expect("row")) {
                let (head, cell) = (text(head), text(&cell["text"]));
                if ["95 % interval", "Measured", "Value"].contains(&head.as_str()) && cell.contains(" to ") {
                    assert!(cell.ends_with(')') && cell.contains(char::is_alphabetic), "{profile}: {cell}");
                    let way = cell.rsplit(['(', ',']).find(|part| part.contains(char::is_alphabetic)).expect("method");
                    assert!(!way.contains(" to "), "{profile}: {cell}");
                    found += 1;
                } else if caption.contains("with 95 % intervals") && cell.contains(" to ") {
                    assert!(caption.ends_with(')') || head.ends_with(')'), "{profile}: {caption}, {head}: {cell}");
                    found += 1;
                }
            }
        }
    }
    let measured = !["cyclonedx", "gdpr"].contains(&profile);
    assert!(!measured || 5 < found, "{profile}: {found}");
    assert!(!measured || text_of_it.contains("the value can lie below it"), "{profile}");
}

/// Profile, standing, moment, registry, what is missing and the disclaimer.
fn says_what_it_is(profile: &str, html: &str, data: &Value) {
    let escaped = |text: &str| {
        let pairs = [('&', "&#38;"), ('<', "&#60;"), ('>', "&#62;"), ('"', "&#34;"), ('\'', "&#39;")];
        text.chars()
            .map(|c| pairs.iter().find(|(raw, _)| *raw == c).map_or(c.to_string(), |(_, e)| (*e).to_owned()))
            .collect::<String>()
    };
    let coverage = &data["coverage"];
    let mut wanted = vec![
        format!("{profile}@{}", coverage["revision"]),
        text(&coverage["digest"]),
        text(&data["as_of"]),
        text(&data["registry"]),
        text(&coverage["disclaimer"]),
        TITLE.to_owned(),
    ];
    let items = coverage["items"].as_array().expect("items");
    for item in items.iter().filter(|item| item["state"] == "missing") {
        wanted.extend([text(&item["title"]), text(&item["why"]), text(&item["citation"])]);
    }
    for text in wanted {
        assert!(html.contains(&escaped(&text)), "{profile}: {text}");
    }
    assert!(!html.contains("<b>Scorer") && !html.contains("<script"), "markup from people");
    let standing = if ["sr-26-2", "eu-ai-act"].contains(&profile) { "adopted, not yet in force" } else { "in force" };
    assert!(html.contains(standing), "{profile}");
    assert!(html.contains("<html lang=\"en\">") && html.contains("<svg") && html.contains("scope=\"row\""));
    for elsewhere in ["src=", "href=", "@import", "url("] {
        assert!(!html.contains(elsewhere), "{profile} loads something: {elsewhere}");
    }
    headings_are_in_order(html);
}

fn headings_are_in_order(html: &str) {
    let mut before = 0;
    for part in html.split("<h").skip(1) {
        let Some(level) = part.chars().next().and_then(|c| c.to_digit(10)) else { continue };
        assert!(level <= before + 1, "a heading of level {level} after one of level {before}");
        before = level;
    }
    assert_eq!(html.matches("<h1").count(), 1);
}

/// Everything that the document names by digest is there.
fn holds_what_it_names(entries: &plimsoll::dossiers::archive::Entries) {
    let data = parsed(entries, "dossier.json");
    for record in data["evidence"].as_array().expect("evidence") {
        let digest = Digest::parse(&text(&record["digest"])).expect("digest");
        let body = page(entries, &format!("evidence/{}.json", digest.hex()));
        assert_eq!(Digest::of(body), digest);
    }
    assert_eq!(data["reported"].as_array().map(Vec::len), Some(1));
    let report = Digest::parse(&text(&data["reported"][0]["digest"])).expect("digest");
    assert!(page(entries, &format!("reported/{}.json", report.hex())).contains("dsseEnvelope"));
    let leaves = page(entries, "audit/leaves.jsonl");
    for action in ["model.register", "version.seal", "run.finish", "promotion.approve", "promotion.activate"] {
        assert!(leaves.contains(&format!("\"action\":\"{action}\"")), "{action}");
    }
    // Aggregates only: no row of the data.
    let all: String = entries.iter().filter(|(n, _)| n.ends_with(".json")).map(|(n, _)| page(entries, n)).collect();
    assert!(!all.contains("5175.14"), "a row of the data");
}

#[actix_web::test]
async fn a_bias_audit_lists_every_category_three_times_and_passes_nobody() {
    let story = released().await;
    let zip = dossier(&story, &format!("profile=nyc-ll144&model={MODEL}")).await;
    let entries = unpack(&zip);
    let data = parsed(&entries, "dossier.json");
    let metrics = data["coverage"]["metrics"].as_array().expect("metrics");
    let document = data["document"].to_string();
    for attribute in ["sex", "region", "region*sex"] {
        let other = attribute.split('*').rev().collect::<Vec<_>>().join("*");
        let result = metrics.iter().find(|m| m["attribute"] == attribute || m["attribute"] == other.as_str());
        let impact = &result.expect(attribute)["impact"];
        assert!(impact["unknown"].is_u64());
        for row in impact["categories"].as_array().expect("categories") {
            assert!(document.contains(&text(&row["category"])), "{row}");
            assert!(["no_pass_mark", "not_applicable"].contains(&text(&row["verdict"]).as_str()), "{row}");
        }
    }
    assert!(document.contains("of an unknown category, counted and not compared"));
    let html = page(&entries, "dossier.html");
    let law = html.split("Selection rates and impact ratios by sex").nth(1).expect("the first table");
    let law = law.split("What the profile asks for").next().expect("its end");
    for word in ["passed", "✓", "class=\"good\"", "compliant"] {
        assert!(!law.contains(word), "{word}");
    }
}

#[actix_web::test]
async fn the_bill_of_materials_has_the_form_of_its_version() {
    let story = released().await;
    let entries = unpack(&dossier(&story, &format!("profile=cyclonedx&model={MODEL}")).await);
    let bom = parsed(&entries, "cyclonedx.json");
    crate::bom::are_well_formed(&[&bom.to_string()]);
    assert_eq!(
        (&bom["bomFormat"], &bom["specVersion"], &bom["version"]),
        (&json!("CycloneDX"), &json!("1.6"), &json!(1))
    );
    assert!(text(&bom["serialNumber"]).starts_with("urn:uuid:"));
    let keys = |value: &Value, allowed: &[&str]| {
        for key in value.as_object().expect("object").keys() {
            assert!(allowed.contains(&key.as_str()), "{key} is not in the schema");
        }
    };
    keys(&bom, &["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"]);
    let component = &bom["metadata"]["component"];
    let allowed =
        ["type", "bom-ref", "name", "version", "description", "hashes", "components", "modelCard", "properties"];
    keys(component, &allowed);
    assert_eq!((&component["type"], &component["name"]), (&json!("machine-learning-model"), &json!(MODEL)));
    assert_eq!(component["description"], TITLE);
    let card = &component["modelCard"];
    keys(card, &["modelParameters", "quantitativeAnalysis", "considerations"]);
    let metrics = card["quantitativeAnalysis"]["performanceMetrics"].as_array().expect("metrics");
    assert!(metrics.iter().any(|m| m["type"] == "accuracy") && metrics.iter().all(|m| m["value"].is_string()));
    let reference = &card["modelParameters"]["datasets"][0]["ref"];
    let data = &bom["components"][0];
    keys(data, &["type", "bom-ref", "name", "hashes", "data", "properties"]);
    assert_eq!((&data["bom-ref"], &data["type"]), (reference, &json!("data")));
    assert_eq!(bom["dependencies"][0]["dependsOn"], json!([reference]));
    for property in component["properties"].as_array().expect("properties") {
        assert!(text(&property["name"]).starts_with("plimsoll:"));
    }
}
