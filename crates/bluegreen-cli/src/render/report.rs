//! A report as one HTML page: no network, no scripts, and a style that the page's own policy names by its hash.

mod chart;
mod scale;
mod traffic;

use bluegreen_core::model::duration;
use bluegreen_core::report::Report;
use bluegreen_core::view::words;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How a page begins to say what it is: a file with it may be overwritten by a newer report.
pub(crate) const GENERATOR: &str = "<meta name=\"generator\" content=\"bluegreen report";

const PAGE: &str = include_str!("report/page.html");
const CHARTS: &str = include_str!("report/charts.html");
const STYLE: &str = include_str!("report/style.css");

/// What the journal does not say, but whoever reads it knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// The exit code that belongs to the outcome; `None` while the run is not over.
    pub(crate) exit: Option<u8>,
    /// Whether an operator works on the run right now.
    pub(crate) alive: bool,
}

/// What the template sees.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    exit: Option<u8>,
    alive: bool,
    charts: [chart::Chart; 2],
    rows: Vec<chart::Row>,
    totals: Vec<traffic::Total>,
    style: &'static str,
    style_hash: String,
}

/// The page. The same report gives the same bytes.
pub(crate) fn html(report: &Report, context: Context) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    let day = day(&report.started_at.to_string());
    environment.add_filter("clock", move |at: String| clock(&at, &day));
    environment.add_filter("stamp", |at: String| stamp(&at));
    environment.add_filter("brief", |text: String| brief(&text));
    environment.add_filter("share", words::share_ppm);
    environment.add_filter("state", state);
    environment.add_filter("rate", |rate: Option<f64>| rate.map_or("no requests".to_owned(), percent));
    environment.add_filter("times", |number: Option<f64>| number.map_or("many".to_owned(), short_number));
    let template = format!("{CHARTS}{PAGE}");
    environment.add_template("page.html", &template)?;
    let page = Page {
        report,
        exit: context.exit,
        alive: context.alive,
        charts: [chart::wide(report), chart::narrow(report)],
        rows: chart::rows(report),
        totals: traffic::totals(report),
        style: STYLE,
        style_hash: base64(&Sha256::digest(STYLE.as_bytes())),
    };
    environment.get_template("page.html")?.render(Serde(page))
}

/// `2026-11-23` of a time in RFC 3339.
fn day(at: &str) -> String {
    at.split('T').next().unwrap_or_default().to_owned()
}

fn time(at: &str) -> &str {
    at.split_once('T').map_or(at, |(_, time)| time.get(..8).unwrap_or(time))
}

/// The time of day, with the date on another day than the first.
fn clock(at: &str, first: &str) -> String {
    if at.starts_with(first) { time(at).to_owned() } else { format!("{} {}", day(at), time(at)) }
}

fn stamp(at: &str) -> String {
    format!("{} {} UTC", day(at), time(at))
}

/// A length of time in its two largest units.
fn brief(text: &str) -> String {
    duration::parse(text).map_or_else(|_| text.to_owned(), words::brief)
}

/// A share as a percentage with two significant digits.
fn percent(rate: f64) -> String {
    format!("{} %", short_number(rate * 100.0))
}

/// A number as a person reads it: `0.012`, `1.4`, `37`.
fn short_number(value: f64) -> String {
    match value.abs() {
        size if size.is_infinite() => "any number of".to_owned(),
        size if size >= 10.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The state of an alarm in words.
fn state(value: &minijinja::Value) -> String {
    let word = match value.as_str() {
        Some("ok") => "OK",
        Some("alarm") => "ALARM",
        Some("insufficientData") => "insufficient data",
        Some(other) => other,
        None if value.is_none() => "no answer",
        None => "unknown state",
    };
    word.to_owned()
}

/// Base64 with padding, as a content security policy takes hashes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests;
