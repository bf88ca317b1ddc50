//! Requests and errors by version, where a caller has counted them.

use std::collections::BTreeMap;

use bluegreen_core::report::{Report, TrafficPoint};
use serde::Serialize;

use super::chart::{Label, path};
use super::scale::Scale;

/// So many points a line has at most.
const POINTS: f64 = 360.0;

/// One small chart: a line for each version.
#[derive(Debug, Serialize)]
pub(super) struct Panel {
    name: &'static str,
    top: f64,
    bottom: f64,
    /// The highest value, and its place.
    highest: Label,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    version: String,
    class: &'static str,
    area: String,
    stroke: String,
}

/// What one version answered in all.
#[derive(Debug, Serialize)]
pub(super) struct Total {
    version: String,
    class: &'static str,
    requests: u64,
    errors: u64,
    /// The share of errors, in parts of a million.
    failed: Option<u32>,
}

/// The versions in the order in which they are drawn, each with the class of its colour.
fn versions(report: &Report) -> Vec<(String, &'static str)> {
    let mut known: Vec<String> = Vec::new();
    for point in &report.traffic {
        if !known.contains(&point.version) {
            known.push(point.version.clone());
        }
    }
    let (stable, canary) = (report.stable.to_string(), report.canary.to_string());
    let class = |version: &String, index: usize| match version {
        version if *version == stable || *version == report.change.old => "stable",
        version if *version == canary || *version == report.change.new => "canary",
        _ => ["stable", "canary", "other"][index.min(2)],
    };
    known.iter().enumerate().map(|(index, version)| (version.clone(), class(version, index))).collect()
}

/// The sums, version by version.
pub(super) fn totals(report: &Report) -> Vec<Total> {
    let total = |(version, class): (String, &'static str)| {
        let points = || report.traffic.iter().filter(|point| point.version == version);
        let requests: u64 = points().map(|point| point.requests).sum();
        let errors: u64 = points().map(|point| point.errors).sum();
        let failed = (u128::from(errors) * 1_000_000).checked_div(u128::from(requests));
        Total { failed: failed.and_then(|ppm| u32::try_from(ppm).ok()), version, class, requests, errors }
    };
    versions(report).into_iter().map(total).collect()
}

/// Two panels below each other from `top` on, each so high; none without traffic.
pub(super) fn panels(report: &Report, scale: &Scale, top: f64, height: f64, gap: f64) -> Vec<Panel> {
    if report.traffic.is_empty() {
        return Vec::new();
    }
    let requests = |point: &TrafficPoint| point.requests;
    let errors = |point: &TrafficPoint| point.errors;
    let next = top + height + gap;
    vec![
        panel(report, scale, "Requests per second", (top, top + height), requests),
        panel(report, scale, "Errors per second", (next, next + height), errors),
    ]
}

fn panel(
    report: &Report,
    scale: &Scale,
    name: &'static str,
    (top, bottom): (f64, f64),
    value: impl Fn(&TrafficPoint) -> u64,
) -> Panel {
    let (from, to) = scale.range();
    let width = ((to - from) / POINTS).ceil().max(1.0);
    let rates: Vec<_> = versions(report)
        .into_iter()
        .map(|(version, class)| {
            let points = report.traffic.iter().filter(|point| point.version == version);
            (rates(points.map(|point| (point.at.as_second(), value(point))), from, to, width), version, class)
        })
        .collect();
    let highest = rates.iter().flat_map(|(rates, ..)| rates).map(|(_, rate)| *rate).fold(0.0, f64::max);
    let ceiling = nice(highest);
    let y = |rate: f64| bottom - (bottom - top) * rate / ceiling;
    let lines = rates.into_iter().map(|(rates, version, class)| {
        let steps: Vec<(f64, f64)> = rates.iter().map(|(second, rate)| (scale.place_of(*second), y(*rate))).collect();
        let stroke = path(&steps, Some(scale.place_of(to)));
        let area = format!("{stroke}V{bottom:.1}H{:.1}Z", scale.place_of(from));
        Line { version, class, area, stroke }
    });
    let text = if ceiling < 10.0 { format!("{ceiling:.2}") } else { format!("{ceiling:.0}") };
    let text = match text.trim_end_matches('0') {
        short if text.contains('.') => short.trim_end_matches('.').to_owned(),
        _ => text,
    };
    Panel { name, top, bottom, lines: lines.collect(), highest: Label { place: top, text } }
}

/// Counts of seconds as means over stretches of `width` seconds, gaps included as nothing.
fn rates(points: impl Iterator<Item = (i64, u64)>, from: f64, to: f64, width: f64) -> Vec<(f64, f64)> {
    let mut sums: BTreeMap<u64, u64> = BTreeMap::new();
    for (second, count) in points {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let index = ((second as f64 - from).max(0.0) / width) as u64;
        *sums.entry(index).or_default() += count;
    }
    let last = sums.keys().next_back().copied().unwrap_or(0);
    let rate = |index: u64| {
        #[allow(clippy::cast_precision_loss, reason = "a few hundred stretches")]
        let start = from + index as f64 * width;
        // The last stretch may be cut off by the end; a part of a second counts as one.
        let length = (to - start).clamp(1.0, width);
        #[allow(clippy::cast_precision_loss, reason = "drawn to a tenth of a pixel")]
        let sum = sums.get(&index).copied().unwrap_or(0) as f64;
        (start, sum / length)
    };
    (0..=last + 1).map(rate).filter(|(start, _)| *start <= to).collect()
}

/// The next round number: a digit or two, and zeros.
fn nice(highest: f64) -> f64 {
    if highest <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= highest)
        .unwrap_or(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp, reason = "these are exact")]
    fn the_axis_ends_at_a_round_number() {
        assert_eq!(
            [0.0, 0.5, 1.0, 1.1, 3.0, 51.0, 100.0, 241.0].map(nice),
            [1.0, 0.5, 1.0, 1.5, 3.0, 60.0, 100.0, 250.0]
        );
    }

    #[test]
    fn rates_are_means_and_seconds_without_points_count_as_nothing() {
        let counted = [(100, 10), (101, 20), (104, 30)];
        assert_eq!(
            rates(counted.into_iter(), 100.0, 106.0, 2.0),
            [(100.0, 15.0), (102.0, 0.0), (104.0, 15.0), (106.0, 0.0)]
        );
        assert_eq!(rates([(100, 8)].into_iter(), 100.0, 101.0, 1.0), [(100.0, 8.0), (101.0, 0.0)]);
    }
}
