//! Pages for people: the same use-cases as the API, rendered on the server. No script.
//!
//! Invariants: every page is made of `ops` and wire views; every form carries a token that
//! only its session can know; text from people is escaped by the templates, never by hand.

mod access;
mod account;
pub mod addresses;
mod administration;
mod assets;
mod audit;
mod bars;
mod break_glass;
mod comparisons;
mod cookies;
mod decision;
mod delegations;
mod dossiers;
mod dots;
mod environments;
mod error;
mod findings;
mod follow;
mod form;
mod forms;
mod founding;
mod frame;
mod frameworks;
mod measured;
mod models;
mod once;
mod overview;
mod pairs;
mod perturbed;
mod promotions;
mod proof;
mod queue;
pub(crate) mod record_words;
mod reported;
mod runs;
mod second_factor;
mod session;
mod single_sign_on;
pub(crate) mod subgroups;
pub(crate) mod verdicts;
mod versions;
mod visitor;
mod waivers;
pub(crate) mod words;

pub use error::{PageError, dress};

use actix_web::web::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(assets::serve)
        .service(session::sign_in_form)
        .service(session::sign_in)
        .service(session::sign_out)
        .service(single_sign_on::begin)
        .service(single_sign_on::finish)
        .service(session::reset_form)
        .service(session::reset)
        .service(founding::form)
        .service(founding::make)
        .service(account::show)
        .service(account::change_password)
        .service(account::end_others)
        .service(account::end_session)
        .service(second_factor::begin)
        .service(second_factor::confirm)
        .service(second_factor::renew_codes)
        .service(second_factor::remove)
        .service(administration::list_members)
        .service(administration::create_member)
        .service(administration::show_member)
        .service(administration::link_person)
        .service(administration::set_team)
        .service(administration::give_role)
        .service(administration::take_role)
        .service(administration::issue_reset)
        .service(administration::take_factor)
        .service(administration::deactivate)
        .service(administration::erase)
        .service(administration::end_session)
        .service(administration::list_tokens)
        .service(administration::create_token)
        .service(administration::replace_token)
        .service(administration::revoke_token)
        .service(administration::list_trust_keys)
        .service(administration::add_trust_key)
        .service(administration::revoke_trust_key)
        .service(administration::revoke_certificate)
        .service(administration::list_workers)
        .service(administration::show_quota)
        .service(overview::show)
        .service(models::list)
        .service(models::show)
        .service(versions::show)
        .service(versions::show_graph)
        .service(versions::take_bill)
        .service(versions::show_family)
        .service(versions::show_made_from)
        .service(versions::show_contents)
        .service(versions::beside)
        .service(frameworks::list)
        .service(frameworks::show)
        .service(frameworks::coverage)
        .service(dossiers::ask)
        .service(dossiers::take)
        .service(runs::show)
        .service(comparisons::list)
        .service(comparisons::show)
        .service(environments::list)
        .service(environments::show)
        .service(environments::list_revisions)
        .service(environments::show_revision)
        .service(environments::lower_mode)
        .service(environments::raise_mode)
        .service(environments::suspend)
        .service(environments::resume)
        .service(environments::plan_rollback)
        .service(environments::roll_back)
        .service(environments::rehearse)
        .service(environments::review_rollback)
        .service(promotions::list)
        .service(decision::show)
        .service(decision::check)
        .service(decision::receipt::show)
        .service(decision::receipt::statement)
        .service(decision::decide)
        .service(decision::say)
        .service(decision::unapprove)
        .service(decision::withdraw)
        .service(decision::activate)
        .service(findings::list)
        .service(findings::report)
        .service(findings::show)
        .service(findings::remediate)
        .service(findings::close)
        .service(findings::accept)
        .service(waivers::list)
        .service(waivers::ask)
        .service(waivers::show)
        .service(waivers::decide)
        .service(waivers::revoke)
        .service(break_glass::list)
        .service(break_glass::invoke)
        .service(break_glass::show)
        .service(break_glass::confirm)
        .service(break_glass::close)
        .service(break_glass::review)
        .service(delegations::list)
        .service(delegations::delegate)
        .service(delegations::revoke)
        .service(audit::list)
        .service(audit::security::show)
        .service(audit::asof::show)
        .service(audit::record::show)
        .service(audit::record::leaf)
        .service(audit::record::proof);
}
