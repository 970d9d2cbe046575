//! What a node shows to the world: the API for traders and officers, the routes for partners, the console.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod api;
mod connections;
pub mod console;
pub mod log;
pub mod operations;
pub mod peer;
pub mod relay;
pub mod server;
mod shares;
