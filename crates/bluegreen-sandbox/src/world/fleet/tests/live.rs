//! Tasks that are real processes, told by hand.

use super::*;

#[test]
fn a_live_task_runs_when_it_is_said_to_and_is_healthy_when_its_first_check_passes() {
    let mut bench = Bench::live(2);
    bench.pass(60_000);
    let wanted = bench.world.wanted_tasks();
    assert_eq!((wanted.len(), wanted[0].container_port, wanted[0].stop_timeout), (2, Some(8080), 2_000));
    assert_eq!((wanted[0].cluster.as_str(), wanted[0].service.as_deref()), ("shop", Some("web")));
    assert_eq!(bench.phases(), [TaskPhase::Pending, TaskPhase::Pending]);
    assert!(bench.world.probe_targets().is_empty() && bench.states().is_empty());

    let ids = bench.wanted();
    bench.run(&ids);
    assert_eq!(bench.states(), [("initial", ids[0]), ("initial", ids[1])]);
    let probes = bench.world.probe_targets();
    assert_eq!(probes.iter().map(|probe| probe.address).collect::<Vec<_>>(), [address(ids[0]), address(ids[1])]);
    bench.probe(&ids[..1], true);
    assert_eq!(bench.states()[0].0, "healthy");
    assert_eq!(bench.said("has reached a steady state"), 0);
    bench.probe(&ids[1..], true);
    assert_eq!(bench.said("(service web) has reached a steady state."), 1);
    let seen = bench.world.service_in(bench.world.state(), CLUSTER, "web", bench.world.now_ms()).unwrap();
    assert_eq!((seen.running, seen.pending, seen.deployments[0].rollout.as_deref()), (2, 0, Some("COMPLETED")));
}

#[test]
fn a_live_target_turns_by_the_thresholds_of_its_group() {
    // (checks in their order, state after them); healthy after 5, unhealthy after 2.
    let table: &[(&[bool], &str)] = &[
        (&[], "initial"),
        (&[false], "initial"),
        (&[false, true], "healthy"),
        (&[false, false], "unhealthy"),
        (&[true, false, true, false], "healthy"),
        (&[true, false, false], "unhealthy"),
        (&[false, false, true, true, true, true], "unhealthy"),
        (&[false, false, true, true, true, true, true], "healthy"),
        (&[false, false, true, true, true, true, false, true, true], "unhealthy"),
    ];
    for (checks, expected) in table {
        let grace = RolloutPolicy { grace: 3_600_000, ..RolloutPolicy::default() };
        let mut bench = Bench::new(Fleet::Live, 1, grace);
        let ids = bench.wanted();
        bench.run(&ids);
        for passed in *checks {
            bench.probe(&ids, *passed);
        }
        assert_eq!(bench.states(), [(*expected, ids[0])], "{checks:?}");
        let view = &bench.world.targets(&group())[0];
        match view.state {
            TargetState::Unhealthy => assert_eq!(view.reason.as_deref(), Some("Target.Timeout")),
            TargetState::Healthy => assert_eq!(view.reason, None),
            _ => assert_eq!(view.reason.as_deref(), Some("Elb.RegistrationInProgress")),
        }
    }
}

#[test]
fn an_unhealthy_task_is_replaced_when_its_grace_period_is_over() {
    let grace = RolloutPolicy { grace: 10_000, ..RolloutPolicy::default() };
    let mut bench = Bench::new(Fleet::Live, 1, grace);
    let first = bench.wanted();
    bench.run(&first);
    bench.probe(&first, false);
    bench.probe(&first, false);
    bench.pass(9_999);
    assert_eq!(bench.wanted(), first, "not yet");
    bench.pass(1);
    let both = bench.wanted();
    assert_eq!(both.len(), 2, "the old one drains while the new one starts");
    assert_eq!(bench.states()[0], ("draining", first[0]));
    assert_eq!(bench.phases(), [TaskPhase::Deactivating, TaskPhase::Pending]);
    bench.pass(DRAIN);
    assert_eq!(bench.wanted(), both[1..], "drained: its process may go");
    assert_eq!(bench.phases(), [TaskPhase::Stopping, TaskPhase::Pending]);
    bench.exit(first[0], 143);
    assert_eq!(bench.phases(), [TaskPhase::Stopped, TaskPhase::Pending]);
    let stop = bench.service().stopped[0].stop.clone().unwrap();
    assert_eq!((stop.code, stop.exit_code), ("ServiceSchedulerInitiated", Some(143)));
    assert!(stop.reason.starts_with("Task failed ELB health checks in (target-group arn:"), "{}", stop.reason);
    assert_eq!(bench.said("due to (reason Request timed out)"), 1);
}

#[test]
fn a_task_that_exits_is_replaced_at_once_and_later_after_every_further_failure() {
    let mut bench = Bench::live(1);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let id = bench.wanted()[0];
        bench.exit(id, 1);
        let before = bench.world.now_ms();
        while bench.wanted().is_empty() {
            bench.pass(500);
        }
        waits.push(bench.world.now_ms() - before);
    }
    assert_eq!(waits, [0, 1_000, 2_000, 4_000, 8_000]);
    assert_eq!(bench.said("unable to consistently start tasks"), 1);
    let seen = bench.world.service_in(bench.world.state(), CLUSTER, "web", bench.world.now_ms()).unwrap();
    assert_eq!(seen.deployments[0].failed, 5);
    let stop = bench.service().stopped[0].stop.clone().unwrap();
    assert_eq!((stop.code, stop.exit_code), ("TaskFailedToStart", Some(1)));

    let good = bench.settle();
    let seen = bench.world.service_in(bench.world.state(), CLUSTER, "web", bench.world.now_ms()).unwrap();
    assert_eq!(seen.deployments[0].failed, 0, "one that serves ends the count");
    bench.exit(good[0], 137);
    assert_eq!(bench.wanted().len(), 1);
    assert_eq!(bench.states(), [("draining", good[0])], "its target drains though it is dead");
    assert_eq!(bench.service().stopped.last().unwrap().stop.clone().unwrap().code, "EssentialContainerExited");
    bench.pass(DRAIN);
    assert!(bench.states().is_empty());
}

#[test]
fn nothing_that_is_said_of_unknown_or_unwanted_tasks_changes_anything() {
    let mut bench = Bench::live(1);
    let id = bench.wanted()[0];
    bench.edit(ServiceEdit { desired: Some(0), ..ServiceEdit::default() });
    assert!(bench.wanted().is_empty(), "it never ran: nothing drains");
    bench.run(&[id, 999]);
    bench.exit(id, 0);
    bench.exit(999, 0);
    bench.probe(&[id, 999], true);
    assert!(bench.wanted().is_empty() && bench.states().is_empty());
    assert_eq!(bench.service().deployments[0].failures.in_a_row, 0);
    let mut model = Bench::new(Fleet::Modelled, 1, RolloutPolicy::default());
    model.pass(60_000);
    let before = model.states();
    assert_eq!(before[0].0, "healthy");
    let id = before[0].1;
    model.run(&[id]);
    model.exit(id, 1);
    model.world.probed(&group(), model.world.targets(&group())[0].address, false, "");
    assert_eq!((model.states(), model.wanted().len()), (before, 0));
}

#[test]
fn a_new_target_at_an_old_address_starts_anew() {
    let mut bench = Bench::live(1);
    let first = bench.settle()[0];
    bench.probe(&[first], false);
    bench.exit(first, 1);
    let second = bench.wanted()[0];
    bench.world.task_running(second, address(first));
    assert_eq!(bench.states().last(), Some(&("initial", second)));
    bench.probe(&[first], false);
    assert_eq!(bench.states().last(), Some(&("initial", second)), "the row of failures does not go on");
    bench.probe(&[first], true);
    assert_eq!(bench.states().last(), Some(&("healthy", second)));
}
