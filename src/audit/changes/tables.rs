//! The domain's tables, column by column: what of each the log shows.
//!
//! A new column is salted unless it holds what only the registry writes; a test compares this with
//! the schema.

/// How the log shows a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is: an id, a name that is an identifier, a state, a digest, a number.
    Plain,
    /// As RFC 3339 in UTC.
    Time,
    /// As a salted hash: what a person wrote, who a person is, a document, a secret.
    Salted,
    /// Not at all: progress, which changes without an event.
    Bookkeeping,
    /// The state of a run, where "running" is told as "queued": only its end has an event.
    RunState,
}

#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub form: Form,
}

#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The columns of the primary key; their values joined by `:` name a row.
    pub key: &'static [&'static str],
    pub columns: &'static [Column],
}

pub fn find(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

pub fn form(table: &str, column: &str) -> Option<Form> {
    find(table)?.columns.iter().find(|known| known.name == column).map(|known| known.form)
}

pub fn run_state(state: String) -> String {
    if state == "running" { "queued".to_owned() } else { state }
}

macro_rules! tables {
    ($($table:ident [$($key:ident),*] { $($column:ident: $form:ident),* $(,)? })*) => {
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($table),
            key: &[$(stringify!($key)),*],
            columns: &[$(Column { name: stringify!($column), form: Form::$form }),*],
        }),*];
    };
}

tables! {
    workspace [id] {
        id: Plain, name: Plain, created_at: Time, quota_bytes: Plain, kept_bytes: Bookkeeping,
    }
    account [id] {
        id: Plain, name: Salted, display_name: Salted, kind: Plain, password_hash: Salted, state: Plain,
        owner_id: Plain, created_at: Time, issuer: Plain, subject: Salted,
        home_id: Plain,
    }
    membership [id] {
        id: Plain, workspace_id: Plain, account_id: Plain, role: Plain, origin: Plain, reach: Plain, custom_id: Plain,
    }
    custom_role [id] {
        id: Plain, workspace_id: Plain, name: Plain, actions: Plain, created_by: Plain, created_at: Time,
    }
    person_link [workspace_id, account_id] {
        workspace_id: Plain, account_id: Plain, person_id: Plain, linked_by: Plain, linked_at: Time,
    }
    person_team [workspace_id, account_id] {
        workspace_id: Plain, account_id: Plain, team: Plain, set_by: Plain, set_at: Time,
    }
    delegation [id] {
        id: Plain, workspace_id: Plain, from_account: Plain, to_account: Plain, valid_from: Time, valid_until: Time,
        created_at: Time, revoked_at: Time, revoked_by: Plain,
    }
    api_token [id] {
        id: Plain, workspace_id: Plain, account_id: Plain, kind: Plain, name: Salted, accessor: Plain,
        secret_hash: Salted, created_at: Time, expires_at: Time, revoked_at: Time, client: Salted, device: Salted,
        seen_at: Bookkeeping, proven_at: Time, reach: Plain, trust_id: Plain,
    }
    workload_trust [id] {
        id: Plain, workspace_id: Plain, name: Plain, issuer: Plain, audience: Plain, rules: Plain, account_id: Plain,
        reach: Plain, minutes: Plain, created_by: Plain, created_at: Time, ended_at: Time,
    }
    password_reset [id] {
        id: Plain, workspace_id: Plain, account_id: Plain, secret_hash: Salted, issued_by: Plain, issued_at: Time,
        expires_at: Time, ended_at: Time,
    }
    second_factor [account_id] {
        account_id: Plain, sealed: Salted, begun_at: Time, confirmed_at: Time, last_step: Plain, taken_at: Time,
    }
    recovery_code [id] { id: Plain, account_id: Plain, secret_hash: Salted, made_at: Time, ended_at: Time }
    founding_code [id] { id: Plain, secret_hash: Salted, issued_at: Time, expires_at: Time, used_at: Time }
    trust_key [id] {
        id: Plain, workspace_id: Plain, name: Salted, fingerprint: Plain, public_key_pem: Salted, added_by: Plain,
        valid_from: Time, valid_until: Time, revoked_at: Time, identities: Salted, revoked_certificates: Plain,
    }
    environment [id] { id: Plain, workspace_id: Plain, name: Plain, created_by: Plain, created_at: Time }
    environment_revision [id] {
        id: Plain, workspace_id: Plain, environment_id: Plain, kind: Plain, revision: Plain, digest: Plain,
        body: Salted, created_by: Plain, created_at: Time,
    }
    dataset [id] {
        id: Plain, workspace_id: Plain, name: Plain, sha256: Plain, size_bytes: Plain, row_count: Plain,
        description: Salted, created_by: Plain, created_at: Time,
    }
    model [id] {
        id: Plain, workspace_id: Plain, name: Plain, title: Salted, intended_use: Salted, prohibited_use: Salted,
        risk_tier: Plain, revision: Plain, created_by: Plain, created_at: Time,
    }
    registry_key [id] {
        id: Plain, origin: Plain, verifier_key: Plain, public_key_pem: Plain, endorsement: Plain, added_at: Time,
        signs_until: Time, reason: Salted,
    }
    // What is set may name people, addresses and folders.
    loaded_settings [id] { id: Plain, kind: Plain, digest: Plain, entries: Salted, loaded_at: Time }
    model_owner [model_id, accountability] { model_id: Plain, accountability: Plain, account_id: Plain }
    model_version [id] {
        id: Plain, workspace_id: Plain, model_id: Plain, number: Plain, state: Plain, manifest_digest: Plain,
        signature_state: Plain, signature_detail: Salted, trust_key_id: Plain, signature_bundle: Salted,
        created_by: Plain, created_at: Time, sealed_by: Plain, sealed_at: Time, revoked_at: Time,
        revocation_reason: Salted, signatory: Salted, certificates: Plain,
    }
    version_file [id] { id: Plain, version_id: Plain, path: Plain, sha256: Plain, size_bytes: Plain, uploaded_at: Time }
    attestation [id] {
        id: Plain, version_id: Plain, predicate_type: Plain, digest: Plain, statement: Salted, created_by: Plain,
        created_at: Time,
    }
    earlier_author [version_id, account_id] { version_id: Plain, account_id: Plain, until: Time }
    blob [workspace_id, sha256] { workspace_id: Plain, sha256: Plain, size_bytes: Plain, created_at: Time }
    validation_run [id] {
        id: Plain, workspace_id: Plain, version_id: Plain, environment_id: Plain, constraints_id: Plain,
        dataset_id: Plain, state: RunState, phase: Bookkeeping, percent: Bookkeeping, reason_code: Plain,
        reason: Salted, verdicts: Salted, verdicts_digest: Plain, attempt: Bookkeeping, requested_by: Plain,
        requested_at: Time, started_at: Bookkeeping, finished_at: Time, requires: Plain, measured_by: Plain,
    }
    evidence [id] {
        id: Plain, workspace_id: Plain, version_id: Plain, run_id: Plain, kind: Plain, digest: Plain, body: Salted,
        created_at: Time,
    }
    reported_evidence [id] {
        id: Plain, workspace_id: Plain, version_id: Plain, trust_key_id: Plain, kind: Plain, document: Plain,
        title: Salted, method: Salted, basis: Salted, issued_at: Time, measured_at: Time, valid_until: Time,
        digest: Plain, submitted_by: Plain, submitted_at: Time, state: Plain, closed_at: Time, closed_by: Plain,
        closed_reason: Salted,
    }
    reported_statement [evidence_id] { evidence_id: Plain, body: Salted, bundle: Salted }
    promotion_request [id] {
        id: Plain, workspace_id: Plain, model_id: Plain, version_id: Plain, environment_id: Plain, run_id: Plain,
        state: Plain, decision: Salted, decision_digest: Plain, checks: Salted, comment: Salted,
        requested_by: Plain, requested_at: Time, expires_at: Time, closed_at: Time, closed_reason: Salted,
        mode: Plain,
    }
    approval [id] {
        id: Plain, promotion_id: Plain, account_id: Plain, outcome: Plain, decision_digest: Plain, roles: Plain,
        reason: Salted, statement: Salted, created_at: Time, on_behalf_of: Plain, conditions: Salted,
        expires_at: Time,
    }
    approval_withdrawal [id] {
        id: Plain, workspace_id: Plain, approval_id: Plain, account_id: Plain, reason: Salted, created_at: Time,
    }
    promotion_comment [id] { id: Plain, promotion_id: Plain, account_id: Plain, body: Salted, created_at: Time }
    release [id] {
        id: Plain, workspace_id: Plain, environment_id: Plain, model_id: Plain, version_id: Plain,
        promotion_id: Plain, restores: Plain, state: Plain, reason: Salted, statement: Salted,
        activated_by: Plain, activated_at: Time, ended_at: Time, mode: Plain, kind: Plain, ends_at: Time,
        summary: Salted, ended_by: Plain, ended_reason: Salted, assurance: Plain, lapsed_at: Time, lapse_cause: Plain,
    }
    rollback_review [id] {
        id: Plain, workspace_id: Plain, release_id: Plain, state: Plain, due_at: Time, reminded_at: Time,
        outcome: Plain, reason: Salted, reviewed_by: Plain, reviewed_at: Time, created_at: Time,
    }
    rehearsal [id] {
        id: Plain, workspace_id: Plain, environment_id: Plain, model_id: Plain, version_id: Plain,
        release_id: Plain, state: Plain, requested_by: Plain, requested_at: Time, finished_at: Time, body: Salted,
        digest: Plain,
    }
    comparison [id] {
        id: Plain, workspace_id: Plain, environment_id: Plain, constraints_id: Plain, dataset_id: Plain,
        version_id: Plain, baseline_id: Plain, release_id: Plain, state: Plain, requested_by: Plain,
        requested_at: Time, finished_at: Time, reason_code: Plain, reason: Salted, body: Salted, digest: Plain,
    }
    finding [id] {
        id: Plain, workspace_id: Plain, code: Plain, subject_kind: Plain, subject_id: Plain, subject_part: Plain,
        model_id: Plain, version_id: Plain, environment_id: Plain, release_id: Plain, severity: Plain,
        title: Salted, detail: Salted, owner_id: Plain, due_at: Time, opened_by: Plain, opened_at: Time,
        state: Plain, remediated_by: Plain, accepted_until: Time, closed_at: Time, reminded_at: Time,
    }
    finding_step [id] {
        id: Plain, finding_id: Plain, step: Plain, account_id: Plain, reason: Salted, until: Time, at: Time,
    }
    waiver [id] {
        id: Plain, workspace_id: Plain, model_id: Plain, version_id: Plain, environment_id: Plain,
        constraint_name: Plain, constraint_digest: Plain, reason: Salted, compensating_control: Salted,
        requested_by: Plain, requested_at: Time, expires_at: Time, state: Plain, granted_at: Time, closed_at: Time,
        closed_by: Plain, closed_reason: Salted,
    }
    waiver_grant [id] {
        id: Plain, waiver_id: Plain, account_id: Plain, outcome: Plain, reason: Salted, statement: Salted,
        decided_at: Time,
    }
    break_glass [id] {
        id: Plain, workspace_id: Plain, environment_id: Plain, model_id: Plain, version_id: Plain, state: Plain,
        invoked_by: Plain, second_by: Plain, justification: Salted, hours: Plain, invoked_at: Time, confirm_by: Time,
        promotion_id: Plain, release_id: Plain, would_have_passed: Plain, starts_at: Time, ends_at: Time,
        ended_at: Time, ended_by: Plain, ended_reason: Salted, review_due_at: Time, reviewed_by: Plain,
        reviewed_at: Time, review_reason: Salted,
    }
    running_snapshot [id] {
        id: Plain, workspace_id: Plain, environment_id: Plain, model_id: Plain, host: Plain, digest: Plain,
        release_id: Plain, matches: Plain, reported_by: Plain, at: Time,
    }
    accountability_record [id] {
        id: Plain, workspace_id: Plain, place: Plain, model_id: Plain, environment_id: Plain, kind: Plain,
        name: Plain, revision: Plain, owner_id: Plain, review_by: Time, digest: Plain, body: Salted,
        revised_by: Plain, revised_at: Time, lapsed_at: Time,
    }
    accountability_revision [id] {
        id: Plain, record_id: Plain, revision: Plain, owner_id: Plain, review_by: Time, digest: Plain, body: Salted,
        revised_by: Plain, revised_at: Time,
    }
}
