//! Where everything goes in the picture of a run: numbers and paths, no markup.

use bluegreen_core::model::Timestamp;
use bluegreen_core::observe::AlarmState;
use bluegreen_core::report::{AlarmReport, Mark, Point, Report, RouteSeries, Span};
use bluegreen_core::view::{Tone, words};
use serde::Serialize;

use super::scale::Scale;
use super::traffic::{Panel, panels};

/// A text at a place on an axis.
#[derive(Debug, Serialize)]
pub(super) struct Label {
    pub(super) place: f64,
    pub(super) text: String,
}

/// A time on the axis.
#[derive(Debug, Serialize)]
struct Tick {
    place: f64,
    /// The middle of its text, which stays inside of the picture.
    middle: f64,
    text: String,
}

/// One picture. All numbers are units of the drawing.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    /// Tells the two pictures of a page apart.
    name: &'static str,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    grid: Vec<Label>,
    ticks: Vec<Tick>,
    ticks_at: f64,
    cuts: Vec<(f64, f64)>,
    set: String,
    read: Vec<Curve>,
    observed: String,
    dots: Vec<(f64, f64)>,
    phases: Vec<Bar>,
    phases_at: f64,
    alarms: Vec<Strip>,
    marks: Vec<Flag>,
    panels: Vec<Panel>,
    /// Where marks' lines end.
    end: f64,
}

/// One line of weights.
#[derive(Debug, Serialize)]
struct Curve {
    name: String,
    line: String,
    area: String,
}

/// A stretch of time.
#[derive(Debug, Serialize)]
struct Bar {
    left: f64,
    width: f64,
    class: &'static str,
    /// What it says, where there is room.
    text: String,
    title: String,
}

/// An alarm's states.
#[derive(Debug, Serialize)]
struct Strip {
    name: String,
    place: f64,
    bars: Vec<Bar>,
}

/// A numbered mark: the line at its time, and its number above.
#[derive(Debug, Serialize)]
struct Flag {
    number: usize,
    line: f64,
    place: f64,
    /// Where its number stands; nowhere where there was no room.
    above: Option<f64>,
    class: &'static str,
    title: String,
}

/// A line of the table that says the same as the picture.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    at: Timestamp,
    set: Option<u32>,
    read: Vec<Option<u32>>,
    observed: Option<u32>,
}

/// The sizes of one picture.
struct Form {
    name: &'static str,
    width: f64,
    left: f64,
    right: f64,
    plot: f64,
    panel: f64,
    /// How wide a letter is, about.
    letter: f64,
    ticks_apart: f64,
    lanes: usize,
}

/// So many alarms have a strip; the table has them all.
const STRIPS: usize = 12;

/// The diameter of a mark, and the room that it takes.
const FLAG: f64 = 20.0;

/// For screens and paper.
pub(super) fn wide(report: &Report) -> Chart {
    let form = Form {
        name: "wide",
        width: 1040.0,
        left: 46.0,
        right: 14.0,
        plot: 240.0,
        panel: 96.0,
        letter: 7.2,
        ticks_apart: 92.0,
        lanes: 4,
    };
    chart(report, &form)
}

/// For telephones.
pub(super) fn narrow(report: &Report) -> Chart {
    let form = Form {
        name: "narrow",
        width: 360.0,
        left: 40.0,
        right: 8.0,
        plot: 190.0,
        panel: 76.0,
        letter: 7.2,
        ticks_apart: 72.0,
        lanes: 6,
    };
    chart(report, &form)
}

fn chart(report: &Report, form: &Form) -> Chart {
    let (left, right) = (form.left, form.width - form.right);
    let scale = Scale::new(report, left, right);
    let (marks, lanes) = flags(&report.trace.marks, &scale, form);
    let top = 10.0 + lanes * FLAG;
    let bottom = top + form.plot;
    let y = |ppm: u32| bottom - form.plot * f64::from(ppm) / 1_000_000.0;
    let grid =
        [0, 250_000, 500_000, 750_000, 1_000_000].map(|ppm| Label { place: y(ppm), text: words::share_ppm(ppm) });
    let end = scale.place_of(scale.range().1);
    let line = |points: &[Point]| stepped(points, &scale, y, end);
    let curve = |(name, points): (String, Vec<Point>)| {
        let line = line(&points);
        // A line with a gap has nothing under it.
        let whole = points.iter().all(|point| point.ppm.is_some());
        let area = if whole { format!("{line}V{bottom:.1}H{left:.1}Z") } else { String::new() };
        Curve { name, line, area }
    };
    let read: Vec<Curve> = distinct(&report.trace.read).into_iter().map(curve).collect();
    let phases_at = bottom + 10.0;
    let phases = report.trace.phases.iter().map(|span| phase(span, &scale, form)).collect();
    let mut below = phases_at + 24.0;
    let alarms = strips(&report.alarms, &scale, form, &mut below);
    let ticks_at = below + 16.0;
    let panels_top = ticks_at + 40.0;
    let panels = panels(report, &scale, panels_top, form.panel, 34.0);
    let height = match panels.len() {
        0 => ticks_at + 10.0,
        _ => panels_top + 2.0 * form.panel + 34.0 + 12.0,
    };
    let observed = &report.trace.observed;
    let dot = |point: &Point| Some((scale.place(point.at), y(point.ppm?)));
    Chart {
        name: form.name,
        width: form.width,
        height,
        left,
        right,
        top,
        bottom,
        grid: grid.into(),
        ticks: scale.ticks(form.ticks_apart).into_iter().map(|(place, text)| tick(place, text, form)).collect(),
        ticks_at,
        cuts: scale.cuts(),
        set: line(&report.trace.set),
        read,
        observed: stepped(observed, &scale, y, observed.last().map_or(left, |last| scale.place(last.at))),
        dots: if observed.len() <= 200 { observed.iter().filter_map(dot).collect() } else { Vec::new() },
        phases,
        phases_at,
        alarms,
        end: if panels.is_empty() { bottom } else { height - 12.0 },
        marks,
        panels,
    }
}

fn tick(place: f64, text: String, form: &Form) -> Tick {
    #[allow(clippy::cast_precision_loss, reason = "labels are short")]
    let half = text.chars().count() as f64 * form.letter / 2.0;
    Tick { place, middle: place.clamp(half, form.width - half), text }
}

/// The routes' lines, each once; one that is shared by all goes by no route's name.
fn distinct(read: &[RouteSeries]) -> Vec<(String, Vec<Point>)> {
    let mut known: Vec<(Vec<String>, &RouteSeries)> = Vec::new();
    for series in read {
        match known.iter_mut().find(|(_, other)| other.points == series.points) {
            Some((names, _)) => names.push(series.route.clone()),
            None => known.push((vec![series.route.clone()], series)),
        }
    }
    let alone = known.len() == 1;
    let name = |names: Vec<String>| if alone { "every route".to_owned() } else { names.join(", ") };
    known.into_iter().map(|(names, series)| (name(names), series.points.clone())).collect()
}

fn stepped(points: &[Point], scale: &Scale, y: impl Fn(u32) -> f64, end: f64) -> String {
    let mut text = String::new();
    for stretch in points.split(|point| point.ppm.is_none()) {
        let places: Vec<(f64, f64)> =
            stretch.iter().filter_map(|point| Some((scale.place(point.at), y(point.ppm?)))).collect();
        let Some(last) = stretch.last() else { continue };
        // A value that is no longer told ends where the next point says so.
        let next = points.iter().find(|point| point.at > last.at && point.ppm.is_none());
        text += &path(&places, Some(next.map_or(end, |next| scale.place(next.at))));
    }
    text
}

/// A path in steps: each value holds until the next one, and the last one until `end`.
pub(super) fn path(places: &[(f64, f64)], end: Option<f64>) -> String {
    let mut text = String::new();
    for (index, (x, y)) in places.iter().enumerate() {
        match index {
            0 => text += &format!("M{x:.1} {y:.1}"),
            _ => text += &format!("H{x:.1}V{y:.1}"),
        }
    }
    match end {
        Some(end) if !places.is_empty() => text + &format!("H{end:.1}"),
        _ => text,
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
    }
}

fn bar(from: Timestamp, to: Timestamp, text: &str, class: &'static str, scale: &Scale, form: &Form) -> Bar {
    let (left, right) = (scale.place(from), scale.place(to));
    // What is bad is seen, however short it was.
    let width = (right - left).max(if class == "bad" { 3.0 } else { 1.0 });
    #[allow(clippy::cast_precision_loss, reason = "labels are short")]
    let fits = text.chars().count() as f64 * form.letter + 8.0 <= width;
    let times = format!("{} to {}", from.strftime("%H:%M:%S"), to.strftime("%H:%M:%S"));
    Bar {
        left,
        width,
        class,
        text: if fits { text.to_owned() } else { String::new() },
        title: format!("{text}, {times}"),
    }
}

fn phase(span: &Span, scale: &Scale, form: &Form) -> Bar {
    bar(span.from, span.to, &span.label, class(span.tone), scale, form)
}

fn strips(alarms: &[AlarmReport], scale: &Scale, form: &Form, below: &mut f64) -> Vec<Strip> {
    let mut strips = Vec::new();
    for alarm in alarms.iter().filter(|alarm| !alarm.states.is_empty()).take(STRIPS) {
        let bars = alarm.states.iter().map(|span| {
            let (text, class) = match &span.state {
                Some(AlarmState::Ok) => ("OK", "good"),
                Some(AlarmState::Alarm) => ("ALARM", "bad"),
                Some(AlarmState::InsufficientData) => ("insufficient data", "warn"),
                Some(AlarmState::Unknown(_)) => ("unknown state", "warn"),
                None => ("no answer", "plain"),
            };
            bar(span.from, span.to, text, class, scale, form)
        });
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen letters")]
        let letters = ((form.width - form.left - form.right) / form.letter) as usize;
        let name = alarm.name.chars().take(letters).collect();
        strips.push(Strip { name, place: *below + 14.0, bars: bars.collect() });
        *below += 32.0;
    }
    strips
}

/// The marks with their numbers in lanes above the plot, and how many lanes that takes.
fn flags(marks: &[Mark], scale: &Scale, form: &Form) -> (Vec<Flag>, f64) {
    let mut lanes: Vec<f64> = Vec::new();
    let mut flags = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        let x = scale.place(mark.at);
        let place = x.clamp(form.left + FLAG / 2.0, form.width - form.right - FLAG / 2.0);
        let free = lanes.iter().position(|taken| *taken + FLAG <= place);
        let lane = match free {
            Some(lane) => lane,
            None if lanes.len() < form.lanes => {
                lanes.push(f64::MIN);
                lanes.len() - 1
            }
            // No room: the line is drawn, its number stands in the list alone.
            None => usize::MAX,
        };
        let above = lanes.get_mut(lane).map(|taken| {
            *taken = place;
            #[allow(clippy::cast_precision_loss, reason = "a handful of lanes")]
            let depth = lane as f64;
            10.0 + depth * FLAG
        });
        let title = match &mark.why {
            Some(why) => format!("{}: {} – {why}", index + 1, mark.text),
            None => format!("{}: {}", index + 1, mark.text),
        };
        flags.push(Flag { number: index + 1, line: x, place, above, class: class(mark.tone), title });
    }
    #[allow(clippy::cast_precision_loss, reason = "a handful of lanes")]
    let depth = lanes.len() as f64;
    (flags, depth)
}

/// Every change of a weight as a row, for those who read rather than see; the newest hundreds where there are more.
pub(super) fn rows(report: &Report) -> Vec<Row> {
    const ROWS: usize = 400;
    let trace = &report.trace;
    let read = trace.read.iter().flat_map(|series| &series.points);
    let mut times: Vec<Timestamp> = trace.set.iter().chain(read).chain(&trace.observed).map(|point| point.at).collect();
    times.sort();
    times.dedup();
    let at_time = |points: &[Point], at: Timestamp| points.iter().rev().find(|point| point.at <= at)?.ppm;
    let row = |at: Timestamp| Row {
        at,
        set: at_time(&trace.set, at),
        read: trace.read.iter().map(|series| at_time(&series.points, at)).collect(),
        observed: at_time(&trace.observed, at),
    };
    let first = times.len().saturating_sub(ROWS);
    times[first..].iter().copied().map(row).collect()
}
