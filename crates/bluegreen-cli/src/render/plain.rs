//! One timestamped line for each event: for logs and pipelines.

use std::sync::{Mutex, PoisonError};

use bluegreen_core::drive::Ended;
use bluegreen_core::event::{Event, Reporter};
use bluegreen_core::journal::Record;
use bluegreen_core::model::{RunId, Timestamp};
use bluegreen_core::plan::Plan;

use super::track::Tracker;
use super::words::{between, look_line, wait_end};
use super::{Renderer, ending_lines};
use crate::exit::Exit;
use crate::{env, out};

/// How long a wait may be silent: pipelines end jobs that say nothing.
const HEARTBEAT_SECONDS: i64 = 60;

/// For logs.
pub(super) struct Plain {
    run: RunId,
    /// Whether the lines are the command's data, or only accompany it.
    data: bool,
    said: Mutex<Said>,
}

/// The run, and what was said last, so that nothing is said twice.
struct Said {
    tracker: Tracker,
    look: Option<String>,
    wait: Option<(String, Timestamp)>,
    failure: Option<String>,
}

impl Plain {
    pub(super) fn new(plan: &Plan, records: &[Record], data: bool) -> Plain {
        let tracker = Tracker::new(plan, records);
        let said = Said { tracker, look: None, wait: None, failure: None };
        Plain { run: plan.run.clone(), data, said: Mutex::new(said) }
    }

    fn line(&self, event: &Event) -> Option<(Timestamp, String)> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).line(event)
    }

    fn say(&self, at: Timestamp, line: &str) {
        let line = format!("{} {line}", at.strftime("%Y-%m-%dT%H:%M:%SZ"));
        if self.data { out::data(line) } else { out::say(line) }
    }
}

impl Said {
    /// The line that an event is worth now.
    fn line(&mut self, event: &Event) -> Option<(Timestamp, String)> {
        let told = self.tracker.follow(event);
        match event {
            Event::Recorded(record) => {
                // Whatever was waited for may be over: the next wait is news again.
                self.wait = None;
                told.map(|told| (record.at, told.to_string()))
            }
            Event::Looked(look) => {
                self.failure = None;
                let (line, news) = look_line(self.tracker.view()?);
                let changed = self.look.as_ref() != Some(&news);
                self.look = Some(news);
                changed.then_some((look.at, line))
            }
            Event::Waiting { at, why, .. } => {
                let silent = |since: Timestamp| at.duration_since(since).as_secs() < HEARTBEAT_SECONDS;
                if self.wait.as_ref().is_some_and(|(said, since)| said == why && silent(*since)) {
                    return None;
                }
                self.wait = Some((why.clone(), *at));
                let left = self.tracker.view().and_then(wait_end).map(|ends| format!(" {}", between(*at, ends)));
                Some((*at, format!("waiting{}: {why}", left.unwrap_or_default())))
            }
            Event::ReadFailed { at, error } => {
                let text = error.to_string();
                let news = self.failure.as_ref() != Some(&text);
                self.failure = Some(text.clone());
                news.then(|| (*at, format!("read failed: {text}")))
            }
            Event::Warning { at, text } => Some((*at, format!("warning: {text}"))),
        }
    }
}

impl Reporter for Plain {
    fn event(&self, event: &Event) {
        if let Some((at, line)) = self.line(event) {
            self.say(at, &line);
        }
    }
}

impl Renderer for Plain {
    fn note(&self, text: &str) {
        self.say(env::now(), text);
    }

    fn end(&self, ended: &Ended, _: Exit) {
        for line in ending_lines(ended, &self.run) {
            out::say(line);
        }
    }

    fn close(&self) {}
}
