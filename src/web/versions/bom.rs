//! A version's bill of materials to take away, for people.

use super::named;
use crate::{
    app::App,
    bom::{cyclonedx::MEDIA_TYPE, ops},
    versions::VersionRef,
    web::{PageError, visitor::Visitor},
};
use actix_web::{
    HttpResponse, get,
    http::header::ContentDisposition,
    web::{Data, Path},
};

#[get("/models/{model}/versions/{version}/bom.cdx.json")]
pub async fn take_bill(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (model, detail) = named(&app, &visitor.who, path.into_inner()).await?;
    let number = detail.version.number;
    let bill = ops::of(&app, &visitor.who, &model, &VersionRef::Number(number)).await?.render()?;
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header(ContentDisposition::attachment(format!("{model}-{number}.cdx.json")))
        .body(bill))
}
