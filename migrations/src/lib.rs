//! Schema history. One file per migration; released files never change.

pub mod capture;
mod m0001_access;
mod m0002_log_and_queue;
mod m0003_registry;
mod m0004_environments;
mod m0005_validation;
mod m0006_promotions;
mod m0007_reported_evidence;
mod m0008_log_cosignatures;
mod m0009_changes;
mod m0010_log_mentions;
mod m0011_keys_and_settings;
mod m0012_lighter_log;
mod m0013_more_mentions;
mod m0014_decisions;
mod m0015_people;
mod m0016_releases;
mod m0017_oversight;
mod m0018_accountability;
mod m0019_running;
mod m0021_waiver_successors;
mod m0022_workers;
mod m0024_comparisons;
mod m0026_credentials;
mod m0028_second_factors;
mod m0029_single_sign_on;
mod m0031_workloads;
mod m0034_quick_pages;
mod m0035_ranges;
mod m0036_custom_roles;
mod m0037_quotas;
mod m0038_stored_blobs;
mod m0039_upload_sessions;
mod m0043_wrapped_keys;
mod m0044_refusals;
mod m0045_lineage;
mod m0047_authorities;
mod table;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_access::Migration),
            Box::new(m0002_log_and_queue::Migration),
            Box::new(m0003_registry::Migration),
            Box::new(m0004_environments::Migration),
            Box::new(m0005_validation::Migration),
            Box::new(m0006_promotions::Migration),
            Box::new(m0007_reported_evidence::Migration),
            Box::new(m0008_log_cosignatures::Migration),
            Box::new(m0009_changes::Migration),
            Box::new(m0010_log_mentions::Migration),
            Box::new(m0011_keys_and_settings::Migration),
            Box::new(m0012_lighter_log::Migration),
            Box::new(m0013_more_mentions::Migration),
            Box::new(m0014_decisions::Migration),
            Box::new(m0017_oversight::Migration),
            Box::new(m0015_people::Migration),
            Box::new(m0016_releases::Migration),
            Box::new(m0018_accountability::Migration),
            Box::new(m0019_running::Migration),
            Box::new(m0021_waiver_successors::Migration),
            Box::new(m0022_workers::Migration),
            Box::new(m0024_comparisons::Migration),
            Box::new(m0026_credentials::Migration),
            Box::new(m0028_second_factors::Migration),
            Box::new(m0029_single_sign_on::Migration),
            Box::new(m0031_workloads::Migration),
            Box::new(m0034_quick_pages::Migration),
            Box::new(m0044_refusals::Migration),
            Box::new(m0038_stored_blobs::Migration),
            Box::new(m0035_ranges::Migration),
            Box::new(m0045_lineage::Migration),
            Box::new(m0043_wrapped_keys::Migration),
            Box::new(m0036_custom_roles::Migration),
            Box::new(m0047_authorities::Migration),
            Box::new(m0039_upload_sessions::Migration),
            Box::new(m0037_quotas::Migration),
        ]
    }
}
