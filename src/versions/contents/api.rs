use super::Read;
use crate::{
    app::App,
    authz::Principal,
    core::path::FilePath,
    error::InField,
    formats::{Amount, Contents, Finding, Severity},
    http::problem::{Found, Problem},
    versions::VersionRef,
};
use actix_web::{
    get,
    web::{Data, Json, Path},
};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(describe);
}

/// How much there is of something: tensors of one type, or of all.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AmountView {
    pub tensors: u64,
    /// Elements of all of them.
    pub parameters: u64,
    /// As they are stored.
    pub bytes: u64,
}

/// Something that a file says about itself; both are its author's text.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FactView {
    pub name: String,
    pub value: String,
}

/// A chat template, its author's text; never filled in here.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct TemplateView {
    /// Where the file has it.
    pub name: String,
    /// Its beginning.
    pub text: String,
    /// How long the whole is.
    pub bytes: u64,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct MembersView {
    pub files: u64,
    pub packed_bytes: u64,
    pub unpacked_bytes: u64,
}

/// Something in a file that somebody has to know.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ContentFinding {
    /// `refused` or `warning`.
    pub severity: String,
    /// Stable, such as `pickle_name`.
    pub code: String,
    /// The member of an archive that it is in.
    pub member: Option<String>,
    /// The first byte of it, from the start of the file or of the member.
    pub offset: Option<u64>,
    /// The instruction of a pickle.
    pub opcode: Option<String>,
    pub what: String,
    /// What to do instead.
    pub advice: String,
}

/// Why a version with the file is not sealed.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RefusalView {
    /// `unreadable_model`, `invalid_model`, `unsupported_model` or `unsafe_model`.
    pub code: String,
    pub detail: String,
}

/// What one file holds, read from its bytes; nothing was executed.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ContentsView {
    pub path: String,
    /// For people; empty where nothing is known of it.
    pub format: String,
    /// `data`, `pickled`, `code` or `unknown`: whether loading it can run what it brings.
    pub class: String,
    pub refusal: Option<RefusalView>,
    pub total: AmountView,
    /// By the type of the elements.
    pub types: BTreeMap<String, AmountView>,
    /// What a graph takes and gives, with types and shapes.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// Domain and version.
    pub opsets: BTreeMap<String, i64>,
    /// Operators or layers, and how many there are of each.
    pub operators: BTreeMap<String, u64>,
    pub facts: Vec<FactView>,
    pub templates: Vec<TemplateView>,
    /// What an archive holds.
    pub members: Option<MembersView>,
    pub findings: Vec<ContentFinding>,
    /// Findings that are not listed.
    pub findings_left_out: u64,
}

/// Say what a file holds: its format, its tensors, what it says about itself, and what in it would run.
#[utoipa::path(tag = "versions", operation_id = "describeFile",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("path" = String, Path, description = "The file's path in the version")),
    responses((status = 200, description = "What was read; nothing was executed", body = ContentsView), Found))]
#[get("/models/{model}/versions/{version}/contents/{path:.*}")]
async fn describe(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
) -> Result<Json<ContentsView>, Problem> {
    let (model, version, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    let version = VersionRef::parse(&version).in_field("version")?;
    Ok(Json(super::of(&app, &who, &model, &version, path).await?.into()))
}

impl From<Read> for ContentsView {
    fn from(read: Read) -> Self {
        let refusal = read.refusal.map(|it| RefusalView { code: it.code().to_owned(), detail: it.detail().to_owned() });
        Self { refusal, ..Self::new(read.path.to_string(), read.contents) }
    }
}

impl ContentsView {
    pub fn new(path: String, contents: Contents) -> Self {
        Self {
            path,
            format: contents.format.to_owned(),
            class: contents.class.name().to_owned(),
            refusal: None,
            total: contents.total.into(),
            types: contents.types.into_iter().map(|(kind, amount)| (kind, amount.into())).collect(),
            inputs: contents.inputs,
            outputs: contents.outputs,
            opsets: contents.opsets,
            operators: contents.operators,
            facts: contents.facts.into_iter().map(|fact| FactView { name: fact.name, value: fact.value }).collect(),
            templates: contents
                .templates
                .into_iter()
                .map(|it| TemplateView { name: it.name, text: it.text, bytes: it.bytes })
                .collect(),
            members: contents.members.map(|it| MembersView {
                files: it.files,
                packed_bytes: it.packed_bytes,
                unpacked_bytes: it.unpacked_bytes,
            }),
            findings: contents.findings.into_iter().map(ContentFinding::from).collect(),
            findings_left_out: contents.findings_left_out,
        }
    }
}

impl From<Amount> for AmountView {
    fn from(amount: Amount) -> Self {
        Self { tensors: amount.tensors, parameters: amount.parameters, bytes: amount.bytes }
    }
}

impl From<Finding> for ContentFinding {
    fn from(finding: Finding) -> Self {
        let severity = match finding.severity {
            Severity::Refused => "refused",
            Severity::Warning => "warning",
        };
        Self {
            severity: severity.to_owned(),
            code: finding.code.to_owned(),
            member: finding.member,
            offset: finding.offset,
            opcode: finding.opcode.map(str::to_owned),
            what: finding.what,
            advice: finding.advice.to_owned(),
        }
    }
}

impl ContentFinding {
    /// Where it is, as a person reads it; empty for the whole file.
    pub fn place(&self) -> String {
        let member = self.member.as_ref().map(|member| format!("\"{member}\""));
        let offset = self.offset.map(|offset| format!("byte {offset}"));
        [member, offset, self.opcode.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
