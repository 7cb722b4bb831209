//! What leaves the registry with a certificate's signature is judged once more where it is deployed, by the authority that
//! is trusted there.

use crate::{
    authorities::{sealed, trust},
    certificates::Authorities,
    commands::{Client, Ran},
    story::{ENVIRONMENT, MODEL, Story},
};
use std::fs;

/// A release that was signed with a certificate, and the folder of whoever deploys it.
struct Deployment {
    _story: Story,
    client: Client,
}

impl Deployment {
    async fn of(made: &Authorities) -> Self {
        let story = Story::stage().await;
        trust(&story, made, &["*"]).await;
        sealed(&story, made, 1).await;
        assert_eq!(story.run(MODEL, "1", ENVIRONMENT).await["state"], "passed");
        let promotion = story.approved("1").await;
        story.activate(&promotion).await.expect(201);
        let client = Client::of(&story.app.url, &story.robot);
        let place = client.folder.path();
        fs::write(place.join("registry.vkey"), story.verifier_key().await).expect("written");
        fs::write(place.join("root.pem"), &made.root).expect("written");
        fs::write(place.join("between.pem"), &made.between).expect("written");
        fs::write(place.join("leaf.pem"), &made.leaf).expect("written");
        fs::write(place.join("stranger.pem"), Authorities::made().root).expect("written");
        fs::write(place.join("ines.pub.pem"), story.key.verifying_key().to_pem()).expect("written");
        Self { _story: story, client }
    }

    async fn pull(&self, more: &[&str]) -> Ran {
        let words = ["pull", MODEL, "--env", ENVIRONMENT, "-o", "model", "--registry-key", "registry.vkey"];
        self.client.run(&[&words[..], more].concat()).await
    }

    async fn is_refused(&self, more: &[&str], code: i32, said: &str) {
        let ran = self.pull(more).await;
        assert_eq!(ran.code, Some(code), "{more:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{more:?}: {}", ran.err);
        assert!(!self.client.folder.path().join("model").exists(), "{more:?}: nothing is written");
    }

    async fn is_pulled(&self, more: &[&str], said: &str) {
        let ran = self.pull(more).await;
        assert_eq!(ran.code, Some(0), "{more:?}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(said), "{more:?}: {}", ran.out);
        fs::remove_dir_all(self.client.folder.path().join("model")).expect("it is there");
    }
}

const INES: &str = "email:ines@example.com";

#[actix_web::test]
async fn whoever_deploys_says_which_authority_may_name_whom() {
    let here = Deployment::of(&Authorities::made()).await;
    let root = ["--trust-root", "root.pem"];
    here.is_refused(&[&root[..], &["--identity", "email:anna@example.com"]].concat(), 6, INES).await;
    here.is_refused(&["--trust-root", "stranger.pem", "--identity", INES], 6, "does not verify").await;
    here.is_refused(&[&root[..], &["--any-identity", "--at", "1971-01-01T00:00:00Z"]].concat(), 6, "not valid").await;
    // A key says nothing of who holds a certificate, and what to give instead is said.
    here.is_refused(&["--author-key", "ines.pub.pem"], 6, "--trust-root").await;

    here.is_pulled(&[&root[..], &["--identity", INES]].concat(), INES).await;
    here.is_pulled(&["--trust-root", "between.pem", "--identity", "email:*@example.com"], INES).await;
    here.is_pulled(&["--trust-root", "stranger.pem", "--trust-root", "root.pem", "--identity", INES], INES).await;
    here.is_pulled(&["--author-key", "ines.pub.pem", "--trust-root", "root.pem", "--any-identity"], INES).await;
    here.is_pulled(&[], "not checked").await;
}

#[actix_web::test]
async fn an_authority_without_a_word_on_whom_it_may_name_is_refused() {
    let here = Deployment::of(&Authorities::made()).await;
    here.is_refused(&["--trust-root", "root.pem"], 2, "--any-identity").await;
    here.is_refused(&["--identity", INES], 2, "--trust-root").await;
    here.is_refused(&["--any-identity"], 2, "--trust-root").await;
    here.is_refused(&["--trust-root", "root.pem", "--identity", INES, "--any-identity"], 2, "--any-identity").await;
    here.is_refused(&["--trust-root", "root.pem", "--identity", "ines@example.com"], 2, "email:NAME@DOMAIN").await;
    here.is_refused(&["--trust-root", "leaf.pem", "--identity", INES], 2, "not of an authority").await;
    here.is_refused(&["--trust-root", "absent.pem", "--identity", INES], 2, "absent.pem").await;
}

#[actix_web::test]
async fn a_certificate_that_has_run_out_since_counts_as_of_the_time_that_is_said() {
    // The registry's clock stands on 2 January 2026, when the signature came in; whoever deploys has a clock that goes on.
    let here = Deployment::of(&Authorities::made_until(2026, 1, 4)).await;
    let trusted = ["--trust-root", "root.pem", "--identity", INES];
    here.is_refused(&trusted, 6, "--at TIME").await;
    here.is_pulled(&[&trusted[..], &["--at", "2026-01-02T12:00:00Z"]].concat(), INES).await;
    here.is_refused(&[&trusted[..], &["--at", "2026-01-05T12:00:00Z"]].concat(), 6, "expired").await;
}
