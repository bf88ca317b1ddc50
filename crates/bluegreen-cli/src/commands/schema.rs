//! `bluegreen schema`

use bluegreen_core::spec;

use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run() -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&spec::json_schema())
        .map_err(|error| Failure::caused(Exit::Unexpected, "the schema cannot be written", error))?;
    out::data(text);
    Ok(Exit::Done)
}
