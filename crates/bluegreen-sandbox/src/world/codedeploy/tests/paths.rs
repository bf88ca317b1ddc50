//! Deployments that go well.

use super::*;

const DONE: [(&str, &str); 8] = [
    ("BeforeInstall", "Succeeded"),
    ("Install", "Succeeded"),
    ("AfterInstall", "Succeeded"),
    ("AllowTestTraffic", "Succeeded"),
    ("AfterAllowTestTraffic", "Succeeded"),
    ("BeforeAllowTraffic", "Succeeded"),
    ("AllowTraffic", "Succeeded"),
    ("AfterAllowTraffic", "Succeeded"),
];

#[test]
fn a_canary_installs_tests_shifts_twice_waits_and_replaces() {
    let mut kit = Kit::new(|_| {});
    let id = kit.deploy();
    assert_eq!(kit.status(&id), Status::Created);
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Primary)]);
    kit.pass(1_000);
    assert_eq!((kit.status(&id), kit.greens()), (Status::InProgress, [0, 0, 0]));
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Primary), ("web:2", TaskSetStatus::Active)]);
    assert!(kit.world.state().groups[&green()].attached_since.is_some(), "the idle group is checked before it serves");
    // Start and checks of the new tasks.
    kit.pass(1_499);
    assert_eq!(kit.get(&id).event().unwrap().point, Lifecycle::Install);
    kit.pass(1);
    assert_eq!(kit.greens(), [10, 10, 100]);
    kit.pass(5 * MINUTE - 1);
    assert_eq!(kit.greens(), [10, 10, 100]);
    kit.pass(1);
    assert_eq!((kit.greens(), kit.events(&id)), ([100, 100, 100], DONE.to_vec()));
    assert!(kit.get(&id).waits_for_termination() && kit.status(&id) == Status::InProgress);
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Primary), ("web:2", TaskSetStatus::Active)]);
    kit.pass(5 * MINUTE);
    assert_eq!(kit.status(&id), Status::Succeeded);
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Draining), ("web:2", TaskSetStatus::Primary)]);
    kit.pass(3_000);
    assert_eq!(kit.sets(), [("web:2", TaskSetStatus::Primary)]);
    assert_eq!(kit.world.health(&green()).healthy, 2);
    assert_eq!(kit.service().task_definition.as_ref(), Some(&kit.new));
    assert_eq!(kit.service().settings["loadBalancers"][0]["targetGroupArn"], green().as_str());
    assert!(kit.service().settings.get("networkConfiguration").is_some(), "what the AppSpec leaves out stays");
}

#[test]
fn both_groups_stay_on_the_routes_in_the_order_of_the_pair_with_their_stickiness() {
    let mut kit = Kit::new(|_| {});
    kit.deploy();
    kit.pass(10_000);
    let route = &kit.world.state().routes[&sticky_rule()];
    assert_eq!(route.actions, forward(&[(blue(), 90), (green(), 10)], Some(60)));
    assert_eq!(route.writer, Writer::Operator("codedeploy".to_owned()));
    let ops = RouteId::Rule(arn("listener-rule/app/shop/50dc/https/3344"));
    assert_eq!(kit.world.state().routes[&ops].writer, Writer::Nobody, "a rule of other groups is left alone");
}

#[test]
fn the_next_deployment_goes_the_other_way() {
    let mut kit = Kit::new(|group| group.config = Some("CodeDeployDefault.ECSAllAtOnce".to_owned()));
    let first = kit.deploy();
    kit.pass(10 * MINUTE);
    assert_eq!(kit.status(&first), Status::Succeeded);
    let second = kit.deploy();
    kit.pass(10_000);
    assert_eq!((kit.greens(), kit.get(&second).share), ([0, 0, 0], 100));
    assert_eq!(kit.get(&second).previous.as_ref().map(Revision::sha256), Some(kit.get(&first).revision.sha256()));
    kit.pass(5 * MINUTE);
    assert_eq!(kit.status(&second), Status::Succeeded);
    assert_eq!(kit.service().registers_in[0].group, blue());
}

#[test]
fn linear_shares_are_equal_and_the_last_one_is_what_is_left() {
    let mut kit = Kit::new(|_| {});
    kit.world.create_traffic_config("thirds", Platform::Ecs, Shares::Linear { each: 30, minutes: 2 }).unwrap();
    let wish = NewDeployment { config: Some("thirds".to_owned()), ..kit.wish(&[]) };
    let id = kit.world.create_deployment(wish).unwrap();
    kit.pass(10_000);
    let mut seen = vec![kit.green_on(&production())];
    for _ in 0..3 {
        kit.pass(2 * MINUTE);
        seen.push(kit.green_on(&production()));
    }
    assert_eq!(seen, [30, 60, 90, 100]);
    assert!(kit.get(&id).waits_for_termination());
}

#[test]
fn a_ready_wait_holds_production_until_it_is_continued() {
    let mut kit = Kit::new(|group| group.ready_wait = Some(30));
    let id = kit.deploy();
    kit.pass(29 * MINUTE);
    assert_eq!((kit.status(&id), kit.greens()), (Status::Ready, [0, 0, 100]));
    assert_eq!(
        kit.world.continue_deployment(&id, Wait::Termination).unwrap_err().code,
        "InvalidDeploymentStatusException"
    );
    kit.world.continue_deployment(&id, Wait::Ready).unwrap();
    assert_eq!((kit.status(&id), kit.greens()), (Status::InProgress, [10, 10, 100]));
    let again = kit.world.continue_deployment(&id, Wait::Ready).unwrap_err();
    assert_eq!(again.code, "DeploymentIsNotInReadyStateException");
}

#[test]
fn the_termination_wait_ends_when_it_is_continued() {
    let mut kit = Kit::new(|_| {});
    let id = kit.deploy();
    kit.pass(6 * MINUTE);
    assert!(kit.get(&id).waits_for_termination());
    kit.world.continue_deployment(&id, Wait::Termination).unwrap();
    assert_eq!(kit.status(&id), Status::Succeeded);
    let again = kit.world.continue_deployment(&id, Wait::Termination).unwrap_err();
    assert_eq!(again.code, "DeploymentAlreadyCompletedException");
}

#[test]
fn old_tasks_are_kept_where_the_group_says_so_and_make_room_for_the_next_deployment() {
    let mut kit = Kit::new(|group| {
        group.termination = Termination { ends: false, wait: 0 };
        group.config = Some("CodeDeployDefault.ECSAllAtOnce".to_owned());
    });
    let id = kit.deploy();
    kit.pass(10_000);
    assert_eq!(kit.status(&id), Status::Succeeded);
    assert_eq!(kit.sets(), [("web:1", TaskSetStatus::Active), ("web:2", TaskSetStatus::Primary)]);
    kit.deploy();
    kit.pass(10_000);
    assert_eq!(kit.sets(), [("web:2", TaskSetStatus::Active), ("web:2", TaskSetStatus::Primary)]);
}

#[test]
fn without_a_test_listener_nothing_of_a_test_happens() {
    let mut kit = Kit::new(|group| group.pair.as_mut().unwrap().test = None);
    let id = kit.deploy();
    kit.pass(10_000);
    assert_eq!(kit.greens(), [10, 10, 0]);
    assert_eq!(kit.events(&id)[3..5], [("AllowTestTraffic", "Skipped"), ("AfterAllowTestTraffic", "Skipped")]);
}

#[test]
fn a_minute_may_be_shorter() {
    let mut kit = Kit::new(|_| {});
    kit.world.config.minute = 1_000;
    let id = kit.deploy();
    kit.pass(2_500 + 5_000 + 5_000);
    assert_eq!(kit.status(&id), Status::Succeeded);
}

#[test]
fn functions_shift_between_versions_of_an_alias() {
    let mut kit = Kit::new(|_| {});
    kit.world.create_application("functions", Platform::Lambda).unwrap();
    let role = "arn:aws:iam::111122223333:role/codedeploy".to_owned();
    let config = Some("CodeDeployDefault.LambdaCanary10Percent10Minutes".to_owned());
    let group = Group { config, service_role: role, ..Group::default() };
    kit.world.create_deployment_group("functions", "price", group).unwrap();
    let properties = json!({"Name": "price", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"});
    let function = json!({"price": {"Type": "AWS::Lambda::Function", "Properties": properties}});
    let content = json!({"version": "0.0", "Resources": [function]}).to_string();
    let new = NewDeployment {
        application: "functions".to_owned(),
        group: "price".to_owned(),
        revision: read_revision(&content, None, false).unwrap(),
        ..kit.wish(&[])
    };
    let id = kit.world.create_deployment(new).unwrap();
    kit.pass(1_000);
    let key = ("price".to_owned(), "live".to_owned());
    let alias = |kit: &Kit| kit.world.state().codedeploy.aliases[&key].clone();
    assert_eq!(alias(&kit), Alias { version: 1, shift: Some((2, 10)) });
    kit.pass(10 * MINUTE);
    assert_eq!(alias(&kit), Alias { version: 2, shift: None });
    assert_eq!(kit.status(&id), Status::Succeeded);
    assert_eq!(kit.events(&id).len(), 3);
}
