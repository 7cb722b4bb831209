//! A secret in the only page that shows it.

use super::SECTION;
use crate::web::{
    PageError,
    frame::{Frame, page},
    visitor::Visitor,
    words,
};
use actix_web::HttpResponse;
use askama::Template;

#[derive(Template)]
#[template(path = "administration/shown_once.html")]
struct SecretPage {
    frame: Frame,
    shown: Shown,
}

/// A secret and what to do with it.
pub struct Shown {
    pub title: String,
    /// What has happened, in a sentence.
    pub says: String,
    pub label: &'static str,
    pub secret: String,
    /// What it is for, and until when.
    pub advice: String,
    /// RFC 3339.
    pub expires_at: String,
    pub back: String,
    pub back_to: &'static str,
}

pub fn answer(visitor: &Visitor, shown: Shown) -> Result<HttpResponse, PageError> {
    page(&SecretPage { frame: Frame::new(SECTION, visitor), shown })
}
