//! The one table of everything that a spec file may hold.

use super::shape::{Field, Keys, List, Map, Object, Shape, Words, Zero};
use super::text;
use crate::diagnostic::codes;

/// How many alarms one call reads (`DescribeAlarms` takes a hundred names).
pub(super) const ALARMS_MAX: usize = 100;

pub(super) const SPEC: Object = Object {
    keys: Keys::Any,
    example: "see `bluegreen init`",
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
        Field::new("traffic", Shape::Object(&TRAFFIC), "What is shifted: the pair of target groups, and where it stands.")
            .required(),
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
        Field::new("alarmPolicy", Shape::Object(&ALARM_POLICY), "What to do with alarms that give no answer."),
        Field::new("drift", Shape::Word(&DRIFT), "What to do when someone else changes the rules during a release.")
            .default("hold"),
        Field::new("rollback", Shape::Object(&ROLLBACK), "How to go back."),
        Field::new("hooks", Shape::Object(&HOOKS), "Commands to run during a release."),
        Field::new("timing", Shape::Object(&TIMING), "How fast to look, and what to allow AWS for delays."),
        Field::new("state", Shape::Word(&STATES), "Where the journal of a run is kept.").default("file"),
        Field::new(
            "analysis",
            Shape::Later("gate on CloudWatch alarms instead: name them under `alarms`"),
            "Metric analysis; not part of this version.",
        ),
        Field::new(
            "notify",
            Shape::Later("read the events of `bluegreen deploy --output json` instead"),
            "Notifications; not part of this version.",
        ),
    ],
};

const ENVIRONMENTS: Map =
    Map { key: "NAME", name: &text::SERVICE, value: Shape::Object(&ENVIRONMENT), entry: "environment" };

const ENVIRONMENT: Object = Object {
    keys: Keys::Any,
    example: "{ region: eu-west-3, account: \"111122223333\", cluster: shop }",
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
    values: &[("alb", "weights on the load balancer's rules, two ECS services")],
    later: &[
        ("codedeploy", "this version drives `alb` only: for CodeDeploy, write its AppSpec with `bluegreen appspec`"),
        ("ecs", "this version drives `alb` only: it shifts the same rules, with two ECS services"),
    ],
    code: codes::ENGINE,
};

const TASK_DEFINITION: Object = Object {
    keys: Keys::AtMostOne(&["file", "arn"]),
    example: "{ file: taskdef.json, images: { app: \"${IMAGE}\" } }",
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

const IMAGES: Map =
    Map { key: "CONTAINER", name: &text::SERVICE, value: Shape::Text(&text::IMAGE), entry: "image by container name" };

const FLEET: Object = Object {
    keys: Keys::Any,
    example: "{ services: { blue: NAME, green: NAME } }",
    fields: &[
        Field::new("services", Shape::Object(&SERVICES), "Two ECS services, one for each colour.").required(),
        Field::new(
            "taskSets",
            Shape::Later("use `services` with two ECS services, one for each colour"),
            "Task sets; not part of this version.",
        ),
    ],
};

const SERVICES: Object = Object {
    keys: Keys::Any,
    example: "{ blue: NAME, green: NAME }",
    fields: &[
        Field::new("blue", Shape::Text(&text::SERVICE), "The blue ECS service's name.").required(),
        Field::new("green", Shape::Text(&text::SERVICE), "The green ECS service's name.").required(),
    ],
};

const TRAFFIC: Object = Object {
    keys: Keys::Some(&["rules", "defaultActions"]),
    example: "{ targetGroups: { blue: NAME, green: NAME }, rules: [ARN] }",
    fields: &[
        Field::new("targetGroups", Shape::Object(&TARGET_GROUPS), "The two target groups, one for each colour.")
            .required(),
        Field::new("rules", Shape::List(&RULES), "Every listener rule that carries the pair, by ARN."),
        Field::new(
            "defaultActions",
            Shape::List(&DEFAULT_ACTIONS),
            "Every listener whose default action carries the pair, by ARN.",
        ),
        Field::new(
            "test",
            Shape::Object(&TEST),
            "Where smoke-test traffic reaches the canary before its first weight.",
        ),
    ],
};

const TARGET_GROUPS: Object = Object {
    keys: Keys::Any,
    example: "{ blue: NAME, green: NAME }",
    fields: &[
        Field::new("blue", Shape::Text(&text::TARGET_GROUP), "The blue target group's name or ARN.").required(),
        Field::new("green", Shape::Text(&text::TARGET_GROUP), "The green target group's name or ARN.").required(),
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

const TEST: Object = Object {
    keys: Keys::One(&["listenerRule", "defaultAction"]),
    example: "{ listenerRule: ARN, url: \"http://…\" }",
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

const STRATEGY: Object = Object {
    keys: Keys::One(&["canary", "linear", "blueGreen"]),
    example: "{ linear: { step: 10, every: 5m } }",
    fields: &[
        Field::new(
            "canary",
            Shape::Object(&CANARY),
            "Steps of your own. The move to 100 % and the bake follow by themselves.",
        ),
        Field::new("linear", Shape::Object(&LINEAR), "Equal steps at equal times."),
        Field::new("blueGreen", Shape::Object(&EMPTY), "All traffic at once, then the bake."),
    ],
};

const EMPTY: Object = Object { keys: Keys::Any, example: "{}", fields: &[] };

const CANARY: Object = Object {
    keys: Keys::Any,
    example: "{ steps: [ { setWeight: 5 }, { pause: { duration: 10m } } ] }",
    fields: &[Field::new("steps", Shape::List(&STEPS), "What to do, in order.").required()],
};

const STEPS: List = List {
    item: Shape::Object(&STEP),
    min: 1,
    max: 1000,
    unique: false,
    cure: "name at least one `setWeight`; to move all traffic at once, use `blueGreen: {}`",
    text_code: codes::WRONG_KIND,
};

const STEP: Object = Object {
    keys: Keys::One(&["setWeight", "setCanaryScale", "pause"]),
    example: "{ setWeight: 5 }",
    fields: &[
        Field::new(
            "setWeight",
            Shape::Share,
            "The canary's share of traffic in percent, on every rule: above 0, never falling, 100 only as the last step.",
        ),
        Field::new("setCanaryScale", Shape::Share, "The canary's task count in percent of the stable fleet's."),
        Field::new("pause", Shape::Object(&PAUSE), "A hold under watch; `pause: {}` waits for `bluegreen promote`."),
        Field::new(
            "analysis",
            Shape::Later("use `pause: { duration: … }` and name the alarms that must stay green under `alarms`"),
            "Metric analysis; not part of this version.",
        ),
    ],
};

const PAUSE: Object = Object {
    keys: Keys::Any,
    example: "{ duration: 5m }, or {} to wait for `bluegreen promote`",
    fields: &[Field::new(
        "duration",
        Shape::Duration(Zero::Refused("a pause of no time does nothing; `pause: {}` waits for `bluegreen promote`")),
        "How long; counted from the moment the step before was verified.",
    )],
};

const LINEAR: Object = Object {
    keys: Keys::Any,
    example: "{ step: 10, every: 5m }",
    fields: &[
        Field::new("step", Shape::Share, "The share of traffic in percent that each step adds.").required(),
        Field::new(
            "every",
            Shape::Duration(Zero::Refused("without time between the steps, use `blueGreen: {}`")),
            "How long to hold after each step.",
        )
        .required(),
    ],
};

const CAPACITIES: Words = Words {
    values: &[
        ("full", "as many as the stable fleet, before the first weight"),
        ("matchWeight", "the share of the stable fleet that the next weight asks for, at least one"),
    ],
    later: &[],
    code: codes::NOT_A_CHOICE,
};

const AFTER_WORDS: Words =
    Words { values: &[("keepWarm", "it keeps its tasks")], later: &[], code: codes::NOT_A_CHOICE };

const AFTER: Object = Object {
    keys: Keys::Any,
    example: "{ scaleTo: 0 }",
    fields: &[Field::new(
        "scaleTo",
        Shape::Integer { min: 0, max: 5000 },
        "Scale it to this many tasks once its traffic is verified to be zero and drained.",
    )
    .required()],
};

const ALARMS: List = List {
    item: Shape::Text(&text::ALARM),
    min: 0,
    max: ALARMS_MAX,
    unique: true,
    cure: "combine alarms into composite ones, and name those",
    text_code: codes::WRONG_KIND,
};

const ALARM_POLICY: Object = Object {
    keys: Keys::Any,
    example: "{ insufficientData: wait 10m }",
    fields: &[
        Field::new(
            "allowRed",
            Shape::List(&ALLOW_RED),
            "Alarms that may be red at the start; they count again once they have been green.",
        )
        .default("[]"),
        Field::new("atStart", Shape::Word(&AT_START), "What a red alarm does at the start.").default("refuse"),
        Field::new("insufficientData", Shape::NoData, "For an alarm in `INSUFFICIENT_DATA`.").default("wait 10m"),
        Field::new("missing", Shape::NoData, "For an alarm that does not exist.").default("refuse"),
        Field::new("unreadable", Shape::NoData, "For reads that are throttled, denied or time out.")
            .default("wait 10m"),
    ],
};

const ALLOW_RED: List = List {
    item: Shape::Text(&text::ALARM),
    min: 0,
    max: ALARMS_MAX,
    unique: true,
    cure: "name only alarms that stand under `alarms`",
    text_code: codes::WRONG_KIND,
};

const AT_START: Words = Words {
    values: &[("refuse", "the release does not start; `allowRed` names exceptions")],
    later: &[],
    code: codes::NOT_A_CHOICE,
};

const DRIFT: Words = Words {
    values: &[
        ("hold", "stop and leave everything as it is for a person"),
        ("rollback", "restore the captured baseline"),
    ],
    later: &[],
    code: codes::NOT_A_CHOICE,
};

const ROLLBACK: Object = Object {
    keys: Keys::Any,
    example: "{ onInterrupt: hold, deadline: 10m }",
    fields: &[
        Field::new("onInterrupt", Shape::Word(&ON_INTERRUPT), "What the first SIGINT or SIGTERM does.").default("hold"),
        Field::new(
            "deadline",
            Shape::Duration(Zero::Refused("a rollback needs time: 10m is the default")),
            "After this long without success a rollback is reported as failed.",
        )
        .default("10m"),
        Field::new(
            "stickyHold",
            Shape::Duration(Zero::Allowed),
            "How long the canary's group stays out of a sticky rule before the baseline is written back verbatim.",
        )
        .default("5m"),
    ],
};

const ON_INTERRUPT: Words = Words {
    values: &[
        ("hold", "start no new work and leave the weights; `bluegreen resume` goes on"),
        ("rollback", "restore the captured baseline"),
    ],
    later: &[],
    code: codes::NOT_A_CHOICE,
};

const HOOKS: Object = Object {
    keys: Keys::Any,
    example: "{ preTraffic: [ [\"./smoke.sh\", \"{{testUrl}}\"] ] }",
    fields: &[Field::new(
        "preTraffic",
        Shape::List(&PRE_TRAFFIC),
        "Commands that must succeed before the canary gets its first weight, in order.",
    )],
};

const PRE_TRAFFIC: List = List {
    item: Shape::Either(&[Shape::List(&ARGV), Shape::Object(&HOOK)]),
    min: 0,
    max: 50,
    unique: false,
    cure: "write a list of commands, each a list of a program and its arguments: [ [\"./smoke.sh\", \"{{testUrl}}\"] ]",
    text_code: codes::SHELL,
};

const ARGV: List = List {
    item: Shape::Text(&text::ARGUMENT),
    min: 1,
    max: 1000,
    unique: false,
    cure: "write a program and its arguments: [\"./smoke.sh\", \"{{testUrl}}\"]",
    text_code: codes::SHELL,
};

const HOOK: Object = Object {
    keys: Keys::Any,
    example: "{ argv: [\"./smoke.sh\"], timeout: 5m }",
    fields: &[
        Field::new(
            "argv",
            Shape::List(&ARGV),
            "The program and its arguments, run without a shell. `{{testUrl}}`, `{{run}}`, `{{color}}` and `{{taskDefinition}}` are filled in.",
        )
        .required(),
        Field::new(
            "timeout",
            Shape::Duration(Zero::Refused("a command needs time: 5m is the default")),
            "After this long the command is killed and counts as failed.",
        )
        .default("5m"),
    ],
};

const TIMING: Object = Object {
    keys: Keys::Any,
    example: "{ poll: 10s }",
    fields: &[
        Field::new(
            "poll",
            Shape::Duration(Zero::Refused("a poll without pause would only be throttled by AWS: 10s is the default")),
            "The time between two looks at the world.",
        )
        .default("10s"),
        Field::new("settle", Shape::Duration(Zero::Allowed), "How old a read of ECS or the load balancer may be.")
            .default("30s"),
        Field::new(
            "propagation",
            Shape::Duration(Zero::Allowed),
            "How long the load balancer's nodes may go on routing by old weights.",
        )
        .default("60s"),
        Field::new(
            "drain",
            Shape::Duration(Zero::Allowed),
            "How long connections to a group without weight may live on: its deregistration delay.",
        )
        .default("5m"),
        Field::new(
            "phaseDeadline",
            Shape::Duration(Zero::Refused("every phase needs time: 15m is the default")),
            "How long one phase may take before the release goes back.",
        )
        .default("15m"),
        Field::new(
            "freshness",
            Shape::Duration(Zero::Refused("no reading is that fresh: 20s is the default")),
            "How old an alarm or health reading may be when traffic is moved forward; at least `poll`.",
        )
        .default("20s"),
        Field::new(
            "stableFor",
            Shape::Duration(Zero::Allowed),
            "How long the canary must stay healthy before it is believed.",
        )
        .default("10s"),
    ],
};

const STATES: Words = Words {
    values: &[("file", "a file under the user's state folder")],
    later: &[("dynamodb", "this version keeps its journal in a file: run from one machine, or share the state folder")],
    code: codes::NOT_A_CHOICE,
};
