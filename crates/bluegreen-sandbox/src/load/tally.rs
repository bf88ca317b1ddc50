//! What came of the requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::histogram::Histogram;

/// The version of answers that name none, such as a load balancer's own.
pub const NO_VERSION: &str = "-";
/// Versions beyond these are counted together: a target must not be able to fill the memory.
const VERSIONS_MAX: usize = 32;
/// The version that they are counted under.
const OTHERS: &str = "others";
/// So many seconds are kept apart.
const SECONDS_MAX: usize = 900;

/// Numbers of requests by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that ended: the sum of the others.
    pub requests: u64,
    /// Answered 1xx or 2xx.
    pub ok: u64,
    /// Answered 3xx.
    pub redirects: u64,
    /// Answered 4xx.
    pub client_errors: u64,
    /// Answered 5xx, or with a status that does not exist.
    pub server_errors: u64,
    /// Not answered, or not to the end.
    pub transport_errors: u64,
}

impl Counts {
    /// Requests that were of no use to whoever sent them: 5xx and transport errors.
    pub fn failed(&self) -> u64 {
        self.server_errors + self.transport_errors
    }

    fn note(&mut self, status: Option<u16>) {
        self.requests += 1;
        let count = match status {
            None => &mut self.transport_errors,
            Some(..=299) => &mut self.ok,
            Some(300..=399) => &mut self.redirects,
            Some(400..=499) => &mut self.client_errors,
            Some(500..) => &mut self.server_errors,
        };
        *count += 1;
    }
}

/// What came of all requests of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// All requests.
    pub counts: Counts,
    /// The answered ones by the version that answered (`X-Version`), or [`NO_VERSION`].
    pub versions: BTreeMap<String, Counts>,
    /// The ones without an answer by what went wrong: `connect`, `timeout`, `closed` (no answer came), `body` (it broke
    /// off).
    pub transport: BTreeMap<&'static str, u64>,
    /// How long the answered ones took, from when they were due to the answer's last byte.
    pub latency: Histogram,
    /// How long the load has run.
    pub elapsed: Duration,
}

/// What came of the requests that ended in one second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// Whole seconds since the load began.
    pub second: u64,
    /// All requests.
    pub counts: Counts,
    /// The answered ones by version.
    pub versions: BTreeMap<String, Counts>,
    /// How long the answered ones took.
    pub latency: Histogram,
}

/// How one request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an answer that was read to its end.
    Answer { status: u16, version: Option<String> },
    /// Without: why, in a word.
    Transport(&'static str),
}

/// The tally while it grows.
#[derive(Debug, Default)]
pub(super) struct Book {
    whole: Tally,
    seconds: VecDeque<Second>,
}

impl Book {
    pub(super) fn note(&mut self, outcome: &Outcome, latency: Duration, second: u64) {
        // Another client may have been late with an earlier second.
        let last = self.seconds.back().map_or(0, |last| last.second).max(second);
        if self.seconds.back().is_none_or(|kept| kept.second != last) {
            self.seconds.push_back(Second { second: last, ..Second::default() });
            if self.seconds.len() > SECONDS_MAX {
                self.seconds.pop_front();
            }
        }
        let Some(current) = self.seconds.back_mut() else { return };
        let status = match outcome {
            Outcome::Answer { status, version } => {
                let version = version.as_deref().unwrap_or(NO_VERSION);
                count(&mut self.whole.versions, version, *status);
                count(&mut current.versions, version, *status);
                self.whole.latency.record(latency);
                current.latency.record(latency);
                Some(*status)
            }
            Outcome::Transport(why) => {
                *self.whole.transport.entry(why).or_default() += 1;
                None
            }
        };
        self.whole.counts.note(status);
        current.counts.note(status);
    }

    pub(super) fn tally(&self, elapsed: Duration) -> Tally {
        Tally { elapsed, ..self.whole.clone() }
    }

    pub(super) fn seconds(&self) -> Vec<Second> {
        self.seconds.iter().cloned().collect()
    }
}

fn count(versions: &mut BTreeMap<String, Counts>, version: &str, status: u16) {
    let known = versions.contains_key(version) || versions.len() < VERSIONS_MAX;
    let version = if known { version } else { OTHERS };
    match versions.get_mut(version) {
        Some(counts) => counts.note(Some(status)),
        None => versions.entry(version.to_owned()).or_default().note(Some(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, version: &str) -> Outcome {
        Outcome::Answer { status, version: Some(version.to_owned()).filter(|version| !version.is_empty()) }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn outcomes_are_counted_by_class_version_and_second() {
        let mut book = Book::default();
        for (outcome, second) in [
            (answer(200, "v1"), 0),
            (answer(302, "v1"), 0),
            (answer(404, "v2"), 0),
            (answer(500, "v2"), 2),
            (answer(502, ""), 2),
            (Outcome::Transport("connect"), 2),
            (answer(204, "v1"), 1),
        ] {
            book.note(&outcome, MS, second);
        }
        let tally = book.tally(MS);
        let expected =
            Counts { requests: 7, ok: 2, redirects: 1, client_errors: 1, server_errors: 2, transport_errors: 1 };
        assert_eq!((tally.counts, tally.counts.failed(), tally.elapsed), (expected, 3, MS));
        let versions: Vec<_> = tally.versions.iter().map(|(name, counts)| (name.as_str(), counts.requests)).collect();
        assert_eq!(versions, [(NO_VERSION, 1), ("v1", 3), ("v2", 2)]);
        assert_eq!(tally.versions["v2"].server_errors, 1);
        assert_eq!((tally.latency.count(), tally.transport["connect"]), (6, 1));
        // What ends late in an earlier second belongs to the one that has begun.
        let seconds: Vec<_> = book.seconds().iter().map(|second| (second.second, second.counts.requests)).collect();
        assert_eq!(seconds, [(0, 3), (2, 4)]);
        assert_eq!(book.seconds()[1].versions.len(), 3);
    }

    #[test]
    fn seconds_and_versions_are_bounded() {
        let mut book = Book::default();
        for second in 0..2000 {
            book.note(&answer(200, &format!("v{second}")), MS, second);
        }
        let seconds = book.seconds();
        assert_eq!((seconds.len(), seconds[0].second), (SECONDS_MAX, 2000 - SECONDS_MAX as u64));
        let tally = book.tally(MS);
        assert_eq!(tally.versions.len(), VERSIONS_MAX + 1);
        assert_eq!(tally.versions.values().map(|counts| counts.requests).sum::<u64>(), 2000);
    }
}
