//! `experiment.yaml`: a held split between variants, or cohorts, and what is compared.

mod read;
mod rules;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Environment;
use crate::diagnostic::{Diagnostic, Report};
use crate::document;
use crate::model::{RouteId, duration};

/// A checked experiment for one environment. No `${VAR}` is left in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Where.
    pub environment: Environment,
    /// The route that the experiment stands in front of.
    pub base: RouteId,
    /// How many rules the load balancer may have.
    pub rules_quota: u32,
    /// What is compared, and how.
    pub design: Design,
}

/// What is compared, and how: everything of an experiment but the place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Design {
    /// The experiment's name; one of a name at a time in an account and region.
    pub name: String,
    /// Two to five, the control first.
    pub variants: Vec<Variant>,
    /// Who gets which.
    pub assignment: Assignment,
    /// What is counted as one.
    pub unit: Unit,
    /// What ends the experiment when a variant is worse than the control.
    pub guardrails: Vec<Metric>,
    /// What it is for.
    pub goals: Vec<Goal>,
    /// When it ends by itself.
    #[serde(with = "duration")]
    pub expiry: Duration,
    /// Before this no goal is decided.
    #[serde(with = "duration")]
    pub minimum: Duration,
    /// The chance of ever calling equal variants different: all goals, variants and looks together.
    pub alpha: f64,
    /// After so many blocks of a minute the intervals of means are narrowest.
    pub planned_blocks: u32,
    /// How long after its end a minute is taken for complete.
    #[serde(with = "duration")]
    pub lag: Duration,
}

/// One of the things compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its target group: name or ARN.
    pub target_group: String,
    /// Its weight in a split, 1 to 999.
    pub weight: u32,
    /// The ECS service behind it, where known: what a promotion takes its task definition from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Who gets which variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Assignment {
    /// By lot, by the variants' weights.
    Split {
        /// For how many seconds a client stays where it was; `None` draws anew for each request.
        sticky: Option<u32>,
    },
    /// By what their requests carry.
    Cohorts(Vec<Cohort>),
}

/// Requests that belong to one variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cohort {
    /// Which.
    pub variant: String,
    /// By what they are known.
    pub by: By,
}

/// What a request carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum By {
    /// A header with one of these values; `*` and `?` are wildcards.
    Header {
        /// The header's name.
        name: String,
        /// The values.
        values: Vec<String>,
    },
    /// A cookie with exactly this value.
    Cookie {
        /// The cookie's name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A parameter of the query string with one of these values.
    Query {
        /// The parameter.
        key: String,
        /// The values.
        values: Vec<String>,
    },
}

/// What is counted as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Unit {
    /// A request, as the load balancer counts them.
    Request,
    /// A user who met the experiment, as a metric of the service's own counts them: each once.
    User(Custom),
}

/// A metric that the service publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Custom {
    /// Its namespace.
    pub namespace: String,
    /// Its name; its sum over a block counts.
    pub name: String,
    /// The name of the metric that it is a part of; `None` takes the experiment's units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<String>,
    /// Its dimensions; `{{variant}}` and `{{targetGroup}}` stand for the arm's.
    pub dimensions: BTreeMap<String, String>,
}

/// A metric with its name in this experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metric {
    /// Its name in reports.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where counts come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Source {
    /// Requests that the target answered with 5xx or that found no connection, of all requests.
    ErrorRate,
    /// Requests that took longer, of all requests.
    Latency {
        /// Than this.
        #[serde(with = "duration")]
        threshold: Duration,
    },
    /// A metric of the service's own.
    Custom(Custom),
}

/// A metric with what is hoped for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Goal {
    /// The metric.
    pub metric: Metric,
    /// How it is compared.
    pub kind: Kind,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// A relative difference that nobody minds: a share of the control's value, above 0.
    pub margin: f64,
    /// The relative difference that is to be found: what the planned duration is computed for.
    pub detect: f64,
}

/// How a goal is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Each user has it or not: the ratio of shares.
    Share,
    /// So much per unit: the difference of means, by blocks of time.
    Mean,
}

impl Design {
    /// The control.
    pub fn control(&self) -> &Variant {
        // Reading a design puts it there; an index past it cannot be made by the spec.
        &self.variants[0]
    }

    /// The planned share of each variant, the control's first; `None` with cohorts, which nobody drew.
    pub fn shares(&self) -> Option<Vec<f64>> {
        let Assignment::Split { .. } = self.assignment else { return None };
        let all: u32 = self.variants.iter().map(|variant| variant.weight).sum();
        Some(self.variants.iter().map(|variant| f64::from(variant.weight) / f64::from(all)).collect())
    }

    /// Whether a client stays with its variant, so that its requests are not drawn one by one.
    pub fn is_sticky(&self) -> bool {
        !matches!(self.assignment, Assignment::Split { sticky: None })
    }
}

/// Reads an experiment for one environment, as [`super::parse`] reads a spec.
///
/// # Errors
///
/// All findings at once, warnings included, if any of them is an error.
pub fn parse(
    source_name: &str,
    text: &str,
    environment: Option<&str>,
    variables: document::Variables<'_>,
) -> Result<(Experiment, Vec<Diagnostic>), Report> {
    super::parse_as((&table::EXPERIMENT, "the experiment"), source_name, text, environment, variables, read::read)
}

/// The JSON Schema (draft 2020-12) of an experiment, for editors.
pub fn json_schema() -> serde_json::Value {
    let description = "Variants of a service behind one listener, held apart for days and compared.";
    serde_json::Value::Object(super::schema::of(&table::EXPERIMENT, "experiment.yaml", description))
}

/// Every key of an experiment as a Markdown table.
pub fn reference_markdown() -> String {
    super::reference::markdown(&table::EXPERIMENT)
}
