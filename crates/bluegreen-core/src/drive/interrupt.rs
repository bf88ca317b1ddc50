//! Being told to stop: a flag that can be waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{Either, select};
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::ports::Clock;

/// Set once, by a signal handler or an embedding program; never cleared.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    set: AtomicBool,
    changed: Notify,
}

impl Interrupt {
    /// Tells the loop to stop starting new work.
    pub fn set(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Whether it was told.
    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Sleeps until `deadline`, or until the flag is set while sleeping.
    pub(crate) async fn sleep(&self, clock: &dyn Clock, deadline: Timestamp) {
        let told = std::pin::pin!(self.0.changed.notified());
        let asleep = std::pin::pin!(clock.sleep_until(deadline));
        match select(told, asleep).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}
