//! The present of a world that runs.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::world::Ms;

/// What time it is in the world.
pub trait WorldClock: Send + Sync {
    /// Milliseconds since the world began; never fewer than before.
    fn now(&self) -> Ms;

    /// Waits for so many of the world's milliseconds.
    fn sleep(&self, ms: Ms) -> BoxFuture<'static, ()>;
}

/// Tokio's clock, faster or slower. Where a test has paused tokio's clock, the world stands still as well.
#[derive(Clone, Copy, Debug)]
pub struct RunningClock {
    origin: Instant,
    at_origin: Ms,
    speed: f64,
}

impl RunningClock {
    /// A clock that shows `at` now and runs `speed` times as fast as tokio's; a speed that is no positive number is 1.
    pub fn new(at: Ms, speed: f64) -> RunningClock {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        RunningClock { origin: Instant::now(), at_origin: at, speed }
    }

    /// When the world shows `ms`, by tokio's clock; its origin for what was before.
    pub fn instant(&self, ms: Ms) -> Instant {
        self.origin + self.real(ms.saturating_sub(self.at_origin))
    }

    /// How long `ms` of the world's milliseconds take.
    pub fn real(&self, ms: Ms) -> Duration {
        Duration::try_from_secs_f64(Duration::from_millis(ms).as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }
}

impl WorldClock for RunningClock {
    fn now(&self) -> Ms {
        let elapsed = self.origin.elapsed();
        // Without a factor there must be no rounding either: timers fire on the millisecond.
        let ms = if (self.speed - 1.0).abs() < f64::EPSILON {
            elapsed.as_millis()
        } else {
            Duration::try_from_secs_f64(elapsed.as_secs_f64() * self.speed).unwrap_or(Duration::MAX).as_millis()
        };
        self.at_origin.saturating_add(Ms::try_from(ms).unwrap_or(Ms::MAX))
    }

    fn sleep(&self, ms: Ms) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(self.real(ms)))
    }
}
