//! What load balancers ask.

use crate::harness::TestApp;

#[actix_web::test]
async fn readiness_names_what_is_not_ready() {
    let t = TestApp::start().await;
    let ready = t.get("", "/readyz").await.expect(200).json();
    assert_eq!((ready["database"].as_str(), ready["blobs"].as_str()), (Some("ok"), Some("ok")));
    std::fs::remove_dir_all(t.data().join("blobs")).expect("remove");
    let broken = t.get("", "/readyz").await.expect(503).json();
    assert_eq!((broken["database"].as_str(), broken["blobs"].as_str()), (Some("ok"), Some("failed")), "{broken}");
    t.get("", "/livez").await.expect(200);
}
