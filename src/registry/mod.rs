//! What the registry says about itself to anyone: its name, version and public keys.

pub mod api;
