//! What a node shows to the world: the API for traders and officers, the routes for partners, the console.

pub mod api;
pub mod console;
pub mod operations;
pub mod peer;
pub mod server;
