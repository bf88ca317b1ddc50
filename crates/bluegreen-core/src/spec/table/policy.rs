//! The gate, the way back, the hooks and the pace.

use crate::diagnostic::codes;
use crate::spec::shape::{Field, Keys, List, Object, Shape, Words, Zero};
use crate::spec::text;

/// How many alarms one call reads (`DescribeAlarms` takes a hundred names).
const ALARMS_MAX: usize = 100;

pub(in crate::spec) const ALARMS: List = List {
    item: Shape::Text(&text::ALARM),
    min: 0,
    max: ALARMS_MAX,
    unique: true,
    cure: "combine alarms into composite ones, and name those",
    text_code: codes::WRONG_KIND,
};

pub(in crate::spec) const ALARM_POLICY: Object = Object {
    keys: Keys::Any,
    cure: "write `alarmPolicy: { insufficientData: wait 10m }`",
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
    also: "",
    code: codes::NOT_A_CHOICE,
};

pub(in crate::spec) const DRIFT: Words = Words {
    values: &[
        ("hold", "stop and leave everything as it is for a person"),
        ("rollback", "restore the captured baseline"),
    ],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

pub(in crate::spec) const ROLLBACK: Object = Object {
    keys: Keys::Any,
    cure: "write `rollback: { onInterrupt: hold, deadline: 10m }`",
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
    also: "",
    code: codes::NOT_A_CHOICE,
};

pub(in crate::spec) const HOOKS: Object = Object {
    keys: Keys::Any,
    cure: "write `hooks: { preTraffic: [[\"./smoke.sh\"]] }`",
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
    cure: "write a list of commands, each a list of its own: `[[\"./smoke.sh\", \"{{testUrl}}\"]]`",
    text_code: codes::SHELL,
};

const ARGV: List = List {
    item: Shape::Text(&text::ARGUMENT),
    min: 1,
    max: 1000,
    unique: false,
    cure: "each command is a list of its own: `[\"./smoke.sh\", \"{{testUrl}}\"]`",
    text_code: codes::SHELL,
};

const HOOK: Object = Object {
    keys: Keys::Any,
    cure: "write `{ argv: [\"./smoke.sh\"], timeout: 5m }`",
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

pub(in crate::spec) const TIMING: Object = Object {
    keys: Keys::Any,
    cure: "write `timing: { poll: 10s }`",
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

pub(in crate::spec) const STATES: Words = Words {
    values: &[("file", "a file under the user's state folder")],
    later: &[("dynamodb", "this version keeps its journal in a file: run from one machine, or share the state folder")],
    also: "",
    code: codes::NOT_A_CHOICE,
};
