//! Ways to reach the world.

pub mod ports;
