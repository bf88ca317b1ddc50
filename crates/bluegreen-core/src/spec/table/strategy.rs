//! How traffic is shifted, with how many tasks, and what follows.

use super::analysis::ANALYSE;
use crate::diagnostic::codes;
use crate::spec::shape::{Field, Keys, List, Object, Shape, Words, Zero};

pub(in crate::spec) const STRATEGY: Object = Object {
    keys: Keys::One(&["canary", "linear", "blueGreen"]),
    cure: "write `strategy: { linear: { step: 10, every: 5m } }`, or `canary` or `blueGreen` in its place",
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

const EMPTY: Object = Object { keys: Keys::Any, cure: "write `blueGreen: {}`", fields: &[] };

const CANARY: Object = Object {
    keys: Keys::Any,
    cure: "write `canary: { steps: [ { setWeight: 5 }, { pause: { duration: 10m } } ] }`",
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
    keys: Keys::One(&["setWeight", "setCanaryScale", "pause", "analysis"]),
    cure: "write each step as an item of its own, such as `- setWeight: 5`",
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
            Shape::Object(&ANALYSE),
            "A hold that ends with a verdict of the judge; `analysis` at the top level says what is judged.",
        ),
    ],
};

const PAUSE: Object = Object {
    keys: Keys::Any,
    cure: "write `pause: { duration: 5m }`, or `pause: {}` to wait for `bluegreen promote`",
    fields: &[Field::new(
        "duration",
        Shape::Duration(Zero::Refused("a pause of no time does nothing; `pause: {}` waits for `bluegreen promote`")),
        "How long; counted from the moment the step before was verified.",
    )],
};

const LINEAR: Object = Object {
    keys: Keys::Any,
    cure: "write `linear: { step: 10, every: 5m }`",
    fields: &[
        Field::new("step", Shape::Share, "The share of traffic in percent that each step adds.").required(),
        Field::new(
            "every",
            Shape::Duration(Zero::Refused("without time between the steps, use `blueGreen: {}`")),
            "How long to hold after each step. With an `analysis` section each hold is an analysis step, but not with `engine: codedeploy`.",
        )
        .required(),
    ],
};

pub(in crate::spec) const CAPACITIES: Words = Words {
    values: &[
        ("full", "as many as the stable fleet, before the first weight"),
        ("matchWeight", "the share of the stable fleet that the next weight asks for, at least one"),
    ],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

pub(in crate::spec) const AFTER_WORDS: Words = Words {
    values: &[("keepWarm", "it keeps its tasks")],
    later: &[],
    also: "or `{ scaleTo: N }`",
    code: codes::NOT_A_CHOICE,
};

pub(in crate::spec) const AFTER: Object = Object {
    keys: Keys::Any,
    cure: "write `after: { scaleTo: 0 }`",
    fields: &[Field::new(
        "scaleTo",
        Shape::Integer { min: 0, max: 5000 },
        "Scale it to this many tasks once its traffic is verified to be zero and drained.",
    )
    .required()],
};
