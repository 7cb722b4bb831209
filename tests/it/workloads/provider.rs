//! The same with the description, the keys and the signatures of `oidc-provider` and its `jose`, which others made.

use super::{AUDIENCE, exchange, trust, workspace};
use crate::{
    harness::TestApp,
    single_sign_on::{
        provider::{Provider, agree},
        visit::with,
    },
};
use serde_json::{Value, json};

#[actix_web::test]
async fn a_job_shows_a_token_that_jose_signed_with_a_key_of_oidc_provider() {
    let provider = Provider::start();
    let t = TestApp::start_with(&["--workload-issuer", &provider.url]).await;
    agree(&t, 0);
    let admin = workspace(&t).await;
    t.post(&admin, "/api/v1/workload-trusts", trust(&provider.url)).await.expect(201);
    let now = t.app.db.clock().now().timestamp();
    let claims = |changed: Value| {
        let honest = json!({"iss": provider.url, "aud": AUDIENCE, "iat": now, "exp": now + 300, "jti": "job-1",
            "sub": "repo:corp/credit:ref:refs/tags/v1", "repository": "corp/credit", "ref": "refs/tags/v1"});
        with(honest, changed)
    };
    let good = provider.sign("job", claims(json!({}))).await;
    exchange(&t, &good).await.expect(201);
    exchange(&t, &good).await.expect(422);
    for (key, changed) in [
        // Signed by jose as well, with a key that the provider does not publish.
        ("stranger", json!({"jti": "job-2"})),
        ("job", json!({"jti": "job-3", "aud": "sts.example"})),
        ("job", json!({"jti": "job-4", "repository": "mallory/credit"})),
        ("job", json!({"jti": "job-5", "iat": now - 600, "exp": now - 300})),
    ] {
        let forged = provider.sign(key, claims(changed.clone())).await;
        exchange(&t, &forged).await.expect(422);
    }
    let token = exchange(&t, &provider.sign("job", claims(json!({"jti": "job-6"}))).await).await.expect(201).json();
    let who = t.get(token["token"].as_str().expect("a token"), "/api/v1/whoami").await.expect(200).json();
    assert_eq!(who["name"], "ci");
}
