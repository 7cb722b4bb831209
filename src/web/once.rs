//! A form whose answer shows a secret is carried out once, however often it is sent: the second of two clicks must not
//! make a second secret that nobody saw.
//!
//! The form carries a key of its own, which is claimed as an `Idempotency-Key` is: the change and the claim are settled in
//! one transaction.

use crate::{app::App, authz::Principal, core::ids::ClaimId, error::Error, http::idempotency, web::form::Fields};
use uuid::Uuid;

pub const FIELD: &str = "once";

/// For a form that is shown now.
pub fn key() -> String {
    ClaimId::generate().to_string()
}

/// # Errors
/// 409 `sent_twice` for a form that was carried out already, or is at this moment.
pub async fn carry_out<T>(
    app: &App,
    who: &Principal,
    fields: &Fields,
    act: impl AsyncFnOnce(&Principal) -> Result<T, Error>,
) -> Result<T, Error> {
    let key = fields.get(FIELD);
    if key.parse::<Uuid>().is_err() {
        return Err(Error::invalid(FIELD, "the form is not whole; reload the page and send it again"));
    }
    idempotency::of_a_form(app, who, key, act).await
}
