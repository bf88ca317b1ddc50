//! What is judged by counts, and how strictly.

use crate::diagnostic::codes;
use crate::spec::shape::{Field, Keys, List, Map, Object, Shape, Words, Zero};
use crate::spec::text;

pub(in crate::spec) const ANALYSIS: Object = Object {
    keys: Keys::Any,
    cure: "write `analysis: { metrics: [ { metric: errorRate } ] }`, or only the list of metrics",
    fields: &[
        Field::new(
            "metrics",
            Shape::List(&METRICS),
            "What is counted, for the canary and for stable at the same time. The list alone may stand in place of the mapping.",
        )
        .required(),
        Field::new(
            "profile",
            Shape::Word(&PROFILES),
            "How strict the judge is, in one word; the keys below change one thing each.",
        )
        .default("default"),
        Field::new(
            "falseRollback",
            Shape::Rate { min: 0.001, max: 20.0 },
            "The chance of sending a canary back that is as good as stable: of the whole release, all looks, steps and metrics together.",
        )
        .default("1%"),
        Field::new(
            "falsePass",
            Shape::Rate { min: 0.001, max: 20.0 },
            "The chance of passing a step with a canary that fails `notWorseThan` times as often.",
        )
        .default("5%"),
        Field::new(
            "notWorseThan",
            Shape::Number { min: 1.1, max: 100.0 },
            "The ratio of failure rates that must be ruled out before a step is passed.",
        )
        .default("2"),
        Field::new(
            "harmless",
            Shape::Rate { min: 0.0001, max: 50.0 },
            "A failure rate that nobody minds: a canary that is certainly below it passes whatever stable's rate is.",
        ),
        Field::new(
            "limit",
            Shape::Rate { min: 0.0001, max: 99.0 },
            "A failure rate that nobody bears: a canary that is certainly above it goes back whatever stable's rate is.",
        ),
        Field::new(
            "burstShare",
            Shape::Rate { min: 0.0, max: 100.0 },
            "The largest part of one minute's failures that may belong together, as those of one slow database do.",
        )
        .default("2%"),
        Field::new("failureLimit", Shape::Integer { min: 0, max: 60 }, FAILURE_LIMIT).default("0"),
        Field::new(
            "warmUp",
            Shape::Duration(Zero::Allowed),
            "Minutes are not looked at before the canary has been healthy for so long.",
        )
        .default("2m"),
        Field::new(
            "horizon",
            Shape::Duration(Zero::Refused("name about how long the release is looked at, such as `60m`")),
            "For about how long the release is looked at: small regressions are found more often within that time, and those that begin late a little later.",
        ),
        Field::new(
            "minRequests",
            Shape::Integer { min: 1, max: 1_000_000_000 },
            "A step is not passed with fewer requests of the canary, counted from the start of the release.",
        )
        .default("50"),
        Field::new(
            "promoteEarly",
            Shape::Flag,
            "Whether a step may be passed before its time is over, on enough evidence.",
        )
        .default("false"),
        Field::new(
            "lag",
            Shape::Duration(Zero::Refused("CloudWatch needs a while to have all of a minute: 2m is the default")),
            "A minute is looked at when it ended so long ago, 60s to 5m.",
        )
        .default("2m"),
        Field::new("inconclusive", Shape::Word(&INCONCLUSIVE), "What follows when a step ends without enough evidence.")
            .default("extend"),
        Field::new(
            "inconclusiveLimit",
            Shape::Integer { min: 0, max: 100 },
            "How often in a release `inconclusive` may extend or promote; after that the step waits for a person.",
        )
        .default("1"),
        Field::new("noAnswer", Shape::Word(&NO_ANSWER), "What follows when the metrics cannot be read.")
            .default("hold"),
        Field::new(
            "noAnswerFor",
            Shape::Duration(Zero::Allowed),
            "For how long that is tolerated first; until then nothing goes forward.",
        )
        .default("10m"),
    ],
};

const FAILURE_LIMIT: &str = "So many minutes in which at least half of the canary's requests were bad are let pass; the next one sends it back.";

const PROFILES: Words = Words {
    values: &[
        ("default", "`falseRollback: 1%`"),
        ("cautious", "sends back on more evidence only, `falseRollback: 0.1%`"),
        ("fast", "sends back on less evidence, `falseRollback: 5%`"),
        ("noisy", "for services whose failures come in bursts, `burstShare: 20%`"),
    ],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

const INCONCLUSIVE: Words = Words {
    values: &[
        ("extend", "the step goes on for its own length once more"),
        ("hold", "it goes on until there is evidence, or a person promotes"),
        ("promote", "it is passed"),
        ("rollback", "the release goes back"),
    ],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

const NO_ANSWER: Words = Words {
    values: &[
        ("hold", "nothing goes forward until they can be, or a person promotes"),
        ("promote", "the release goes on without them"),
        ("rollback", "it goes back"),
    ],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

pub(in crate::spec) const METRICS: List = List {
    item: Shape::Object(&METRIC),
    min: 1,
    max: 20,
    unique: false,
    cure: "name at least one metric: `[ { metric: errorRate } ]`",
    text_code: codes::WRONG_KIND,
};

pub(in crate::spec) const METRIC: Object = Object {
    keys: Keys::Any,
    cure: "write each metric as an item of its own, such as `- metric: errorRate`",
    fields: &[
        Field::new(
            "metric",
            Shape::Either(&[Shape::Word(&BUILT_IN), Shape::Object(&CUSTOM)]),
            "What is bad, and of how many.",
        )
        .required(),
        Field::new(
            "threshold",
            Shape::Duration(Zero::Refused("every response takes longer than that")),
            "For `latency`: the time above which a response is slow.",
        ),
        Field::new("name", Shape::Text(&text::SERVICE), "What the metric is called in plans and reports.")
            .default("the metric's own"),
        Field::new(
            "weight",
            Shape::Number { min: 0.01, max: 100.0 },
            "The metric's part of the evidence beside the others.",
        )
        .default("1"),
        Field::new("dryRun", Shape::Flag, "Whether it is only shown: it neither sends back nor holds up.")
            .default("false"),
    ],
};

const BUILT_IN: Words = Words {
    values: &[
        ("errorRate", "responses with 5xx by the target, and connections that failed, of all requests"),
        ("lost", "requests without a 2xx, 3xx or 4xx response by the target, whoever failed"),
        ("latency", "responses that took longer than `threshold`"),
    ],
    later: &[],
    also: "or a mapping that names metrics of CloudWatch",
    code: codes::NOT_A_CHOICE,
};

const CUSTOM: Object = Object {
    keys: Keys::One(&["exposure", "all"]),
    cure: "write `{ namespace: NAMESPACE, name: BAD, exposure: ALL, dimensions: { Version: \"{{color}}\" } }`",
    fields: &[
        Field::new("name", Shape::Text(&text::METRIC), "The CloudWatch metric of bad ones; beside `bad`, any name.")
            .required(),
        Field::new("exposure", Shape::Text(&text::METRIC), "The CloudWatch metric of all of them."),
        Field::new("namespace", Shape::Text(&text::NAMESPACE), "The namespace of both."),
        Field::new("dimensions", Shape::Map(&DIMENSIONS), DIMENSIONS_DOC),
        Field::new("statistic", Shape::Text(&text::STATISTIC), "How both are counted: `Sum` or `SampleCount`.")
            .default("Sum"),
        Field::new("bad", Shape::Object(&QUERY), "Bad ones, as one metric or as metric math."),
        Field::new("all", Shape::Object(&QUERY), "All of them, as one metric or as metric math."),
    ],
};

const DIMENSIONS_DOC: &str = "All of its dimensions. `{{color}}`, `{{service}}` and `{{targetGroup}}` are filled in for the canary and for stable; `{{loadBalancer}}` is the same for both.";

const QUERY: Object = Object {
    keys: Keys::One(&["math", "name"]),
    cure: "write `{ namespace: NAMESPACE, name: NAME, dimensions: { … } }`, or `{ math: EXPRESSION, series: { … } }`",
    fields: &[
        Field::new("math", Shape::Text(&text::MATH), "Metric math that gives one time series, over ids of `series`."),
        Field::new("series", Shape::Map(&SERIES), "The metrics in `math` by their id."),
        Field::new("namespace", Shape::Text(&text::NAMESPACE), "The metric's namespace."),
        Field::new("name", Shape::Text(&text::METRIC), "The metric's name."),
        Field::new("dimensions", Shape::Map(&DIMENSIONS), DIMENSIONS_DOC),
        Field::new("statistic", Shape::Text(&text::STATISTIC), "How it is counted, such as `TC(2:)`: values above 2.")
            .default("Sum"),
    ],
};

const SERIES: Map = Map {
    key: "ID",
    name: &text::QUERY_ID,
    value: Shape::Object(&ONE_SERIES),
    entry: "metric by id",
    cure: "write `series: { m1: { namespace: NAMESPACE, name: NAME, dimensions: { … } } }`",
};

const ONE_SERIES: Object = Object {
    keys: Keys::Any,
    cure: "write `{ namespace: NAMESPACE, name: NAME, dimensions: { Version: \"{{color}}\" } }`",
    fields: &[
        Field::new("namespace", Shape::Text(&text::NAMESPACE), "The metric's namespace.").required(),
        Field::new("name", Shape::Text(&text::METRIC), "The metric's name.").required(),
        Field::new("dimensions", Shape::Map(&DIMENSIONS), DIMENSIONS_DOC),
        Field::new("statistic", Shape::Text(&text::STATISTIC), "How it is counted.").default("Sum"),
    ],
};

const DIMENSIONS: Map = Map {
    key: "DIMENSION",
    name: &text::METRIC,
    value: Shape::Text(&text::DIMENSION),
    entry: "dimension",
    cure: "write `dimensions: { Version: \"{{color}}\" }`",
};

pub(in crate::spec) const ANALYSE: Object = Object {
    keys: Keys::Any,
    cure: "write `analysis: { for: 15m }`",
    fields: &[Field::new(
        "for",
        Shape::Duration(Zero::Refused("a verdict needs minutes to rest on, such as `for: 15m`")),
        "How long, counted from the moment the step before was verified.",
    )
    .required()],
};
