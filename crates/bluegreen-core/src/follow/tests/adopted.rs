//! Deployments that somebody else started.

use super::*;
use crate::model::DeploymentSite;

const NATIVE: &str = "arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/abc";

fn native(status: DeploymentStatus) -> ManagedDeployment {
    ManagedDeployment { share_ppm: Some(0), ..deployment(NATIVE, status) }
}

#[test]
fn the_one_that_aws_works_on_is_looked_at() {
    assert_eq!(pick(&[]), None);
    let since = |id: &str, status, second| ManagedDeployment { created_at: at(second), ..deployment(id, status) };
    let active = [
        since("queued", DeploymentStatus::Pending, 0),
        since("younger", DeploymentStatus::InProgress, 20),
        since("older", DeploymentStatus::InProgress, 10),
    ];
    assert_eq!(pick(&active).map(|found| found.id.as_str()), Some("older"));
    assert_eq!(pick(&active[..1]).map(|found| found.id.as_str()), Some("queued"));
}

#[test]
fn what_takes_one_back_belongs_to_its_story() {
    let mut back = deployment("d-2", DeploymentStatus::InProgress);
    assert_eq!(origin(&back).as_str(), "d-2");
    back.rollback_of = Some(DeploymentId::new("d-1"));
    assert_eq!(origin(&back).as_str(), "d-1");
}

#[test]
fn each_standing_is_told_apart() {
    use DeploymentStatus::{
        Failed, InProgress, Pending, RolledBack, RollingBack, Stopped, Stopping, Succeeded, Unknown,
    };
    for (status, expected) in [
        (Pending, Standing::UnderWay),
        (InProgress, Standing::UnderWay),
        (Unknown("NEW".into()), Standing::UnderWay),
        (Stopping, Standing::GoingBack),
        (RollingBack, Standing::GoingBack),
        (Succeeded, Standing::Succeeded),
        (RolledBack, Standing::RolledBack),
        (Stopped, Standing::NotTakenBack),
        (Failed, Standing::NotTakenBack),
    ] {
        assert_eq!(standing(&deployment("d-1", status.clone()), None), expected, "{status:?}");
    }
    for (wait, expected) in [
        (DeploymentWait::Ready, Standing::Waits),
        (DeploymentWait::Pause { hook: "h".into(), stage: "S".into() }, Standing::Waits),
        (DeploymentWait::Termination, Standing::UnderWay),
    ] {
        let waiting = ManagedDeployment { waits_for: Some(wait.clone()), ..deployment("d-1", InProgress) };
        assert_eq!(standing(&waiting, None), expected, "{wait}");
    }
}

#[test]
fn an_ended_deployment_stands_as_what_takes_it_back() {
    use DeploymentStatus::{Failed, InProgress, Stopped, Succeeded};
    let stopped = deployment("d-1", Stopped);
    for (status, expected) in
        [(InProgress, Standing::GoingBack), (Succeeded, Standing::RolledBack), (Failed, Standing::NotTakenBack)]
    {
        let back = deployment("d-2", status.clone());
        assert_eq!(standing(&stopped, Some(&back)), expected, "{status:?}");
    }
    let unmoved = ManagedDeployment { share_ppm: Some(0), ..deployment("d-1", Failed) };
    assert_eq!(standing(&unmoved, None), Standing::RolledBack);
    assert_eq!(standing(&native(Failed), None), Standing::NotTakenBack, "its own way back failed");
}

#[test]
fn no_way_back_is_waited_for_where_a_deployment_goes_back_itself() {
    for status in [DeploymentStatus::Failed, DeploymentStatus::Stopped] {
        let seen = ManagedDeployments { ours: Some(native(status.clone())), ..ManagedDeployments::default() };
        let step = decided(&[look(10, seen)]);
        assert_eq!(outcome(&step), Ended::RollbackFailed, "{status:?}");
        assert!(why(&step).contains(&status.to_string()), "{step:?}");
    }
}

#[test]
fn one_that_is_there_is_only_watched() {
    use DeploymentStatus::{InProgress, Stopped, Succeeded};
    let order = Order { alarms: Vec::new(), ..order() };
    let seen = |found| (found, AlarmState::Alarm);
    let looks = vec![
        seen(ManagedDeployments::default()),
        seen(waiting_at(DeploymentWait::Ready, 0)),
        seen(ours(InProgress)),
        seen(ours(Stopped)),
        seen(taken_back(InProgress)),
        seen(taken_back(Succeeded)),
    ];
    let (sent, left, said) = script::follow_there("d-1", order, looks);
    assert_eq!((sent, script::ended(&left)), (vec![], Ended::RolledBack), "nothing is ever sent");
    assert_eq!(said.last().map(String::as_str), Some("d-2: succeeded"));
    assert!(matches!(DeploymentId::new(NATIVE).site(), Some(DeploymentSite::Ecs { .. })));
}
