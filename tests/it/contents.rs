//! What files hold is read at the seal and shown; what would run code is refused with its place.

use crate::story::{Files, MODEL, Story};
use serde_json::{Value, json};

/// `{"w": tensor}` of six floats as `torch.save` wrote it before its files were archives, without the rest of such a file.
const WEIGHTS: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ccollections\nOrderedDict\nq\x02)Rq\x03s.";
const HOSTILE: &[u8] = b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00idtR.";

fn safetensors() -> Vec<u8> {
    let header = r#"{"__metadata__":{"license":"mit"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 24]].concat()
}

fn files(name: &str, bytes: &[u8]) -> Files {
    vec![(name.to_owned(), bytes.to_vec())]
}

async fn said(story: &Story, version: &str, path: &str) -> Value {
    let address = format!("/api/v1/models/{MODEL}/versions/{version}/contents/{path}");
    story.app.get(&story.mara, &address).await.expect(200).json()
}

#[actix_web::test]
async fn a_file_is_described_by_what_its_bytes_say() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let version = story.draft(MODEL, &files("weights/a b.safetensors", &safetensors())).await;
    story.seal(MODEL, &version, json!({})).await.expect(200);
    let said = said(&story, &version, "weights/a%20b.safetensors").await;
    assert_eq!((&said["format"], &said["class"]), (&json!("safetensors"), &json!("data")));
    assert_eq!(said["types"]["F32"], json!({"tensors": 1, "parameters": 6, "bytes": 24}));
    assert_eq!(said["facts"], json!([{"name": "license", "value": "mit"}]));
    assert_eq!((&said["refusal"], &said["findings"]), (&Value::Null, &json!([])));
    let missing = format!("/api/v1/models/{MODEL}/versions/{version}/contents/other");
    story.app.get(&story.mara, &missing).await.expect(404);
}

#[actix_web::test]
async fn what_would_run_code_is_refused_with_its_place_and_what_to_do() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let version = story.draft(MODEL, &files("model.bin", HOSTILE)).await;
    let refused = story.seal(MODEL, &version, json!({})).await.expect(403).text();
    for part in ["unsafe_model", "byte 2", "GLOBAL", "os.system", "safetensors"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    // It stays a draft, and says what is wrong with it.
    let said = said(&story, &version, "model.bin").await;
    assert_eq!((&said["class"], &said["refusal"]["code"]), (&json!("code"), &json!("unsafe_model")));
    let finding = &said["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["offset"], &finding["opcode"]),
        (&json!("pickle_name"), &json!(2), &json!("GLOBAL"))
    );
}

#[actix_web::test]
async fn pickled_weights_are_sealed_only_where_the_service_accepts_them() {
    for (arguments, status) in [(&[][..], 403), (&["--accept-pickled-weights"][..], 200)] {
        let story = Story::begin_without_runtime(arguments).await;
        story.model(MODEL).await;
        let version = story.draft(MODEL, &files("weights.pt", WEIGHTS)).await;
        let sealed = story.seal(MODEL, &version, json!({})).await;
        assert_eq!(sealed.status, status, "{}", sealed.text());
        assert_eq!(said(&story, &version, "weights.pt").await["class"], "pickled");
        // What runs code is sealed nowhere.
        let version = story.draft(MODEL, &files("model.bin", HOSTILE)).await;
        story.seal(MODEL, &version, json!({})).await.expect(403);
    }
}
