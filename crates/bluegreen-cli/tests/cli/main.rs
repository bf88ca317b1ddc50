//! The binary as a user runs it, without AWS: arguments, files, journals, texts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod appspec;
mod experiment;
mod help;
mod journal;
mod judge;
mod pipeline;
mod report;
mod simulate;
mod support;
mod texts;
mod usage;
