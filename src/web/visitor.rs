//! Who looks at a page.

use crate::{
    app::App,
    authz::{Principal, SecondFactor},
    error::Error,
    http::authn,
    web::{PageError, access, addresses},
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web::Data};
use std::{future::Future, pin::Pin};

/// A signed-in person, and the token that this session's forms carry.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub who: Principal,
    pub form_token: String,
}

impl Visitor {
    /// Whoever the session cookie belongs to, or the way to the sign-in page and back.
    ///
    /// Also gives what the session's forms are known by, for checking one.
    pub async fn of(request: &HttpRequest) -> Result<(Self, String), PageError> {
        let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| Error::internal("no app"))?;
        let Some((who, secret)) = authn::session(&app, request).await? else {
            let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
            return Err(PageError::sign_in(access::local_path(here)));
        };
        // Whoever has to add a second factor first finds nothing else, and is led there instead of being refused.
        if who.second_factor == SecondFactor::Missing && !is_before_the_factor(request.path()) {
            return Err(PageError::elsewhere("/account"));
        }
        let visitor = Self { who, form_token: access::form_token(&secret) };
        // For the error page, if it comes to one.
        request.extensions_mut().insert(visitor.clone());
        Ok((visitor, secret))
    }

    pub fn roles(&self) -> String {
        let roles: Vec<_> = self.who.role_names().iter().map(|role| role.replace('_', " ")).collect();
        roles.join(", ")
    }
}

fn is_before_the_factor(path: &str) -> bool {
    path == "/logout" || path == "/account" || path.starts_with("/account/")
}

impl FromRequest for Visitor {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let visitor = Self::of(&request).await?.0;
            addresses::admit(&request, &visitor.who).await?;
            Ok(visitor)
        })
    }
}
