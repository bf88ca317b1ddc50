//! `bluegreen explain`

use bluegreen_core::view::{self, ExplainLine};
use serde::Serialize;

use super::runs::Runs;
use super::session::Session;
use crate::args::ReadRunArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::words::wrap;

#[derive(Serialize)]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    run: &'a str,
    lines: Vec<ExplainLine>,
}

pub(super) fn run(session: &Session, args: &ReadRunArgs) -> Result<Exit, Failure> {
    let run = Runs::open(session)?.pick(args.run.as_deref())?;
    let lines = view::explain(&run.records);
    if session.json() {
        out::json(&Answer { v: 1, kind: "explanation", run: run.found.run.as_str(), lines })?;
        return Ok(Exit::Done);
    }
    for line in lines {
        let text = line.to_string();
        // Two columns: how long after the beginning, and what happened.
        out::data(wrap(&text, 11));
    }
    Ok(Exit::Done)
}
