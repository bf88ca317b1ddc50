//! The one table of everything that a spec file may hold.

mod analysis;
mod managed;
mod policy;
mod strategy;

use super::shape::{Field, Keys, List, Map, Object, Shape, Words, Zero};
use super::text;
use crate::diagnostic::codes;
pub(super) use analysis::ANALYSIS;
#[cfg(test)]
pub(super) use analysis::METRIC;
use analysis::METRICS;

use managed::{CODE_DEPLOY, ECS};
use policy::{ALARM_POLICY, ALARMS, DRIFT, HOOKS, ROLLBACK, STATES, TIMING};
use strategy::{AFTER, AFTER_WORDS, CAPACITIES, STRATEGY};

pub(super) const SPEC: Object = Object {
    keys: Keys::Any,
    cure: "a spec begins with `version: 1`; `bluegreen init` writes one",
    fields: &[
        Field::new("version", Shape::Integer { min: 1, max: 1 }, "The version of this format: 1.").required(),
        Field::new(
            "service",
            Shape::Text(&text::SERVICE),
            "The release's name. One run at a time is allowed for each service in an environment.",
        )
        .required(),
        Field::new(
            "environments",
            Shape::Map(&ENVIRONMENTS),
            "Where to release, by name. With several, `--environment NAME` chooses.",
        )
        .required(),
        Field::new("engine", Shape::Word(&ENGINES), "What moves the traffic.").default("alb"),
        Field::new(
            "taskDefinition",
            Shape::Object(&TASK_DEFINITION),
            "What to release: a file, a registered revision, or the live definition with other images.",
        )
        .required(),
        Field::new("fleet", Shape::Object(&FLEET), "Where blue and green run.").required(),
        Field::new(
            "traffic",
            Shape::Object(&TRAFFIC),
            "What is shifted: the pair of target groups, and where it stands. The engines `codedeploy` and `ecs` find what is left out in AWS's own wiring, and check what is written here against it.",
        )
        .default("required for the engine `alb`"),
        Field::new("strategy", Shape::Object(&STRATEGY), "How traffic is shifted.").required(),
        Field::new(
            "bake",
            Shape::Duration(Zero::Allowed),
            "How long to hold at 100 % under watch before the old fleet may go.",
        )
        .default("10m"),
        Field::new("capacity", Shape::Word(&CAPACITIES), "How many tasks the canary gets.").default("full"),
        Field::new(
            "after",
            Shape::Either(&[Shape::Word(&AFTER_WORDS), Shape::Object(&AFTER)]),
            "What becomes of the old fleet after commit: `keepWarm`, or `{ scaleTo: N }`.",
        )
        .default("keepWarm"),
        Field::new(
            "alarms",
            Shape::List(&ALARMS),
            "The CloudWatch alarms, metric and composite, that gate every forward move. Without any, nothing rolls back by itself.",
        )
        .default("[]"),
        Field::new("codedeploy", Shape::Object(&CODE_DEPLOY), "What only the engine `codedeploy` reads."),
        Field::new("ecs", Shape::Object(&ECS), "What only the engine `ecs` reads."),
        Field::new("alarmPolicy", Shape::Object(&ALARM_POLICY), "What to do with alarms that give no answer."),
        Field::new("drift", Shape::Word(&DRIFT), "What to do when someone else changes the rules during a release.")
            .default("hold"),
        Field::new("rollback", Shape::Object(&ROLLBACK), "How to go back."),
        Field::new("hooks", Shape::Object(&HOOKS), "Commands to run during a release."),
        Field::new("timing", Shape::Object(&TIMING), "How fast to look, and what to allow AWS for delays."),
        Field::new("state", Shape::Word(&STATES), "Where the journal of a run is kept.").default("file"),
        Field::new(
            "analysis",
            Shape::Either(&[Shape::List(&METRICS), Shape::Object(&ANALYSIS)]),
            "What is judged by counts while the canary has traffic: a list of metrics, or a mapping with `metrics` and settings.",
        )
        .default("only alarms gate the release"),
        Field::new(
            "notify",
            Shape::Later("read the events of `bluegreen deploy --output json` instead"),
            "Notifications; not part of this version.",
        ),
    ],
};

pub(super) const ENVIRONMENTS: Map = Map {
    key: "NAME",
    name: &text::SERVICE,
    value: Shape::Object(&ENVIRONMENT),
    entry: "environment",
    cure: "write `environments: { prod: { region: eu-west-3, cluster: NAME } }`",
};

const ENVIRONMENT: Object = Object {
    keys: Keys::Any,
    cure: "write `prod: { region: eu-west-3, cluster: NAME }`",
    fields: &[
        Field::new("cluster", Shape::Text(&text::CLUSTER), "The ECS cluster's name or ARN.").required(),
        Field::new("region", Shape::Text(&text::REGION), "The region.").default("the AWS configuration's"),
        Field::new(
            "account",
            Shape::Text(&text::ACCOUNT),
            "The account that the credentials must belong to: 12 digits in quotes.",
        )
        .default("whichever the credentials belong to"),
    ],
};

const ENGINES: Words = Words {
    values: &[
        ("alb", "our weights on the load balancer's rules, over two ECS services or the task sets of one"),
        ("codedeploy", "CodeDeploy's deployments of one service with the controller CODE_DEPLOY"),
        ("ecs", "ECS's own blue/green, linear or canary strategy on one service"),
        ("auto", "the one that fits what the service is"),
    ],
    later: &[],
    also: "",
    code: codes::ENGINE,
};

const TASK_DEFINITION: Object = Object {
    keys: Keys::AtMostOne(&["file", "arn"]),
    cure: "write `taskDefinition: { file: taskdef.json, images: { NAME: IMAGE } }`",
    fields: &[
        Field::new(
            "file",
            Shape::Text(&text::FILE),
            "A JSON file as `RegisterTaskDefinition` takes it, relative to this file.",
        ),
        Field::new("arn", Shape::Text(&text::TASK_DEFINITION), "A registered revision, released as it is."),
        Field::new(
            "images",
            Shape::Map(&IMAGES),
            "Images by container name. With neither `file` nor `arn`, they are set in a copy of the live definition.",
        ),
    ],
};

const IMAGES: Map = Map {
    key: "CONTAINER",
    name: &text::SERVICE,
    value: Shape::Text(&text::IMAGE),
    entry: "image by container name",
    cure: "write `images: { CONTAINER: IMAGE }`",
};

const FLEET: Object = Object {
    keys: Keys::Some(&["services", "service", "taskSets"]),
    cure: "write `fleet: { services: { blue: NAME, green: NAME } }`, or `fleet: { service: NAME }` for an engine that AWS runs",
    fields: &[
        Field::new(
            "services",
            Shape::Object(&SERVICES),
            "Two ECS services, one for each colour, for the engine `alb`.",
        ),
        Field::new(
            "service",
            Shape::Text(&text::SERVICE),
            "One ECS service that both colours share, for the engines `codedeploy` and `ecs`.",
        ),
        Field::new(
            "taskSets",
            Shape::Object(&TASK_SETS),
            "Task sets of one ECS service with an external controller, one for each colour, for the engine `alb`.",
        ),
    ],
};

const TASK_SETS: Object = Object {
    keys: Keys::Any,
    cure: "write `taskSets: { service: NAME }`",
    fields: &[Field::new("service", Shape::Text(&text::SERVICE), "The ECS service's name.").required()],
};

const SERVICES: Object = Object {
    keys: Keys::Any,
    cure: "write `services: { blue: NAME, green: NAME }`",
    fields: &[
        Field::new("blue", Shape::Text(&text::SERVICE), "The blue ECS service's name.").required(),
        Field::new("green", Shape::Text(&text::SERVICE), "The green ECS service's name.").required(),
        Field::new(
            "control",
            Shape::Text(&text::SERVICE),
            "A third ECS service for new tasks of the old version, as many as the canary has: what it is compared with instead of the warm fleet that serves. Needs `traffic.targetGroups.control`.",
        ),
    ],
};

pub(super) const TRAFFIC: Object = Object {
    keys: Keys::Any,
    cure: "under `traffic` write `targetGroups: { blue: NAME, green: NAME }` and `rules: [ARN]`",
    fields: &[
        Field::new("targetGroups", Shape::Object(&TARGET_GROUPS), "The two target groups, one for each colour.")
            .default("required for the engine `alb`"),
        Field::new("rules", Shape::List(&RULES), "Every listener rule that carries the pair, by ARN.")
            .default("this or `defaultActions` for the engine `alb`"),
        Field::new(
            "defaultActions",
            Shape::List(&DEFAULT_ACTIONS),
            "Every listener whose default action carries the pair, by ARN.",
        )
        .default("this or `rules` for the engine `alb`"),
        Field::new(
            "test",
            Shape::Object(&TEST),
            "Where smoke-test traffic reaches the canary before its first weight.",
        ),
    ],
};

const TARGET_GROUPS: Object = Object {
    keys: Keys::Any,
    cure: "write `targetGroups: { blue: NAME, green: NAME }`",
    fields: &[
        Field::new("blue", Shape::Text(&text::TARGET_GROUP), "The blue target group's name or ARN.").required(),
        Field::new("green", Shape::Text(&text::TARGET_GROUP), "The green target group's name or ARN.").required(),
        Field::new(
            "control",
            Shape::Text(&text::TARGET_GROUP),
            "The target group, by name or ARN, of the service under `fleet.services.control`.",
        ),
    ],
};

const RULES: List = List {
    item: Shape::Text(&text::RULE),
    min: 1,
    max: 100,
    unique: true,
    cure: "name at least one rule, or leave the key out",
    text_code: codes::WRONG_KIND,
};

const DEFAULT_ACTIONS: List = List {
    item: Shape::Text(&text::LISTENER),
    min: 1,
    max: 50,
    unique: true,
    cure: "name at least one listener, or leave the key out",
    text_code: codes::WRONG_KIND,
};

pub(super) const TEST: Object = Object {
    keys: Keys::AtMostOne(&["listenerRule", "defaultAction"]),
    cure: "write `test: { listenerRule: ARN, url: \"http://…\" }`",
    fields: &[
        Field::new("listenerRule", Shape::Text(&text::RULE), "The listener rule of the test traffic."),
        Field::new(
            "defaultAction",
            Shape::Text(&text::LISTENER),
            "The listener whose default action takes test traffic.",
        ),
        Field::new("url", Shape::Text(&text::URL), "The URL that hooks get as `{{testUrl}}`."),
    ],
};
