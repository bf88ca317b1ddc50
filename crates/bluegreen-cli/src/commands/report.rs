//! `bluegreen report`

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bluegreen_core::model::RunId;
use bluegreen_core::report::Report;
use serde::Serialize;

use super::runs::{Run, Runs};
use super::session::Session;
use crate::args::ReportArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::look::history;
use crate::out;
use crate::render::report::{self as page, Context};

/// A page says what it is within this many bytes.
const BEGINNING: u64 = 2048;

#[derive(Serialize)]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The exit code that belongs to the outcome; `null` while the run is not over.
    exit: Option<u8>,
    #[serde(flatten)]
    report: &'a Report,
}

pub(super) fn run(session: &Session, args: &ReportArgs) -> Result<Exit, Failure> {
    let to_stdout = args.out.as_deref() == Some(Path::new("-"));
    if session.json() && to_stdout {
        return Err(Failure::usage("stdout takes the page or its data, not both")
            .help("give a file's name to --out, or leave --output json"));
    }
    let run = Runs::open(session)?.pick(args.run.as_deref())?;
    let report = report(&run)?;
    let exit = run.state.ending.as_ref().map(|ending| Exit::from(ending).code());
    if session.json() {
        out::json(&Answer { v: 1, kind: "report", exit, report: &report })?;
        if args.out.is_none() {
            return Ok(Exit::Done);
        }
    }
    let alive = run.found.store.is_alive(&run.found.run);
    let html = html(&report, Context { exit, alive })?;
    if to_stdout {
        out::raw(html.as_bytes());
        return Ok(Exit::Done);
    }
    let file = args.out.clone().unwrap_or_else(|| default_file(&run.found.run));
    write(&file, &html, args.force)?;
    if session.json() {
        out::say(file.display());
    } else {
        out::data(file.display());
    }
    Ok(Exit::Done)
}

/// The report of a run as a page and as the document of `--output json`.
pub(super) fn both(run: &Run) -> Result<(String, String), Failure> {
    let report = report(run)?;
    let exit = run.state.ending.as_ref().map(|ending| Exit::from(ending).code());
    let page = html(&report, Context { exit, alive: run.found.store.is_alive(&run.found.run) })?;
    let document = serde_json::to_string(&Answer { v: 1, kind: "report", exit, report: &report })
        .map_err(|error| Failure::caused(Exit::Unexpected, "the report cannot be written as JSON", error))?;
    Ok((page, document + "\n"))
}

/// The report of a run, with what its operators saw where that was kept.
fn report(run: &Run) -> Result<Report, Failure> {
    let looks = history::read(&run.found.store, &run.found.run);
    Report::from_records(&run.records, &looks)
        .map_err(|error| Failure::caused(Exit::Unexpected, "the journal cannot be understood", error))
}

/// The report as a page.
pub(crate) fn html(report: &Report, context: Context) -> Result<String, Failure> {
    page::html(report, context).map_err(|error| Failure::caused(Exit::Unexpected, "the page cannot be made", error))
}

/// Where a run's report goes if nobody says otherwise.
pub(crate) fn default_file(run: &RunId) -> PathBuf {
    PathBuf::from(format!("bluegreen-{run}.html"))
}

/// Writes a page, whole or not at all. What is no report of ours is overwritten by `force` alone.
pub(crate) fn write(file: &Path, html: &str, force: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::caused(Exit::Unexpected, format!("the report cannot be written to {}", file.display()), error)
            .help("--out names another file; `--out -` writes to stdout")
    };
    match fs::metadata(file) {
        Ok(found) if !found.is_file() => {
            return Err(Failure::usage(format!("{} is not a file", file.display()))
                .help("--out takes the name of a file; `--out -` writes to stdout"));
        }
        Ok(_) if !force && !is_report(file).map_err(failed)? => {
            return Err(Failure::usage(format!("{} exists and is not a bluegreen report", file.display()))
                .help("--force overwrites it, --out names another file"));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // A name of this process alone, beside the file: a reader never sees half a page.
    let mut new = file.as_os_str().to_owned();
    new.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(new);
    let put = || -> std::io::Result<()> {
        File::create_new(&new)?.write_all(html.as_bytes())?;
        fs::rename(&new, file)
    };
    put().map_err(|error| {
        let _ = fs::remove_file(&new);
        failed(error)
    })
}

fn is_report(file: &Path) -> std::io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(file)?.take(BEGINNING).read_to_end(&mut beginning)?;
    Ok(String::from_utf8_lossy(&beginning).contains(page::GENERATOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_are_overwritten() {
        let dir = std::env::temp_dir().join(format!("bluegreen-{}-report", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("page.html");
        let page = format!("<!doctype html>{} 1\">", page::GENERATOR);
        write(&file, &page, false).unwrap();
        write(&file, &page, false).unwrap();
        fs::write(&file, "dear diary").unwrap();
        assert_eq!(write(&file, &page, false).unwrap_err().exit(), Exit::Usage);
        assert_eq!(fs::read_to_string(&file).unwrap(), "dear diary");
        write(&file, &page, true).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), page);
        assert_eq!(write(&dir, &page, true).unwrap_err().exit(), Exit::Usage);
        let files: Vec<_> = fs::read_dir(&dir).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing is left beside it: {files:?}");
    }
}
