//! Real time: the one place in the library that asks the machine for it.

use std::str::FromStr;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::ports::Clock;

/// The machine's wall clock and tokio's timers.
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        // Timers stop while a laptop sleeps and the wall clock does not: the loop re-reads it after every nap.
        let nap = std::time::Duration::try_from(deadline.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(nap).await;
    }
}

/// The time of a rehearsal: the machine's clock, so many times as fast since `origin`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastClock {
    origin: Timestamp,
    speed: f64,
}

/// Why a text names no clock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no clock: expected a time, `*` and a speed, such as 2026-11-23T18:00:00Z*60")]
pub struct ClockError(String);

impl FromStr for FastClock {
    type Err = ClockError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('*');
        let clock = parts.and_then(|(origin, speed)| Some((origin.parse().ok()?, speed.parse::<f64>().ok()?)));
        let clock = clock.filter(|(_, speed)| (0.1..=3600.0).contains(speed));
        clock.map(|(origin, speed)| FastClock { origin, speed }).ok_or_else(|| ClockError(text.to_owned()))
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = SystemClock.now().duration_since(self.origin);
        let fast = SignedDuration::try_from_secs_f64(passed.as_secs_f64() * self.speed).unwrap_or(passed);
        self.origin.checked_add(fast).unwrap_or(self.origin)
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let left = std::time::Duration::try_from(deadline.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(left.div_f64(self.speed)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_runs_from_its_origin_on() {
        let real = SystemClock.now();
        let hour_ago = real.checked_sub(SignedDuration::from_hours(1)).unwrap();
        let fast: FastClock = format!("{hour_ago}*60").parse().unwrap();
        let shown = fast.now().duration_since(hour_ago);
        assert!(shown >= SignedDuration::from_hours(60), "{shown}");
        for text in ["", "60", "2026-11-23T18:00:00Z", "2026-11-23T18:00:00Z*0", "soon*60"] {
            assert!(text.parse::<FastClock>().is_err(), "{text}");
        }
    }
}
