//! What every renderer keeps of a run: its view, and a narrator for its records.

use std::borrow::Cow;

use bluegreen_core::event::Event;
use bluegreen_core::journal::{Body, Record};
use bluegreen_core::plan::Plan;
use bluegreen_core::view::{Narrator, RunView, Told};

/// A run, followed event by event.
pub(super) struct Tracker {
    plan: Plan,
    narrator: Narrator,
    view: Option<RunView>,
}

impl Tracker {
    /// A tracker that knows these records already; `plan` is the run's own, whole.
    pub(super) fn new(plan: &Plan, records: &[Record]) -> Tracker {
        Tracker { plan: plan.clone(), narrator: Narrator::after(records), view: RunView::from_records(records).ok() }
    }

    /// Adds an event. A record comes back in words, where it adds anything to those before.
    pub(super) fn follow(&mut self, event: &Event) -> Option<Told> {
        let Event::Recorded(record) = event else {
            // A view that cannot follow is an old picture; the lines go on and the journal has it all.
            let _ = RunView::follow(&mut self.view, event);
            return None;
        };
        let whole = self.whole(record);
        let told = self.narrator.tell(&whole);
        let _ = RunView::follow(&mut self.view, &Event::Recorded(Box::new(whole.into_owned())));
        told
    }

    /// Events hide the values of variables in the plan, and the plan's hash is of the whole one.
    fn whole<'a>(&self, record: &'a Record) -> Cow<'a, Record> {
        match &record.body {
            Body::Started { hash, operator, .. } => {
                let plan = Box::new(self.plan.clone());
                let body = Body::Started { plan, hash: hash.clone(), operator: operator.clone() };
                Cow::Owned(Record { body, ..record.clone() })
            }
            _ => Cow::Borrowed(record),
        }
    }

    /// How the run stands.
    pub(super) fn view(&self) -> Option<&RunView> {
        self.view.as_ref()
    }
}
