//! `bluegreen plan`, and plans in files.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use bluegreen_core::plan::{PLAN_VERSION, Plan};
use serde::{Deserialize, Serialize};

use super::session::{Session, block_on};
use super::{connect, planning, spec};
use crate::args::PlanArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &PlanArgs) -> Result<Exit, Failure> {
    let loaded = spec::load(&args.spec, &args.release)?;
    let made = block_on(async {
        let region = loaded.spec.environment.region.as_deref();
        let ports = connect::connect(&args.aws, region, &loaded.dir).await?;
        planning::make(&ports, &loaded.spec, &loaded.dir).await
    })?;
    if session.json() {
        out::json(&planning::PlanDocument::new("plan", &made))?;
    } else {
        if let Some(text) = made.text() {
            out::data(text.trim_end());
        }
        planning::say_findings(&made.findings);
    }
    let Some(plan) = made.accepted() else { return Err(planning::refusal(&made.findings)) };
    if let Some(file) = &args.out {
        save(file, plan)?;
        out::say(format_args!("written to {}: `bluegreen deploy --plan` runs exactly this", file.display()));
    }
    Ok(Exit::Done)
}

/// The form of a plan in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlanFile {
    /// A plan that was edited no longer has this hash.
    hash: String,
    plan: Plan,
}

/// Writes a plan for `deploy --plan`. Task definitions hold environments: only the owner may read it.
fn save(file: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::caused(Exit::Unexpected, format!("the plan cannot be written to {}", file.display()), error)
            .help("name a file in a folder that exists and that you may write to; nothing was changed")
    };
    let content = PlanFile { hash: plan.hash(), plan: plan.clone() };
    let text = serde_json::to_string_pretty(&content).map_err(|error| failed(error.into()))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut target = options.open(file).map_err(failed)?;
    // A file that was there before keeps its own mode when it is opened.
    #[cfg(unix)]
    target.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    target.write_all(text.as_bytes()).and_then(|()| target.write_all(b"\n")).map_err(failed)
}

/// Reads a plan that [`save`] wrote.
pub(super) fn read(file: &Path) -> Result<Plan, Failure> {
    let help = || format!("make it again: bluegreen plan --out {}", file.display());
    spec::read_text(file).and_then(|text| parse(&text)).map_err(|failure| failure.help(help()))
}

fn parse(text: &str) -> Result<Plan, Failure> {
    let content: PlanFile =
        serde_json::from_str(text).map_err(|error| Failure::caused(Exit::Usage, "this is no plan file", error))?;
    if content.plan.version != PLAN_VERSION {
        let found = content.plan.version;
        return Err(Failure::usage(format!("the plan has version {found}, and this program runs {PLAN_VERSION}")));
    }
    if content.plan.hash() != content.hash {
        return Err(Failure::usage("the plan no longer has the hash that it was written with: it was edited"));
    }
    Ok(content.plan)
}
