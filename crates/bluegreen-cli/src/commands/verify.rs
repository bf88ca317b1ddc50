//! `bluegreen verify`

use super::session::{Session, block_on};
use super::{connect, planning, spec};
use crate::args::VerifyArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &VerifyArgs) -> Result<Exit, Failure> {
    let loaded = spec::load(&args.spec, &args.release)?;
    let made = block_on(async {
        let region = loaded.spec.environment.region.as_deref();
        let ports = connect::connect(&args.aws, region, &loaded.dir).await?;
        planning::make(&ports, &loaded.spec, &loaded.dir).await
    })?;
    if session.json() {
        out::json(&planning::PlanDocument::new("verify", &made))?;
    } else {
        let findings = planning::findings_text(&made.findings);
        if !findings.is_empty() {
            out::data(findings.trim_end());
        }
    }
    match made.accepted() {
        Some(plan) => {
            out::say(format_args!("{} can be released in {}", plan.site.service, plan.site.environment));
            Ok(Exit::Done)
        }
        None => Err(planning::refusal(&made.findings)),
    }
}
