//! The same shop with one service, whose releases AWS carries out.

use std::time::Duration;

use bluegreen_core::model::{AfterCommit, ByColor, ListenerArn, Percent, RouteId, RunId, Shift, Step};
use bluegreen_core::observe::Controller;
use bluegreen_core::plan::{CodeDeploy, Engine, Native};
use bluegreen_core::ports::run_mark;
use serde_json::{Map, Value, json};

use super::{CLUSTER, Scenario, arn, canary_steps};
use crate::services;
use crate::world::codedeploy::{Group, Pair, Platform, Rollback, Termination};
use crate::world::{NewService, Registration, RolloutPolicy, World};

/// The service's name.
pub const SERVICE: &str = "web";
/// The application of CodeDeploy.
pub const APPLICATION: &str = "shop";
/// Its deployment group.
pub const GROUP: &str = "web";
/// The traffic configuration that the plan makes.
pub const CONFIG: &str = "bluegreen-canary-10-1m";

/// How long the deployment group waits at each end, in its minutes.
const WAIT: u32 = 60;

/// Who moves the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mover {
    /// The operator: two services.
    #[default]
    Operator,
    /// CodeDeploy: one service with task sets.
    CodeDeploy,
    /// ECS: one service with a strategy.
    Ecs,
}

impl Scenario {
    /// The shop with one service under CodeDeploy: two routes of one listener, 10 % for a minute of its own, then all.
    pub fn by_codedeploy() -> Scenario {
        Scenario { mover: Mover::CodeDeploy, routes: 2, ..Scenario::for_aws() }
    }

    /// The shop with one service whose deployments ECS carries out itself: one rule, 10 %, then all.
    pub fn by_ecs() -> Scenario {
        Scenario { mover: Mover::Ecs, routes: 1, ..Scenario::for_aws() }
    }

    fn for_aws() -> Scenario {
        Scenario {
            // Both groups hang on the routes, as both of AWS's services want it or leave it.
            attached: true,
            steps: canary_steps(&[100], Duration::from_secs(10)),
            after: AfterCommit::ScaleTo(0),
            ..Scenario::shop()
        }
    }

    /// The routes of a shop whose weights AWS moves.
    pub(super) fn managed_routes(&self, all: &[RouteId]) -> Vec<RouteId> {
        match self.mover {
            Mover::Operator => all.to_vec(),
            // What hangs on one listener.
            Mover::CodeDeploy => all[1..].to_vec(),
            Mover::Ecs => all[..1].to_vec(),
        }
    }

    /// A minute of AWS's waits: CodeDeploy's interval is one of them, and lasts as long as the plan's first hold.
    pub(super) fn minute(&self) -> Duration {
        let hold = |step: &Step| match step {
            Step::Hold(hold) => Some(*hold),
            _ => None,
        };
        let hold = self.steps.iter().find_map(hold).filter(|_| self.mover == Mover::CodeDeploy);
        hold.unwrap_or(Duration::from_secs(60))
    }

    /// Puts the one service into a world that has everything else.
    pub(super) fn furnish_service(&self, world: &mut World) {
        let (controller, settings) = match self.mover {
            Mover::Operator => return,
            Mover::CodeDeploy => (Controller::CodeDeploy, json!({})),
            Mover::Ecs => (Controller::Rolling, self.ecs_settings()),
        };
        let new = NewService {
            cluster: CLUSTER.to_owned(),
            name: SERVICE.to_owned(),
            controller,
            task_definition: Some(self.old_revision()),
            desired: self.tasks,
            registers_in: vec![Registration {
                group: self.groups().blue,
                container: Some("app".to_owned()),
                port: Some(8_080),
            }],
            policy: RolloutPolicy::default(),
            settings: settings.as_object().cloned().unwrap_or_default(),
        };
        made(world.create_service(new));
        if self.mover == Mover::CodeDeploy {
            made(world.create_application(APPLICATION, Platform::Ecs));
            made(world.create_deployment_group(APPLICATION, GROUP, self.deployment_group()));
        }
    }

    fn deployment_group(&self) -> Group {
        let test = Some(arn::<ListenerArn>("listener/app/shop/50dc/test")).filter(|_| self.test_route);
        let pair = Pair {
            groups: ["web-blue".to_owned(), "web-green".to_owned()],
            production: arn::<ListenerArn>("listener/app/shop/50dc/https"),
            test,
        };
        Group {
            config: Some("CodeDeployDefault.ECSAllAtOnce".to_owned()),
            service_role: "arn:aws:iam::111122223333:role/codedeploy".to_owned(),
            service: Some((CLUSTER.to_owned(), SERVICE.to_owned())),
            pair: Some(pair),
            ready_wait: Some(WAIT),
            termination: Termination { ends: true, wait: WAIT },
            rollback: Rollback { enabled: true, events: crate::world::codedeploy::RollbackEvent::ALL.to_vec() },
            ..Group::default()
        }
    }

    fn ecs_settings(&self) -> Value {
        let groups = self.groups();
        let advanced = json!({
            "alternateTargetGroupArn": groups.green.as_str(),
            "productionListenerRule": self.route_ids()[0].arn(),
            "roleArn": "arn:aws:iam::111122223333:role/ecs",
        });
        let balancer = json!({
            "targetGroupArn": groups.blue.as_str(), "containerName": "app", "containerPort": 8080,
            "advancedConfiguration": advanced,
        });
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
        let declared = json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5});
        json!({"deploymentConfiguration": declared, "loadBalancers": [balancer], "networkConfiguration": network})
    }

    /// The names of the services by colour.
    pub(super) fn managed_services(&self) -> Option<ByColor<String>> {
        let one = || SERVICE.to_owned();
        (self.mover != Mover::Operator).then(|| ByColor { blue: one(), green: one() })
    }

    /// What carries the plan out, where that is AWS.
    pub(super) fn managed_engine(&self, world: &World, run: &RunId) -> Option<Engine> {
        Some(match self.mover {
            Mover::Operator => return None,
            Mover::CodeDeploy => {
                let wait = Duration::from_secs(60);
                Engine::CodeDeploy(Box::new(CodeDeploy {
                    application: APPLICATION.to_owned(),
                    group: GROUP.to_owned(),
                    config: CONFIG.to_owned(),
                    create_config: true,
                    shift: Shift::Canary { first: self.first_share(), wait },
                    appspec: appspec(),
                    ready_wait: Some(self.minute() * WAIT),
                    termination_wait: self.minute() * WAIT,
                }))
            }
            Mover::Ecs => Engine::Ecs(Box::new(Native {
                shift: Shift::Canary { first: self.first_share(), wait: Duration::ZERO },
                configuration: self.ecs_configuration(run),
                declared: declared(world, world.state(), (CLUSTER, SERVICE), world.now_ms()),
            })),
        })
    }

    fn first_share(&self) -> Percent {
        let share = |step: &Step| match step {
            Step::SetWeight(share) => Some(*share),
            _ => None,
        };
        self.steps.iter().find_map(share).unwrap_or(Percent::FULL)
    }

    fn ecs_configuration(&self, run: &RunId) -> Value {
        let first = f64::from(self.first_share().tenths()) / 10.0;
        let pause = json!({
            "targetType": "PAUSE",
            "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"],
            "hookDetails": {"bluegreen": run_mark(run)},
            "timeoutConfiguration": {"timeoutInMinutes": 60, "action": "ROLLBACK"},
        });
        json!({
            "strategy": "CANARY",
            "canaryConfiguration": {"canaryPercent": first, "canaryBakeTimeInMinutes": 0},
            "bakeTimeInMinutes": 0,
            "lifecycleHooks": [pause],
        })
    }
}

/// The settings of a service's deployments as ECS shows them; `service` is the cluster's name and its own.
pub(crate) fn declared(
    world: &World,
    state: &crate::world::State,
    (cluster, service): (&str, &str),
    at: crate::world::Ms,
) -> Value {
    let record = state.services.get(&(cluster.to_owned(), service.to_owned()));
    let shown = record.map(|record| services::described_service(world, state, cluster, record, at));
    shown.and_then(|shown| shown.get("deploymentConfiguration").cloned()).unwrap_or(Value::Object(Map::new()))
}

fn appspec() -> String {
    let info = json!({"ContainerName": "app", "ContainerPort": 8080});
    let properties = json!({"TaskDefinition": "<TASK_DEFINITION>", "LoadBalancerInfo": info});
    let service = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
    json!({"version": "0.0", "Resources": [service]}).to_string()
}

/// The scenario is made of constants: one that the world refuses is a defect of this file.
#[allow(clippy::expect_used, reason = "constants of this file")]
fn made<T, E: std::fmt::Debug>(result: Result<T, E>) {
    result.expect("the world takes the scenario");
}
