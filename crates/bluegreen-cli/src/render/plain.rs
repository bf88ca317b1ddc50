//! Lines with the time of day, for logs and pipelines; a line with the date goes before the first of each day.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bluegreen_core::drive::Ended;
use bluegreen_core::event::{Event, Reporter};
use bluegreen_core::journal::Record;
use bluegreen_core::model::{RunId, Timestamp};
use bluegreen_core::plan::Plan;

use super::track::Tracker;
use super::words::{Seen, between, wait_end, wrap_at};
use super::{Renderer, ending_lines};
use crate::exit::Exit;
use crate::{env, out};

/// How long a wait may be silent: pipelines end jobs that say nothing.
const HEARTBEAT_SECONDS: i64 = 60;

/// How wide a line may be: room for one sentence in nearly every case, so that `grep` finds whole ones.
const WIDTH: usize = 100;

/// How far lines go in after the time of day.
const INDENT: usize = 10;

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
    seen: Seen,
    wait: Option<(String, Timestamp)>,
    failure: Option<String>,
    day: String,
}

impl Plain {
    pub(super) fn new(plan: &Plan, records: &[Record], data: bool) -> Plain {
        let tracker = Tracker::new(plan, records);
        let said = Said { tracker, seen: Seen::default(), wait: None, failure: None, day: String::new() };
        Plain { run: plan.run.clone(), data, said: Mutex::new(said) }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, lines: &[String]) {
        for line in lines {
            if self.data { out::data(line) } else { out::say(line) }
        }
    }
}

impl Said {
    /// The sentences with their time, and the date where it is a new one.
    fn timed(&mut self, at: Timestamp, sentences: &[String]) -> Vec<String> {
        let day = at.strftime("%Y-%m-%d").to_string();
        let date = (day != self.day && !sentences.is_empty()).then(|| day.clone());
        self.day = day;
        let line = |sentence: &String| wrap_at(&format!("{} {sentence}", at.strftime("%H:%M:%SZ")), INDENT, WIDTH);
        date.into_iter().chain(sentences.iter().map(line)).collect()
    }

    /// The lines that an event is worth now.
    fn lines(&mut self, event: &Event) -> Vec<String> {
        if let Event::Looked(look) = event {
            self.tracker.follow(event);
            self.failure = None;
            let news = self.tracker.view().map(|view| self.seen.news(view)).unwrap_or_default();
            return self.timed(look.at, &news);
        }
        match self.sentence(event) {
            Some((at, sentence)) => self.timed(at, &[sentence]),
            None => Vec::new(),
        }
    }

    fn sentence(&mut self, event: &Event) -> Option<(Timestamp, String)> {
        let told = self.tracker.follow(event);
        match event {
            Event::Recorded(record) => {
                // Whatever was waited for may be over: the next wait is news again.
                self.wait = None;
                told.map(|told| (record.at, told.to_string()))
            }
            Event::Looked(_) => None,
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
        let lines = self.said().lines(event);
        self.say(&lines);
    }
}

impl Renderer for Plain {
    fn note(&self, text: &str) {
        let lines = self.said().timed(env::now(), &[text.to_owned()]);
        self.say(&lines);
    }

    fn end(&self, ended: &Ended, _: Exit) {
        for line in ending_lines(ended, &self.run) {
            out::say(line);
        }
    }

    fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use bluegreen_core::event::Look;
    use bluegreen_core::model::ByColor;
    use bluegreen_core::observe::{AlarmState, TargetHealth};

    use super::*;
    use crate::sample;

    fn said() -> Said {
        let plan = sample::plan("web", sample::run_id("web", 1).as_str());
        let mut renderer = Plain::new(&plan, &[], false);
        let body = bluegreen_core::journal::Body::Started {
            hash: plan.hash(),
            plan: Box::new(plan),
            operator: sample::operator(),
        };
        let said = renderer.said.get_mut().unwrap();
        said.lines(&Event::Recorded(Box::new(Record { seq: 0, at: "2026-11-22T06:00:00Z".parse().unwrap(), body })));
        renderer.said.into_inner().unwrap()
    }

    fn warning(at: &str, text: &str) -> Event {
        Event::Warning { at: at.parse().unwrap(), text: text.to_owned() }
    }

    #[test]
    fn the_date_is_said_once_a_day() {
        let mut said = said();
        let first = said.lines(&warning("2026-11-23T23:59:58Z", "one"));
        assert_eq!(first, ["2026-11-23", "23:59:58Z warning: one"]);
        assert_eq!(said.lines(&warning("2026-11-23T23:59:59Z", "two")), ["23:59:59Z warning: two"]);
        assert_eq!(said.lines(&warning("2026-11-24T00:00:00Z", "three")), ["2026-11-24", "00:00:00Z warning: three"]);
    }

    #[test]
    fn long_sentences_go_on_below_the_time() {
        let lines = said().lines(&warning("2026-11-23T06:00:00Z", &"word ".repeat(40)));
        let lines: Vec<&str> = lines[1].lines().collect();
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert!(lines[1].starts_with("          word"), "{lines:?}");
    }

    /// A look at the canary with this share configured and observed, and so many tasks.
    fn looked(configured: u32, observed: Option<u32>, canary: u32) -> Event {
        let plan = sample::plan("web", sample::run_id("web", 1).as_str());
        let health = |healthy| Some(TargetHealth { healthy, ..TargetHealth::default() });
        Event::Looked(Box::new(Look {
            at: "2026-11-22T06:00:00Z".parse().unwrap(),
            set: bluegreen_core::model::Percent::ZERO,
            configured: plan.route_ids().map(|id| (id.clone(), Some(configured))).collect(),
            observed,
            tasks: Some(ByColor { blue: (4, 4), green: (4, canary) }),
            health: ByColor { blue: health(4), green: health(canary) },
            alarms: vec![("web-5xx".to_owned(), AlarmState::Ok)],
            control: None,
        }))
    }

    #[test]
    fn a_look_is_a_short_line_for_each_part_that_changed() {
        let mut said = said();
        let first = [
            "06:00:00Z blue stable web:7 4/4 tasks, 4 healthy",
            "06:00:00Z green canary web:7 0/4 tasks, 0 healthy",
            "06:00:00Z alarms 1 ok",
        ];
        assert_eq!(said.lines(&looked(0, None, 0)), first);
        assert_eq!(said.lines(&looked(0, None, 0)), [""; 0]);
        assert_eq!(said.lines(&looked(0, None, 4)), ["06:00:00Z green canary web:7 4/4 tasks, 4 healthy"]);
        let observed = said.lines(&looked(0, Some(20_000), 4));
        assert_eq!(observed, ["06:00:00Z weights set 0% configured 0% observed 2%"]);
    }

    #[test]
    fn weights_that_stay_unlike_the_plan_are_news() {
        let mut said = said();
        said.lines(&looked(0, None, 4));
        // Between a write and its reading back they always differ for a moment.
        assert_eq!(said.lines(&looked(100_000, None, 4)), [""; 0]);
        let lasting = ["06:00:00Z weights set 0% configured 10% observed ?"];
        assert_eq!(said.lines(&looked(100_000, None, 4)), lasting);
        assert_eq!(said.lines(&looked(100_000, None, 4)), [""; 0]);
    }
}
