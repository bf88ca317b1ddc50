//! Exit codes: a contract with scripts and pipelines, in one table.

use bluegreen_core::drive::Ended;
use bluegreen_core::journal::{Ending, Terminal};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and read back where something was changed.
    Done = 0,
    /// Something that should not happen.
    Unexpected = 1,
    /// Wrong arguments or an invalid file.
    Usage = 2,
    /// Refused before the first write.
    Refused = 3,
    /// The baseline was restored and read back.
    RolledBack = 4,
    /// Stopped safely: a person is needed.
    Held = 5,
    /// This process left; `resume` goes on.
    Interrupted = 6,
    /// Going back failed or could not be verified.
    RollbackFailed = 7,
    /// Another operator works on the service.
    Busy = 8,
}

/// The contract as `--help` and the manual show it.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done and verified (status: promoted, or still running)
  1  unexpected failure
  2  wrong usage or invalid file
  3  refused before the first write
  4  rolled back or aborted, and verified
  5  held: a person is needed (status: a deployment waits to be told to go on)
  6  interrupted: `bluegreen resume` goes on (status: nobody works on the run)
  7  rollback failed or unverified
  8  another operator works on the service";

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<&Ending> for Exit {
    fn from(ending: &Ending) -> Exit {
        match ending.terminal {
            Terminal::Promoted => Exit::Done,
            Terminal::RolledBack | Terminal::Aborted => Exit::RolledBack,
            Terminal::Refused => Exit::Refused,
            Terminal::Held => Exit::Held,
            Terminal::RollbackFailed => Exit::RollbackFailed,
        }
    }
}

impl From<&Ended> for Exit {
    fn from(ended: &Ended) -> Exit {
        match ended {
            Ended::Finished(ending) => ending.into(),
            Ended::Reached { .. } => Exit::Done,
            Ended::Left { .. } => Exit::Interrupted,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_documented_number() {
        let of = |terminal| Exit::from(&Ending { terminal, why: String::new() }).code();
        let ends = [
            (Terminal::Promoted, 0),
            (Terminal::Refused, 3),
            (Terminal::RolledBack, 4),
            (Terminal::Aborted, 4),
            (Terminal::Held, 5),
            (Terminal::RollbackFailed, 7),
        ];
        for (terminal, code) in ends {
            assert_eq!(of(terminal), code, "{terminal}");
        }
        assert_eq!(Exit::from(&Ended::Left { why: String::new() }).code(), 6);
    }

    #[test]
    fn the_table_lists_every_number() {
        let last = Exit::Busy.code();
        let listed: Vec<u8> = TABLE.lines().skip(1).map(|line| line.trim_start().as_bytes()[0] - b'0').collect();
        assert_eq!(listed, (0..=last).collect::<Vec<_>>());
        assert!(TABLE.lines().all(|line| line.len() <= 80));
    }
}
