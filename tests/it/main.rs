//! One binary: one link, shared helpers. Test names read as sentences about the product.
//!
//! SQLite by default; PostgreSQL when `TEST_POSTGRES` holds a server's URL.

mod harness;
