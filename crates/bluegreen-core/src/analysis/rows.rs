//! Closed minutes of counts, as they are judged, recorded and read from files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::stats::Minute;

/// The counts of one arm in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Counts {
    /// Bad requests.
    pub bad: f64,
    /// All requests.
    pub all: f64,
}

/// One closed minute of one metric. An arm that is `None` gave no data; that is not the same as no requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// When the minute began.
    pub at: Timestamp,
    /// The metric's name.
    pub metric: String,
    /// The canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Counts>,
    /// The control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Counts>,
    /// The share of requests that the canary was given all minute long; `None` where it changed or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl Row {
    /// Both arms, where both gave data.
    pub fn minute(&self) -> Option<Minute> {
        let (canary, control) = (self.canary?, self.control?);
        Some(Minute::new(canary.bad, control.bad, canary.all, control.all))
    }
}

/// Why a file holds no rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// It is no JSON of rows.
    #[error("not a JSON list of rows: {0}")]
    Json(String),
    /// The first line of a CSV file is not its header.
    #[error("line 1: the columns must be `{COLUMNS}`, found `{0}`")]
    Header(String),
    /// A line of a CSV file is wrong.
    #[error("line {line}: {what}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        what: String,
    },
}

/// The columns of a CSV file; `share` may be left out at the end.
const COLUMNS: &str = "at,metric,canary_bad,canary,control_bad,control";

/// Rows in the order of time, each metric's minutes once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows(Vec<Row>);

impl Rows {
    /// Sorts by time. Of two rows for the same metric and minute the later one counts: a late point replaced it.
    pub fn new(mut rows: Vec<Row>) -> Rows {
        rows.reverse();
        rows.sort_by(|left, right| (left.at, &left.metric).cmp(&(right.at, &right.metric)));
        rows.dedup_by(|again, kept| again.at == kept.at && again.metric == kept.metric);
        Rows(rows)
    }

    /// Reads JSON (a list of rows) or CSV; which one is told by the first character.
    pub fn parse(text: &str) -> Result<Rows, RowsError> {
        let text = text.trim_start_matches('\u{feff}');
        let rows = match text.trim_start().starts_with('[') {
            true => serde_json::from_str(text).map_err(|error| RowsError::Json(error.to_string()))?,
            false => csv(text)?,
        };
        Ok(Rows::new(rows))
    }

    /// Adds a row, in the place of the one for the same metric and minute if there is one.
    pub fn put(&mut self, row: Row) {
        match self.place(&row.metric, row.at) {
            Ok(index) => self.0[index] = row,
            Err(index) => self.0.insert(index, row),
        }
    }

    /// The row of a metric for the minute that begins at `at`.
    pub fn get(&self, metric: &str, at: Timestamp) -> Option<&Row> {
        self.place(metric, at).ok().map(|index| &self.0[index])
    }

    fn place(&self, metric: &str, at: Timestamp) -> Result<usize, usize> {
        self.0.binary_search_by(|row| (row.at, row.metric.as_str()).cmp(&(at, metric)))
    }

    /// The rows of one metric, oldest first.
    pub fn of<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = &'a Row> {
        self.0.iter().filter(move |row| row.metric == metric)
    }

    /// All rows, oldest first.
    pub fn all(&self) -> &[Row] {
        &self.0
    }

    /// The names of the metrics that have rows, in alphabetical order.
    pub fn metrics(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|row| row.metric.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn csv(text: &str) -> Result<Vec<Row>, RowsError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header = lines.next().map_or("", |(_, line)| line.trim());
    let with_share = header == format!("{COLUMNS},share");
    if header != COLUMNS && !with_share {
        return Err(RowsError::Header(header.chars().take(80).collect()));
    }
    let row = |(index, line): (usize, &str)| {
        let wrong = |what: String| RowsError::Line { line: index + 1, what };
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let expected = if with_share { 7 } else { 6 };
        if cells.len() != expected {
            return Err(wrong(format!("{expected} columns were expected, found {}", cells.len())));
        }
        let at = cells[0].parse().map_err(|_| wrong(format!("`{}` is no time like 2026-11-23T06:05:00Z", cells[0])))?;
        let arm = |bad, all| arm(cells[bad], cells[all]).map_err(wrong);
        let share = if with_share { number(cells[6]).map_err(wrong)? } else { None };
        Ok(Row { at, metric: cells[1].to_owned(), canary: arm(2, 3)?, control: arm(4, 5)?, share })
    };
    lines.map(row).collect()
}

/// Both cells empty: no data. One of them: a mistake.
fn arm(bad: &str, all: &str) -> Result<Option<Counts>, String> {
    match (number(bad)?, number(all)?) {
        (Some(bad), Some(all)) => Ok(Some(Counts { bad, all })),
        (None, None) => Ok(None),
        _ => {
            Err("an arm has a count of bad requests or of all, and not the other; leave both empty for no data".into())
        }
    }
}

fn number(cell: &str) -> Result<Option<f64>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    let count = cell.parse::<f64>().ok().filter(|count| count.is_finite() && *count >= 0.0);
    count.map(Some).ok_or_else(|| format!("`{cell}` is no count: expected a number from 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = "at,metric,canary_bad,canary,control_bad,control,share\n\
                   2026-11-23T06:05:00Z,errors,1,300,6,5700,0.05\n\
                   2026-11-23T06:06:00Z,errors,,,5,5700,\n";
        let json = r#"[{"at":"2026-11-23T06:06:00Z","metric":"errors","control":{"bad":5,"all":5700}},
                       {"at":"2026-11-23T06:05:00Z","metric":"errors","canary":{"bad":1,"all":300},
                        "control":{"bad":6,"all":5700},"share":0.05}]"#;
        assert_eq!(Rows::parse(csv).unwrap(), Rows::parse(json).unwrap());
        assert_eq!(Rows::parse(csv).unwrap().metrics(), ["errors"]);
    }

    #[test]
    fn a_row_that_comes_again_takes_the_place_of_the_first() {
        let row = |minute: i64, metric: &str, bad: f64| Row {
            at: Timestamp::from_second(60 * minute).unwrap(),
            metric: metric.into(),
            canary: Some(Counts { bad, all: 10.0 }),
            control: None,
            share: None,
        };
        let all = [row(2, "a", 1.0), row(1, "b", 2.0), row(2, "a", 3.0), row(1, "a", 4.0), row(3, "a", 5.0)];
        let mut rows = Rows::default();
        for row in &all {
            rows.put(row.clone());
        }
        assert_eq!(rows, Rows::new(all.to_vec()));
        assert_eq!(rows.get("a", all[0].at), Some(&all[2]));
        assert_eq!(rows.get("b", all[0].at), None);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let with = |line: &str| Rows::parse(&format!("{COLUMNS}\n{line}\n")).unwrap_err().to_string();
        let cases = [
            ("2026-11-23T06:05:00Z,errors,1,300,6", "line 2: 6 columns were expected, found 5"),
            ("yesterday,errors,1,300,6,5700", "line 2: `yesterday` is no time like 2026-11-23T06:05:00Z"),
            ("2026-11-23T06:05:00Z,errors,-1,300,6,5700", "line 2: `-1` is no count: expected a number from 0"),
            ("2026-11-23T06:05:00Z,errors,NaN,300,6,5700", "line 2: `NaN` is no count: expected a number from 0"),
        ];
        for (line, expected) in cases {
            assert_eq!(with(line), expected);
        }
        assert!(with("2026-11-23T06:05:00Z,errors,1,,6,5700").contains("leave both empty"));
        let header = Rows::parse("time,metric\n").unwrap_err().to_string();
        assert_eq!(header, format!("line 1: the columns must be `{COLUMNS}`, found `time,metric`"));
        assert!(Rows::parse("[{}]").unwrap_err().to_string().starts_with("not a JSON list of rows"));
    }
}
