//! Adding a second factor from one's own page, with a picture for the authenticator; renewing its codes, and removing it.

use crate::{
    accounts::second_factor::ops::{self, Begun, Standing},
    app::App,
    error::Error,
    web::{
        PageError,
        account::render,
        form::{Fields, Signed},
        forms::{Form, Typed, kept},
        frame::{Frame, page, page_with, see_other},
        visitor::Visitor,
    },
};
use actix_web::{HttpResponse, http::StatusCode, post, web::Data};
use askama::Template;
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// Light modules around the picture, so that a camera finds its edge.
const QUIET: usize = 4;
const ID: &str = "factor";

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct BeginPage {
    frame: Frame,
    form_token: String,
    secret: String,
    picture: Picture,
    /// What was wrong with the last try.
    failed: String,
}

#[derive(Template)]
#[template(path = "account/recovery_codes.html")]
struct CodesPage {
    frame: Frame,
    codes: Vec<String>,
    /// Whether the factor was added just now.
    is_new: bool,
}

/// A QR code as one path of squares.
struct Picture {
    side: usize,
    path: String,
}

impl Picture {
    fn of(text: &str) -> Result<Self, Error> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Error::internal)?;
        let (side, mut path) = (code.width(), String::new());
        let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
        for (at, _) in dark {
            let _ = write!(path, "M{},{}h1v1h-1z", at % side + QUIET, at / side + QUIET);
        }
        Ok(Self { side: side + 2 * QUIET, path })
    }
}

/// What can be done with the factor that somebody has, or has not.
pub fn forms(has: &Standing, typed: &Typed) -> Vec<Form> {
    let adding = "Signing in needs a code of your authenticator then. Your other sessions end. Begin again here if you did \
        not finish.";
    let renewing = "The recovery codes that you have work no longer then.";
    let removing = "Signing in needs your password alone then, unless a second factor is required of you.";
    let forms = match has.state {
        "active" => vec![
            Form::new(
                "codes",
                "/account/second-factor/recovery-codes",
                "Make new recovery codes",
                renewing,
                "Make them",
            ),
            Form::new(ID, "/account/second-factor/removal", "Remove your second factor", removing, "Remove it"),
        ],
        _ => vec![Form::new(ID, "/account/second-factor", "Add a second factor", adding, "Begin")],
    };
    forms.into_iter().map(|form| form.with(typed)).collect()
}

#[post("/account/second-factor")]
pub async fn begin(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    match ops::begin(&app, &visitor.who).await {
        Ok(begun) => show(StatusCode::OK, &visitor, begun, String::new()),
        Err(failure) => again(&app, &visitor, failure, fields).await,
    }
}

fn show(status: StatusCode, visitor: &Visitor, begun: Begun, failed: String) -> Result<HttpResponse, PageError> {
    let picture = Picture::of(&begun.address)?;
    let (frame, form_token) = (Frame::new("", visitor), visitor.form_token.clone());
    page_with(status, &BeginPage { frame, form_token, secret: begun.secret, picture, failed })
}

#[post("/account/second-factor/confirmation")]
pub async fn confirm(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    match ops::confirm(&app, &visitor.who, fields.get("code")).await {
        Ok(codes) => page(&CodesPage { frame: Frame::new("", &visitor), codes, is_new: true }),
        // The secret is shown again: it is still that of the factor that was begun.
        Err(failure @ Error::Invalid(_)) => {
            let begun = ops::begun_before(&app, &visitor.who).await?;
            show(StatusCode::UNPROCESSABLE_ENTITY, &visitor, begun, failure.to_string())
        }
        Err(failure) => again(&app, &visitor, failure, fields).await,
    }
}

#[post("/account/second-factor/recovery-codes")]
pub async fn renew_codes(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    match ops::renew_codes(&app, &visitor.who).await {
        Ok(codes) => page(&CodesPage { frame: Frame::new("", &visitor), codes, is_new: false }),
        Err(failure) => again(&app, &visitor, failure, fields).await,
    }
}

#[post("/account/second-factor/removal")]
pub async fn remove(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    match ops::remove(&app, &visitor.who).await {
        Ok(()) => Ok(see_other("/account#factor-section")),
        Err(failure) => again(&app, &visitor, failure, fields).await,
    }
}

async fn again(app: &App, visitor: &Visitor, failure: Error, fields: Fields) -> Result<HttpResponse, PageError> {
    let (status, typed) = kept(failure, ID, fields)?;
    render(app, visitor, status, &typed, false).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_quiet_edge_and_squares() {
        let picture = Picture::of("otpauth://totp/x:ines?secret=GEZDGNBVGY3TQOJQ&issuer=x").expect("a picture");
        assert!((29..100).contains(&picture.side) && picture.path.starts_with("M4,4h1v1h-1z"), "{}", picture.path);
        assert!(picture.path.bytes().all(|b| b.is_ascii_digit() || b"M,hv-1z".contains(&b)));
    }
}
