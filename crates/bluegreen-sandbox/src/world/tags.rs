//! Tags, of everything that has an ARN.

use std::collections::BTreeMap;

use bluegreen_core::model::RuleArn;

use super::refusal::Refused;
use super::{State, World};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Tags as a request gives them: each key once, in characters that AWS takes.
pub fn checked(given: &[(String, String)]) -> Result<Tags, Refused> {
    let mut tags = Tags::new();
    for (key, value) in given {
        let letters =
            |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c));
        let fits = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !fits || !letters(key) || !letters(value) {
            return Err(Refused::value(format!(
                "tag '{key}' must have a key of 1 to 128 and a value of at most 256 letters, digits, spaces and _.:/=+-@"
            )));
        }
        if key.starts_with("aws:") {
            return Err(Refused::value(format!("tag key '{key}' begins with 'aws:', which is reserved")));
        }
        if tags.insert(key.clone(), value.clone()).is_some() {
            return Err(Refused::new("DuplicateTagKeys", format!("tag key '{key}' was specified more than once")));
        }
    }
    Ok(tags)
}

impl World {
    /// Adds tags to things, or changes their values: on all of them, or on none.
    pub fn add_tags(&mut self, arns: &[String], tags: &Tags) -> Result<(), Refused> {
        for arn in arns {
            let mut all = self.state.tags_of(arn).ok_or_else(|| missing(arn))?;
            all.extend(tags.clone());
            let most = self.config.quotas.tags;
            if all.len() > most {
                return Err(Refused::new(
                    "TooManyTags",
                    format!("'{arn}' would have {}; the most are {most}", all.len()),
                ));
            }
        }
        self.change(|state| arns.iter().for_each(|arn| state.edit_tags(arn, |own| own.extend(tags.clone()))));
        Ok(())
    }

    /// Takes tags away from things; one that is not there is no error.
    pub fn remove_tags(&mut self, arns: &[String], keys: &[String]) -> Result<(), Refused> {
        for arn in arns {
            self.state.tags_of(arn).ok_or_else(|| missing(arn))?;
        }
        let drop = |own: &mut Tags| own.retain(|key, _| !keys.contains(key));
        self.change(|state| arns.iter().for_each(|arn| state.edit_tags(arn, drop)));
        Ok(())
    }
}

impl State {
    /// The tags of one thing; `None` where there is no such thing.
    pub fn tags_of(&self, arn: &str) -> Option<Tags> {
        if let Some((_, definition)) = self.definitions.iter().find(|(id, _)| id.as_str() == arn) {
            return Some(definition.tags.clone());
        }
        let tags = self.tags.get(arn);
        (tags.is_some() || self.exists(arn)).then(|| tags.cloned().unwrap_or_default())
    }

    /// Everything that has a tag, with its tags, in the order of the ARNs.
    pub fn tagged_things(&self) -> BTreeMap<&str, &Tags> {
        let definitions = self.definitions.iter().map(|(arn, definition)| (arn.as_str(), &definition.tags));
        let others = self.tags.iter().map(|(arn, tags)| (arn.as_str(), tags));
        definitions.chain(others).filter(|(_, tags)| !tags.is_empty()).collect()
    }

    /// Remembers the tags of something new.
    pub(super) fn keep_tags(&mut self, arn: &str, tags: Tags) {
        if !tags.is_empty() {
            self.tags.insert(arn.to_owned(), tags);
        }
    }

    fn edit_tags(&mut self, arn: &str, edit: impl FnOnce(&mut Tags)) {
        if let Some((_, definition)) = self.definitions.iter_mut().find(|(id, _)| id.as_str() == arn) {
            return edit(&mut definition.tags);
        }
        let tags = self.tags.entry(arn.to_owned()).or_default();
        edit(tags);
        if tags.is_empty() {
            self.tags.remove(arn);
        }
    }

    /// Whether there is something of that name, tagged or not.
    fn exists(&self, arn: &str) -> bool {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.split(['/', ':']).next().unwrap_or_default() {
            "loadbalancer" => arn.parse().is_ok_and(|arn| self.balancers.contains_key(&arn)),
            "targetgroup" => arn.parse().is_ok_and(|arn| self.groups.contains_key(&arn)),
            "listener" => arn.parse().is_ok_and(|arn| self.listeners.contains_key(&arn)),
            "listener-rule" => arn.parse().is_ok_and(|arn: RuleArn| self.route_of(&arn).is_some()),
            "cluster" => self.clusters.values().any(|cluster| cluster.active && cluster.arn == arn),
            "service" => self.services.values().any(|service| service.arn == arn),
            "task-set" => self.services.values().flat_map(|service| &service.task_sets).any(|set| set.arn == arn),
            "task" => self.has_task(arn),
            "alarm" => resource.split_once(':').is_some_and(|(_, name)| self.alarms.contains_key(name)),
            _ => false,
        }
    }
}

/// The error for an ARN that names nothing, by the kind of thing that it would name.
fn missing(arn: &str) -> Refused {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let code = match resource.split('/').next().unwrap_or_default() {
        "loadbalancer" => "LoadBalancerNotFound",
        "targetgroup" => "TargetGroupNotFound",
        "listener" => "ListenerNotFound",
        "listener-rule" => "RuleNotFound",
        _ => return Refused::value(format!("'{arn}' names nothing that has tags")),
    };
    Refused::new(code, format!("'{arn}' not found"))
}
