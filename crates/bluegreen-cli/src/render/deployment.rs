//! A deployment that AWS carries out at one moment, as a tree, and what one could do about it.

use bluegreen_core::follow::Standing;
use bluegreen_core::model::{DeploymentId, DeploymentSite, DeploymentWait, Timestamp};
use bluegreen_core::observe::{LifecycleEvent, ManagedDeployment};
use bluegreen_core::view::NextCommand;
use bluegreen_core::view::words::{clean, share_ppm};

use super::words::{between, wrap};

/// A deployment that nobody here started.
pub(crate) struct Adopted<'a> {
    pub(crate) site: &'a DeploymentSite,
    pub(crate) deployment: &'a ManagedDeployment,
    /// The deployment that takes it back, where that is another one.
    pub(crate) rollback: Option<&'a ManagedDeployment>,
    /// Further deployments of the service that have not ended.
    pub(crate) others: &'a [ManagedDeployment],
    pub(crate) standing: Standing,
}

impl Adopted<'_> {
    /// The whole tree at 80 columns, ending with a line break.
    pub(crate) fn tree(&self, now: Timestamp) -> String {
        let found = self.deployment;
        let mut text = format!("{}\n", found.id);
        let mut line = |name: &str, content: &str| {
            text.push_str(&wrap(&format!("  {name:<9} {content}"), 12));
            text.push('\n');
        };
        line("service", &place(self.site));
        line("owner", &self.owner());
        line("made", &made(found, now));
        if let Some(revision) = &found.task_definition {
            line("release", revision.short());
        }
        line("state", &self.state());
        if let Some(wait) = &found.waits_for {
            let left = found.wait_ends.map(|ends| format!("{} left: ", between(now, ends))).unwrap_or_default();
            line("waiting", &format!("{left}{wait}"));
        }
        if let Some(why) = &found.why {
            line("because", &clean(why));
        }
        line("traffic", &traffic(found));
        line("tasks", &tasks(found));
        for (index, event) in found.events.iter().enumerate() {
            line(if index == 0 { "events" } else { "" }, &lifecycle(event));
        }
        if let Some(rollback) = self.rollback {
            line("rollback", &format!("{} {}", rollback.id, at_stage(rollback)));
        }
        for other in self.others {
            line("also", &format!("{} {}", other.id, at_stage(other)));
        }
        let next = self.next();
        if !next.is_empty() {
            text.push_str("next\n");
        }
        for next in next {
            text.push_str(&format!("  {}\n      {}\n", next.command, next.does));
        }
        text
    }

    fn owner(&self) -> String {
        match &self.deployment.run {
            Some(run) => format!("run {run}, whose journal is not here"),
            None => "not bluegreen: no run carries it".to_owned(),
        }
    }

    fn state(&self) -> String {
        let how = match self.standing {
            Standing::UnderWay => "",
            Standing::Waits => ": it waits to be told to go on",
            Standing::GoingBack => ": it goes back",
            Standing::Succeeded => ": the new version is in service",
            Standing::RolledBack => ": the old version is in service",
            Standing::NotTakenBack => ": nothing is known to have taken it back",
        };
        format!("{}{how}", at_stage(self.deployment))
    }

    /// What one could do now.
    pub(crate) fn next(&self) -> Vec<NextCommand> {
        let id = &self.deployment.id;
        let next = |command: String, does: &str| NextCommand { command, does: does.to_owned() };
        let under_way = matches!(self.standing, Standing::UnderWay | Standing::Waits | Standing::GoingBack);
        let mut all = Vec::new();
        if under_way {
            all.push(next(format!("{} --watch", again(self.site, id)), "follow it until it ends; nothing is changed"));
        }
        if let Some(wait) = self.deployment.waits_for.as_ref().filter(|_| under_way) {
            all.push(next(aws_go_on(id, wait), "let it go on"));
        }
        if matches!(self.standing, Standing::UnderWay | Standing::Waits) {
            all.push(next(aws_stop(id), "stop it and have it rolled back"));
        }
        if self.standing == Standing::NotTakenBack {
            all.push(next(aws_look(id), "see what AWS tells of it"));
        }
        all
    }
}

/// The command that shows the deployment again, from anywhere.
pub(crate) fn again(site: &DeploymentSite, id: &DeploymentId) -> String {
    match site {
        DeploymentSite::CodeDeploy { application, group } => {
            format!("bluegreen status --deployment {id} --application {application} --deployment-group {group}")
        }
        DeploymentSite::Ecs { .. } => format!("bluegreen status --deployment {id}"),
    }
}

/// AWS's command that shows it.
pub(crate) fn aws_look(id: &DeploymentId) -> String {
    match id.goes_back_itself() {
        true => format!("aws ecs describe-service-deployments --service-deployment-arns {id}"),
        false => format!("aws deploy get-deployment --deployment-id {id}"),
    }
}

fn aws_go_on(id: &DeploymentId, wait: &DeploymentWait) -> String {
    match wait {
        DeploymentWait::Ready | DeploymentWait::Termination => {
            format!("aws deploy continue-deployment --deployment-id {id} --deployment-wait-type {wait}")
        }
        DeploymentWait::Pause { hook, .. } => {
            format!("aws ecs continue-service-deployment --service-deployment-arn {id} --hook-id {hook}")
        }
    }
}

fn aws_stop(id: &DeploymentId) -> String {
    match id.goes_back_itself() {
        true => format!("aws ecs stop-service-deployment --service-deployment-arn {id} --stop-type ROLLBACK"),
        false => format!("aws deploy stop-deployment --deployment-id {id} --auto-rollback-enabled"),
    }
}

fn place(site: &DeploymentSite) -> String {
    match site {
        DeploymentSite::CodeDeploy { application, group } => {
            format!("deployment group {group} of application {application}")
        }
        DeploymentSite::Ecs { cluster, service } => format!("{service} of cluster {cluster}"),
    }
}

fn made(found: &ManagedDeployment, now: Timestamp) -> String {
    let by = if found.creator.is_empty() { String::new() } else { format!("by {}, ", clean(&found.creator)) };
    format!("{by}{} ago ({})", between(found.created_at, now), found.created_at.strftime("%Y-%m-%d %H:%M:%SZ"))
}

fn at_stage(found: &ManagedDeployment) -> String {
    match &found.stage {
        Some(stage) if !found.status.has_ended() => format!("{} at {}", found.status, clean(stage)),
        _ => found.status.to_string(),
    }
}

fn traffic(found: &ManagedDeployment) -> String {
    match found.share_ppm {
        Some(share) => format!("{} of production is on the new version", share_ppm(share)),
        None => "AWS does not tell yet".to_owned(),
    }
}

fn tasks(found: &ManagedDeployment) -> String {
    let side = |(asked, running): (u32, u32)| format!("{running}/{asked}");
    format!("old {}, new {}", side(found.tasks.old), side(found.tasks.new))
}

fn lifecycle(event: &LifecycleEvent) -> String {
    let message = event.message.as_deref().map(|message| format!(": {}", clean(message))).unwrap_or_default();
    format!("{} {}{message}", event.status, clean(&event.name))
}

#[cfg(test)]
mod tests {
    use bluegreen_core::observe::{DeploymentStatus, OldAndNew};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T06:10:00Z".parse().unwrap()
    }

    fn deployment(id: &str) -> ManagedDeployment {
        ManagedDeployment {
            id: DeploymentId::new(id),
            run: None,
            creator: "user".into(),
            created_at: "2026-11-23T06:00:00Z".parse().unwrap(),
            task_definition: "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:8".parse().ok(),
            status: DeploymentStatus::InProgress,
            stage: Some("AllowTraffic".into()),
            waits_for: None,
            wait_ends: None,
            share_ppm: Some(100_000),
            events: vec![LifecycleEvent {
                name: "BeforeInstall".into(),
                status: "Succeeded".into(),
                message: Some("well\u{1b}[2J".into()),
            }],
            tasks: OldAndNew { old: (2, 2), new: (2, 1) },
            why: None,
            rolled_back_by: None,
            rollback_of: None,
        }
    }

    fn group() -> DeploymentSite {
        DeploymentSite::CodeDeploy { application: "App".into(), group: "Group".into() }
    }

    fn told(found: &ManagedDeployment, standing: Standing) -> String {
        let site = found.id.site().unwrap_or_else(group);
        Adopted { site: &site, deployment: found, rollback: None, others: &[], standing }.tree(now())
    }

    #[test]
    fn a_deployment_that_waits_says_how_it_goes_on() {
        let mut found = deployment("d-1");
        found.waits_for = Some(DeploymentWait::Ready);
        found.wait_ends = "2026-11-23T06:40:00Z".parse().ok();
        assert_eq!(
            told(&found, Standing::Waits),
            "\
d-1
  service   deployment group Group of application App
  owner     not bluegreen: no run carries it
  made      by user, 10m ago (2026-11-23 06:00:00Z)
  release   web:8
  state     in progress at AllowTraffic: it waits to be told to go on
  waiting   30m left: READY_WAIT
  traffic   10% of production is on the new version
  tasks     old 2/2, new 1/2
  events    Succeeded BeforeInstall: well
next
  bluegreen status --deployment d-1 --application App --deployment-group Group --watch
      follow it until it ends; nothing is changed
  aws deploy continue-deployment --deployment-id d-1 --deployment-wait-type READY_WAIT
      let it go on
  aws deploy stop-deployment --deployment-id d-1 --auto-rollback-enabled
      stop it and have it rolled back
"
        );
    }

    #[test]
    fn one_of_ecs_has_the_commands_of_ecs() {
        let arn = "arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/abc";
        let mut found = deployment(arn);
        found.creator = String::new();
        found.waits_for = Some(DeploymentWait::Pause { hook: "h-1".into(), stage: "POST_SCALE_UP".into() });
        let text = told(&found, Standing::Waits);
        assert!(text.contains("  service   web of cluster shop\n"), "{text}");
        assert!(text.contains("  made      10m ago"), "{text}");
        for command in [
            format!("bluegreen status --deployment {arn} --watch"),
            format!("aws ecs continue-service-deployment --service-deployment-arn {arn} --hook-id h-1"),
            format!("aws ecs stop-service-deployment --service-deployment-arn {arn} --stop-type ROLLBACK"),
        ] {
            assert!(text.contains(&format!("  {command}\n")), "{command} in {text}");
        }
    }

    #[test]
    fn an_ended_one_offers_nothing_but_a_look() {
        let ended = |status, standing| {
            told(&ManagedDeployment { status, why: Some("alarms: red".into()), ..deployment("d-1") }, standing)
        };
        let text = ended(DeploymentStatus::Succeeded, Standing::Succeeded);
        assert!(text.contains("  state     succeeded: the new version is in service\n"), "{text}");
        assert!(text.contains("  because   alarms: red\n") && !text.contains("next"), "{text}");
        let text = ended(DeploymentStatus::Stopped, Standing::NotTakenBack);
        assert!(
            text.ends_with("aws deploy get-deployment --deployment-id d-1\n      see what AWS tells of it\n"),
            "{text}"
        );
    }

    #[test]
    fn what_takes_it_back_and_what_waits_behind_it_are_named() {
        let mut found = deployment("d-1");
        found.status = DeploymentStatus::Stopped;
        found.run = "web-20261123t060000z-0001".parse().ok();
        let others = [deployment("d-3")];
        let (site, rollback) = (group(), deployment("d-2"));
        let adopted = Adopted {
            site: &site,
            deployment: &found,
            rollback: Some(&rollback),
            others: &others,
            standing: Standing::GoingBack,
        };
        let text = adopted.tree(now());
        assert!(text.contains("  owner     run web-20261123t060000z-0001, whose journal is not here\n"), "{text}");
        assert!(text.contains("  rollback  d-2 in progress at AllowTraffic\n  also      d-3 in progress"), "{text}");
        assert_eq!(adopted.next().len(), 1, "it is stopped already");
    }
}
