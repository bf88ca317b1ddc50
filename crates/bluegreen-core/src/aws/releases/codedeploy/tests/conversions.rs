//! What becomes of CodeDeploy's words.

use aws_sdk_codedeploy::types as sdk;

use super::*;

/// One deployment through the conversion alone.
fn converted(
    status: &str,
    change: impl FnOnce(sdk::builders::DeploymentInfoBuilder) -> sdk::builders::DeploymentInfoBuilder,
    targets: &[sdk::DeploymentTarget],
) -> crate::observe::ManagedDeployment {
    let time = aws_smithy_types::DateTime::from_secs(60);
    let info = sdk::DeploymentInfo::builder().deployment_id("d-1").status(status.into()).create_time(time);
    convert::deployment(&change(info).build(), targets).unwrap()
}

#[test]
fn every_status_has_a_meaning() {
    use DeploymentStatus::{Failed, InProgress, Pending, Stopped, Succeeded, Unknown};
    for (status, expected, ended, ready) in [
        ("Created", Pending, false, false),
        ("Queued", Pending, false, false),
        ("InProgress", InProgress, false, false),
        ("Baking", InProgress, false, false),
        ("Ready", InProgress, false, true),
        ("Succeeded", Succeeded, true, false),
        ("Failed", Failed, true, false),
        ("Stopped", Stopped, true, false),
        ("Levitating", Unknown("Levitating".to_owned()), false, false),
    ] {
        let found = converted(status, |info| info, &[]);
        assert_eq!(
            (found.status.has_ended(), found.waits_for == Some(DeploymentWait::Ready)),
            (ended, ready),
            "{status}"
        );
        assert_eq!(found.status, expected);
        assert_eq!((found.creator.as_str(), found.why), ("", None));
    }
}

#[test]
fn the_termination_wait_ends_with_the_deployment() {
    let waiting = |status| converted(status, |info| info.instance_termination_wait_time_started(true), &[]).waits_for;
    assert_eq!(waiting("InProgress"), Some(DeploymentWait::Termination));
    assert_eq!(waiting("Baking"), Some(DeploymentWait::Termination));
    assert_eq!(waiting("Levitating"), Some(DeploymentWait::Termination));
    assert_eq!(waiting("Succeeded"), None);
    assert_eq!(waiting("Stopped"), None);
}

fn ecs_sets(sets: &[(Option<&str>, f64)]) -> sdk::DeploymentTarget {
    let set = |(label, weight): &(Option<&str>, f64)| {
        let set = sdk::EcsTaskSet::builder().traffic_weight(*weight).desired_count(2).running_count(1);
        set.set_task_set_label(label.map(sdk::TargetLabel::from)).build()
    };
    let ecs = sdk::EcsTarget::builder().set_task_sets_info(Some(sets.iter().map(set).collect())).build();
    sdk::DeploymentTarget::builder().ecs_target(ecs).build()
}

#[test]
fn the_new_sets_share_is_read_by_label() {
    for (sets, share, new) in [
        (vec![(Some("Blue"), 66.6), (Some("Green"), 33.4)], Some(334_000), (2, 1)),
        (vec![(Some("Green"), 100.0), (Some("Blue"), 0.0)], Some(1_000_000), (2, 1)),
        (vec![(Some("Blue"), 100.0)], None, (0, 0)),
        (vec![(Some("Blue"), 100.0), (Some("Teal"), 5.0)], Some(50_000), (2, 1)),
        (vec![(None, 95.0), (Some("Green"), 5.0)], Some(50_000), (2, 1)),
        (vec![(None, 95.0), (None, 5.0)], None, (0, 0)),
        (vec![(Some("Green"), 500.0)], None, (2, 1)),
        (vec![], None, (0, 0)),
    ] {
        let found = converted("InProgress", |info| info, &[ecs_sets(&sets)]);
        assert_eq!((found.share_ppm, found.tasks.new), (share, new), "{sets:?}");
    }
}

#[test]
fn functions_and_stacks_have_a_share_too() {
    let function = sdk::LambdaFunctionInfo::builder().target_version_weight(10.0).build();
    let event =
        sdk::LifecycleEvent::builder().lifecycle_event_name("BeforeAllowTraffic").status("Dreaming".into()).build();
    let lambda = sdk::LambdaTarget::builder().lambda_function_info(function).lifecycle_events(event).build();
    let found = converted("InProgress", |info| info, &[sdk::DeploymentTarget::builder().lambda_target(lambda).build()]);
    assert_eq!((found.share_ppm, found.stage.as_deref()), (Some(100_000), Some("BeforeAllowTraffic")));
    assert_eq!(found.events[0].status, "Dreaming");

    let stack = sdk::CloudFormationTarget::builder().target_version_weight(20.0).build();
    let found =
        converted("InProgress", |info| info, &[sdk::DeploymentTarget::builder().cloud_formation_target(stack).build()]);
    assert_eq!(found.share_ppm, Some(200_000));
}

#[test]
fn a_failed_event_says_why() {
    let diagnostics =
        |code: &str, text: &str| sdk::Diagnostics::builder().error_code(code.into()).message(text).build();
    let event = |name: &str, status: &str, found: sdk::Diagnostics| {
        sdk::LifecycleEvent::builder().lifecycle_event_name(name).status(status.into()).diagnostics(found).build()
    };
    let events = vec![
        event("Install", "Succeeded", diagnostics("Success", "done")),
        event("AllowTraffic", "Failed", diagnostics("ScriptFailed", "a hook\nsaid no\u{1b}[2J")),
        event("AfterAllowTraffic", "Skipped", diagnostics("UnknownError", "")),
    ];
    let ecs = sdk::EcsTarget::builder().set_lifecycle_events(Some(events)).build();
    let found = converted("Failed", |info| info, &[sdk::DeploymentTarget::builder().ecs_target(ecs).build()]);
    let said: Vec<_> = found.events.iter().map(|event| event.message.as_deref()).collect();
    assert_eq!(said, [None, Some("ScriptFailed: a hook said no"), Some("UnknownError")]);
    assert_eq!(found.stage.as_deref(), Some("AllowTraffic"));
}
