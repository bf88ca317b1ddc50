//! Ways to reach the world.

pub mod connector;
pub mod http;
pub mod ports;
