//! One binary: one link, shared helpers. Test names read as sentences about the product.
//!
//! SQLite by default; PostgreSQL when `TEST_POSTGRES` holds a server's URL. Bytes are kept in a folder by default; in a
//! bucket when `TEST_S3` holds a server's address.

#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

// What the tests share.
mod break_glass;
mod databases;
mod harness;
mod raw;
mod snapshot;
mod stores;
mod story;
mod waivers;
mod world;

// What they say about the product.
mod accountability;
mod architecture;
mod asof;
mod assertions;
mod asvs;
mod audit_log;
mod authz_matrix;
mod bad_governance;
mod bad_input;
mod bad_models;
mod bias;
mod blob_stores;
mod blobs;
mod browser;
mod check_local;
mod commands;
mod comparisons;
mod completeness;
mod concurrency;
mod contents;
mod decisions;
mod documentation;
mod dossiers;
mod encryption;
mod erasure;
mod findings;
mod frameworks;
mod gate;
mod gate_forms;
mod grants;
mod health;
mod holds;
mod idempotency;
mod inference;
mod invalidation;
mod invariants;
mod jobs;
mod lab;
mod lanes;
mod lapse;
mod log_archive;
mod log_foreign;
mod log_keys;
mod log_names;
mod log_proofs;
mod log_restore;
mod log_rotation;
mod log_search;
mod log_witness;
mod main_job;
mod migrations;
mod model_signatures;
mod modes;
mod openapi;
mod pages;
mod pages_matrix;
mod pages_of_lists;
mod pages_quick;
mod people;
mod policies;
mod processes;
mod promotion;
mod pull_events;
mod ranges;
mod reach;
mod replay;
mod reported_evidence;
mod rig;
mod roles;
mod roles_document;
mod rollback;
mod rollback_busy;
mod separation;
mod service;
mod sessions;
mod settings;
mod single_sign_on;
mod spec_files;
mod suspension;
mod tenants;
mod transit;
mod uploads;
mod validation;
mod worker_kills;
mod worker_remote;
mod workers;
mod workflow;
mod workloads;
mod workspaces;
