//! `bluegreen schema`

use bluegreen_core::spec;

use crate::args::SchemaOf;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(of: SchemaOf) -> Result<Exit, Failure> {
    let schema = match of {
        SchemaOf::Spec => spec::json_schema(),
        SchemaOf::Experiment => spec::experiment::json_schema(),
    };
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::caused(Exit::Unexpected, "the schema cannot be written", error))?;
    out::data(text);
    Ok(Exit::Done)
}
