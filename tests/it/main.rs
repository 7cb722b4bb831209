//! One binary: one link, shared helpers. Test names read as sentences about the product.
//!
//! SQLite by default; PostgreSQL when `TEST_POSTGRES` holds a server's URL.

#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

mod architecture;
mod authz_matrix;
mod bad_input;
mod idempotency;
mod migrations;
mod openapi;
mod pages_of_lists;
mod raw;
mod sessions;
mod workspaces;
mod world;

mod harness;
mod pages;
