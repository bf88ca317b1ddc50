//! Which statuses a health check takes.

use std::fmt;
use std::str::FromStr;

/// Statuses that pass: `200`, `200,302`, `200-299`, or a list of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher(Vec<(u16, u16)>);

/// A text that is no matcher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the health check's matcher {0:?} must be statuses from 200 to 599, such as `200`, `200,302` or `200-299`")]
pub struct MatcherError(String);

impl Matcher {
    /// Whether `status` passes.
    pub fn takes(&self, status: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&status))
    }
}

impl Default for Matcher {
    /// 200 alone, as for a target group that says nothing.
    fn default() -> Self {
        Matcher(vec![(200, 200)])
    }
}

impl FromStr for Matcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Matcher, MatcherError> {
        let status = |text: &str| {
            let text = text.trim();
            let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|status| digits && (200..=599).contains(status))
        };
        let range = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Some((status(from)?, status(to)?)).filter(|(from, to)| from <= to)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(Matcher).ok_or_else(|| MatcherError(text.to_owned()))
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match from == to {
                true => write!(f, "{comma}{from}")?,
                false => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_lists_and_ranges_match() {
        for (text, takes, refuses) in [
            ("200", &[200][..], &[199, 201, 500][..]),
            ("200,302", &[200, 302], &[201, 301, 303]),
            ("200-299", &[200, 250, 299], &[199, 300, 404]),
            ("200-204, 404", &[200, 204, 404], &[205, 403]),
            ("200-599", &[200, 599], &[100]),
        ] {
            let matcher: Matcher = text.parse().unwrap();
            assert!(takes.iter().all(|status| matcher.takes(*status)), "{text}");
            assert!(!refuses.iter().any(|status| matcher.takes(*status)), "{text}");
            assert_eq!(matcher.to_string(), text.replace(' ', ""));
        }
        assert_eq!(Matcher::default(), "200".parse().unwrap());
    }

    #[test]
    fn what_is_no_matcher_is_refused() {
        for text in ["", "ok", "200,", "299-200", "100", "600", "+200", "0200", "200-", "2xx", "200..299"] {
            let error = text.parse::<Matcher>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
