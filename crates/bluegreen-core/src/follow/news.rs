//! What a look shows that the one before did not, one sentence each.

use crate::model::DeploymentWait;
use crate::observe::{LifecycleEvent, ManagedDeployment, ManagedDeployments};
use crate::text;

/// A sentence with AWS's words in it may be long; no longer than this.
const LONGEST: usize = 400;

/// The sentences, in the order in which things happen.
pub fn news(before: Option<&ManagedDeployments>, now: &ManagedDeployments) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(ours) = &now.ours {
        tell(before.and_then(|seen| seen.ours.as_ref()), ours, &mut said);
    }
    if let Some(rollback) = &now.rollback {
        let old = before.and_then(|seen| seen.rollback.as_ref());
        if old.is_none()
            && let Some(ours) = &now.ours
        {
            said.push(format!("{} takes {} back", rollback.id, ours.id));
        }
        tell(old, rollback, &mut said);
    }
    said.iter().map(|sentence| text::line(sentence, LONGEST)).collect()
}

fn tell(old: Option<&ManagedDeployment>, new: &ManagedDeployment, said: &mut Vec<String>) {
    let id = new.id.short();
    match old {
        None => {
            let by = if new.creator.is_empty() { String::new() } else { format!(", made by {}", new.creator) };
            said.push(format!("{id}: {}{by}", new.status));
        }
        // The end is said last.
        Some(old) if old.status != new.status && !new.status.has_ended() => {
            said.push(format!("{id}: {}", new.status));
        }
        Some(_) => {}
    }
    for event in &new.events {
        let known = old.and_then(|old| old.events.iter().find(|known| known.name == event.name));
        if known != Some(event) && event.status != "Pending" {
            said.push(format!("{id}: {}", lifecycle(event)));
        }
    }
    if let Some(share) = new.share_ppm.filter(|share| old.and_then(|old| old.share_ppm) != Some(*share))
        && (share > 0 || old.is_some_and(|old| old.share_ppm.is_some()))
    {
        said.push(format!("{id}: the new version has {} of the traffic", percent(share)));
    }
    if let Some(wait) = &new.waits_for
        && old.and_then(|old| old.waits_for.as_ref()) != Some(wait)
    {
        said.push(format!("{id}: {}", waits(wait, new)));
    }
    if old.is_some_and(|old| old.status != new.status) && new.status.has_ended() {
        let why = new.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        said.push(format!("{id}: {}{why}", new.status));
    }
}

fn lifecycle(event: &LifecycleEvent) -> String {
    let message = event.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("{} {}{message}", event.name, event.status)
}

fn waits(wait: &DeploymentWait, deployment: &ManagedDeployment) -> String {
    let until = deployment.wait_ends.map(|at| format!(" until {}", at.strftime("%Y-%m-%d %H:%M:%SZ")));
    let until = until.unwrap_or_default();
    match wait {
        DeploymentWait::Ready => format!("the new version is ready and waits for traffic{until}"),
        DeploymentWait::Termination => format!("all traffic has moved; the old version is kept{until}"),
        DeploymentWait::Pause { stage, .. } => format!("pauses at {stage}{until}"),
    }
}

/// Parts of a million as percent, without zeros that say nothing.
fn percent(ppm: u32) -> String {
    let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
