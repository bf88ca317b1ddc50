//! What must not go wrong: wrong rules, deployments over others, services that end.

use super::*;
use crate::world::Rollout;
use crate::world::codedeploy::Function;

#[test]
fn groups_that_do_not_hang_on_the_rules_take_the_deployment_back_at_once() {
    type Break = fn(&mut Bench);
    let table: [(&str, Break, bool); 4] = [
        (
            "only one group anywhere",
            |bench| {
                let alone = forward(&[(&bench.pair[0], 100)]);
                bench.world.set_actions(&bench.production.clone(), &alone, Writer::ThirdParty).unwrap();
                bench.world.set_actions(&bench.test.clone(), &alone, Writer::ThirdParty).unwrap();
            },
            false,
        ),
        (
            "no production rule",
            |bench| {
                let production = bench.production.clone();
                bench.world.change(|state| {
                    state.routes.remove(&production);
                });
            },
            false,
        ),
        (
            "one on each rule",
            |bench| {
                let (blue, green) = (forward(&[(&bench.pair[0], 1)]), forward(&[(&bench.pair[1], 1)]));
                bench.world.set_actions(&bench.production.clone(), &blue, Writer::ThirdParty).unwrap();
                bench.world.set_actions(&bench.test.clone(), &green, Writer::ThirdParty).unwrap();
            },
            true,
        ),
        (
            "weights of somebody else",
            |bench| {
                let odd = forward(&[(&bench.pair[0], 0), (&bench.pair[1], 7)]);
                bench.world.set_actions(&bench.production.clone(), &odd, Writer::ThirdParty).unwrap();
            },
            true,
        ),
    ];
    for (what, break_it, passes) in table {
        let mut bench = Bench::new(&blue_green());
        break_it(&mut bench);
        bench.deploy();
        bench.until_ended();
        let release = bench.release();
        if passes {
            assert_eq!(release.status, ReleaseStatus::Successful, "{what}: ECS does not look at weights");
            continue;
        }
        assert_eq!(release.status, ReleaseStatus::RollbackSuccessful, "{what}");
        assert!(release.reason.contains("Both targetGroup and alternateTargetGroup must be associated"), "{what}");
        assert_eq!(bench.tasks(), [2, 0], "{what}: no new task was started");
    }
}

#[test]
fn a_first_deployment_has_nothing_to_go_back_to() {
    let mut bench = Bench::fresh(&blue_green(), RolloutPolicy::default());
    bench.stop();
    bench.until_ended();
    assert_eq!(bench.release().status, ReleaseStatus::RollbackFailed);
    assert!(bench.release().reason.contains("No rollback candidate"));
    bench.pass(60 * MINUTE);
    let next = bench.register();
    bench.deploy_revision(&next);
    bench.until_ended();
    assert_eq!((bench.release().status, bench.tasks()), (ReleaseStatus::Successful, [2, 0]));
    assert_eq!(bench.service().task_definition.as_ref(), Some(&next));
}

#[test]
fn a_deployment_over_an_unfinished_one_begins_from_what_served_before_it() {
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::ReconcileService) {
        let mut bench = Bench::new(&canary(30.0, 5));
        let old = bench.service().task_definition.clone().unwrap();
        let second = bench.deploy();
        bench.until(stage);
        bench.pass(100);
        let third = bench.deploy();
        let service = bench.service();
        let [before, release] = &service.releases[service.releases.len() - 2..] else { panic!() };
        let cleaning = stage == Stage::CleanUp;
        let ended = if cleaning { ReleaseStatus::Successful } else { ReleaseStatus::Stopped };
        assert_eq!((before.status, release.status), (ended, ReleaseStatus::Pending), "{stage:?}");
        let serving = if cleaning { &second } else { &old };
        assert_eq!(release.stable().map(|stable| &stable.definition), Some(serving), "{stage:?}");
        bench.until(Stage::PreScaleUp);
        let (weights, tasks) = if cleaning { ([0, 100], [0, 2]) } else { ([100, 0], [2, 0]) };
        assert_eq!((bench.weights()[0].as_slice(), bench.tasks()), (weights.as_slice(), tasks), "{stage:?}");
        bench.until_ended();
        let tasks = if cleaning { [2, 0] } else { [0, 2] };
        assert_eq!((bench.release().status, bench.tasks()), (ReleaseStatus::Successful, tasks), "{stage:?}");
        assert_eq!(bench.service().task_definition.as_ref(), Some(&third));
        assert_eq!(bench.world.traffic.lost, 0, "{stage:?}");
    }
}

#[test]
fn a_deployment_over_one_that_goes_back_begins_from_what_it_went_back_to() {
    let mut bench = Bench::new(&canary(30.0, 5));
    let old = bench.service().task_definition.clone().unwrap();
    bench.deploy();
    bench.until(Stage::ProductionTrafficShift);
    bench.stop();
    bench.until_it(|bench| bench.release().status == ReleaseStatus::RollbackInProgress);
    bench.deploy();
    assert_eq!(bench.release().stable().map(|stable| stable.definition.clone()), Some(old));
    bench.until_ended();
    assert_eq!((bench.release().status, bench.tasks()), (ReleaseStatus::Successful, [0, 2]));
    assert_eq!(bench.world.traffic.lost, 0);
}

#[test]
fn hooks_run_when_an_unfinished_deployment_is_taken_away() {
    let hook = json!({"hookTargetArn": "arn:aws:lambda:eu-west-3:111122223333:function:check:7", "roleArn": "x", "lifecycleStages": ["RECONCILE_SERVICE"]});
    let mut bench = Bench::new(&with_hooks(blue_green(), &json!([hook])));
    bench.world.set_function("check", Function::Scripted { takes: 0, passes: true });
    bench.deploy();
    bench.until(Stage::BakeTime);
    assert!(bench.release().hooks.is_empty());
    bench.deploy();
    bench.until_ended();
    assert_eq!(bench.release().hooks.len(), 1);
}

#[test]
fn rolling_deployments_are_service_deployments_too() {
    let mut bench = Bench::new(&json!({"strategy": "ROLLING"}));
    assert!(bench.release().run.is_none());
    let old = bench.service().task_definition.clone().unwrap();
    let next = bench.deploy();
    assert_eq!(bench.release().status, ReleaseStatus::InProgress);
    assert_eq!(bench.release().stable().map(|stable| stable.definition.clone()), Some(old.clone()));
    bench.until_ended();
    assert_eq!((bench.release().status, bench.tasks()), (ReleaseStatus::Successful, [2, 0]));
    let broken = bench.register();
    bench.world.set_behaviour(broken.short(), Behaviour::NeverStarts);
    bench.deploy_revision(&broken);
    bench.pass(MINUTE);
    bench.stop();
    bench.until_ended();
    assert_eq!(bench.release().status, ReleaseStatus::RollbackSuccessful);
    assert_eq!(bench.service().task_definition.as_ref(), Some(&next));
    bench.deploy();
    bench.deploy();
    let statuses: Vec<ReleaseStatus> = bench.service().releases.iter().map(|release| release.status).collect();
    assert_eq!(statuses[3..], [ReleaseStatus::Stopped, ReleaseStatus::InProgress]);
}

#[test]
fn a_rolling_service_can_turn_to_stages_and_back_with_its_tasks_in_either_group() {
    let mut bench = Bench::new(&json!({"strategy": "ROLLING"}));
    bench.configure(blue_green());
    bench.deploy();
    bench.until_ended();
    assert_eq!(bench.tasks(), [0, 2]);
    bench.configure(json!({"strategy": "ROLLING"}));
    let next = bench.deploy();
    bench.until_ended();
    assert_eq!(bench.tasks(), [0, 2], "rolling replaces them where they are");
    assert_eq!(bench.service().task_definition.as_ref(), Some(&next));
    assert_eq!(bench.weights()[0], [0, 100]);
    bench.configure(blue_green());
    bench.deploy();
    bench.until_ended();
    assert_eq!(bench.tasks(), [2, 0]);
    assert_eq!(bench.world.traffic.lost, 0);
}

#[test]
fn a_service_that_is_deleted_takes_its_deployment_with_it() {
    let mut bench = Bench::new(&canary(30.0, 5));
    bench.deploy();
    bench.until(Stage::ProductionTrafficShift);
    bench.world.delete_service(CLUSTER, "web", true).unwrap();
    assert_eq!(bench.release().status, ReleaseStatus::Stopped);
    bench.pass(MINUTE);
    assert_eq!((bench.service().status.as_str(), bench.tasks()), ("INACTIVE", [0, 0]));
}

#[test]
fn a_count_that_changes_meanwhile_holds_for_both_revisions() {
    let mut bench = Bench::new(&canary(30.0, 5));
    bench.deploy();
    bench.until(Stage::ProductionTrafficShift);
    bench.edit(ServiceEdit { desired: Some(4), ..ServiceEdit::default() });
    bench.pass(MINUTE);
    assert_eq!(bench.tasks(), [4, 4]);
    let wanted: Vec<u32> = (0..2).map(|place| bench.service().wanted_of(place)).collect();
    assert_eq!(wanted, [4, 4]);
    bench.until_ended();
    assert_eq!(bench.tasks(), [0, 4]);
    assert_eq!(bench.service().deployments[0].rollout, Rollout::Completed);
}

#[test]
fn a_task_that_is_lost_meanwhile_is_replaced_in_its_group() {
    let mut bench = Bench::new(&canary(30.0, 5));
    bench.deploy();
    bench.until(Stage::ProductionTrafficShift);
    bench.world.lose_tasks(CLUSTER, "web", 1);
    bench.pass(MINUTE);
    assert_eq!(bench.tasks(), [2, 2]);
}

#[test]
fn what_is_not_there_cannot_be_stopped_or_continued() {
    let mut bench = Bench::new(&blue_green());
    let unknown = "arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/none";
    assert_eq!(bench.world.roll_back_release(unknown).unwrap_err().code(), "ServiceDeploymentNotFoundException");
    bench.deploy();
    let arn = bench.release().arn.clone();
    assert_eq!(bench.world.continue_release(&arn, "none", true).unwrap_err().code(), "InvalidParameterException");
}
