//! Chapters 3 and 4: what every answer says to a browser, and what a page of another site gets.

use crate::{
    authz_matrix::PUBLIC,
    harness::{Reply, TestApp, reply},
    openapi,
    pages::stage::Browser,
    raw,
    world::World,
};

/// Every page of the service, but for what stands in their addresses.
const PAGES: &[&str] = &[
    "/",
    "/login",
    "/reset",
    "/first",
    "/account",
    "/models",
    "/models/scorer",
    "/models/scorer/versions/1",
    "/models/scorer/versions/1/coverage",
    "/environments",
    "/environments/production",
    "/promotions",
    "/promotions/{promotion}",
    "/runs/{run}",
    "/comparisons",
    "/findings",
    "/findings/{finding}",
    "/waivers",
    "/waivers/{waiver}",
    "/break-glass",
    "/break-glass/{break_glass}",
    "/delegations",
    "/frameworks",
    "/frameworks/gdpr/1",
    "/audit",
    "/audit/security",
];

#[track_caller]
fn assert_defended(what: &str, answer: &Reply) {
    let is = |name: &str| answer.header(name).to_owned();
    assert_eq!(is("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(is("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(is("cross-origin-resource-policy"), "same-origin", "{what}");
    assert_eq!(is("x-frame-options"), "DENY", "{what}");
    assert_eq!(is("strict-transport-security"), "max-age=63072000; includeSubDomains", "{what}");
    assert!(
        ["no-referrer", "same-origin"].contains(&is("referrer-policy").as_str()),
        "{what}: {}",
        is("referrer-policy")
    );
    assert!(!is("permissions-policy").is_empty() && !is("x-request-id").is_empty(), "{what}");
    let policy = is("content-security-policy");
    for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    // Only the browser of the API document, which is somebody else's script, writes style attributes.
    assert!(what.contains("/docs") || !policy.contains("unsafe"), "{what}: {policy}");
    assert!(!answer.headers.contains_key("access-control-allow-origin"), "{what}");
    let no_store = is("cache-control").contains("no-store") || what.contains("/assets/") || what.contains("/docs");
    assert!(no_store, "{what}: {}", is("cache-control"));
    let kind = is("content-type");
    let textual = kind.starts_with("text/") || kind.contains("xml") || kind.contains("yaml");
    assert!(!textual || kind.contains("charset=utf-8") || kind.starts_with("image/svg"), "{what}: {kind}");
    if 400 <= answer.status && !kind.starts_with("text/html") && !what.starts_with("HEAD") {
        assert_eq!(kind, "application/problem+json", "{what}: {}", answer.text());
    }
    if kind.starts_with("text/html") && !what.contains("/docs") {
        let page = answer.text().to_lowercase();
        for banned in ["<script", "<style", " style=", "javascript:", "<iframe"] {
            assert!(!page.contains(banned), "{what} has {banned}");
        }
    }
}

#[actix_web::test]
async fn v3_4_every_answer_of_every_route_has_all_headers_errors_too() {
    let world = World::build().await;
    let operations = openapi::operations();
    let mut tried = 0;
    for (method, path, _) in &operations {
        let path = world.fill(path);
        for (who, token) in [("nobody", ""), ("a viewer", world.token("viewer")), ("an admin", world.token("admin"))] {
            // Nothing that would end what the others use.
            if !token.is_empty() && method != "GET" && method != "HEAD" {
                continue;
            }
            tried += 1;
            assert_defended(
                &format!("{method} {path} as {who}"),
                &reply(world.app.request(token, method, &path)).await,
            );
        }
        let answer = reply(world.app.request(world.token("viewer"), "TRACE", &path)).await;
        assert!([404, 405].contains(&answer.status), "TRACE {path}: {}", answer.status);
        assert_defended(&format!("TRACE {path}"), &answer);
    }
    // Each as nobody, and what is looked at as two others besides.
    assert!(3 * operations.len() / 2 <= tried, "{tried}");
    for path in
        PUBLIC.iter().chain(&["/docs/swagger-ui.css", "/nowhere", "/api/v1/nowhere", "/api", "/assets/nothing.css"])
    {
        assert_defended(path, &world.app.get("", path).await);
        assert_defended(path, &reply(world.app.request("", "POST", path)).await);
    }
    let wrong = world.app.request(world.token("contributor"), "POST", "/api/v1/models");
    for (status, request) in [
        (415, wrong.try_clone().expect("a clone").header("content-type", "text/plain").body("{}")),
        (400, wrong.try_clone().expect("a clone").header("content-type", "application/json").body("{")),
        (413, wrong.header("content-type", "application/json").body(" ".repeat(5 << 20))),
        (400, world.app.request(world.token("admin"), "GET", "/api/v1/models?cursor=x")),
        (400, world.app.request("", "GET", "/models/%00")),
    ] {
        let answer = reply(request).await.expect(status);
        assert_defended(&format!("an error {status}"), &answer);
    }
    let release = "/api/v1/environments/production/models/scorer/release";
    let pull = world.app.get(world.token("deployer"), release).await.expect(200);
    let again = world.app.request(world.token("deployer"), "GET", release).header("if-none-match", pull.header("etag"));
    assert_defended("304", &reply(again).await.expect(304));
}

#[actix_web::test]
async fn v3_4_every_page_has_all_headers_for_whoever_looks() {
    let world = World::build().await;
    let (viewer, nobody) = (Browser::open(&world.app).await.sign_in("a-viewer").await, Browser::open(&world.app).await);
    let auditor = Browser::open(&world.app).await.sign_in("a-auditor").await;
    let mut seen = 0;
    for address in PAGES {
        let address = world.fill(address);
        for (who, browser) in [("a viewer", &viewer), ("an auditor", &auditor), ("nobody", &nobody)] {
            let page = browser.get(&address).await;
            assert!([200, 303, 403].contains(&page.status), "{address} as {who}: {}", page.status);
            seen += usize::from(page.status == 200);
            assert_defended(&format!("{address} as {who}"), &page);
        }
        let style = viewer.get("/").await.text();
        let style = style.split("href=\"/assets/").nth(1).and_then(|rest| rest.split('"').next()).expect("a style");
        assert_defended("/assets/", &viewer.get(&format!("/assets/{style}")).await.expect(200));
    }
    assert!(PAGES.len() < seen, "{seen}");
    // A page that nobody added to the list is found by its link.
    let linked: Vec<String> = viewer
        .get("/")
        .await
        .text()
        .split("href=\"/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
        .collect();
    for link in linked {
        assert_defended(&format!("/{link}"), &viewer.get(&format!("/{link}")).await);
    }
}

#[actix_web::test]
async fn v3_4_2_no_other_site_is_allowed_to_read_anything() {
    let t = TestApp::start().await;
    let token = t.user("vera", &["viewer"]).await;
    for origin in ["https://evil.example", "null", "https://good.evil.example", &t.url] {
        for method in ["GET", "OPTIONS"] {
            let request = t.request(&token, method, "/api/v1/models").header("origin", origin);
            let answer = reply(request.header("access-control-request-method", "POST")).await;
            let allowed = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).count();
            assert_eq!(allowed, 0, "{method} from {origin}");
        }
    }
}

#[actix_web::test]
async fn v3_5_8_another_sites_page_embeds_nothing() {
    let t = TestApp::start().await;
    t.user("vera", &["viewer"]).await;
    let vera = Browser::open(&t).await.sign_in("vera").await;
    for (site, dest, status) in [
        ("cross-site", "image", 403),
        ("cross-site", "script", 403),
        ("cross-site", "iframe", 403),
        ("same-site", "object", 403),
        ("cross-site", "document", 200),
        ("same-origin", "style", 200),
        ("none", "document", 200),
    ] {
        let request = t.request("", "GET", "/models").header("cookie", &vera.cookies);
        let answer = reply(request.header("sec-fetch-site", site).header("sec-fetch-dest", dest)).await;
        assert_eq!(answer.status, status, "{dest} from {site}");
        assert_defended(dest, &answer);
    }
}

#[actix_web::test]
async fn v4_1_4_methods_that_an_address_does_not_take_are_refused_by_name() {
    let t = TestApp::start().await;
    for method in ["TRACE", "CONNECT", "PROPFIND", "PURGE"] {
        let answer = raw::send(&t, &format!("{method} /api/v1/models HTTP/1.1\r\nhost: t\r\n\r\n")).await;
        assert!((400..500).contains(&answer.status), "{method}: {}", answer.status);
    }
    let answer = reply(t.request("", "DELETE", "/livez")).await.expect(405);
    assert!(!answer.header("allow").is_empty());
}

#[actix_web::test]
async fn v3_2_1_a_file_of_a_version_is_never_rendered() {
    let world = World::build().await;
    let file = "/api/v1/models/scorer/versions/1/files/README.md";
    let release = "/api/v1/environments/production/models/scorer/release/files/README.md";
    for (who, path) in [("reviewer", file), ("deployer", release)] {
        let answer = world.app.get(world.token(who), path).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/octet-stream", "{path}");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"README.md\"", "{path}");
        assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}
