//! The judge, measured on simulated traffic beside what others do with the same counts.
//!
//! The same seed gives the same figures, whatever the number of threads.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of runs and minutes, far below what a double holds"
)]

pub mod bounds;
pub mod grid;
pub mod methods;
pub mod page;

pub mod traffic;
