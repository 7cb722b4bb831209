//! A form as it arrives: first whose it is and where from, then its fields.

use crate::{
    http::problem::Problem,
    web::{
        PageError, access, addresses,
        proof::{self, Sent},
        visitor::Visitor,
    },
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::StatusCode, web::Form};
use std::{collections::BTreeMap, future::Future, pin::Pin};

/// The form field that holds the token.
const TOKEN: &str = "form_token";

/// The fields of a form that a page of this site sent.
#[derive(Clone, Debug, Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a form that has to carry the token of `secret`.
    pub async fn read(request: &HttpRequest, payload: &mut Payload, secret: &str) -> Result<Self, PageError> {
        if !access::is_same_origin(request.headers()) {
            return Err(foreign());
        }
        let form = Form::<Vec<(String, String)>>::from_request(request, payload).await;
        let pairs = form.map_err(|e| malformed(&e.to_string()))?.into_inner();
        let fields = Self::of(pairs)?;
        if !access::is_form_token(fields.get(TOKEN), secret) {
            return Err(foreign());
        }
        Ok(fields)
    }

    pub(super) fn of(pairs: Vec<(String, String)>) -> Result<Self, PageError> {
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            if name.contains('\0') || value.contains('\0') {
                return Err(malformed("a field holds the character U+0000, which is not allowed"));
            }
            if fields.insert(name, value).is_some() {
                return Err(malformed("a field stands twice"));
            }
        }
        Ok(Self(fields))
    }

    /// What was typed, without the form's token.
    pub fn typed(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().filter(|(name, _)| name.as_str() != TOKEN)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A field that is not there is an empty one, as it would be from a browser.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A form of a signed-in person.
pub struct Signed {
    pub visitor: Visitor,
    pub fields: Fields,
}

impl FromRequest for Signed {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (visitor, secret) = Visitor::of(&request).await?;
            let mut fields = Fields::read(&request, &mut payload, &secret).await?;
            addresses::admit(&request, &visitor.who).await?;
            let (password, code) = (fields.take(proof::FIELD), fields.take(proof::CODE_FIELD).unwrap_or_default());
            let address = request.uri().path_and_query().map_or("/", |address| address.as_str()).to_owned();
            let offer = proof::offer(&request, &visitor).await?;
            request.extensions_mut().insert(Sent { address, fields: fields.clone(), offer });
            let visitor = match password {
                Some(password) => proof::confirm(&request, visitor, &password, &code).await?,
                None => visitor,
            };
            Ok(Self { visitor, fields })
        })
    }
}

fn malformed(detail: &str) -> PageError {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_form", detail).into()
}

fn foreign() -> PageError {
    let detail = "The form did not come from a page of this service, or the page was too old. Nothing was stored. \
        Go back, reload the page and send it again.";
    Problem::new(StatusCode::FORBIDDEN, "form_not_from_here", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_each_thing_once_and_in_text() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let good = Fields::of(vec![pair("a", "1"), pair("b", "")]).expect("fields");
        assert_eq!((good.get("a"), good.get("b"), good.get("c")), ("1", "", ""));
        assert!(Fields::of(vec![pair("a", "1"), pair("a", "2")]).is_err());
        assert!(Fields::of(vec![pair("a", "1\0")]).is_err());
    }
}
