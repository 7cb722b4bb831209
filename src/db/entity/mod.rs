//! Table definitions in sea-orm's dense format. Data only; no behaviour.

pub mod access;
pub mod accountability;
pub mod blobs;
pub mod comparisons;
pub mod environments;
pub mod factors;
pub mod keys;
pub mod lineage;
pub mod log;
pub mod oversight;
pub mod people;
pub mod promotions;
pub mod queue;
pub mod registry;
pub mod releases;
pub mod reported;
pub mod validation;
pub mod workers;

pub use access::{
    account, api_token, custom_role, membership, password_reset, trust_key, used_assertion, workload_trust, workspace,
};
pub use accountability::{accountability_record, accountability_revision};
pub use blobs::{stored_blob, upload_chunk, upload_session};
pub use comparisons::comparison;
pub use environments::{dataset, environment, environment_revision};
pub use factors::{founding_code, recovery_code, second_factor};
pub use keys::{loaded_settings, registry_key};
pub use lineage::{known_as, made_from};
pub use log::{
    audit_checkpoint, audit_cosignature, audit_event, audit_head, audit_leaf, audit_mention, audit_mentioned,
    audit_node, audit_pending, row_change, row_salt,
};
pub use oversight::{break_glass, finding, finding_step, running_snapshot, waiver, waiver_grant};
pub use people::{delegation, earlier_author, person_link, person_team, promotion_comment};
pub use promotions::{approval, approval_withdrawal, promotion_request, release};
pub use queue::{idempotency_claim, job};
pub use registry::{attestation, blob, model, model_owner, model_version, version_file};
pub use releases::{rehearsal, rollback_review};
pub use reported::{reported_evidence, reported_statement};
pub use validation::{evidence, validation_run};
pub use workers::worker;
