//! Real time: the one place in the library that asks the machine for it.

use async_trait::async_trait;
use jiff::Timestamp;

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
