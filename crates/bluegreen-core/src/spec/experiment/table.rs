//! The one table of everything that an experiment file may hold.

use super::super::shape::{Field, Keys, List, Map, Object, Shape, Words, Zero};
use super::super::table::ENVIRONMENTS;
use super::super::text::{self, Misfit, TextKind};
use crate::diagnostic::codes;

pub(super) const EXPERIMENT: Object = Object {
    keys: Keys::One(&["split", "cohorts"]),
    cure: "an experiment begins with `version: 1`, and has `split: { stickiness: 7d }` or `cohorts: [ … ]`",
    fields: &[
        Field::new("version", Shape::Integer { min: 1, max: 1 }, "The version of this format: 1.").required(),
        Field::new(
            "name",
            Shape::Text(&text::SERVICE),
            "The experiment's name. One of a name runs at a time in an account and region.",
        )
        .required(),
        Field::new(
            "environments",
            Shape::Map(&ENVIRONMENTS),
            "Where, by name, as in `bluegreen.yaml`. With several, `--environment NAME` chooses.",
        )
        .required(),
        Field::new("route", Shape::Object(&ROUTE), "The route that the experiment stands in front of.").required(),
        Field::new("control", Shape::Text(&text::SERVICE), "The variant that the others are compared with.").required(),
        Field::new("variants", Shape::Map(&VARIANTS), "What is compared, by name: two to five.").required(),
        Field::new("split", Shape::Object(&SPLIT), "Clients are drawn by the variants' weights."),
        Field::new("cohorts", Shape::List(&COHORTS), "Clients are told by what their requests carry."),
        Field::new(
            "unit",
            Shape::Either(&[Shape::Word(&UNITS), Shape::Object(&USERS)]),
            "What is counted as one: `request`, or users by a metric of the service's own that counts each user once, when it first meets the experiment.",
        )
        .default("request"),
        Field::new(
            "guardrails",
            Shape::List(&GUARDRAILS),
            "What must not get worse: a variant that is worse than the control ends the experiment.",
        )
        .default("the load balancer's error rate"),
        Field::new("goals", Shape::List(&GOALS), "What the experiment is for.").required(),
        Field::new("expiry", Shape::Duration(Zero::Refused("give it time")), "When it ends by itself.").required(),
        Field::new("minimum", Shape::Duration(Zero::Allowed), "Before this no goal is decided.").default("1d"),
        Field::new(
            "alpha",
            Shape::Share,
            "The chance, in percent, of ever calling equal variants different: all goals, variants and looks together.",
        )
        .default("5%"),
        Field::new(
            "plannedBlocks",
            Shape::Integer { min: 30, max: 1_000_000 },
            "After so many blocks of a minute the intervals of means are narrowest.",
        )
        .default("the minutes until the expiry"),
        Field::new("lag", Shape::Duration(Zero::Allowed), "How long after its end a minute is taken for complete.")
            .default("2m"),
    ],
};

const ROUTE: Object = Object {
    keys: Keys::One(&["rule", "defaultAction"]),
    cure: "write `route: { rule: ARN }`, or `defaultAction` with the ARN of a listener",
    fields: &[
        Field::new("rule", Shape::Text(&text::RULE), "A listener rule: the experiment takes what it would take."),
        Field::new("defaultAction", Shape::Text(&text::LISTENER), "A listener, for its default action."),
        Field::new(
            "rulesQuota",
            Shape::Integer { min: 1, max: 10_000 },
            "How many rules the load balancer may have: AWS's quota for the account.",
        )
        .default("100"),
    ],
};

const VARIANTS: Map = Map {
    key: "NAME",
    name: &text::SERVICE,
    value: Shape::Object(&VARIANT),
    entry: "variant",
    cure: "write `variants: { current: { targetGroup: NAME }, other: { targetGroup: NAME } }`",
};

const VARIANT: Object = Object {
    keys: Keys::Any,
    cure: "write `NAME: { targetGroup: NAME }`",
    fields: &[
        Field::new("targetGroup", Shape::Text(&text::TARGET_GROUP), "Its target group, by name or ARN.").required(),
        Field::new("weight", Shape::Integer { min: 1, max: 999 }, "Its weight in a split.").default("1"),
        Field::new(
            "service",
            Shape::Text(&text::SERVICE),
            "The ECS service behind it: `experiment promote` takes the winner's task definition from there.",
        ),
    ],
};

const SPLIT: Object = Object {
    keys: Keys::Any,
    cure: "write `split: { stickiness: 7d }`",
    fields: &[Field::new(
        "stickiness",
        Shape::Duration(Zero::Allowed),
        "How long a client stays with its variant: 1s to 7d; 0s draws anew for each request.",
    )
    .default("7d")],
};

const COHORTS: List = List {
    item: Shape::Object(&COHORT),
    min: 1,
    max: 20,
    unique: false,
    cure: "write `cohorts: [ { variant: NAME, header: { name: X-Beta, values: [\"1\"] } } ]`",
    text_code: codes::WRONG_KIND,
};

const COHORT: Object = Object {
    keys: Keys::One(&["header", "cookie", "query"]),
    cure: "say by what its requests are known, such as `cookie: { name: beta, value: \"1\" }`",
    fields: &[
        Field::new("variant", Shape::Text(&text::SERVICE), "Where they go.").required(),
        Field::new("header", Shape::Object(&HEADER), "A request header."),
        Field::new("cookie", Shape::Object(&COOKIE), "A cookie with exactly this value."),
        Field::new("query", Shape::Object(&QUERY), "A parameter of the query string."),
    ],
};

const HEADER: Object = Object {
    keys: Keys::Any,
    cure: "write `header: { name: X-Beta, values: [\"1\"] }`",
    fields: &[
        Field::new("name", Shape::Text(&HEADER_NAME), "The header's name.").required(),
        Field::new("values", Shape::List(&VALUES), "Its values; `*` and `?` are wildcards.").required(),
    ],
};

const COOKIE: Object = Object {
    keys: Keys::Any,
    cure: "write `cookie: { name: beta, value: \"1\" }`",
    fields: &[
        Field::new("name", Shape::Text(&COOKIE_NAME), "The cookie's name.").required(),
        Field::new("value", Shape::Text(&COOKIE_VALUE), "Its value.").required(),
    ],
};

const QUERY: Object = Object {
    keys: Keys::Any,
    cure: "write `query: { key: variant, values: [b] }`",
    fields: &[
        Field::new("key", Shape::Text(&VALUE), "The parameter.").required(),
        Field::new("values", Shape::List(&VALUES), "Its values; `*` and `?` are wildcards.").required(),
    ],
};

const VALUES: List = List {
    item: Shape::Text(&VALUE),
    min: 1,
    max: 5,
    unique: true,
    cure: "name one to five values: a rule takes no more",
    text_code: codes::WRONG_KIND,
};

const UNITS: Words = Words {
    values: &[("request", "requests, as the load balancer counts them")],
    later: &[],
    also: "or a mapping with `namespace`, `name` and `dimensions`",
    code: codes::NOT_A_CHOICE,
};

const USERS: Object = Object {
    keys: Keys::Any,
    cure: "write `unit: { namespace: NAME, name: NAME, dimensions: { Variant: \"{{variant}}\" } }`",
    fields: &[NAMESPACE, NAME, DIMENSIONS],
};

const CUSTOM: Object = Object {
    keys: Keys::Any,
    cure: "write `metric: { namespace: NAME, name: NAME, dimensions: { Variant: \"{{variant}}\" } }`",
    fields: &[
        NAMESPACE,
        NAME,
        Field::new("exposure", Shape::Text(&METRIC), "The metric beside it that it is a part of.")
            .default("the experiment's units"),
        DIMENSIONS,
    ],
};

const NAMESPACE: Field = Field::new("namespace", Shape::Text(&METRIC), "The metric's namespace.").required();
const NAME: Field = Field::new("name", Shape::Text(&METRIC), "Its name: its sum counts.").required();
const DIMENSIONS: Field = Field::new(
    "dimensions",
    Shape::Map(&DIMENSION),
    "Its dimensions. One has `{{variant}}` or `{{targetGroup}}` in it, for the variant's name or the dimension `TargetGroup` of the load balancer's metrics.",
)
.required();

const DIMENSION: Map = Map {
    key: "DIMENSION",
    name: &METRIC,
    value: Shape::Text(&METRIC),
    entry: "dimension",
    cure: "write `dimensions: { Variant: \"{{variant}}\" }`",
};

const METRIC_WORDS: Words = Words {
    values: &[
        ("errorRate", "requests that the target answered with 5xx, or that found no connection to one"),
        ("latency", "requests that took longer than `threshold`"),
    ],
    later: &[],
    also: "or a mapping with `namespace`, `name` and `dimensions`",
    code: codes::NOT_A_CHOICE,
};

const METRIC_FIELDS: [Field; 3] = [
    Field::new("name", Shape::Text(&text::SERVICE), "What it is called in reports.").default("the metric's"),
    Field::new("metric", Shape::Either(&[Shape::Word(&METRIC_WORDS), Shape::Object(&CUSTOM)]), "What is counted.")
        .required(),
    Field::new("threshold", Shape::Duration(Zero::Refused("every request takes longer")), "For `latency`."),
];

const GUARDRAILS: List = List {
    item: Shape::Object(&GUARDRAIL),
    min: 0,
    max: 10,
    unique: false,
    cure: "write `guardrails: [ { metric: errorRate } ]`",
    text_code: codes::WRONG_KIND,
};

const GUARDRAIL: Object = Object { keys: Keys::Any, cure: "write `- metric: errorRate`", fields: &METRIC_FIELDS };

const GOALS: List = List {
    item: Shape::Object(&GOAL),
    min: 1,
    max: 10,
    unique: false,
    cure: "write `goals: [ { metric: { … }, better: higher } ]`",
    text_code: codes::WRONG_KIND,
};

const GOAL: Object = Object {
    keys: Keys::Any,
    cure: "write `- { metric: { … }, better: higher }`",
    fields: &[
        METRIC_FIELDS[0],
        METRIC_FIELDS[1],
        METRIC_FIELDS[2],
        Field::new("kind", Shape::Word(&KINDS), "How it is compared.").default("mean"),
        Field::new("better", Shape::Word(&BETTER), "Which way is better.").required(),
        Field::new("margin", Shape::Share, "A relative difference, in percent, that nobody minds.").default("1%"),
        Field::new(
            "detect",
            Shape::Share,
            "The relative difference, in percent, that is to be found: for the planned duration.",
        )
        .default("5%"),
    ],
};

const KINDS: Words = Words {
    values: &[
        ("mean", "so much per unit, by blocks of time; holds where one user makes several requests"),
        ("share", "each user has it or not; needs users as the unit"),
    ],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

const BETTER: Words = Words {
    values: &[("higher", "more is better"), ("lower", "less is better")],
    later: &[],
    also: "",
    code: codes::NOT_A_CHOICE,
};

/// Printable ASCII of some length: what names and values of metrics and conditions have in common.
fn printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text.trim() == text
}

const METRIC: TextKind = TextKind {
    name: "metricText",
    expected: "1 to 255 printable characters, as CloudWatch takes them",
    code: codes::BAD_TEXT,
    pattern: "^[!-~]([ -~]{0,253}[!-~])?$",
    check: |text| Misfit::unless(printable(text, 255)),
};

const VALUE: TextKind = TextKind {
    name: "conditionValue",
    expected: "1 to 128 printable characters",
    code: codes::BAD_TEXT,
    pattern: "^[!-~]([ -~]{0,126}[!-~])?$",
    check: |text| Misfit::unless(printable(text, 128)),
};

const HEADER_NAME: TextKind = TextKind {
    name: "headerName",
    expected: "the name of a header other than Host, 1 to 40 characters without wildcards",
    code: codes::BAD_TEXT,
    pattern: "^[A-Za-z0-9!#$%&'+.^_`|~-]{1,40}$",
    check: |text| {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b);
        let fits = (1..=40).contains(&text.len()) && text.bytes().all(token);
        Misfit::unless(fits && !text.eq_ignore_ascii_case("host"))
    },
};

const COOKIE_NAME: TextKind = TextKind {
    name: "cookieName",
    expected: "the name of a cookie: 1 to 60 letters, digits and `!#$%&'+-.^_|~`",
    code: codes::BAD_TEXT,
    pattern: "^[A-Za-z0-9!#$%&'+.^_|~-]{1,60}$",
    check: |text| {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_|~".contains(&b);
        Misfit::unless((1..=60).contains(&text.len()) && text.bytes().all(token))
    },
};

const COOKIE_VALUE: TextKind = TextKind {
    name: "cookieValue",
    expected: "1 to 60 printable characters without spaces, quotes, `,`, `;`, `\\`, `*` and `?`",
    code: codes::BAD_TEXT,
    pattern: "^[!-~]{1,60}$",
    check: |text| {
        let fits = (1..=60).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        Misfit::unless(fits && !text.contains(['"', ',', ';', '\\', '*', '?']))
    },
};
