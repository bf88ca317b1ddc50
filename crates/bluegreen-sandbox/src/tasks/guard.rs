//! Ends a program when the process that started it is gone, however it went.
//!
//! A pipe whose writing end only the parent holds is at its end when the parent is, also after a SIGKILL. A guard sits
//! between the sandbox and a program that knows nothing of this, and watches that pipe for it.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Why a program could not be guarded.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// There is nothing to run.
    #[error("no program is named: give its path and its arguments")]
    NoProgram,
    /// The program could not be started.
    #[error("{program:?} could not be started: it must be a program of this machine")]
    Start {
        /// What was asked for.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The operating system gave no way to hear of signals, or of the program's end.
    #[error("the program cannot be watched")]
    Watch(#[source] std::io::Error),
}

/// Runs `argv` in this process's group and returns its exit code: 128 and the signal's number where a signal ended it.
/// When this process's standard input ends, the whole group is killed, this process with it.
///
/// SIGTERM is left to the program, which gets it as a member of the group; the guard stays to report its code.
pub async fn guard(argv: &[String]) -> Result<i32, GuardError> {
    let (program, arguments) = argv.split_first().ok_or(GuardError::NoProgram)?;
    // From here on SIGTERM does not end this process.
    let _terminate = signal(SignalKind::terminate()).map_err(GuardError::Watch)?;
    let mut command = Command::new(program);
    // The program has no pipe of its own, so that it must not take its input's end for its parent's.
    command.args(arguments).env_remove(super::PARENT_PIPE).stdin(Stdio::null()).kill_on_drop(true);
    let start = |source| GuardError::Start { program: program.clone(), source };
    let mut child = command.spawn().map_err(start)?;
    tokio::select! {
        status = child.wait() => {
            let status = status.map_err(GuardError::Watch)?;
            Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1))
        }
        () = parent_gone() => {
            // Only where the kill fails does anything come after it.
            let _ = rustix::process::kill_current_process_group(Signal::KILL);
            Ok(1)
        }
    }
}

/// Waits for the end of this process's standard input.
///
/// A thread reads it, and not the runtime's own reader, whose blocked read would keep the runtime from going down.
pub(crate) async fn parent_gone() {
    let (tell, gone) = oneshot::channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut ignored = [0; 256];
        loop {
            match input.read(&mut ignored) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        let _ = tell.send(());
    });
    // An error would be a thread that ended without a word: there is no pipe to watch then either.
    let _ = gone.await;
}
