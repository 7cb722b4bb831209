//! Who may act here, with what, which keys and workers there are, and how much is kept: for administrators, and to look at for everybody.

mod member;
mod members;
mod quota;
mod roles;
mod shown_once;
mod tokens;
mod trust_keys;
mod workers;

pub use member::{
    deactivate, end_session, erase, issue_reset, link as link_person, set_team, show as show_member, take_factor,
};
pub use members::{create as create_member, list as list_members};
pub use quota::show as show_quota;
pub use roles::{give as give_role, take as take_role};
pub use tokens::{create as create_token, list as list_tokens, replace as replace_token, revoke as revoke_token};
pub use trust_keys::{add as add_trust_key, list as list_trust_keys, revoke as revoke_trust_key, revoke_certificate};
pub use workers::list as list_workers;

/// The entry of the bar that all of it belongs to.
const SECTION: &str = "Members";
