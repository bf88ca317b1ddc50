//! `CreateDeployment`.

use std::sync::Arc;

use bluegreen_core::appspec::{self, Target};

use super::config::DEFAULT;
use super::groups::{check_alarms, check_rollback};
use super::{
    AlarmWatch, Deployment, Event, Lifecycle, Platform, Position, Revision, Rollback, SETTING_OUT, Sides, Status,
};
use crate::seed::draw;
use crate::world::{Refused, World};

/// The most characters of a description.
const LONGEST_DESCRIPTION: usize = 256;

/// A deployment that somebody wants.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// The application's name.
    pub application: String,
    /// The deployment group's name.
    pub group: String,
    /// What to bring.
    pub revision: Revision,
    /// The traffic configuration, where it is not the group's.
    pub config: Option<String>,
    /// Said about it.
    pub description: String,
    /// Alarms instead of the group's.
    pub alarms: Option<AlarmWatch>,
    /// Rollback instead of the group's.
    pub rollback: Option<Rollback>,
}

/// A revision from the text of an AppSpec and the hash that came with it.
///
/// # Errors
///
/// It is no AppSpec that can be deployed, or the hash is not the text's.
pub fn read_revision(content: &str, sha256: Option<&str>, as_string: bool) -> Result<Revision, Refused> {
    let invalid = |text: String| Refused::new("InvalidRevisionException", text);
    if sha256.is_some_and(|given| given != appspec::sha256(content)) {
        return Err(invalid("The SHA256 hash of the content is not the given one".to_owned()));
    }
    let read = appspec::parse("AppSpec", content).map_err(|report| invalid(report.to_string()))?;
    if let Some(placeholder) = read.spec.unresolved() {
        return Err(invalid(format!("the AppSpec still has the placeholder {placeholder}")));
    }
    Ok(Revision { content: content.into(), spec: Arc::new(read.spec), as_string })
}

impl World {
    /// `CreateDeployment`: its id. It begins a little later.
    ///
    /// # Errors
    ///
    /// No such application, group or configuration, a revision of another platform, a description that is too long, or
    /// a deployment of the group that has not ended.
    pub fn create_deployment(&mut self, new: NewDeployment) -> Result<String, Refused> {
        let platform = self.state.application(&new.application)?.platform;
        let setup = Arc::clone(self.state.deployment_group(&new.application, &new.group)?);
        let config = new.config.or(setup.config.clone()).unwrap_or_else(|| DEFAULT.to_owned());
        let shares = self.usable_config(&config, platform)?;
        if new.description.chars().count() > LONGEST_DESCRIPTION {
            let text = format!("The description is too long: at most {LONGEST_DESCRIPTION} characters");
            return Err(Refused::new("DescriptionTooLongException", text));
        }
        new.alarms.as_ref().map_or(Ok(()), check_alarms)?;
        new.rollback.as_ref().map_or(Ok(()), check_rollback)?;
        let fits = match new.revision.spec.target {
            Target::Ecs(_) => platform == Platform::Ecs,
            Target::Lambda(_) => platform == Platform::Lambda,
        };
        if !fits {
            let text = format!("the AppSpec is not for the compute platform {}", platform.as_str());
            return Err(Refused::new("InvalidRevisionException", text));
        }
        let others = self.state.codedeploy.of_group(&new.application, &new.group);
        if let Some(other) = others.iter().find(|other| !other.status.has_ended()) {
            let text = format!("The Deployment Group '{}' already has an active Deployment '{}'", new.group, other.id);
            return Err(Refused::new("DeploymentLimitExceededException", text));
        }
        let good = others.iter().rev().find(|other| other.status == Status::Succeeded);
        let previous = good.map(|good| good.revision.clone());
        let (number, id) = self.next_deployment();
        let events = lifecycle(platform).iter().map(|point| Event::new(*point)).collect();
        self.begin_deployment_record(Deployment {
            id: id.clone(),
            number,
            application: new.application,
            group: new.group,
            setup,
            platform,
            config,
            shares,
            description: new.description,
            revision: new.revision,
            previous,
            alarms: new.alarms,
            rollback: new.rollback,
            status: Status::Created,
            created_at: self.now,
            started_at: None,
            completed_at: None,
            position: Position::Queued { begins: self.now + SETTING_OUT },
            events,
            sides: Sides::default(),
            share: 0,
            stop: None,
            error: None,
            rollback_of: None,
            rolled_back_by: None,
        });
        Ok(id)
    }

    pub(super) fn begin_deployment_record(&mut self, deployment: Deployment) {
        self.change_codedeploy(|all| {
            all.deployments.insert(deployment.id.clone(), Arc::new(deployment));
        });
    }

    /// The number and the id of one more deployment.
    pub(super) fn next_deployment(&mut self) -> (u64, String) {
        const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let number = self.next_write();
        let mut rest = draw(self.config.seed, &("deployment", number));
        let mut id = "d-".to_owned();
        for _ in 0..9 {
            id.push(char::from(LETTERS[usize::try_from(rest % 36).unwrap_or(0)]));
            rest /= 36;
        }
        (number, id)
    }
}

pub(super) fn lifecycle(platform: Platform) -> &'static [Lifecycle] {
    match platform {
        Platform::Lambda => &Lifecycle::LAMBDA,
        Platform::Ecs | Platform::Server => &Lifecycle::ECS,
    }
}
