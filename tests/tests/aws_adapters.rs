//! The AWS adapters, over real sockets, against the emulator: what they read, what they send, and how often.

use std::error::Error;
use std::future::Future;
use std::process::Command;

use bluegreen_core::analysis::requests;
use bluegreen_core::aws::{AwsPorts, ConnectError, ConnectOptions, connect};
use bluegreen_core::model::{
    Action, ActionKind, Color, Forward, GroupStickiness, LoadBalancerArn, RouteId, RunId, TargetGroupArn, Weight,
};
use bluegreen_core::observe::{AlarmKind, AlarmState, Controller, RouteSnapshot};
use bluegreen_core::ports::{ErrorClass, Outcome, ServiceChange};
use bluegreen_tests::emulator::{Emulator, World};
use serde_json::{Value, json};

type Checked = Result<(), Box<dyn Error>>;

/// Runs `test` in a process of its own: credentials come from the environment, as they do in real life.
fn in_own_process(name: &str, test: impl FnOnce() -> Checked) -> Checked {
    const INNER: &str = "BLUEGREEN_ADAPTERS_INNER";
    if std::env::var_os(INNER).is_some() {
        return test();
    }
    let mut inner = Command::new(std::env::current_exe()?);
    inner.args(["--exact", name, "--nocapture"]).env(INNER, "1");
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        inner.env_remove(variable);
    }
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let output = inner.envs(credentials).env("AWS_EC2_METADATA_DISABLED", "true").output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    Ok(())
}

/// One emulator with the fixture's world in it, and the ports that lead there.
struct Stage {
    emulator: Emulator,
    world: World,
    aws: AwsPorts,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    fn set(flags: &[&str]) -> Result<Stage, Box<dyn Error>> {
        let emulator = Emulator::start()?;
        let world = emulator.fixture(flags)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = ConnectOptions {
            region: Some(world.value("region").to_owned()),
            endpoint: Some(emulator.endpoint()),
            insecure_endpoint: true,
            ..ConnectOptions::default()
        };
        let aws = runtime.block_on(connect(options))?;
        Ok(Stage { emulator, world, aws, runtime })
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn group(&self, color: &str) -> Result<TargetGroupArn, Box<dyn Error>> {
        Ok(self.world.group(color).parse()?)
    }

    fn balancer(&self) -> Result<LoadBalancerArn, Box<dyn Error>> {
        Ok(self.world.value("loadBalancer").parse()?)
    }

    fn rule(&self) -> Result<RouteId, Box<dyn Error>> {
        Ok(RouteId::Rule(self.world.rule().parse()?))
    }

    fn listener(&self) -> Result<RouteId, Box<dyn Error>> {
        Ok(RouteId::DefaultAction(self.world.listener().parse()?))
    }

    fn route(&self, id: &RouteId) -> Result<RouteSnapshot, Box<dyn Error>> {
        Ok(self.run(self.aws.router.routes(std::slice::from_ref(id)))?.remove(0))
    }

    /// A forward that gives green `green` of 100, with stickiness.
    fn forward(&self, green: u32) -> Result<Action, Box<dyn Error>> {
        let group = |color: &str, weight: u32| -> Result<_, Box<dyn Error>> {
            let weight = Some(Weight::try_from(weight)?);
            Ok(bluegreen_core::model::ForwardGroup { arn: self.group(color)?, weight })
        };
        let groups = vec![group("blue", 100 - green)?, group("green", green)?];
        let stickiness = Some(GroupStickiness { enabled: true, duration_seconds: Some(120) });
        Ok(Action { order: Some(1), kind: ActionKind::Forward(Forward { groups, stickiness }) })
    }

    /// The operations of one service that this process has sent, in order.
    fn sent(&self, operation: &str) -> Result<usize, Box<dyn Error>> {
        Ok(self.emulator.requests()?.iter().filter(|request| request["operation"] == operation).count())
    }
}

#[test]
fn routes_are_read_back_as_written() -> Checked {
    in_own_process("routes_are_read_back_as_written", || {
        let stage = Stage::set(&[])?;
        let (rule, listener) = (stage.rule()?, stage.listener()?);
        let before = stage.run(stage.aws.router.routes(&[listener.clone(), rule.clone()]))?;
        assert_eq!((&before[0].id, before[0].priority.as_str()), (&listener, "default"));
        assert_eq!(before[1].id, rule);
        assert!(before[1].conditions.to_string().contains("/shop/*"), "{}", before[1].conditions);
        assert!(matches!(&before[0].actions[0].kind, ActionKind::Other { name, .. } if name == "fixed-response"));

        let actions = vec![stage.forward(10)?];
        assert_eq!(stage.run(stage.aws.router.set_actions(&rule, &actions)), Outcome::Applied(()));
        let after = stage.route(&rule)?;
        assert_eq!((&after.actions, &after.conditions), (&actions, &before[1].conditions));
        assert_eq!(stage.world.look()?.weight(stage.world.rule(), "green"), Some(10));

        // The baseline goes back exactly as it was read, the listener's too.
        for route in &before {
            assert_eq!(stage.run(stage.aws.router.set_actions(&route.id, &route.actions)), Outcome::Applied(()));
            assert_eq!(stage.route(&route.id)?, *route);
        }
        assert_eq!((stage.sent("ModifyRule")?, stage.sent("ModifyListener")?), (2, 1));

        let missing = stage.world.rule().replace("listener-rule/app/", "listener-rule/app/no-");
        let missing = stage.run(stage.aws.router.routes(&[RouteId::Rule(missing.parse()?)]));
        assert_eq!(missing.unwrap_err().class, ErrorClass::NotFound);
        Ok(())
    })
}

#[test]
fn the_load_balancer_shows_all_that_routes() -> Checked {
    in_own_process("the_load_balancer_shows_all_that_routes", || {
        let stage = Stage::set(&[])?;
        let balancer = stage.run(stage.aws.router.load_balancer(&stage.balancer()?))?;
        let routes: Vec<&RouteId> = balancer.routes.iter().map(|route| &route.id).collect();
        assert!(routes.contains(&&stage.rule()?) && routes.contains(&&stage.listener()?), "{routes:?}");
        assert_eq!(balancer.listeners, [stage.listener()?.listener()]);

        // By name and by ARN, in the order asked for.
        let names = [stage.group("green")?.name().to_owned(), stage.world.group("blue").to_owned()];
        let groups = stage.run(stage.aws.router.target_groups(&names))?;
        assert_eq!([&groups[0].arn, &groups[1].arn], [&stage.group("green")?, &stage.group("blue")?]);
        assert_eq!((groups[1].drain_seconds, groups[1].target_sticky), (1, false));
        assert_eq!((groups[1].target_type.as_str(), groups[1].protocol.as_str()), ("ip", "HTTP"));
        assert_eq!(groups[1].load_balancers, [stage.balancer()?]);
        let missing = stage.run(stage.aws.router.target_groups(&["nobody".to_owned()]));
        assert_eq!(missing.unwrap_err().class, ErrorClass::NotFound);

        let health = stage.run(stage.aws.router.health(&stage.group("blue")?))?;
        assert!(health.healthy > 0 && health.unhealthy == 0, "{health:?}");
        Ok(())
    })
}

#[test]
fn mutations_are_sent_once_and_say_how_they_ended() -> Checked {
    in_own_process("mutations_are_sent_once_and_say_how_they_ended", || {
        let stage = Stage::set(&[])?;
        let rule = stage.rule()?;
        let fault = |extra: Value| {
            let mut fault = json!({"service": "elbv2", "operation": "ModifyRule", "times": 1});
            fault.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            stage.emulator.arm_fault(&fault)
        };
        let set = |green: u32| -> Result<_, Box<dyn Error>> {
            Ok(stage.run(stage.aws.router.set_actions(&rule, &[stage.forward(green)?])))
        };

        fault(json!({"code": "Throttling", "status": 400}))?;
        assert!(matches!(set(10)?, Outcome::NotApplied(error) if error.class == ErrorClass::Throttled));
        fault(json!({"code": "AccessDenied", "status": 403}))?;
        assert!(matches!(set(10)?, Outcome::NotApplied(error) if error.class == ErrorClass::Denied));
        fault(json!({"code": "InternalFailure", "status": 500}))?;
        assert!(matches!(set(10)?, Outcome::Unknown(error) if error.class == ErrorClass::Unavailable));
        // The reply is lost: once without effect, once with it. From here both look the same.
        fault(json!({"drop": "before"}))?;
        assert!(matches!(set(20)?, Outcome::Unknown(_)));
        fault(json!({"drop": "after"}))?;
        assert!(matches!(set(30)?, Outcome::Unknown(_)));
        assert_eq!(stage.world.look()?.weight(stage.world.rule(), "green"), Some(30));
        assert_eq!(stage.sent("ModifyRule")?, 5);

        // Reads are repeated by the SDK itself.
        let fault =
            json!({"service": "elbv2", "operation": "DescribeRules", "times": 2, "code": "Throttling", "status": 400});
        stage.emulator.arm_fault(&fault)?;
        stage.route(&rule)?;
        Ok(())
    })
}

#[test]
fn nothing_is_sent_where_nobody_listens() -> Checked {
    in_own_process("nothing_is_sent_where_nobody_listens", || {
        let stage = Stage::set(&[])?;
        let plain = ConnectOptions {
            region: Some("eu-west-3".to_owned()),
            endpoint: Some(stage.emulator.endpoint()),
            ..ConnectOptions::default()
        };
        let before = stage.emulator.requests()?.len();
        assert!(matches!(stage.run(connect(plain)), Err(ConnectError::NotTls { .. })));
        assert_eq!(stage.emulator.requests()?.len(), before);

        let Stage { emulator, aws, runtime, world, .. } = stage;
        let rule = RouteId::Rule(world.rule().parse()?);
        let actions = runtime.block_on(aws.router.routes(std::slice::from_ref(&rule)))?.remove(0).actions;
        drop(emulator);
        // The first failure may be that of a connection kept open; after it, none can be made.
        let _ = runtime.block_on(aws.router.set_actions(&rule, &actions));
        let refused = runtime.block_on(aws.router.set_actions(&rule, &actions));
        assert!(
            matches!(&refused, Outcome::NotApplied(error) if error.class == ErrorClass::Unavailable),
            "{refused:?}"
        );
        Ok(())
    })
}

#[test]
fn services_and_their_revisions() -> Checked {
    in_own_process("services_and_their_revisions", || {
        let stage = Stage::set(&[])?;
        let cluster = stage.world.value("cluster");
        let names = ["frontend-green", "frontend-blue"].map(str::to_owned);
        let services = stage.run(stage.aws.fleet.services(cluster, &names))?;
        assert_eq!([&services[0].name, &services[1].name], [&names[0], &names[1]]);
        assert_eq!((&services[1].controller, services[1].status.as_str()), (&Controller::Rolling, "ACTIVE"));
        // moto keeps no time of creation.
        assert_eq!((services[1].running, services[1].created_at), (2, None));
        assert_eq!(services[1].target_groups, [stage.group("blue")?]);
        let by_arn = stage.run(stage.aws.fleet.services(cluster, &[services[1].arn.clone()]))?;
        assert_eq!(by_arn, services[1..]);
        let missing = stage.run(stage.aws.fleet.services(cluster, &["nobody".to_owned()]));
        assert_eq!(missing.unwrap_err().class, ErrorClass::NotFound);

        let live = stage.run(stage.aws.fleet.task_definition(services[1].task_definition.as_str()))?;
        assert_eq!((&live.arn, live.active), (&services[1].task_definition, true));
        let family = live.document["family"].as_str().unwrap_or_default();
        let run: RunId = "run-1".parse()?;
        assert_eq!(stage.run(stage.aws.fleet.find_task_definition(family, &run))?, None);

        let document = json!({
            "family": family,
            "containerDefinitions": [{"name": "web", "image": "example/web:2", "memory": 64, "fromTheFuture": {"a": 1}}],
            "tags": [{"key": "team", "value": "shop"}],
        });
        let Outcome::Applied(revision) = stage.run(stage.aws.fleet.register_task_definition(&document, &run)) else {
            return Err("the definition was not registered".into());
        };
        assert_eq!(revision.family(), family);
        assert_eq!(stage.run(stage.aws.fleet.find_task_definition(family, &run))?, Some(revision.clone()));
        let registered = stage.run(stage.aws.fleet.task_definition(revision.short()))?;
        let tags = json!([{"key": "team", "value": "shop"}, {"key": "bluegreen:run", "value": "run-1"}]);
        assert_eq!(registered.document["tags"], tags);
        assert_eq!(registered.document["containerDefinitions"][0]["image"], "example/web:2");
        // moto does not keep members that it does not know; they were sent.
        let requests = stage.emulator.requests()?;
        let sent: Vec<_> = requests.iter().filter(|sent| sent["operation"] == "RegisterTaskDefinition").collect();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0]["params"]["containerDefinitions"][0]["fromTheFuture"], json!({"a": 1}));
        let missing = stage.run(stage.aws.fleet.task_definition("nobody:1"));
        assert_eq!(missing.unwrap_err().class, ErrorClass::NotFound);

        let change = ServiceChange { color: Color::Green, task_definition: Some(revision.clone()), desired: Some(1) };
        let done = stage.run(stage.aws.fleet.update_service(cluster, &names[0], &change));
        assert_eq!(done, Outcome::Applied(()));
        let changed = stage.run(stage.aws.fleet.services(cluster, &names[..1]))?.remove(0);
        assert_eq!((changed.task_definition, changed.desired), (revision, 1));
        Ok(())
    })
}

#[test]
fn alarms_their_past_and_requests() -> Checked {
    in_own_process("alarms_their_past_and_requests", || {
        let stage = Stage::set(&["--red", "frontend-5xx"])?;
        let names = ["frontend-latency", "nobody", "frontend-5xx"].map(str::to_owned);
        let alarms = stage.run(stage.aws.alarms.read(&names))?;
        let seen: Vec<&str> = alarms.iter().map(|alarm| alarm.name.as_str()).collect();
        assert_eq!(seen, ["frontend-latency", "frontend-5xx"]);
        assert_eq!((alarms[0].state.clone(), alarms[1].state.clone()), (AlarmState::Ok, AlarmState::Alarm));
        assert!(alarms.iter().all(|alarm| alarm.kind == AlarmKind::Metric && alarm.definition.len() == 64));
        assert!(alarms[1].transitioned_at.is_some() && alarms[1].window_seconds > 0, "{:?}", alarms[1]);
        assert!(alarms[1].dimensions.contains(&stage.group("green")?.dimension().to_owned()), "{:?}", alarms[1]);

        let past = stage.run(stage.aws.alarms.history("frontend-5xx", "2000-01-01T00:00:00Z".parse()?))?;
        assert_eq!(past.last().map(|change| &change.to), Some(&AlarmState::Alarm), "{past:?}");
        let future = stage.run(stage.aws.alarms.history("frontend-5xx", "2100-01-01T00:00:00Z".parse()?))?;
        assert!(future.is_empty(), "{future:?}");

        let (balancer, groups) = (stage.balancer()?, [stage.group("blue")?, stage.group("green")?]);
        let window = ("2026-01-01T00:00:00Z".parse()?, "2026-01-01T00:10:00Z".parse()?);
        let asked = groups.map(|group| requests(&balancer, &group));
        let points = stage.run(stage.aws.metrics.points(&asked, window.0, window.1))?;
        assert_eq!(points, [Ok(Vec::new()), Ok(Vec::new())]);

        let caller = stage.run(stage.aws.identity.caller())?;
        assert_eq!((caller.account.as_str(), caller.region.as_str()), (stage.world.value("account"), "eu-west-3"));
        Ok(())
    })
}
