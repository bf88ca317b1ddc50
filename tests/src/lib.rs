//! Support for the tests that look at the whole: the real binary, the workspace, third-party emulators.

pub mod emulator;
pub mod pipeline;
pub mod sandbox;
