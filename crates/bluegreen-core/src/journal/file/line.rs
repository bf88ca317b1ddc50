//! One record as one line, and a whole file of them as records.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::journal::{JOURNAL_VERSION, JournalError, Record};
use crate::plan::hex;

/// Hex digits of the checksum that are kept: enough to tell damage, short enough to read past.
const SUM_DIGITS: usize = 16;

/// The records of a run's file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// All whole records, oldest first.
    pub records: Vec<Record>,
    /// What was left out at the end, if anything was.
    pub torn: Option<Torn>,
}

/// A last line that was being written when its process or the machine died. It never counted as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Its number, from 1.
    pub line: usize,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A file that was read to its end.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) contents: Contents,
    /// How many bytes the whole records take.
    pub(super) valid_len: u64,
}

/// Something that a journal keeps in an order.
pub(crate) trait Numbered: Serialize + DeserializeOwned {
    /// Its position, from 0 without gaps.
    fn seq(&self) -> u64;
}

impl Numbered for Record {
    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The lines of a file that was read to its end.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    /// All whole records, oldest first.
    pub(crate) records: Vec<R>,
    /// What was left out at the end, if anything was.
    pub(crate) torn: Option<Torn>,
    /// How many bytes the whole records take.
    pub(crate) valid_len: u64,
}

impl<R> Default for Lines<R> {
    fn default() -> Self {
        Lines { records: Vec::new(), torn: None, valid_len: 0 }
    }
}

/// Why a line is no record.
enum LineError {
    /// It is not what was written: the last line of a file may be so.
    Broken(&'static str),
    /// It is whole and says something that this version does not know.
    Foreign(String),
}

fn checksum(text: &str) -> String {
    let mut sum = hex(&Sha256::digest(text.as_bytes()));
    sum.truncate(SUM_DIGITS);
    sum
}

/// A record as its line, the newline included.
pub(crate) fn encode(record: &impl Numbered) -> Result<Vec<u8>, serde_json::Error> {
    let text = serde_json::to_string(record)?;
    let sum = checksum(&text);
    Ok(format!("{{\"v\":{JOURNAL_VERSION},\"sum\":\"{sum}\",\"record\":{text}}}\n").into_bytes())
}

/// The checksum is over the record's own bytes, so the line is taken apart by hand and not by a JSON reader.
fn decode<R: Numbered>(bytes: &[u8]) -> Result<R, LineError> {
    let line = std::str::from_utf8(bytes).map_err(|_| LineError::Broken("it is not text"))?;
    let shape = || LineError::Broken("it is not a record with its checksum");
    if let Some(version) = version(line).filter(|version| *version != u64::from(JOURNAL_VERSION)) {
        return Err(LineError::Foreign(format!(
            "it was written in version {version} of the journal's form, and this program reads version \
             {JOURNAL_VERSION}; use the release of bluegreen that began the run, or a later one"
        )));
    }
    let rest = line.strip_prefix(&format!("{{\"v\":{JOURNAL_VERSION},\"sum\":\"")).ok_or_else(shape)?;
    let (sum, rest) = rest.split_at_checked(SUM_DIGITS).ok_or_else(shape)?;
    let text = rest.strip_prefix("\",\"record\":").and_then(|rest| rest.strip_suffix('}')).ok_or_else(shape)?;
    if checksum(text) != sum {
        return Err(LineError::Broken("its checksum does not match"));
    }
    serde_json::from_str(text).map_err(|error| {
        LineError::Foreign(format!(
            "it is whole, but this program does not understand it ({error}); use the release of bluegreen that \
             began the run, or a later one"
        ))
    })
}

fn version(line: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Head {
        v: u64,
    }
    serde_json::from_str::<Head>(line).ok().map(|head| head.v)
}

/// Reads a whole file.
///
/// A last line that is cut short or does not match its checksum is left out: it was never reported as written. The
/// same anywhere else means that what the run did is not known any more, and is an error.
pub(super) fn scan(path: &Path, bytes: &[u8]) -> Result<Scan, JournalError> {
    let Lines { records, torn, valid_len } = lines(path, bytes)?;
    Ok(Scan { contents: Contents { records, torn }, valid_len })
}

/// [`scan`], for records of any kind.
pub(crate) fn lines<R: Numbered>(path: &Path, bytes: &[u8]) -> Result<Lines<R>, JournalError> {
    let mut scan = Lines::default();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let last = index + 1 == lines.len();
        let damaged = |what: String| JournalError::Damaged { place: format!("{}:{}", path.display(), index + 1), what };
        let record = match line.strip_suffix(b"\n") {
            Some(text) => decode::<R>(text),
            None => Err(LineError::Broken("it has no end")),
        };
        match record {
            Ok(record) if record.seq() == index as u64 => {
                scan.records.push(record);
                scan.valid_len += line.len() as u64;
            }
            Ok(record) => {
                return Err(damaged(format!(
                    "record {} stands where record {index} belongs: lines were removed or added by hand; {CURE}",
                    record.seq()
                )));
            }
            Err(LineError::Broken(_)) if last => {
                scan.torn = Some(Torn { line: index + 1, bytes: line.len() as u64 });
            }
            Err(LineError::Broken(what)) => {
                return Err(damaged(format!("this line cannot be believed, {what}; {CURE}")));
            }
            Err(LineError::Foreign(what)) => return Err(damaged(what)),
        }
    }
    Ok(scan)
}

const CURE: &str = "put the file back from a copy, or move it away and set the routes by hand: its first line holds \
                    the baseline";
