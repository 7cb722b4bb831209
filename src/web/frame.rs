//! What every page has around it, and how a page becomes an answer.

use crate::{
    authz::Action,
    error::Error,
    web::{PageError, assets, visitor::Visitor},
};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;

/// The bar above a page and what it needs to know.
pub struct Frame {
    /// Which entry of the bar the page belongs to.
    pub section: &'static str,
    pub visitor: Option<Visitor>,
}

impl Frame {
    pub fn new(section: &'static str, visitor: &Visitor) -> Self {
        Self { section, visitor: Some(visitor.clone()) }
    }

    /// For pages that need nobody to be signed in.
    pub fn open() -> Self {
        Self { section: "", visitor: None }
    }

    pub fn style(&self) -> &'static str {
        assets::style()
    }

    pub fn icon(&self) -> &'static str {
        assets::icon()
    }

    /// Whether to link to the history of things.
    pub fn may_read_log(&self) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.who.may(Action::AuditRead))
    }

    /// Whether to offer dossiers.
    pub fn may_take_dossiers(&self) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.who.may(Action::DossierExport))
    }

    /// The entries of the bar that the visitor may open: name, address, whether it is this one.
    pub fn entries(&self) -> Vec<(&'static str, &'static str, bool)> {
        let Some(visitor) = &self.visitor else { return Vec::new() };
        let all = [
            ("Overview", "/", None),
            ("Requests", "/promotions", Some(Action::PromotionRead)),
            ("Models", "/models", Some(Action::ModelRead)),
            ("Environments", "/environments", Some(Action::EnvironmentRead)),
            ("Findings", "/findings", Some(Action::FindingRead)),
            ("Waivers", "/waivers", Some(Action::WaiverRead)),
            ("Emergencies", "/break-glass", Some(Action::BreakGlassRead)),
            ("Delegations", "/delegations", Some(Action::DelegationRead)),
            ("Frameworks", "/frameworks", Some(Action::FrameworkRead)),
            ("Audit log", "/audit", Some(Action::AuditRead)),
            ("Members", "/members", Some(Action::AccountRead)),
        ];
        let open = all.into_iter().filter(|(_, _, action)| action.is_none_or(|action| visitor.who.may(action)));
        open.map(|(name, address, _)| (name, address, name == self.section)).collect()
    }
}

pub fn page(template: &impl Template) -> Result<HttpResponse, PageError> {
    page_with(StatusCode::OK, template)
}

pub fn page_with(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    Ok(html(status, template.render().map_err(Error::internal)?))
}

/// With `no-referrer`, a browser sends `Origin: null` with the page's own forms, and they
/// could not be told from another site's.
pub fn html(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(header::ContentType::html())
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(body)
}

/// Looks again, with GET.
pub fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}
