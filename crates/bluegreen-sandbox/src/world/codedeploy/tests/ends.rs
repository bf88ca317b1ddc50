//! Deployments that are stopped, fail, or are taken back.

use super::*;

fn back(kit: &Kit, id: &str) {
    assert_eq!(kit.status(id), Status::Succeeded, "{:?}", kit.get(id).error);
    assert_eq!(kit.greens(), [0, 0, 0]);
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Primary)]);
    assert_eq!(kit.service().task_definition.as_ref(), Some(&kit.old));
    assert_eq!(kit.world.health(&blue()).healthy, 2);
}

#[test]
fn a_stop_with_rollback_is_another_deployment_that_goes_back() {
    let mut kit = Kit::new(|_| {});
    let id = kit.deploy();
    kit.pass(MINUTE);
    kit.world.stop_deployment(&id, Some(true)).unwrap();
    assert_eq!(kit.status(&id), Status::InProgress, "it takes a moment");
    kit.world.stop_deployment(&id, Some(true)).unwrap();
    kit.pass(1_000);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Stopped, "MANUAL_STOP"));
    let rollback = kit.rollback(&id);
    assert_eq!(
        (kit.get(&rollback).creator(), kit.get(&rollback).rollback_of.as_ref()),
        ("codeDeployRollback", Some(&id))
    );
    assert!(kit.get(&rollback).revision.content.contains(kit.old.as_str()));
    assert_eq!(kit.world.create_deployment(kit.wish(&[])).unwrap_err().code, "DeploymentLimitExceededException");
    kit.pass(5_000);
    back(&kit, &rollback);
    assert_eq!(kit.world.stop_deployment(&id, Some(true)).unwrap_err().code, "DeploymentAlreadyCompletedException");
    let again = kit.deploy();
    kit.pass(MINUTE);
    assert_eq!((kit.status(&again), kit.greens()), (Status::InProgress, [10, 10, 100]));
}

#[test]
fn a_stop_without_rollback_leaves_everything_where_it_is() {
    for (group_rolls_back, word, expected) in
        [(false, None, false), (false, Some(false), false), (true, Some(false), false), (true, None, true)]
    {
        let mut kit = Kit::new(|group| {
            if group_rolls_back {
                rolls_back(group);
            }
        });
        let id = kit.deploy();
        kit.pass(MINUTE);
        kit.world.stop_deployment(&id, word).unwrap();
        kit.pass(10 * MINUTE);
        assert_eq!(kit.get(&id).rolled_back_by.is_some(), expected, "{group_rolls_back} {word:?}");
        assert_eq!(kit.greens()[0], if expected { 0 } else { 10 });
        assert_eq!(kit.sets().len(), if expected { 1 } else { 2 });
    }
}

#[test]
fn a_deployment_in_its_termination_wait_can_still_be_taken_back() {
    let mut kit = Kit::new(|_| {});
    let id = kit.deploy();
    kit.pass(6 * MINUTE);
    assert!(kit.get(&id).waits_for_termination());
    kit.world.stop_deployment(&id, Some(true)).unwrap();
    kit.pass(10_000);
    back(&kit, &kit.rollback(&id));
}

#[test]
fn a_deployment_that_has_not_begun_is_stopped_without_a_rollback() {
    let mut kit = Kit::new(rolls_back);
    let id = kit.deploy();
    kit.world.stop_deployment(&id, Some(true)).unwrap();
    kit.pass(MINUTE);
    assert_eq!((kit.status(&id), &kit.get(&id).rolled_back_by), (Status::Stopped, &None));
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Primary)]);
}

#[test]
fn an_alarm_that_is_red_at_the_start_blocks_the_deployment() {
    let mut kit = Kit::new(|group| {
        watches(group);
        rolls_back(group);
    });
    kit.red("web-5xx");
    let id = kit.deploy();
    kit.pass(MINUTE);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Stopped, "ALARM_ACTIVE"));
    assert_eq!((kit.sets().len(), &kit.get(&id).rolled_back_by), (1, &None));
    let off = AlarmWatch { enabled: false, ..AlarmWatch::default() };
    let wish = NewDeployment { alarms: Some(off), ..kit.wish(&[]) };
    let id = kit.world.create_deployment(wish).unwrap();
    kit.pass(MINUTE);
    assert_eq!(kit.status(&id), Status::InProgress, "the deployment's own word counts");
}

#[test]
fn an_alarm_that_turns_red_stops_and_takes_back_where_the_group_says_so() {
    for (edit, expected) in [
        (watches as fn(&mut Group), false),
        (
            |group| {
                watches(group);
                rolls_back(group);
            },
            true,
        ),
    ] {
        let mut kit = Kit::new(edit);
        let id = kit.deploy();
        kit.pass(MINUTE);
        kit.red("web-latency");
        assert_eq!(kit.status(&id), Status::InProgress, "nobody watches this one");
        kit.red("web-5xx");
        assert_eq!((kit.status(&id), kit.code(&id)), (Status::Stopped, "ALARM_ACTIVE"));
        kit.pass(10_000);
        if expected {
            back(&kit, &kit.rollback(&id));
        }
        assert_eq!(kit.get(&id).rolled_back_by.is_some(), expected);
    }
}

#[test]
fn an_alarm_that_cannot_be_read_stops_unless_that_is_to_be_ignored() {
    for (ignore, expected) in [(false, Status::Stopped), (true, Status::InProgress)] {
        let mut kit = Kit::new(|group| {
            watches(group);
            group.alarms.ignore_poll_failure = ignore;
        });
        let id = kit.deploy();
        kit.pass(MINUTE);
        kit.world.change(|state| {
            state.alarms.remove("web-5xx");
        });
        assert_eq!(kit.status(&id), expected);
    }
}

#[test]
fn an_unhealthy_task_set_fails_after_an_hour() {
    let mut kit = Kit::new(rolls_back);
    kit.world.set_behaviour("web:2", Behaviour::NeverHealthy);
    let id = kit.deploy();
    kit.pass(1_000 + 60 * MINUTE - 1);
    assert_eq!(kit.status(&id), Status::InProgress);
    kit.pass(1);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Failed, "TIMEOUT"));
    kit.pass(10_000);
    back(&kit, &kit.rollback(&id));
}

#[test]
fn a_ready_wait_that_nobody_continues_ends_stopped() {
    let mut kit = Kit::new(|group| {
        group.ready_wait = Some(30);
        rolls_back(group);
    });
    let id = kit.deploy();
    kit.pass(2_500 + 30 * MINUTE - 1);
    assert_eq!(kit.status(&id), Status::Ready);
    kit.pass(1);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Stopped, "TIMEOUT"));
    assert_eq!(kit.greens()[..2], [0, 0]);
}

/// What somebody does to the world.
type Harm = fn(&mut Kit);

#[test]
fn what_is_wrong_with_the_world_fails_the_deployment() {
    let cases: [(&str, Harm, &str); 5] = [
        (
            "a production listener that goes elsewhere",
            |kit| {
                for route in [production(), sticky_rule()] {
                    let actions = forward(&[(green(), 1)], None);
                    kit.world.set_actions(&route, &actions, Writer::ThirdParty).unwrap();
                }
            },
            "ELASTIC_LOAD_BALANCING_INVALID",
        ),
        (
            "a group that is no more",
            |kit| {
                kit.world.change(|state| {
                    state.groups.remove(&green());
                });
            },
            "ELASTIC_LOAD_BALANCING_INVALID",
        ),
        (
            "a revision that is not active",
            |kit| {
                let new = kit.new.clone();
                kit.world.deregister(&new);
            },
            "INVALID_REVISION",
        ),
        (
            "a service that is no more",
            |kit| kit.world.delete_service(CLUSTER, SERVICE, true).unwrap(),
            "INVALID_ECS_SERVICE",
        ),
        (
            "a test listener that goes elsewhere",
            |kit| {
                let actions = forward(&[(arn("targetgroup/ops/cccc"), 1)], None);
                kit.world.set_actions(&test_route(), &actions, Writer::ThirdParty).unwrap();
            },
            "ELASTIC_LOAD_BALANCING_INVALID",
        ),
    ];
    for (what, break_it, code) in cases {
        let mut kit = Kit::new(rolls_back);
        let id = kit.deploy();
        break_it(&mut kit);
        kit.pass(MINUTE);
        assert_eq!((kit.status(&id), kit.code(&id)), (Status::Failed, code), "{what}");
        assert_eq!(kit.events(&id)[1], ("Install", "Failed"), "{what}");
        assert_eq!(kit.get(&id).rolled_back_by, None, "{what}: nothing was installed");
    }
}

#[test]
fn a_listener_that_goes_away_midway_fails_the_deployment_and_its_rollback() {
    let mut kit = Kit::new(rolls_back);
    let id = kit.deploy();
    kit.pass(MINUTE);
    kit.world.change(|state| {
        state.routes.remove(&sticky_rule());
    });
    kit.pass(5 * MINUTE);
    assert_eq!((kit.status(&id), kit.code(&id)), (Status::Failed, "ELASTIC_LOAD_BALANCING_INVALID"));
    let rollback = kit.rollback(&id);
    assert_eq!(kit.status(&rollback), Status::Failed);
    assert_eq!(kit.get(&rollback).rolled_back_by, None, "a rollback is not taken back");
}
