//! `bluegreen.yaml`: what the user wants released, read with every diagnostic at once.

mod analysis;
mod check;
mod environment;
pub mod experiment;
mod read;
mod reference;
mod rules;
mod schema;
mod shape;
mod steps;
mod suggest;
mod table;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Report, Span, codes};
use crate::document::{self, Node, Parsed};
use crate::model::{
    AfterCommit, AlarmPolicy, ByColor, Capacity, DriftPolicy, Hook, RollbackPolicy, RouteId, Step, TaskDefinitionArn,
    Timing,
};

pub use analysis::{Analysis, Measure, PLACEHOLDERS};

/// A checked spec for one environment. No `${VAR}` is left in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The release's name; one run at a time for each service in an environment.
    pub service: String,
    /// Where to release.
    pub environment: Environment,
    /// What to release.
    pub release: Release,
    /// What moves the traffic.
    pub engine: Engine,
    /// Where blue and green run.
    pub fleet: Fleet,
    /// The two target groups, by colour: names or ARNs. `None` only where AWS can tell them.
    pub target_groups: Option<ByColor<String>>,
    /// A third service with its target group for new tasks of the old version, to compare the canary with.
    pub control: Option<Control>,
    /// Every route that carries the pair; may be empty where AWS can tell them.
    pub routes: Vec<RouteId>,
    /// Where smoke-test traffic enters, if anywhere.
    pub test: Option<TestRoute>,
    /// Weights, holds and scales in order; ends with `SetWeight(100 %)` and `Bake`.
    pub steps: Vec<Step>,
    /// How many tasks the canary gets.
    pub capacity: Capacity,
    /// What becomes of the old fleet.
    pub after: AfterCommit,
    /// The alarms that gate every forward move, metric and composite, by name.
    pub alarms: Vec<String>,
    /// What to do with alarms that give no answer.
    pub alarm_policy: AlarmPolicy,
    /// What to do when someone else writes.
    pub drift: DriftPolicy,
    /// How to go back.
    pub rollback: RollbackPolicy,
    /// Commands to run before the first weight.
    pub pre_traffic: Vec<Hook>,
    /// Pace and allowances.
    pub timing: Timing,
    /// What only the engine `codedeploy` reads.
    pub code_deploy: CodeDeploy,
    /// How long ECS waits at one of our pauses before it rolls back by itself; whole minutes.
    pub pause_timeout: Duration,
    /// What is judged by counts, where anything is.
    pub analysis: Option<Analysis>,
}

/// What moves the traffic, as the user asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Our own weights.
    Alb,
    /// CodeDeploy.
    CodeDeploy,
    /// ECS's own strategies.
    Ecs,
    /// Whichever fits what the service is.
    Auto,
}

/// Where blue and green run. One of the three is there, and what the engine needs is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Two ECS services, for our own weights.
    pub services: Option<ByColor<String>>,
    /// One ECS service that both colours share, for the engines that AWS runs.
    pub service: Option<String>,
    /// One ECS service with an external controller whose task sets blue and green are, for our own weights.
    pub task_sets: Option<String>,
}

/// Where the control fleet runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The ECS service's name.
    pub service: String,
    /// The target group's name or ARN.
    pub target_group: String,
}

/// What only the engine `codedeploy` reads; `None` is found or made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeDeploy {
    /// The application's name.
    pub application: Option<String>,
    /// The deployment group's name.
    pub group: Option<String>,
    /// The traffic configuration's name.
    pub config: Option<String>,
    /// The user's own AppSpec document, relative to the spec.
    pub appspec: Option<PathBuf>,
    /// Lambda functions at lifecycle events, in the events' order.
    pub hooks: Vec<crate::appspec::Hook>,
}

/// The account, region and cluster of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name in the spec.
    pub name: String,
    /// The region; `None` takes the SDK's.
    pub region: Option<String>,
    /// The account that must answer; `None` takes whichever does.
    pub account: Option<String>,
    /// The cluster's name or ARN.
    pub cluster: String,
}

/// What to release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Register the document in this file with these images, by container name.
    Register {
        /// A file as `RegisterTaskDefinition` takes it, relative to the spec.
        file: PathBuf,
        /// Image by container name.
        images: BTreeMap<String, String>,
    },
    /// Copy the definition that is live on the stable service, with these images.
    Live {
        /// Image by container name.
        images: BTreeMap<String, String>,
    },
    /// Release a revision that is registered already.
    Existing(TaskDefinitionArn),
}

/// The route of the smoke test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRoute {
    /// A rule, or a listener's default action; `None` only where AWS can tell it.
    pub route: Option<RouteId>,
    /// The URL that hooks get as `{{testUrl}}`.
    pub url: Option<String>,
}

/// The bake time where the spec names none.
pub const DEFAULT_BAKE: Duration = Duration::from_secs(600);

/// How long a hook may run where the spec says nothing.
pub const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(300);

/// How long ECS waits at a pause where the spec says nothing.
pub const DEFAULT_PAUSE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a spec for one environment; `text` is YAML or JSON.
///
/// `environment` may be left out where the spec has only one. `variables` gives the values of `${NAME}`; those in
/// other environments are not asked for. Returns the spec with its warnings.
///
/// # Errors
///
/// All findings at once, warnings included, if any of them is an error.
pub fn parse(
    source_name: &str,
    text: &str,
    environment: Option<&str>,
    variables: document::Variables<'_>,
) -> Result<(Spec, Vec<Diagnostic>), Report> {
    parse_as((&table::SPEC, "the spec"), source_name, text, environment, variables, read::read)
}

/// What the parts of a file say together: the value, if it could be read, and what is wrong beyond single values.
type Reading<T> = fn(root: &Node, environment: Option<&str>, meant: &[&str]) -> (Option<T>, Vec<Diagnostic>);

/// [`parse`], for any file with environments: `table` with what the file is called in messages.
fn parse_as<T>(
    (table, what): (&'static shape::Object, &str),
    source_name: &str,
    text: &str,
    environment: Option<&str>,
    variables: document::Variables<'_>,
    read: Reading<T>,
) -> Result<(T, Vec<Diagnostic>), Report> {
    let Parsed { root, diagnostics: mut findings } = document::parse(text);
    let Some(mut root) = root else { return Err(Report::new(source_name, text, findings)) };

    let chosen = environment::choose(&root, environment);
    let substituted = environment::substitute(&mut root, chosen.as_ref().ok().cloned().flatten().as_deref(), variables);
    let checked = check::check(&root, table, what);
    let name = match chosen {
        Ok(name) => name,
        Err(diagnostic) => {
            findings.push(diagnostic);
            None
        }
    };
    let (value, semantic) = read(&root, name.as_deref(), &checked.meant);

    let follows = Followed::new(&findings, substituted.unresolved);
    findings.extend(substituted.findings.into_iter().filter(|finding| !follows.in_wrong_text(finding)));
    findings.extend(checked.findings.into_iter().chain(semantic).filter(|finding| !follows.in_wrong_value(finding)));
    if findings.iter().any(Diagnostic::is_error) {
        return Err(Report::new(source_name, text, findings));
    }
    crate::diagnostic::sort(&mut findings);
    value.map(|value| (value, findings)).ok_or_else(|| {
        let lost = Diagnostic::error(codes::WRONG_KIND, format!("{what} cannot be read"));
        Report::new(source_name, text, vec![lost])
    })
}

/// Places where something is wrong that makes other findings there pointless.
struct Followed {
    text: Vec<Span>,
    unresolved: Vec<Span>,
}

impl Followed {
    fn new(findings: &[Diagnostic], unresolved: Vec<Span>) -> Followed {
        let text = findings.iter().filter_map(|finding| finding.place).map(|place| place.span).collect();
        Followed { text, unresolved }
    }

    /// Whether a finding stands where the text itself is wrong.
    fn in_wrong_text(&self, finding: &Diagnostic) -> bool {
        // `{{name}}` without quotes is a mapping whose key is a mapping: reported for the inner one.
        let around = |span: Span, inner: &Span| finding.code == codes::WRONG_KIND && span.start + 1 == inner.start;
        let span = finding.place.map(|place| place.span);
        span.is_some_and(|span| self.text.iter().any(|wrong| *wrong == span || around(span, wrong)))
    }

    /// Whether a finding stands there, or where a variable has no value.
    fn in_wrong_value(&self, finding: &Diagnostic) -> bool {
        self.in_wrong_text(finding) || finding.place.is_some_and(|place| self.unresolved.contains(&place.span))
    }
}

/// What substitution left behind.
struct Substituted {
    findings: Vec<Diagnostic>,
    /// Scalars whose variables have no value.
    unresolved: Vec<Span>,
}

/// The JSON Schema (draft 2020-12) of a spec, for editors.
pub fn json_schema() -> serde_json::Value {
    schema::schema()
}

/// Every key of a spec as a Markdown table.
pub fn reference_markdown() -> String {
    reference::markdown(&table::SPEC)
}

#[cfg(test)]
mod tests;
