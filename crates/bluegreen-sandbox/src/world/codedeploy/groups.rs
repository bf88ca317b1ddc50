//! Applications and deployment groups.

use std::sync::Arc;

use bluegreen_core::observe::Controller;

use super::{Application, Group, Platform};
use crate::world::{Refused, ServiceStatus, State, World};

/// The most alarms of a group.
const MOST_ALARMS: usize = 10;
/// The longest termination wait, in minutes.
const LONGEST_TERMINATION: u32 = 2_880;
/// The longest wait for a continue, in minutes.
const LONGEST_READY: u32 = 7_200;

impl State {
    /// An application.
    ///
    /// # Errors
    ///
    /// There is none of that name.
    pub fn application(&self, name: &str) -> Result<&Application, Refused> {
        let missing =
            || Refused::new("ApplicationDoesNotExistException", format!("No application found for name: {name}"));
        self.codedeploy.applications.get(name).ok_or_else(missing)
    }

    /// A deployment group.
    ///
    /// # Errors
    ///
    /// There is no such application or group.
    pub fn deployment_group(&self, application: &str, name: &str) -> Result<&Arc<Group>, Refused> {
        let missing = || {
            let text = format!("No Deployment Group found for name: {name}");
            Refused::new("DeploymentGroupDoesNotExistException", text)
        };
        self.application(application)?.groups.get(name).ok_or_else(missing)
    }
}

impl World {
    /// `CreateApplication`: its id.
    ///
    /// # Errors
    ///
    /// A name that is taken or not allowed.
    pub fn create_application(&mut self, name: &str, platform: Platform) -> Result<String, Refused> {
        super::check_name("Application", name, "InvalidApplicationNameException")?;
        if self.state.codedeploy.applications.contains_key(name) {
            let text = format!("Application already exists: {name}");
            return Err(Refused::new("ApplicationAlreadyExistsException", text));
        }
        let id = self.fresh_uuid("application");
        let application =
            Application { id: id.clone(), platform, created_at: self.now, groups: std::collections::BTreeMap::new() };
        self.change_codedeploy(|all| {
            all.applications.insert(name.to_owned(), application);
        });
        Ok(id)
    }

    /// `DeleteApplication`, with its groups. One that is not there is no error; its deployments are still described.
    pub fn delete_application(&mut self, name: &str) {
        self.change_codedeploy(|all| {
            all.applications.remove(name);
        });
    }

    /// `CreateDeploymentGroup`: its id.
    ///
    /// # Errors
    ///
    /// No such application, a name that is taken or not allowed, or a group that AWS does not take.
    pub fn create_deployment_group(&mut self, application: &str, name: &str, group: Group) -> Result<String, Refused> {
        super::check_name("DeploymentGroup", name, "InvalidDeploymentGroupNameException")?;
        if self.state.application(application)?.groups.contains_key(name) {
            let text = format!("Deployment group already exists: {name}");
            return Err(Refused::new("DeploymentGroupAlreadyExistsException", text));
        }
        self.check_deployment_group(application, name, &group)?;
        let id = self.fresh_uuid("deployment group");
        self.put_group(application, name, Group { id: id.clone(), ..group });
        Ok(id)
    }

    /// `UpdateDeploymentGroup`: the whole group anew, perhaps under another name.
    ///
    /// # Errors
    ///
    /// No such application or group, a new name that is taken or not allowed, or a group that AWS does not take.
    pub fn update_deployment_group(
        &mut self,
        application: &str,
        name: &str,
        renamed: Option<&str>,
        group: Group,
    ) -> Result<(), Refused> {
        let id = self.state.deployment_group(application, name)?.id.clone();
        let renamed = renamed.filter(|renamed| *renamed != name);
        if let Some(renamed) = renamed {
            super::check_name("DeploymentGroup", renamed, "InvalidDeploymentGroupNameException")?;
            if self.state.deployment_group(application, renamed).is_ok() {
                let text = format!("Deployment group already exists: {renamed}");
                return Err(Refused::new("DeploymentGroupAlreadyExistsException", text));
            }
        }
        self.check_deployment_group(application, name, &group)?;
        if renamed.is_some() {
            self.delete_deployment_group(application, name);
        }
        self.put_group(application, renamed.unwrap_or(name), Group { id, ..group });
        Ok(())
    }

    /// `DeleteDeploymentGroup`. One that is not there is no error.
    pub fn delete_deployment_group(&mut self, application: &str, name: &str) {
        self.change_codedeploy(|all| {
            if let Some(application) = all.applications.get_mut(application) {
                application.groups.remove(name);
            }
        });
    }

    fn put_group(&mut self, application: &str, name: &str, group: Group) {
        self.change_codedeploy(|all| {
            if let Some(application) = all.applications.get_mut(application) {
                application.groups.insert(name.to_owned(), Arc::new(group));
            }
        });
    }

    fn check_deployment_group(&self, application: &str, name: &str, group: &Group) -> Result<(), Refused> {
        let platform = self.state.application(application)?.platform;
        if group.service_role.is_empty() {
            return Err(Refused::new("RoleRequiredException", "Role must be specified"));
        }
        if let Some(config) = &group.config {
            self.usable_config(config, platform)?;
        }
        check_settings(group)?;
        if platform != Platform::Ecs {
            return Ok(());
        }
        let Some(service) = &group.service else {
            let text = "A deployment group of ECS must have exactly one ECS service";
            return Err(Refused::new("InvalidECSServiceException", text));
        };
        if group.pair.is_none() {
            let text = "A deployment group of ECS must have one target group pair with a production listener";
            return Err(Refused::new("InvalidLoadBalancerInfoException", text));
        }
        let record = self.state.services.get(service).filter(|record| record.status == ServiceStatus::Active);
        if record.is_none_or(|record| record.controller != Controller::CodeDeploy) {
            let text = "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.";
            return Err(Refused::new("InvalidECSServiceException", text));
        }
        for (of, found) in &self.state.codedeploy.applications {
            let taken = |(other, found): (&String, &Arc<Group>)| {
                found.service.as_ref() == Some(service) && (of, other.as_str()) != (&application.to_owned(), name)
            };
            if found.groups.iter().any(taken) {
                let text = format!("The ECS service {} is already in another deployment group", service.1);
                return Err(Refused::new("ECSServiceMappingLimitExceededException", text));
            }
        }
        Ok(())
    }

    /// A traffic configuration that deployments of a platform can use.
    pub(super) fn usable_config(&self, name: &str, platform: Platform) -> Result<super::Shares, Refused> {
        let missing = || {
            let text = format!("No Deployment Configuration found for name: {name}");
            Refused::new("DeploymentConfigDoesNotExistException", text)
        };
        let found = self.state.traffic_config(name).ok_or_else(missing)?;
        found.shares.filter(|_| found.platform == platform).ok_or_else(|| {
            let (wanted, found) = (platform.as_str(), found.platform.as_str());
            let text = format!("Deployment configuration {name} is for the compute platform {found}, not {wanted}");
            Refused::new("InvalidDeploymentConfigNameException", text)
        })
    }
}

fn check_settings(group: &Group) -> Result<(), Refused> {
    let blue_green = |text: String| Err(Refused::new("InvalidBlueGreenDeploymentConfigurationException", text));
    if group.termination.wait > LONGEST_TERMINATION {
        return blue_green(format!("terminationWaitTimeInMinutes must be at most {LONGEST_TERMINATION}"));
    }
    if group.ready_wait.is_some_and(|wait| wait > LONGEST_READY) {
        return blue_green(format!("waitTimeInMinutes must be at most {LONGEST_READY}"));
    }
    check_alarms(&group.alarms)?;
    check_rollback(&group.rollback)
}

pub(super) fn check_alarms(watch: &super::AlarmWatch) -> Result<(), Refused> {
    let invalid = |text: &str| Err(Refused::new("InvalidAlarmConfigException", text));
    if watch.names.len() > MOST_ALARMS {
        let text = format!("a deployment group has at most {MOST_ALARMS} alarms, not {}", watch.names.len());
        return Err(Refused::new("AlarmsLimitExceededException", text));
    }
    if watch.enabled && watch.names.is_empty() {
        return invalid("alarms are enabled, and there is none");
    }
    if watch.names.iter().any(|name| name.is_empty() || name.len() > 255) {
        return invalid("the name of an alarm has 1 to 255 characters");
    }
    let mut names = watch.names.clone();
    names.sort();
    names.dedup();
    if names.len() < watch.names.len() {
        return invalid("each alarm may be given once");
    }
    Ok(())
}

pub(super) fn check_rollback(rollback: &super::Rollback) -> Result<(), Refused> {
    if rollback.enabled && rollback.events.is_empty() {
        let text = "automatic rollback is enabled, and no event is given after which it happens";
        return Err(Refused::new("InvalidAutoRollbackConfigException", text));
    }
    Ok(())
}
