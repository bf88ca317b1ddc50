//! What holds for the whole process: the form of output, where journals live, and the runtime where one is needed.

use std::future::Future;

use crate::args::{Globals, Output};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// One invocation.
pub(crate) struct Session {
    pub(crate) output: Output,
    pub(crate) globals: Globals,
}

impl Session {
    pub(super) fn new(globals: Globals) -> Session {
        let fallback = if out::stderr_is_terminal() { Output::Human } else { Output::Plain };
        Session { output: globals.output.unwrap_or(fallback), globals }
    }

    /// Whether results are documents for programs.
    pub(super) fn json(&self) -> bool {
        self.output == Output::Json
    }
}

/// Runs a future to its end. Commands that need no network never come here, which keeps them fast.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Exit::Unexpected, "the runtime cannot be started", error))?;
    runtime.block_on(future)
}
