//! Check and sign: what is signed is shown whole, with the password, and leaves a receipt.

use super::{
    assert_page,
    stage::{Browser, HOSTILE, PASSWORD, Stage},
};
use crate::story::text;
use plimsoll::audit::sequencer;
use serde_json::{Value, json};

async fn asked(stage: &Stage) -> (String, String) {
    let version = stage.push("v1").await;
    stage.measure(version).await;
    let asked = stage.ask(version).await;
    (format!("/promotions/{}", text(&asked["id"])), text(&asked["decision_digest"]))
}

/// The hidden fields of the page's last form.
fn hidden(page: &str) -> Vec<(String, String)> {
    let form = page.rsplit_once("<form ").expect("a form").1;
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
    let read = |field: &str| {
        let (name, rest) = field.split_once('"')?;
        Some((name.to_owned(), rest.split_once("value=\"")?.1.split('"').next()?.to_owned()))
    };
    fields.filter_map(read).filter(|(name, _)| name != "form_token").collect()
}

#[actix_web::test]
async fn what_is_signed_is_shown_whole_and_signed_with_the_password() {
    let stage = Stage::set().await;
    let (address, digest) = asked(&stage).await;
    let mut mara = stage.sign_in("mara").await;
    let page = mara.get(&address).await.expect(200).text();
    assert!(page.contains(&format!("action=\"{address}/check\"")) && page.contains("Continue to check and sign"));

    let events = stage.app.events().await;
    let typed = [("decision_digest", digest.as_str()), ("outcome", "approve"), ("reason", "It holds its limits.")];
    let check = mara.send(&format!("{address}/check"), &typed).await.expect(200);
    assert_page("check", &check);
    let shown = check.text();
    let version = stage.promotion(address.trim_start_matches("/promotions/")).await;
    for whole in [digest.as_str(), &text(&version["version_digest"]), "It holds its limits.", "Approve this digest"] {
        assert!(shown.contains(whole), "{whole}: {shown}");
    }
    assert!(shown.contains("name=\"confirm_password\"") && shown.contains(&format!("action=\"{address}\"")), "{shown}");
    assert_eq!(stage.app.events().await, events, "looking stores nothing");

    let mut fields = hidden(&shown);
    assert_eq!(fields.len(), 3, "{fields:?}");
    fields.push(("confirm_password".to_owned(), "not the password at all".to_owned()));
    let send = |fields: &[(String, String)]| {
        fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    let pairs = send(&fields);
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let wrong = mara.send(&address, &pairs).await.expect(403);
    assert!(wrong.text().contains("This is not your password") && wrong.text().contains(&digest));
    assert_eq!(stage.promotion(address.trim_start_matches("/promotions/")).await["state"], "awaiting_approval");

    fields.pop();
    fields.push(("confirm_password".to_owned(), PASSWORD.to_owned()));
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let done = mara.send(&address, &pairs).await.expect(303);
    assert_eq!(done.header("location"), format!("{address}/receipt"));
    mara.keep(&done);
    let receipt = mara.get(&format!("{address}/receipt")).await.expect(200);
    assert_page("receipt", &receipt);
    for said in
        [digest.as_str(), "Your decision is recorded", "It has every approval that it needs", "In the audit log"]
    {
        assert!(receipt.text().contains(said), "{said}: {}", receipt.text());
    }
    let statement = mara.get(&format!("{address}/receipt/statement")).await.expect(200);
    assert!(statement.header("content-disposition").contains(".sigstore.json"));
    let approval = &stage.promotion(address.trim_start_matches("/promotions/")).await["approvals"][0];
    assert_eq!(statement.json(), approval["statement"]);
    // The same once more is the same decision.
    let page = mara.get(&address).await.expect(200);
    mara.keep(&page);
    mara.send(&address, &typed).await.expect(303);
    assert_eq!(
        stage.promotion(address.trim_start_matches("/promotions/")).await["approvals"].as_array().map(Vec::len),
        Some(1)
    );
}

#[actix_web::test]
async fn the_receipt_leads_to_the_record_in_the_log() {
    let stage = Stage::set().await;
    let (address, digest) = asked(&stage).await;
    let rui = stage.sign_in("rui").await;
    let typed = [("decision_digest", digest.as_str()), ("outcome", "reject"), ("reason", HOSTILE)];
    rui.send(&address, &typed).await.expect(303);
    sequencer::sequence(&stage.app.app).await.expect("placed");
    let receipt = rui.get(&format!("{address}/receipt")).await.expect(200);
    assert_page("receipt", &receipt);
    let page = receipt.text();
    assert!(page.contains("The request has ended") && !page.contains(HOSTILE), "{page}");
    if let Some((_, rest)) = page.split_once("href=\"/audit/records/") {
        let record = rest.split('"').next().expect("an index");
        let record = rui.get(&format!("/audit/records/{record}")).await.expect(200).text();
        assert!(record.contains("promotion.reject") && record.contains(address.trim_start_matches("/promotions/")));
    } else {
        assert!(page.contains("whoever reads the log finds it"), "{page}");
    }
}

#[actix_web::test]
async fn nothing_is_checked_and_signed_that_was_not_seen_or_is_not_yours() {
    let stage = Stage::set().await;
    let (address, digest) = asked(&stage).await;
    let check = format!("{address}/check");
    let approve = [("decision_digest", digest.as_str()), ("outcome", "approve"), ("reason", "Read it.")];
    for stranger in ["ines", "vera"] {
        let browser = stage.sign_in(stranger).await;
        browser.send(&check, &approve).await.expect(403);
        browser.get(&format!("{address}/receipt")).await.expect(404);
    }
    let mara = stage.sign_in("mara").await;
    let none = mara.send(&check, &[approve[0], ("reason", "Read it.")]).await.expect(422);
    assert!(none.text().contains("choose one") && none.text().contains("Read it.</textarea>"), "{}", none.text());
    // What came up since the page was read is shown instead of the signature.
    let finding = json!({"code": "leak", "severity": "low", "title": "A leak", "model": "credit-risk", "owner": "tom"});
    let opened: Value = stage.app.post(&stage.ines, "/api/v1/findings", finding).await.json();
    assert!(opened["id"].is_string(), "{opened:#}");
    let changed = mara.send(&check, &approve).await.expect(409);
    assert_page("changed", &changed);
    assert!(changed.text().contains("since you looked") && changed.text().contains("Read it.</textarea>"));
    // What is seen then is signed, and recorded under what was asked.
    let seen = mara.get(&address).await.expect(200).text();
    let shown = seen.split("name=\"decision_digest\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let shown = shown.expect("a digest").to_owned();
    assert_ne!(shown, digest);
    let again =
        mara.send(&check, &[("decision_digest", shown.as_str()), approve[1], approve[2]]).await.expect(200).text();
    assert!(again.contains(&shown) && again.contains("Recorded under") && again.contains(&digest), "{again}");
    let anonymous = Browser { app: &stage.app, cookies: String::new(), token: mara.token.clone() };
    anonymous.send(&check, &approve).await.expect(303);
}
