//! Task definitions: immutable revisions, one more with every registration.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::observe::TaskDefinitionSnapshot;
use bluegreen_core::ports::ErrorClass;
use serde_json::{Value, json};

use super::balancer::Refusal;
use super::{DefinitionRecord, State, World};

/// The tag that ties a revision to the run that registered it.
pub(crate) const RUN_TAG: &str = "bluegreen:run";

impl World {
    /// `RegisterTaskDefinition`: always a new revision, whatever the document says.
    pub fn register(&mut self, document: &Value, tags: BTreeMap<String, String>) -> Result<TaskDefinitionArn, Refusal> {
        let invalid = |text: &str| (ErrorClass::Invalid, format!("ClientException: {text}"));
        let family = document.get("family").and_then(Value::as_str).ok_or_else(|| invalid("family is missing"))?;
        let fits = family.len() <= 255 && family.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits || family.is_empty() {
            return Err(invalid("family may hold letters, digits, - and _ only"));
        }
        if document.get("containerDefinitions").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            return Err(invalid("Container list cannot be empty."));
        }
        let arn = self.next_revision(family).map_err(|error| invalid(&error.to_string()))?;
        let mut record = DefinitionRecord::new(Arc::new(document.clone()), tags);
        record.registered_at = self.now;
        self.next_write();
        let key = arn.clone();
        self.change(|state| {
            state.definitions.insert(key, record);
        });
        Ok(arn)
    }

    fn next_revision(&self, family: &str) -> Result<TaskDefinitionArn, bluegreen_core::model::ArnError> {
        let of_family = self.state.definitions.keys().filter(|arn| arn.family() == family);
        let newest = of_family.map(revision).max().unwrap_or(0);
        let (region, account) = (&self.config.region, &self.config.account);
        format!("arn:aws:ecs:{region}:{account}:task-definition/{family}:{}", newest + 1).parse()
    }

    /// `DeregisterTaskDefinition`: the revision becomes `INACTIVE`; tasks of it go on.
    pub fn deregister(&mut self, arn: &TaskDefinitionArn) {
        let now = self.now;
        self.change(|state| {
            if let Some(definition) = state.definitions.get_mut(arn) {
                definition.active = false;
                definition.inactive_since.get_or_insert(now);
            }
        });
    }
}

impl State {
    /// A revision by ARN, `family:revision` or `family`.
    pub fn definition(&self, reference: &str) -> Option<TaskDefinitionSnapshot> {
        let exact = |arn: &&TaskDefinitionArn| arn.as_str() == reference || arn.short() == reference;
        let newest = || {
            let active = self.definitions.iter().filter(|(arn, record)| arn.family() == reference && record.active);
            active.map(|(arn, _)| arn).max_by_key(|arn| revision(arn))
        };
        let arn = self.definitions.keys().find(exact).or_else(newest)?;
        let record = self.definitions.get(arn)?;
        let mut document = (*record.document).clone();
        if let Value::Object(members) = &mut document {
            members.insert("taskDefinitionArn".to_owned(), json!(arn.as_str()));
            members.insert("revision".to_owned(), json!(revision(arn)));
            members.insert("status".to_owned(), json!(if record.active { "ACTIVE" } else { "INACTIVE" }));
        }
        Some(TaskDefinitionSnapshot { arn: arn.clone(), active: record.active, document })
    }

    /// The newest active revision of `family` that carries `tag` = `value`.
    pub fn tagged(&self, family: &str, tag: &str, value: &str) -> Option<TaskDefinitionArn> {
        let carries = |record: &DefinitionRecord| record.tags.get(tag).is_some_and(|found| found == value);
        let matching =
            self.definitions.iter().filter(|(arn, record)| arn.family() == family && record.active && carries(record));
        matching.map(|(arn, _)| arn.clone()).max_by_key(revision)
    }
}

/// The revision's number.
pub(crate) fn revision(arn: &TaskDefinitionArn) -> u64 {
    arn.short().rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
