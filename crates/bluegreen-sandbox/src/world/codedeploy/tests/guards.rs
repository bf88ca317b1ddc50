//! What CodeDeploy does not take.

use super::*;

fn plain() -> Group {
    Group {
        service_role: "arn:aws:iam::111122223333:role/codedeploy".to_owned(),
        service: Some((CLUSTER.to_owned(), SERVICE.to_owned())),
        pair: Some(Pair {
            groups: ["web-blue".to_owned(), "web-green".to_owned()],
            production: listener("https"),
            test: None,
        }),
        ..Group::default()
    }
}

#[test]
fn groups_are_checked_when_they_are_made() {
    let alarms = |names: &[&str]| AlarmWatch {
        enabled: true,
        ignore_poll_failure: false,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let many: Vec<String> = (0..11).map(|number| format!("alarm-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let on = Rollback { enabled: true, events: Vec::new() };
    let elsewhere = Some((CLUSTER.to_owned(), "api".to_owned()));
    let long = Termination { ends: true, wait: 2_881 };
    let cases = [
        ("InvalidECSServiceException", Group { service: None, ..plain() }),
        ("InvalidECSServiceException", Group { service: elsewhere, ..plain() }),
        ("InvalidLoadBalancerInfoException", Group { pair: None, ..plain() }),
        ("RoleRequiredException", Group { service_role: String::new(), ..plain() }),
        ("DeploymentConfigDoesNotExistException", Group { config: Some("none".to_owned()), ..plain() }),
        (
            "InvalidDeploymentConfigNameException",
            Group { config: Some("CodeDeployDefault.OneAtATime".to_owned()), ..plain() },
        ),
        ("InvalidBlueGreenDeploymentConfigurationException", Group { termination: long, ..plain() }),
        ("InvalidBlueGreenDeploymentConfigurationException", Group { ready_wait: Some(7_201), ..plain() }),
        ("InvalidAlarmConfigException", Group { alarms: alarms(&[]), ..plain() }),
        ("InvalidAlarmConfigException", Group { alarms: alarms(&["a", "a"]), ..plain() }),
        ("AlarmsLimitExceededException", Group { alarms: alarms(&many), ..plain() }),
        ("InvalidAutoRollbackConfigException", Group { rollback: on, ..plain() }),
    ];
    let mut kit = Kit::new(|_| {});
    kit.world.delete_deployment_group("shop", "web");
    for (code, group) in cases {
        let refused = kit.world.create_deployment_group("shop", "web", group).unwrap_err();
        assert_eq!(refused.code, code, "{refused}");
    }
    kit.world.create_deployment_group("shop", "web", plain()).unwrap();
    let again = kit.world.create_deployment_group("shop", "web", plain()).unwrap_err();
    assert_eq!(again.code, "DeploymentGroupAlreadyExistsException");
    let taken = kit.world.create_deployment_group("shop", "other", plain()).unwrap_err();
    assert_eq!(taken.code, "ECSServiceMappingLimitExceededException");
    let nowhere = kit.world.create_deployment_group("none", "web", plain()).unwrap_err();
    assert_eq!(nowhere.code, "ApplicationDoesNotExistException");
}

#[test]
fn a_group_keeps_its_id_when_it_is_changed_and_renamed() {
    let mut kit = Kit::new(|_| {});
    let id = kit.world.state().deployment_group("shop", "web").unwrap().id.clone();
    kit.world.update_deployment_group("shop", "web", Some("site"), plain()).unwrap();
    assert_eq!(kit.world.state().deployment_group("shop", "site").unwrap().id, id);
    assert_eq!(
        kit.world.state().deployment_group("shop", "web").unwrap_err().code,
        "DeploymentGroupDoesNotExistException"
    );
}

#[test]
fn configurations_have_the_shapes_that_aws_takes_and_stay_as_they_are() {
    let mut kit = Kit::new(|_| {});
    let mut code = |name: &str, shares| {
        kit.world.create_traffic_config(name, Platform::Ecs, shares).map_or_else(|refused| refused.code, |_| "")
    };
    let canary = |first, minutes| Shares::Canary { first, minutes };
    let linear = |each, minutes| Shares::Linear { each, minutes };
    assert_eq!(code("good", canary(99, 2_880)), "");
    assert_eq!(code("good", canary(10, 5)), "DeploymentConfigAlreadyExistsException");
    assert_eq!(code("CodeDeployDefault.Mine", canary(10, 5)), "InvalidDeploymentConfigNameException");
    assert_eq!(code("not good", canary(10, 5)), "InvalidDeploymentConfigNameException");
    for shares in [canary(0, 5), canary(100, 5), canary(10, 0), canary(10, 2_881), linear(1, 30)] {
        assert_eq!(code("other", shares), "InvalidTrafficRoutingConfigurationException", "{shares:?}");
    }
    assert_eq!(
        kit.world.delete_traffic_config("CodeDeployDefault.ECSAllAtOnce").unwrap_err().code,
        "InvalidOperationException"
    );
    kit.world
        .update_deployment_group("shop", "web", None, Group { config: Some("good".to_owned()), ..plain() })
        .unwrap();
    assert_eq!(kit.world.delete_traffic_config("good").unwrap_err().code, "DeploymentConfigInUseException");
}

#[test]
fn the_built_in_configurations_are_there() {
    let kit = Kit::new(|_| {});
    let all = kit.world.state().traffic_configs();
    let of = |platform| all.values().filter(|config| config.platform == platform).count();
    assert_eq!((of(Platform::Ecs), of(Platform::Lambda), of(Platform::Server)), (5, 9, 3));
    let canary = all["CodeDeployDefault.ECSCanary10Percent15Minutes"].shares;
    assert_eq!(canary, Some(Shares::Canary { first: 10, minutes: 15 }));
}

#[test]
fn deployments_are_checked_when_they_are_made() {
    let mut kit = Kit::new(|group| group.config = None);
    let mut code = |change: fn(&mut NewDeployment)| {
        let mut wish = kit.wish(&[]);
        wish.config = Some("CodeDeployDefault.ECSAllAtOnce".to_owned());
        change(&mut wish);
        kit.world.create_deployment(wish).map_or_else(|refused| refused.code, |_| "")
    };
    assert_eq!(code(|wish| wish.application = "none".to_owned()), "ApplicationDoesNotExistException");
    assert_eq!(code(|wish| wish.group = "none".to_owned()), "DeploymentGroupDoesNotExistException");
    assert_eq!(code(|wish| wish.config = Some("none".to_owned())), "DeploymentConfigDoesNotExistException");
    assert_eq!(code(|wish| wish.config = None), "InvalidDeploymentConfigNameException");
    assert_eq!(code(|wish| wish.description = "x".repeat(257)), "DescriptionTooLongException");
    assert_eq!(code(|wish| wish.description = "x".repeat(256)), "");
}

#[test]
fn a_revision_is_a_document_with_its_hash_and_without_placeholders() {
    let kit = Kit::new(|_| {});
    let content = Kit::appspec(&kit.new, &[]);
    let sha256 = bluegreen_core::appspec::sha256(&content);
    assert!(read_revision(&content, Some(&sha256), false).is_ok());
    for (content, sha256) in [
        (content.clone(), Some("0".repeat(64))),
        ("version: 0.0".to_owned(), None),
        (content.replace(kit.new.as_str(), "<TASK_DEFINITION>"), None),
    ] {
        let refused = read_revision(&content, sha256.as_deref(), false).unwrap_err();
        assert_eq!(refused.code, "InvalidRevisionException", "{refused}");
    }
}

#[test]
fn the_second_deployment_is_told_of_the_first() {
    let mut kit = Kit::new(|_| {});
    let first = kit.deploy();
    let refused = kit.world.create_deployment(kit.wish(&[])).unwrap_err();
    assert_eq!(refused.code, "DeploymentLimitExceededException");
    assert!(refused.message.contains(&first), "{refused}");
}

#[test]
fn task_sets_of_codedeploy_are_nobody_elses() {
    let mut kit = Kit::new(|_| {});
    let id = kit.service().task_sets[0].id.to_string();
    let refused = kit.world.delete_task_set(CLUSTER, SERVICE, &id, true).unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterException");
}
