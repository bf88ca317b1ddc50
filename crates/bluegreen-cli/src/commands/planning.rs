//! From a spec to a plan with its findings: one look at the world, nothing written.

use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use bluegreen_core::appspec::{self, AppSpec};
use bluegreen_core::diagnostic::Report;
use bluegreen_core::model::{RunId, TaskDefinitionArn};
use bluegreen_core::plan::{self, Built, Finding, Inputs, Plan, Power, Release, ReleaseError, Severity, Survey};
use bluegreen_core::ports::Ports;
use bluegreen_core::spec::{self, Spec};
use bluegreen_core::view::words::shorten;
use serde::Serialize;

use super::respec::appspec_of;
use super::spec::read_text;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// A plan, if one could be made, with everything found on the way.
pub(super) struct Made {
    pub(super) plan: Option<Plan>,
    pub(super) findings: Vec<Finding>,
    /// What the analysis can find, where there is one.
    pub(super) power: Option<Power>,
}

impl Made {
    /// Whether the release may start.
    pub(super) fn accepted(&self) -> Option<&Plan> {
        self.plan.as_ref().filter(|_| !plan::refuses(&self.findings))
    }

    /// The plan as text, with what its analysis can find.
    pub(super) fn text(&self) -> Option<String> {
        let plan = plan::describe(self.plan.as_ref()?);
        let power = self.power.as_ref().map(plan::describe_power).filter(|text| !text.is_empty());
        Some(power.map_or(plan.clone(), |power| format!("{plan}\n{power}")))
    }
}

/// Surveys the world and plans what the spec asks for, as a run with a new id. `dir` is where its relative paths start.
pub(super) async fn make(ports: &Ports, spec: &Spec, dir: &Path) -> Result<Made, Failure> {
    make_as(ports, spec, dir, None).await
}

/// The same as the run with this id.
pub(super) async fn make_as(ports: &Ports, spec: &Spec, dir: &Path, run: Option<RunId>) -> Result<Made, Failure> {
    let text =
        match &spec.release {
            spec::Release::Register { file, .. } => Some(read_text(&dir.join(file)).map_err(|failure| {
                failure.help("it is the task definition that --task-definition or the spec names")
            })?),
            spec::Release::Live { .. } | spec::Release::Existing(_) => None,
        };
    let survey = plan::survey(ports, spec).await;
    let mut findings = Vec::new();
    let release = match plan::release(spec, &survey, text.as_deref()) {
        Ok(release) => release,
        Err(ReleaseError::Report(report)) => return Err(report.into()),
        Err(ReleaseError::Live(finding)) => {
            findings.push(finding);
            // Whatever hides the live revision keeps the plan from being made too, and more may be wrong than that.
            Release::Register { family: String::new(), document: serde_json::Value::Null }
        }
        Err(error) => return Err(Failure::caused(Exit::Usage, "there is nothing to release", error)),
    };
    if let Release::Existing(arn) = &release {
        findings.extend(check_revision(ports, arn).await);
    }
    let appspec = own_appspec(spec, dir)?;
    let mut made = assemble(ports, spec, &survey, Inputs { release, appspec }, run, findings);
    if let Some(plan) = &mut made.plan {
        anchor_hooks(plan, dir);
    }
    Ok(made)
}

/// The user's own AppSpec document, if the spec names one and the engine may need it.
fn own_appspec(spec: &Spec, dir: &Path) -> Result<Option<AppSpec>, Failure> {
    let asked = spec.code_deploy.appspec.as_ref();
    let Some(file) = asked.filter(|_| !matches!(spec.engine, spec::Engine::Alb | spec::Engine::Ecs)) else {
        return Ok(None);
    };
    let help = "it is the AppSpec document that `codedeploy.appspec` names";
    let text = read_text(&dir.join(file)).map_err(|failure| failure.help(help))?;
    let name = file.display().to_string();
    let document = appspec::parse(&name, &text)?;
    if !document.warnings.is_empty() {
        out::say_raw(&Report::new(name, text, document.warnings).render());
    }
    Ok(Some(document.spec))
}

/// A hook's program is found from the spec's folder. The journal knows no folder, so the plan holds the whole path.
fn anchor_hooks(plan: &mut Plan, dir: &Path) {
    for program in plan.pre_traffic.iter_mut().filter_map(|hook| hook.argv.first_mut()) {
        let relative = program.contains('/') && !program.starts_with('/');
        if let Some(whole) = std::path::absolute(dir.join(&*program)).ok().filter(|_| relative) {
            *program = whole.display().to_string();
        }
    }
}

/// Plans a release that is known already, from a fresh look.
pub(super) async fn make_again(ports: &Ports, spec: &Spec, inputs: Inputs) -> Made {
    let survey = plan::survey(ports, spec).await;
    let findings = match &inputs.release {
        Release::Existing(arn) => check_revision(ports, arn).await.into_iter().collect(),
        Release::Register { .. } => Vec::new(),
    };
    assemble(ports, spec, &survey, inputs, None, findings)
}

fn assemble(
    ports: &Ports,
    spec: &Spec,
    survey: &Survey,
    inputs: Inputs,
    run: Option<RunId>,
    mut findings: Vec<Finding>,
) -> Made {
    let now = ports.clock.now();
    let run = run.unwrap_or_else(|| RunId::new(&spec.service, now, salt()));
    match plan::build(spec, survey, inputs, run, now) {
        Ok(Built { plan, findings: notes }) => {
            findings.extend(notes);
            findings.extend(plan::lint(&plan, survey));
            let power = plan::power(&plan, survey);
            Made { plan: Some(plan), findings, power }
        }
        Err(reasons) => {
            findings.extend(reasons);
            findings.dedup();
            Made { plan: None, findings, power: None }
        }
    }
}

/// Looks again for a plan that was made before: everything that made it must still hold.
pub(super) async fn check_again(ports: &Ports, spec: &Spec, old: &Plan) -> Vec<Finding> {
    let survey = plan::survey(ports, spec).await;
    let mut findings: Vec<Finding> = match &old.release {
        Release::Existing(arn) => check_revision(ports, arn).await.into_iter().collect(),
        Release::Register { .. } => Vec::new(),
    };
    let inputs = Inputs { release: old.release.clone(), appspec: appspec_of(old) };
    match plan::build(spec, &survey, inputs, old.run.clone(), ports.clock.now()) {
        Ok(fresh) => {
            findings.extend(fresh.findings);
            findings.extend(plan::still_true(old, &survey));
            findings.extend(plan::same_engine(old, &fresh.plan));
            findings.extend(redefined(old, &fresh.plan));
            findings.extend(plan::lint(old, &survey));
        }
        Err(reasons) => findings.extend(reasons),
    }
    findings
}

/// An alarm with another threshold is another alarm than the one the plan was approved with.
fn redefined(old: &Plan, fresh: &Plan) -> Vec<Finding> {
    let changed = |name: &str| {
        let what = format!("alarm {name} was redefined after the plan was made");
        refuse("BG3021", what, "make a new plan")
    };
    let differs = old.alarms.iter().zip(&fresh.alarms).filter(|(old, fresh)| old != fresh);
    differs.map(|(old, _)| changed(&old.name)).collect()
}

/// A revision that is gone or INACTIVE cannot be started.
async fn check_revision(ports: &Ports, arn: &TaskDefinitionArn) -> Option<Finding> {
    match ports.fleet.task_definition(arn.as_str()).await {
        Ok(found) if found.active => None,
        Ok(_) => {
            let what = format!("revision {} is INACTIVE: ECS starts no tasks of it", arn.short());
            Some(refuse("BG3191", what, "register it again, and release the new revision"))
        }
        Err(error) => {
            let what = format!("revision {} cannot be read: {error}", arn.short());
            Some(refuse("BG3191", what, "check the ARN, its region and the permissions"))
        }
    }
}

fn refuse(code: &str, what: String, cure: &str) -> Finding {
    Finding { severity: Severity::Refuse, code: code.to_owned(), what, cure: cure.to_owned() }
}

/// Tells apart two runs that begin in one second; the hasher's keys are random for each process.
pub(super) fn salt() -> u32 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(random & 0xffff_ffff).unwrap_or_default()
}

/// Findings as text: ARNs are cut to what tells them apart, except where a policy has to name them. The documents of
/// `--output json` have them whole.
pub(super) fn findings_text(findings: &[Finding]) -> String {
    let short = |finding: &Finding| match finding.what.contains(DENIED) {
        true => finding.clone(),
        false => Finding { what: shorten(&finding.what), ..finding.clone() },
    };
    plan::describe_findings(&findings.iter().map(short).collect::<Vec<_>>())
}

/// How a call that the caller may not make is told.
const DENIED: &str = " denied: ";

/// Shows findings beside other data.
pub(super) fn say_findings(findings: &[Finding]) {
    if !findings.is_empty() {
        out::say("");
        out::say_raw(&findings_text(findings));
    }
}

/// A refusal whose reasons have been shown.
pub(super) fn refusal(findings: &[Finding]) -> Failure {
    let count = findings.iter().filter(|finding| finding.severity == Severity::Refuse).count();
    let reasons = if count == 1 { "1 reason".to_owned() } else { format!("{count} reasons") };
    Failure::new(Exit::Refused, format!("refused, for {reasons} above; nothing was changed"))
}

/// The document of a plan: as `plan --output json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanDocument<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    accepted: bool,
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    /// With the values of variables and secrets hidden: `--out` writes the plan that can be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    /// What the analysis can find at the last hour's traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<&'a Power>,
}

impl<'a> PlanDocument<'a> {
    /// `kind` is the command's name.
    pub(super) fn new(kind: &'static str, made: &'a Made) -> PlanDocument<'a> {
        PlanDocument {
            v: 1,
            kind,
            accepted: made.accepted().is_some(),
            findings: &made.findings,
            hash: made.plan.as_ref().map(Plan::hash),
            plan: made.plan.as_ref().map(Plan::redacted),
            power: made.power.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/f2f7/9683b2d0";

    #[test]
    fn findings_name_routes_shortly_and_what_is_denied_in_full() {
        let text = findings_text(&[refuse("BG3150", format!("rule {RULE} pins clients"), "none")]);
        assert_eq!(text, "refused[BG3150]: rule 9683b2d0 pins clients\n  help: none\n");
        let error = bluegreen_core::ports::CallError {
            operation: "elbv2:ModifyRule".to_owned(),
            class: bluegreen_core::ports::ErrorClass::Denied,
            message: format!("not authorized on {RULE}"),
        };
        assert!(findings_text(&[refuse("BG3001", error.to_string(), "none")]).contains(RULE));
    }

    #[test]
    fn what_can_be_found_is_part_of_the_document() {
        let power = Power { probability: 0.9, ratio: 2.0, metrics: Vec::new() };
        let made = |power| Made { plan: None, findings: Vec::new(), power };
        let json = |made: &Made| serde_json::to_value(PlanDocument::new("verify", made)).unwrap();
        assert_eq!(json(&made(Some(power)))["power"]["probability"], 0.9);
        assert_eq!(json(&made(None)).get("power"), None);
        assert_eq!(made(None).text(), None);
    }
}
