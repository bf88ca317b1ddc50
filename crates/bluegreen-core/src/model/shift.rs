//! How AWS itself moves traffic, where it does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Percent, duration};

/// The shapes in which CodeDeploy and ECS can shift traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Shift {
    /// Everything in one move.
    AllAtOnce,
    /// A first share, a wait, then everything.
    Canary {
        /// The first share.
        first: Percent,
        /// The wait.
        #[serde(with = "duration")]
        wait: Duration,
    },
    /// Equal shares with equal waits between them.
    Linear {
        /// Each share.
        each: Percent,
        /// The wait between two.
        #[serde(with = "duration")]
        wait: Duration,
    },
}
