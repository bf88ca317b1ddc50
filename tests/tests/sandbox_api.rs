//! The AWS adapters over the sandbox's API in the same process: real clients and real bytes, while the clock stands
//! still until everybody waits.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::analysis::{Answers, ControlArm, Row, Source, Tally, queries};
use bluegreen_core::aws::{AwsPorts, ConnectOptions, connect};
use bluegreen_core::model::{Action, Color, RouteId, TargetGroupArn, Timestamp, Weight};
use bluegreen_core::ports::{CallError, ErrorClass, Outcome};
use bluegreen_sandbox::api::{Api, RunningClock};
use bluegreen_sandbox::faults::FaultPlan;
use bluegreen_sandbox::fronts::connector::http_client;
use bluegreen_sandbox::scenario::Scenario;
use bluegreen_sandbox::world::{Latency, Profile, RequestModel, World};

struct Stage {
    world: Arc<Mutex<World>>,
    api: Api,
    aws: AwsPorts,
}

impl Stage {
    async fn set() -> Stage {
        let world = Scenario::shop().world();
        let region = Some(world.config.region.clone());
        let clock = Arc::new(RunningClock::new(world.now_ms(), 1.0));
        let world = Arc::new(Mutex::new(world));
        let api = Api::new(Arc::clone(&world), clock, FaultPlan::default().faults(2));
        let http_client = Some(http_client(api.clone()));
        let endpoint = Some("https://sandbox.invalid".to_owned());
        let options =
            ConnectOptions { region, endpoint, made_up_credentials: true, http_client, ..ConnectOptions::default() };
        Stage { world, api, aws: connect(options).await.expect("the options name all that is needed") }
    }

    fn arm(&self, plan: &str, times: u64) {
        self.api.disarm();
        for rule in FaultPlan::parse(plan).expect("a plan").rules() {
            self.api.add_fault(rule.clone().times(times));
        }
    }

    fn look<T>(&self, at: impl FnOnce(&World) -> T) -> T {
        at(&self.world.lock().expect("nobody panicked"))
    }

    /// The weight that the route has for the green group, if any.
    fn green(&self, route: &RouteId) -> Option<u16> {
        let groups = Scenario::shop().groups();
        let found = self.look(|world| world.state().route(route))?;
        let forward = Action::forward_of(&found.actions)?;
        let green = forward.groups.iter().find(|group| group.arn == groups.green)?;
        green.weight.map(Weight::get)
    }

    /// How many requests arrived while `ask` ran, how long that took in the world, and what it gave.
    async fn during<T>(&self, ask: impl Future<Output = T>) -> (usize, Duration, T) {
        let (before, began) = (self.api.requests().len(), tokio::time::Instant::now());
        let answer = ask.await;
        (self.api.requests().len() - before, began.elapsed(), answer)
    }
}

fn in_virtual_time(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without sockets").block_on(test());
}

#[test]
fn clients_reach_the_world_in_the_same_process() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        let (asked, _, caller) = stage.during(stage.aws.identity.caller()).await;
        let caller = caller.expect("an answer");
        assert_eq!((asked, caller.account.as_str(), caller.region.as_str()), (1, "111122223333", "eu-west-3"));
        assert!(caller.arn.starts_with("arn:aws:sts::111122223333:assumed-role/sandbox/bluegreen-"), "{}", caller.arn);
    });
}

#[test]
fn throttled_reads_are_asked_again_without_anybody_waiting() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        stage.arm("throttle:sts=1", 2);
        let (asked, took, caller) = stage.during(stage.aws.identity.caller()).await;
        assert!(caller.is_ok() && asked == 3 && took > Duration::ZERO, "{caller:?} after {asked} in {took:?}");
        stage.arm("throttle:sts=1", 3);
        let (asked, _, caller) = stage.during(stage.aws.identity.caller()).await;
        assert_eq!((asked, caller.expect_err("three attempts").class), (3, ErrorClass::Throttled));
    });
}

#[test]
fn answers_that_never_come_end_by_the_client_s_time_limits() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        stage.arm("hang=1", u64::MAX);
        let (_, took, caller) = stage.during(stage.aws.identity.caller()).await;
        assert_eq!(caller.expect_err("nothing came").class, ErrorClass::TimedOut);
        assert!((Duration::from_secs(10)..=Duration::from_secs(45)).contains(&took), "{took:?}");
        stage.arm("drop=1", u64::MAX);
        let (asked, _, caller) = stage.during(stage.aws.identity.caller()).await;
        assert_eq!((asked, caller.expect_err("nothing came").class), (3, ErrorClass::Unavailable));
    });
}

#[test]
fn the_adapters_read_what_the_world_has() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        let (shop, aws) = (Scenario::shop(), &stage.aws);
        let routes = shop.route_ids();
        let kept: Vec<_> = routes.iter().filter_map(|id| stage.look(|world| world.state().route(id))).collect();
        let read = aws.router.routes(&routes).await.expect("routes");
        // The second one signs people in: nobody is shown its secret, nor that it keeps one.
        assert_eq!((&read[0], &read[2], read.len()), (&kept[0], &kept[2], kept.len()));
        assert_eq!((&read[1].conditions, &read[1].actions[1]), (&kept[1].conditions, &kept[1].actions[1]));
        // A write fills in what AWS fills in; from then on, what is read can be written back as it is.
        let sign_in = &routes[1..2];
        assert_eq!(aws.router.set_actions(&sign_in[0], &read[1].actions).await, Outcome::Applied(()));
        let filled = aws.router.routes(sign_in).await.expect("routes");
        assert_eq!(filled[0].actions[1], read[1].actions[1]);
        assert_eq!(aws.router.set_actions(&sign_in[0], &filled[0].actions).await, Outcome::Applied(()));
        assert_eq!(aws.router.routes(sign_in).await.expect("routes"), filled);
        let balancer = shop.load_balancer();
        let read = aws.router.load_balancer(&balancer).await.expect("a load balancer");
        let listeners = stage.look(|world| world.state().balancer(&balancer)).map(|balancer| balancer.listeners);
        assert_eq!((&read.arn, Some(&read.listeners)), (&balancer, listeners.as_ref()));
        assert!(routes.iter().all(|id| read.routes.iter().any(|route| route.id == *id)), "{:?}", read.routes);
        let blue = shop.groups().blue;
        let read = aws.router.target_groups(&[blue.to_string()]).await.expect("a group");
        assert_eq!(read.first(), stage.look(|world| world.state().group(blue.as_str())).as_ref());
        assert_eq!(aws.router.health(&blue).await.expect("its targets").healthy, 4);
    });
}

#[test]
fn a_write_whose_answer_is_lost_is_sent_once_and_not_known() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        let shop = Scenario::shop();
        let route = shop.route_ids().remove(0);
        let to = |green| shop.actions(&route, &[(Color::Blue, Some(100 - green)), (Color::Green, Some(green))]);
        for (plan, class, green, then) in [
            ("drop:mutations=1", ErrorClass::Unavailable, 10, None),
            ("drop-applied:mutations=1", ErrorClass::Unavailable, 20, Some(20)),
            ("hang:mutations=1", ErrorClass::TimedOut, 30, Some(20)),
            ("hang-applied:mutations=1", ErrorClass::TimedOut, 40, Some(40)),
        ] {
            stage.arm(plan, 1);
            let (asked, _, outcome) = stage.during(stage.aws.router.set_actions(&route, &to(green))).await;
            assert!(matches!(&outcome, Outcome::Unknown(error) if error.class == class), "{plan}: {outcome:?}");
            assert_eq!((asked, stage.green(&route)), (1, then), "{plan}");
        }
        stage.arm("throttle:mutations=1", 1);
        let (asked, _, outcome) = stage.during(stage.aws.router.set_actions(&route, &to(50))).await;
        assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Throttled), "{outcome:?}");
        assert_eq!((asked, stage.green(&route)), (1, Some(40)));
        assert_eq!(stage.aws.router.set_actions(&route, &to(50)).await, Outcome::Applied(()));
        assert_eq!(stage.green(&route), Some(50));
    });
}

#[test]
fn a_stale_read_shows_the_past() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        let shop = Scenario::shop();
        let route = shop.route_ids().remove(0);
        let ids = [route.clone()];
        let before = stage.aws.router.routes(&ids).await.expect("routes");
        tokio::time::sleep(Duration::from_secs(20)).await;
        let actions = shop.actions(&route, &[(Color::Blue, Some(70)), (Color::Green, Some(30))]);
        assert_eq!(stage.aws.router.set_actions(&route, &actions).await, Outcome::Applied(()));
        stage.arm("stale@10s:reads=1", u64::MAX);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(stage.aws.router.routes(&ids).await.expect("routes"), before);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(stage.aws.router.routes(&ids).await.expect("routes")[0].actions, actions);
    });
}

/// A source of the shop whose canary is green, by how one group is counted.
fn source(metric: &str, tally: impl Fn(&TargetGroupArn) -> Tally) -> Source {
    let groups = Scenario::shop().groups();
    Source { metric: metric.to_owned(), canary: tally(&groups.green), stable: tally(&groups.blue), control: None }
}

/// The default metrics, and one that has no points.
fn sources() -> [Source; 4] {
    let balancer = Scenario::shop().load_balancer();
    let slow = Duration::from_secs(1);
    let absent: TargetGroupArn =
        "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/nobody/cccc".parse().expect("an ARN");
    [
        source("errors", |group| Tally::errors(&balancer, group)),
        source("lost", |group| Tally::lost(&balancer, group)),
        source("slow", |group| Tally::latency(&balancer, group, slow)),
        source("absent", |_| Tally::errors(&balancer, &absent)),
    ]
}

impl Stage {
    /// The rows of [`sources`] since `from`, as the adapters read them.
    async fn rows(&self, from: Timestamp) -> Vec<Result<Vec<Row>, CallError>> {
        let sources = sources();
        let asked = queries(&sources);
        let points = self.aws.metrics.points(&asked, from, self.look(World::now)).await.expect("an answer");
        let answers = Answers::new(asked, points);
        sources.iter().map(|source| answers.rows(source, |_| ControlArm::Stable, |_| None)).collect()
    }
}

#[test]
fn the_adapters_read_counts_minute_by_minute() {
    in_virtual_time(async || {
        let stage = Stage::set().await;
        let latency = Some(Latency::TwoPoint { fast: 0.1, slow: 2.0, slow_share: 0.1 });
        let profile = Profile { error_rate: 0.01, refused: 0.01, latency };
        let began = {
            let mut world = stage.world.lock().expect("nobody panicked");
            world.config.requests = RequestModel::Drawn;
            world.set_profile(Scenario::shop().old_revision().short(), profile);
            world.now()
        };
        tokio::time::sleep(Duration::from_secs(630)).await;
        stage.aws.identity.caller().await.expect("time passes with every call");
        let rows: Vec<Vec<Row>> = stage.rows(began).await.into_iter().map(|rows| rows.expect("counts")).collect();
        // Green has no weight: no data on its side, and that is no row of zeros.
        assert!(rows.iter().flatten().all(|row| row.canary.is_none() && row.control.is_some()));
        let minutes: Vec<usize> = rows.iter().map(Vec::len).collect();
        assert!(minutes[0] >= 9 && minutes == [minutes[0], minutes[0], minutes[0], 0], "{minutes:?}");
        let rate = |rows: &[Row]| {
            let counts = rows.iter().filter_map(|row| row.control);
            let (bad, all) = counts.fold((0.0, 0.0), |(bad, all), counts| (bad + counts.bad, all + counts.all));
            bad / all
        };
        assert!((0.015..0.025).contains(&rate(&rows[0])), "{}", rate(&rows[0]));
        assert!((rate(&rows[1]) - rate(&rows[0])).abs() < 1e-12, "whatever was not refused was answered");
        assert!((0.09..0.11).contains(&rate(&rows[2])), "{}", rate(&rows[2]));
        // As it was two minutes ago: fewer rows, the same ones.
        stage.arm("stale@120s:cloudwatch=1", u64::MAX);
        let earlier = stage.rows(began).await.swap_remove(0).expect("counts");
        assert_eq!(earlier, rows[0][..minutes[0] - 2]);
        // A part of a series is no series; nobody takes half a minute's errors for all of them.
        stage.arm("partial:cloudwatch=1", u64::MAX);
        for rows in stage.rows(began).await {
            assert_eq!(rows.expect_err("it is not all").class, ErrorClass::Unavailable);
        }
    });
}
