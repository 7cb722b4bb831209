//! What one file of a version holds.

use crate::{
    app::App,
    core::path::FilePath,
    error::InField,
    versions::{
        VersionRef,
        contents::{
            self,
            api::{AmountView, ContentsView},
        },
    },
    web::{
        PageError,
        frame::{Frame, page},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use askama::Template;

#[derive(Template)]
#[template(path = "versions/contents.html")]
struct ContentsPage {
    frame: Frame,
    model: String,
    version: String,
    contents: ContentsView,
    total: Option<String>,
    members: Option<String>,
    /// Type, tensors, parameters and size.
    types: Vec<(String, String, String, String)>,
    /// Name and how many there are.
    operators: Vec<(String, String)>,
}

#[get("/models/{model}/versions/{version}/contents/{path:.*}")]
pub async fn show_contents(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let (model, version, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    let wanted = VersionRef::parse(&version).in_field("version")?;
    let contents: ContentsView = contents::of(&app, &visitor.who, &model, &wanted, path).await?.into();
    let AmountView { tensors, parameters, bytes } = contents.total;
    let counted = |amount: &AmountView| (words::grouped(amount.tensors), words::grouped(amount.parameters));
    let total =
        format!("{} in {} tensors, {}", words::grouped(parameters), words::grouped(tensors), words::size(bytes));
    let members = contents.members.as_ref().map(|members| {
        format!("{} files, unpacked {}", words::grouped(members.files), words::size(members.unpacked_bytes))
    });
    let row = |(kind, amount): (&String, &AmountView)| {
        let (tensors, parameters) = counted(amount);
        (kind.clone(), tensors, parameters, words::size(amount.bytes))
    };
    page(&ContentsPage {
        frame: Frame::new("Models", &visitor),
        model,
        version,
        total: (tensors != 0).then_some(total),
        members,
        types: contents.types.iter().map(row).collect(),
        operators: contents.operators.iter().map(|(name, count)| (name.clone(), words::grouped(*count))).collect(),
        contents,
    })
}
