//! From time to place: even, but for long stretches in which nobody was at work, which are cut short.

use bluegreen_core::model::Timestamp;
use bluegreen_core::report::Report;
use bluegreen_core::view::Phase;

/// A stretch that is longer than this part of the whole is cut.
const CUT_FROM: f64 = 0.3;

/// How much of the width a cut stretch keeps.
const CUT_TO: f64 = 0.06;

/// Lengths between two ticks, in seconds.
const TICKS: [i64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_419_200,
];

/// The axis of time.
pub(super) struct Scale {
    /// Each from a time to a time, from a place to a place; and whether it was cut short.
    parts: Vec<Part>,
}

struct Part {
    time: (f64, f64),
    place: (f64, f64),
    cut: bool,
}

fn seconds(at: Timestamp) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "times of our days have room in 53 bits of milliseconds")]
    let millis = at.as_millisecond() as f64;
    millis / 1000.0
}

impl Scale {
    /// The axis of a report between two places.
    pub(super) fn new(report: &Report, left: f64, right: f64) -> Scale {
        let (from, to) = range(report);
        let to = to.max(from + 1.0);
        let long = |(start, end): &(f64, f64)| end - start > CUT_FROM * (to - from);
        let stopped = report.trace.phases.iter().filter(|span| span.phase == Phase::Ended);
        let cuts: Vec<(f64, f64)> = stopped.map(|span| (seconds(span.from), seconds(span.to))).filter(long).collect();
        let mut stretches: Vec<(f64, f64, bool)> = Vec::new();
        let mut time = from;
        for (start, end) in cuts {
            stretches.push((time, start, false));
            stretches.push((start, end, true));
            time = end;
        }
        stretches.push((time, to, false));
        let whole: f64 = stretches.iter().filter(|(.., cut)| !cut).map(|(start, end, _)| end - start).sum();
        let short = stretches.iter().filter(|(.., cut)| *cut).fold(0.0, |sum, _| sum + CUT_TO);
        let mut place = left;
        let mut part = |(start, end, cut): (f64, f64, bool)| {
            let share = if cut { CUT_TO } else { (1.0 - short) * (end - start) / whole.max(1e-3) };
            let next = place + share * (right - left);
            let part = Part { time: (start, end), place: (place, next), cut };
            place = next;
            part
        };
        Scale { parts: stretches.into_iter().map(&mut part).collect() }
    }

    /// The place of a time; what is outside goes to the nearest end.
    pub(super) fn place(&self, at: Timestamp) -> f64 {
        self.place_of(seconds(at))
    }

    pub(super) fn place_of(&self, second: f64) -> f64 {
        let part = self.parts.iter().find(|part| second <= part.time.1).or(self.parts.last());
        let Some(part) = part else { return 0.0 };
        let length = (part.time.1 - part.time.0).max(1e-9);
        let share = ((second - part.time.0) / length).clamp(0.0, 1.0);
        part.place.0 + share * (part.place.1 - part.place.0)
    }

    /// The first and the last second.
    pub(super) fn range(&self) -> (f64, f64) {
        let first = self.parts.first().map_or(0.0, |part| part.time.0);
        (first, self.parts.last().map_or(first, |part| part.time.1))
    }

    /// Where a stretch was cut short.
    pub(super) fn cuts(&self) -> Vec<(f64, f64)> {
        self.parts.iter().filter(|part| part.cut).map(|part| part.place).collect()
    }

    /// Ticks with the time of day, or the date where a day begins, at least `apart` from each other.
    pub(super) fn ticks(&self, apart: f64) -> Vec<(f64, String)> {
        let Some(even) = self.parts.iter().filter(|part| !part.cut).max_by(|a, b| length(a).total_cmp(&length(b)))
        else {
            return Vec::new();
        };
        let per_second = (even.place.1 - even.place.0) / (even.time.1 - even.time.0).max(1e-9);
        let wide = |step: &&i64| seconds_of(**step) * per_second >= apart;
        let step = TICKS.iter().find(wide).copied().unwrap_or(TICKS[TICKS.len() - 1]);
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for part in self.parts.iter().filter(|part| !part.cut) {
            #[allow(clippy::cast_possible_truncation, reason = "seconds of our days")]
            let mut second = (part.time.0 / seconds_of(step)).ceil() as i64 * step;
            while seconds_of(second) <= part.time.1 && ticks.len() < 60 {
                let place = self.place_of(seconds_of(second));
                if ticks.last().is_none_or(|(last, _)| place - last >= apart * 0.8) {
                    ticks.push((place, label(second, step)));
                }
                second += step;
            }
        }
        ticks
    }
}

fn length(part: &Part) -> f64 {
    part.time.1 - part.time.0
}

#[allow(clippy::cast_precision_loss, reason = "seconds of our days")]
fn seconds_of(second: i64) -> f64 {
    second as f64
}

fn label(second: i64, step: i64) -> String {
    let Ok(at) = Timestamp::from_second(second) else { return String::new() };
    let form = match step {
        _ if second % 86_400 == 0 => "%-d %b",
        ..60 => "%H:%M:%S",
        _ => "%H:%M",
    };
    at.strftime(form).to_string()
}

/// From the first record to the last thing that is known.
fn range(report: &Report) -> (f64, f64) {
    let traffic = report.traffic.iter().map(|point| point.at);
    let traffic_end = traffic.clone().map(|at| seconds(at) + 1.0).fold(f64::MIN, f64::max);
    let read = report.trace.read.iter().flat_map(|series| &series.points);
    let known = read.chain(&report.trace.observed).map(|point| point.at);
    let first = traffic.map(seconds).fold(seconds(report.started_at), f64::min);
    (first, known.map(seconds).fold(seconds(report.updated_at).max(traffic_end), f64::max))
}
