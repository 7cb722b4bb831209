//! Watching something that is under way, without script. A page moves under nobody's eyes unless they ask for it, and
//! stops when they say so (WCAG 2.2, 2.2.1 and 2.2.2).

use actix_web::{
    HttpResponse,
    http::header::{HeaderValue, REFRESH},
};

/// Between two looks.
const SECONDS: &str = "5";

#[derive(serde::Deserialize)]
pub struct Asked {
    /// `yes`, or not there.
    follow: Option<String>,
}

/// Where to look again, and whether the page does so by itself.
#[derive(Clone)]
pub struct Follow {
    pub address: String,
    pub by_itself: bool,
}

impl Follow {
    pub fn new(address: &str, asked: &Asked, under_way: bool) -> Self {
        let by_itself = under_way && asked.follow.as_deref() == Some("yes");
        Self { address: address.to_owned(), by_itself }
    }

    /// The same answer, which asks to be fetched again if that was asked for. What has ended no longer is.
    pub fn refreshing(&self, mut answer: HttpResponse) -> HttpResponse {
        if self.by_itself {
            answer.headers_mut().insert(REFRESH, HeaderValue::from_static(SECONDS));
        }
        answer
    }
}
