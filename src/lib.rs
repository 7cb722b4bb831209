//! Plimsoll: a registry that measures models against the load line of an environment,
//! gates promotion by evidence and approvals, and keeps a log that outsiders can verify.
//!
//! Reading order: `core` (vocabulary), `authz` (who may), `db` (how a change and its
//! audit event become one commit), one slice (`models`), then the main job in its order:
//! `versions`, `environments`, `validation`, `promotions`, `releases`, `audit`; last the
//! edges: `http`, `web`, `cli`.

// Vocabulary and pure rules.
pub mod constraints;
pub mod core;
pub mod crypto;
pub mod policies;
pub mod provenance;
pub mod readme;
pub mod stats;
pub use plimsoll_formats as formats;

// Who may, and how it becomes durable.
pub mod authz;
pub mod blobs;
pub mod db;
pub mod error;

// Tenants and people.
pub mod accounts;
pub mod quotas;
pub mod trust;
pub mod workspaces;

// The main job.
pub mod models;
pub mod versions;

pub mod comparisons;
pub mod datasets;
pub mod environments;
pub mod evidence;
pub mod inference;
pub mod jobs;
pub mod sandbox;
pub mod validation;
pub mod workers;

pub mod accountability;
pub mod frameworks;
pub mod oversight;
pub mod promotions;
pub mod releases;

pub mod audit;
pub mod bom;
pub mod dossiers;
pub mod keys;
pub mod settings;

// The edges.
pub mod app;
pub mod cli;
pub mod client;
pub mod config;
pub mod http;
pub mod registry;
pub mod sweeps;
pub mod telemetry;
pub mod web;
