//! The service's settings, from its environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::tasks::PARENT_PIPE;

/// What the service is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it answers as.
    pub version: String,
    /// Its task.
    pub task: String,
    /// The share of requests that fail, 0 to 1.
    pub error_rate: f64,
    /// The shortest and the longest time to an answer.
    pub latency: (Duration, Duration),
    /// When it crashes, if it does.
    pub crash: Option<Crash>,
    /// Whether its health check passes.
    pub healthy: bool,
    /// How long it takes until it listens.
    pub start_delay: Duration,
    /// What its failures and its latency are drawn from.
    pub seed: u64,
    /// Whether it ends when its standard input does.
    pub parent_pipe: bool,
}

/// When the service crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// So long after its start.
    Time(Duration),
    /// When the request of this number arrives, which goes unanswered; health checks do not count.
    Requests(u64),
}

/// A variable that the service does not understand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found:?}, and must be {expected}")]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// Its value.
    pub found: String,
    /// What is taken.
    pub expected: &'static str,
}

impl Config {
    /// The settings that the environment's `variable`s give; one that is empty is as one that is not set.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let read = Variables(&variable);
        let host = read.parsed("HOST", "an IP address", |text| text.parse().ok())?;
        let port = read.parsed("PORT", "a port number", |text| text.parse().ok())?;
        Ok(Config {
            address: SocketAddr::new(host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port.unwrap_or(8080)),
            version: read
                .parsed("VERSION", "printable ASCII, which fits into a header", header_text)?
                .unwrap_or("v1".into()),
            task: read.parsed("BLUEGREEN_TASK", "printable ASCII", header_text)?.unwrap_or("-".into()),
            error_rate: read.parsed("ERROR_RATE", "a share such as `0.1` or `10%`", share)?.unwrap_or(0.0),
            latency: read.parsed("LATENCY", "a time such as `20ms`, or two: `20ms..80ms`", span)?.unwrap_or_default(),
            crash: read.parsed("CRASH_AFTER", "a time such as `30s`, or a count such as `1000 requests`", crash)?,
            healthy: read.parsed("HEALTHY", "`true` or `false`", yes_or_no)?.unwrap_or(true),
            start_delay: read.parsed("START_DELAY", "a time such as `2s`", duration)?.unwrap_or_default(),
            seed: read
                .parsed("SEED", "a number", |text| u64::from_str(text).ok())?
                .unwrap_or_else(|| fastrand::u64(..)),
            parent_pipe: read.parsed(PARENT_PIPE, "`1` or `0`", yes_or_no)?.unwrap_or(false),
        })
    }
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn parsed<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = (self.0)(name) else { return Ok(None) };
        match text.trim() {
            "" => Ok(None),
            trimmed => parse(trimmed).map(Some).ok_or_else(|| ConfigError { name, found: text.clone(), expected }),
        }
    }
}

fn header_text(text: &str) -> Option<String> {
    text.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ').then(|| text.to_owned())
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => f64::from_str(percent.trim()).ok()? / 100.0,
        None => f64::from_str(text).ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

/// A time with its unit: `250ms`, `1.5s`, `2m`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = (f64::from_str(text[..unit].trim()).ok()?, &text[unit..]);
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

fn span(text: &str) -> Option<(Duration, Duration)> {
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (duration(from.trim())?, duration(to.trim())?),
        None => (duration(text)?, duration(text)?),
    };
    (from <= to).then_some((from, to))
}

fn crash(text: &str) -> Option<Crash> {
    let text = text.strip_prefix("after ").unwrap_or(text).trim();
    match text.strip_suffix("requests").or_else(|| text.strip_suffix("request")) {
        Some(count) => u64::from_str(count.trim()).ok().filter(|count| *count > 0).map(Crash::Requests),
        None => duration(text).map(Crash::Time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Config, ConfigError> {
        Config::read(|asked| match asked {
            "SEED" if name != "SEED" => Some("1".to_owned()),
            asked => (asked == name).then(|| value.to_owned()),
        })
    }

    fn good(name: &str, value: &str) -> Config {
        read(name, value).unwrap()
    }

    #[test]
    fn without_settings_the_service_is_good() {
        let config = good("NOTHING", "");
        let expected = Config {
            address: "127.0.0.1:8080".parse().unwrap(),
            version: "v1".to_owned(),
            task: "-".to_owned(),
            error_rate: 0.0,
            latency: (Duration::ZERO, Duration::ZERO),
            crash: None,
            healthy: true,
            start_delay: Duration::ZERO,
            seed: 1,
            parent_pipe: false,
        };
        assert_eq!(config, expected);
        assert_eq!(good("ERROR_RATE", " "), expected);
    }

    #[test]
    fn every_setting_is_understood() {
        let ms = Duration::from_millis;
        for (text, rate) in [("0.1", 0.1), ("10%", 0.1), ("100 %", 1.0), ("1", 1.0), ("0", 0.0)] {
            assert!((good("ERROR_RATE", text).error_rate - rate).abs() < 1e-9, "{text}");
        }
        for (text, span) in [("20ms", (20, 20)), ("20ms..80ms", (20, 80)), ("0.5s .. 1s", (500, 1000))] {
            assert_eq!(good("LATENCY", text).latency, (ms(span.0), ms(span.1)), "{text}");
        }
        for (text, crash) in [
            ("30s", Crash::Time(ms(30_000))),
            ("after 2m", Crash::Time(ms(120_000))),
            ("1000 requests", Crash::Requests(1000)),
            ("after 1 request", Crash::Requests(1)),
        ] {
            assert_eq!(good("CRASH_AFTER", text).crash, Some(crash), "{text}");
        }
        assert!(!good("HEALTHY", "false").healthy);
        assert_eq!(good("START_DELAY", "2s").start_delay, ms(2000));
        assert_eq!(good("VERSION", "v2 blue").version, "v2 blue");
        assert_eq!(good("HOST", "127.9.9.9").address.to_string(), "127.9.9.9:8080");
        assert_eq!(good("PORT", "0").address.port(), 0);
        assert_eq!(good("SEED", "7").seed, 7);
        assert!(good(PARENT_PIPE, "1").parent_pipe);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_would_be() {
        for (name, text) in [
            ("ERROR_RATE", "1.5"),
            ("ERROR_RATE", "-1%"),
            ("ERROR_RATE", "NaN"),
            ("LATENCY", "20"),
            ("LATENCY", "80ms..20ms"),
            ("LATENCY", "-5ms"),
            ("CRASH_AFTER", "0 requests"),
            ("CRASH_AFTER", "soon"),
            ("HEALTHY", "maybe"),
            ("PORT", "70000"),
            ("HOST", "localhost"),
            ("VERSION", "v1\r\nX-Evil: 1"),
            ("SEED", "-1"),
        ] {
            let error = read(name, text).unwrap_err();
            assert_eq!((error.name, error.found.as_str()), (name, text));
        }
        let error = read("ERROR_RATE", "often").unwrap_err().to_string();
        assert_eq!(error, "ERROR_RATE is \"often\", and must be a share such as `0.1` or `10%`");
    }
}
