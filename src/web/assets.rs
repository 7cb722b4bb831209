//! The style sheet and the icon, in the program itself, under names that hold their hash:
//! a new release has new names, so a browser may keep them for ever.

use crate::{core::digest::Digest, error::Error, web::PageError};
use actix_web::{HttpResponse, get, http::header, web::Path};
use std::sync::LazyLock;

struct Asset {
    path: String,
    content_type: &'static str,
    bytes: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static str) -> Self {
        let hash: String = Digest::of(bytes).hex().chars().take(16).collect();
        Self { path: format!("/assets/{stem}-{hash}.{extension}"), content_type, bytes }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("plimsoll", "css", "text/css; charset=utf-8", include_str!("../../assets/plimsoll.css"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")));

pub fn style() -> &'static str {
    &STYLE.path
}

pub fn icon() -> &'static str {
    &ICON.path
}

#[get("/assets/{file}")]
pub async fn serve(file: Path<String>) -> Result<HttpResponse, PageError> {
    let wanted = format!("/assets/{file}");
    let asset = [&*STYLE, &*ICON].into_iter().find(|asset| asset.path == wanted).ok_or(Error::not_found("file"))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes))
}
