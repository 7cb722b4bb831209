//! Chapter 12: what is said to the service cannot be read or changed on the way.

use crate::harness::TestApp;
use actix_web::web::Data;
use clap::Parser;
use plimsoll::{
    config::Tls,
    http::{server, tls},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client, Identity, tls::Version};
use std::{
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    sync::watch,
};

/// An authority that nobody knows, and what it signs.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
struct Issued {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("signed").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self) -> Issued {
        self.issue_for(None)
    }

    /// One that is good for so long from now.
    fn issue_for(&self, time: Option<Duration>) -> Issued {
        let key = KeyPair::generate().expect("key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        if let Some(time) = time {
            params.not_after = (SystemTime::now() + time).into();
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn client(&self) -> reqwest::ClientBuilder {
        Client::builder().tls_certs_only([Certificate::from_pem(self.pem.as_bytes()).expect("authority")])
    }
}

impl Issued {
    fn identity(&self) -> Identity {
        Identity::from_pem(format!("{}{}", self.certificate, self.key).as_bytes()).expect("identity")
    }

    /// As a tool that renews certificates would: each file is replaced at once.
    fn write(&self, folder: &Path) {
        for (name, text) in [("key.pem", &self.key), ("cert.pem", &self.certificate)] {
            std::fs::write(folder.join("new"), text).expect("written");
            std::fs::rename(folder.join("new"), folder.join(name)).expect("renamed");
        }
    }
}

/// The settings of a service whose files are in a folder.
fn arguments(folder: &Path, with_clients: bool) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut all = vec!["--tls-cert".to_owned(), file("cert.pem"), "--tls-key".to_owned(), file("key.pem")];
    if with_clients {
        all.extend(["--tls-client-ca".to_owned(), file("clients.pem")]);
    }
    all
}

#[derive(Parser)]
struct Parsed {
    #[command(flatten)]
    tls: Tls,
}

/// The service once more, over TLS, and what keeps it looking at its files.
async fn serve(t: &TestApp, folder: &Path, with_clients: bool) -> (String, watch::Sender<bool>) {
    let files = Parsed::parse_from([vec!["plimsoll".to_owned()], arguments(folder, with_clients)].concat()).tls;
    let shown = tls::Shown::open(&files).await.expect("usable").expect("a certificate");
    let config = shown.config(files.tls_client_ca.as_deref()).await.expect("usable");
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("https://127.0.0.1:{}", listener.local_addr().expect("address").port());
    let app = Data::from(Arc::clone(&t.app));
    actix_web::rt::spawn(server::run(listener, app, 1, Some(config)).expect("run"));
    let (stop, stopped) = watch::channel(false);
    actix_web::rt::spawn(tls::watch(shown, stopped));
    (url, stop)
}

#[actix_web::test]
async fn v12_1_1_tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let (t, folder, authority) = (TestApp::start().await, tempfile::tempdir().expect("folder"), Authority::new());
    authority.issue().write(folder.path());
    let (url, _running) = serve(&t, folder.path(), false).await;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = authority.client().tls_version_min(version).tls_version_max(version).build().expect("client");
        let answer = client.get(format!("{url}/livez")).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=63072000; includeSubDomains");
    }
    // Who has never heard of the authority believes nobody.
    assert!(Client::builder().tls_certs_only([]).build().expect("client").get(&url).send().await.is_err());
    let mut hello = vec![1, 0, 0, 43, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    let hello = [vec![22, 3, 1, 0, u8::try_from(hello.len()).expect("short")], hello].concat();
    for (said, is_hello) in [(hello, true), (b"GET /livez HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), false)] {
        let mut stream = TcpStream::connect(url.strip_prefix("https://").expect("https")).await.expect("connect");
        stream.write_all(&said).await.expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        // An alert and the end; what is no hello at all may get nothing.
        let is_alert = answer.len() == 7 && answer[0] == 21;
        assert!(is_alert || (!is_hello && answer.is_empty()), "{answer:?}");
    }
}

#[actix_web::test]
async fn v12_1_1_a_certificate_that_is_replaced_is_shown_without_a_restart() {
    let (t, folder) = (TestApp::start().await, tempfile::tempdir().expect("folder"));
    let (first, second) = (Authority::new(), Authority::new());
    first.issue().write(folder.path());
    let (url, _running) = serve(&t, folder.path(), false).await;
    let asks = async |authority: &Authority| {
        let client = authority.client().build().expect("client");
        client.get(format!("{url}/livez")).send().await.is_ok()
    };
    assert!(asks(&first).await && !asks(&second).await);
    // What cannot be used changes nothing.
    std::fs::write(folder.path().join("cert.pem"), "half a certif").expect("written");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(asks(&first).await);
    second.issue().write(folder.path());
    for _ in 0..60 {
        if asks(&second).await {
            assert!(!asks(&first).await);
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(asks(&second).await, "the new certificate is shown");
}

#[actix_web::test]
async fn v12_1_3_nobody_pulls_without_a_certificate_where_they_are_asked_for() {
    let folder = tempfile::tempdir().expect("folder");
    let (authority, fleet, stranger) = (Authority::new(), Authority::new(), Authority::new());
    authority.issue().write(folder.path());
    std::fs::write(folder.path().join("clients.pem"), &fleet.pem).expect("written");
    let arguments = arguments(folder.path(), true);
    let t = TestApp::start_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let token = t.robot("edge", &["deployer"]).await;
    let (url, _running) = serve(&t, folder.path(), true).await;
    let pull = format!("{url}/api/v1/environments/production/models/scorer/release");
    let ask = async |client: &Client, path: &str| client.get(path).bearer_auth(&token).send().await;
    let before = t.events().await;
    let without = authority.client().build().expect("client");
    for path in [pull.clone(), format!("{pull}/files/a")] {
        let refused = ask(&without, &path).await.expect("an answer");
        assert_eq!(refused.status().as_u16(), 403);
        assert!(refused.text().await.expect("text").contains("client_certificate_required"));
    }
    assert_eq!(t.events().await, before + 2, "refusals are in the log");
    // Whoever looks at something else needs none, and in plain HTTP there is none to show.
    let who = ask(&without, &format!("{url}/api/v1/whoami")).await.expect("an answer");
    assert_eq!(who.status().as_u16(), 200);
    t.get(&token, "/api/v1/environments/production/models/scorer/release").await.expect(403);
    let with = authority.client().identity(fleet.issue().identity()).build().expect("client");
    // There is no such environment, which only those hear who are let in.
    assert_eq!(ask(&with, &pull).await.expect("an answer").status().as_u16(), 404);
    let foreign = authority.client().identity(stranger.issue().identity()).build().expect("client");
    assert!(ask(&foreign, &pull).await.is_err(), "a certificate of somebody else's opens nothing");
}

#[actix_web::test]
async fn v12_1_3_a_certificate_that_ended_pulls_nothing_more_on_the_connection_that_it_opened() {
    let folder = tempfile::tempdir().expect("folder");
    let (authority, fleet) = (Authority::new(), Authority::new());
    authority.issue().write(folder.path());
    std::fs::write(folder.path().join("clients.pem"), &fleet.pem).expect("written");
    let arguments = arguments(folder.path(), true);
    let t = TestApp::start_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let token = t.robot("edge", &["deployer"]).await;
    let (url, _running) = serve(&t, folder.path(), true).await;
    let address = url.strip_prefix("https://").expect("https").to_owned();
    // One connection, kept open.
    let short = fleet.issue_for(Some(Duration::from_secs(5)));
    let client = authority.client().identity(short.identity()).pool_max_idle_per_host(1).http1_only().build();
    let client = client.expect("client");
    let pull = format!("https://{address}/api/v1/environments/production/models/scorer/release");
    let ask = async || client.get(&pull).bearer_auth(&token).send().await.expect("an answer");
    // There is no such environment, which only those hear who are let in.
    assert_eq!(ask().await.status().as_u16(), 404);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(ask().await.status().as_u16(), 404);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let refused = ask().await;
    assert_eq!(refused.status().as_u16(), 403);
    assert!(refused.text().await.expect("text").contains("client_certificate_required"));
}

#[actix_web::test]
async fn v12_1_1_those_who_say_nothing_in_the_handshake_keep_nobody_else_out() {
    let (t, folder, authority) = (TestApp::start().await, tempfile::tempdir().expect("folder"), Authority::new());
    authority.issue().write(folder.path());
    let (url, _running) = serve(&t, folder.path(), false).await;
    let address = url.strip_prefix("https://").expect("https");
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(address).await.expect("connect"));
    }
    let client = authority.client().timeout(Duration::from_secs(2)).build().expect("client");
    let answer = client.get(format!("{url}/livez")).send().await.expect("an answer while the others are silent");
    assert_eq!(answer.status().as_u16(), 200);
    // And they are not kept for ever.
    let mut nothing = [0; 1];
    let end = tokio::time::timeout(Duration::from_secs(8), silent[0].read(&mut nothing)).await.expect("an end");
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[actix_web::test]
async fn v12_1_2_the_command_line_believes_a_private_authority_that_it_is_told_of() {
    let (t, folder, authority) = (TestApp::start().await, tempfile::tempdir().expect("folder"), Authority::new());
    authority.issue().write(folder.path());
    std::fs::write(folder.path().join("authority.pem"), &authority.pem).expect("written");
    let token = t.user("vera", &["viewer"]).await;
    let (url, _running) = serve(&t, folder.path(), false).await;
    let login = async |further: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["login", &url, "--token-stdin", "--config-dir"]).arg(folder.path().join("config")).args(further);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("client");
        let _ = child.stdin.take().expect("stdin").write_all(token.as_bytes()).await;
        child.wait_with_output().await.expect("output")
    };
    assert!(!login(&[]).await.status.success());
    let authority = folder.path().join("authority.pem").display().to_string();
    let done = login(&["--ca-file", &authority]).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let missing = login(&["--ca-file", "/nowhere.pem"]).await;
    assert_eq!(missing.status.code(), Some(2), "{}", String::from_utf8_lossy(&missing.stderr));
}

#[actix_web::test]
async fn v12_1_2_plain_http_is_for_this_machine_alone_unless_the_operator_says_otherwise() {
    let folder = tempfile::tempdir().expect("folder");
    let serve = |further: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["serve", "--workers", "0", "--data"]).arg(folder.path()).args(further);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().expect("service")
    };
    let refused = serve(&["--listen", "0.0.0.0:0"]).wait_with_output().await.expect("ended");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("--tls-cert") && said.contains("--allow-plain-http"), "{said}");
    let half = serve(&["--tls-cert", "cert.pem"]).wait_with_output().await.expect("ended");
    assert_eq!(half.status.code(), Some(2), "{}", String::from_utf8_lossy(&half.stderr));
    let mut allowed = serve(&["--listen", "0.0.0.0:0", "--allow-plain-http"]);
    let (mut log, mut piece) = (String::new(), [0; 4096]);
    let stderr = allowed.stderr.as_mut().expect("stderr");
    while !log.contains("listens on http://") {
        let n = stderr.read(&mut piece).await.expect("a line");
        assert_ne!(n, 0, "{log}");
        log.push_str(&String::from_utf8_lossy(&piece[..n]));
    }
    allowed.kill().await.expect("killed");
}
