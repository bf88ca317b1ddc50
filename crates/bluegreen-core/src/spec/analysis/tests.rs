use super::*;
use crate::model::Step;
use crate::spec::{Spec, parse, table};

const MINUTE: Duration = Duration::from_secs(60);

fn spec_with(strategy: &str, analysis: &str) -> Spec {
    let text = format!(
        "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\nengine: ecs\nalarms: [a]\n\
         taskDefinition: {{ file: t.json }}\nfleet: {{ service: front }}\nstrategy: {strategy}\nanalysis: {analysis}\n"
    );
    parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0
}

fn read_from(text: &str) -> Analysis {
    spec_with("{ linear: { step: 50, every: 15m } }", text).analysis.unwrap()
}

#[test]
fn a_list_of_metrics_is_the_whole_section() {
    let short = read_from("[ { metric: errorRate } ]");
    assert_eq!(short, read_from("{ metrics: [ { metric: errorRate } ] }"));
    assert_eq!(short.measures, [Measure::ErrorRate]);
    assert_eq!(short.judge, Judge { metrics: vec![Metric::named("errorRate")], ..Judge::default() });
    assert_eq!((short.lag, short.inconclusive_limit, short.no_answer_for), (2 * MINUTE, 1, 10 * MINUTE));
    assert_eq!((short.inconclusive, short.no_answer), (OnInconclusive::Extend, OnNoAnswer::Hold));
}

#[test]
fn every_setting_reaches_the_judge() {
    let found = read_from(
        "{ metrics: [ { metric: latency, threshold: 800ms, name: slow, weight: 0.5, dryRun: true }, { metric: lost } ], \
         falseRollback: 0.2%, falsePass: 10%, notWorseThan: 1.5, harmless: 0.1%, limit: 7%, burstShare: 12.5%, \
         failureLimit: 3, warmUp: 1m, horizon: 90m, minRequests: 7, promoteEarly: true, lag: 90s, inconclusive: hold, \
         inconclusiveLimit: 4, noAnswer: rollback, noAnswerFor: 3m }",
    );
    let judge = Judge {
        metrics: vec![
            Metric { name: "slow".into(), weight: 0.5, dry_run: true },
            Metric { name: "lost".into(), weight: 1.0, dry_run: false },
        ],
        alpha: 0.002,
        alpha_pass: 0.1,
        not_worse_than: 1.5,
        harmless: Some(0.001),
        limit: Some(0.07),
        burst_share: 0.125,
        warm_up: MINUTE,
        requests_min: 7.0,
        pass_early: true,
        failure_limit: 3,
        horizon: Some(90),
    };
    let expected = Analysis {
        judge,
        measures: vec![Measure::Latency(Duration::from_millis(800)), Measure::Lost],
        lag: Duration::from_secs(90),
        inconclusive: OnInconclusive::Hold,
        inconclusive_limit: 4,
        no_answer: OnNoAnswer::Rollback,
        no_answer_for: 3 * MINUTE,
    };
    assert_eq!(found, expected);
    let policies = |inconclusive: &str, no_answer: &str| {
        let text =
            format!("{{ metrics: [ {{ metric: lost }} ], inconclusive: {inconclusive}, noAnswer: {no_answer} }}");
        let found = read_from(&text);
        (found.inconclusive, found.no_answer)
    };
    assert_eq!(policies("promote", "promote"), (OnInconclusive::Promote, OnNoAnswer::Promote));
    assert_eq!(policies("rollback", "hold"), (OnInconclusive::Rollback, OnNoAnswer::Hold));
}

#[test]
fn a_profile_is_a_starting_point() {
    let found = |settings: &str| {
        let judge = read_from(&format!("{{ metrics: [ {{ metric: lost }} ], {settings} }}")).judge;
        (judge.alpha, judge.burst_share)
    };
    assert_eq!(found("profile: default"), (0.01, 0.02));
    assert_eq!(found("profile: cautious"), (0.001, 0.02));
    assert_eq!(found("profile: fast"), (0.05, 0.02));
    assert_eq!(found("profile: noisy"), (0.01, 0.2));
    assert_eq!(found("profile: noisy, falseRollback: 3%, burstShare: 0%"), (0.03, 0.0));
}

/// What the reference tells as a default, written out, changes nothing.
#[test]
fn the_defaults_that_are_told_are_those_that_hold() {
    let told = |object: &super::super::shape::Object| -> Vec<String> {
        let fields = object.fields.iter().filter_map(|field| Some((field.key, field.default?)));
        fields.filter(|(_, text)| !text.contains("the ")).map(|(key, text)| format!("{key}: {text}")).collect()
    };
    let settings = told(&table::ANALYSIS);
    assert!(settings.len() >= 13, "{settings:?}");
    let metric = told(&table::METRIC);
    assert_eq!(metric, ["weight: 1", "dryRun: false"]);
    let (settings, metric) = (settings.join(", "), metric.join(", "));
    let written = read_from(&format!("{{ metrics: [ {{ metric: errorRate, {metric} }} ], {settings} }}"));
    assert_eq!(written, read_from("[ { metric: errorRate } ]"));
}

#[test]
fn metrics_of_ones_own_are_pairs_or_queries() {
    let series = |name: &str, statistic: &str| Series {
        namespace: "Shop".into(),
        name: name.into(),
        dimensions: [("V".to_owned(), "{{color}}".to_owned())].into(),
        statistic: statistic.into(),
    };
    let one = |name: &str, statistic: &str| MetricQuery::Series(series(name, statistic));
    let measure = |text: &str| read_from(&format!("[ {{ metric: {text} }} ]")).measures.remove(0);
    let pair = measure(
        "{ namespace: Shop, name: Bad, exposure: All, statistic: SampleCount, dimensions: { V: '{{color}}' } }",
    );
    assert_eq!(pair, Measure::Own { bad: one("Bad", "SampleCount"), all: one("All", "SampleCount") });
    let queries = measure(
        "{ name: slow, bad: { namespace: Shop, name: Time, statistic: 'TC(2:)', dimensions: { V: '{{color}}' } }, \
         all: { math: 'a + b', series: { a: { namespace: Shop, name: A, dimensions: { V: '{{color}}' } }, \
         b: { namespace: Shop, name: B, dimensions: { V: '{{color}}' } } } } }",
    );
    let both = [("a".to_owned(), series("A", "Sum")), ("b".to_owned(), series("B", "Sum"))].into();
    let all = MetricQuery::Math { expression: "a + b".into(), series: both };
    assert_eq!(queries, Measure::Own { bad: one("Time", "TC(2:)"), all });
}

#[test]
fn steps_wait_for_verdicts_where_something_is_judged() {
    let linear = spec_with("{ linear: { step: 50, every: 15m } }", "[ { metric: errorRate } ]").steps;
    assert_eq!(linear[1], Step::Analysis(15 * MINUTE));
    let text = "version: 1\nservice: front\nenvironments: { prod: { cluster: shop } }\nengine: codedeploy\nalarms: [a]\n\
                taskDefinition: { file: t.json }\nfleet: { service: front }\nanalysis: [ { metric: lost } ]\n\
                strategy: { linear: { step: 50, every: 5m } }\n";
    let (spec, warnings) = parse("f", text, None, &|_| None).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(spec.steps[1], Step::Hold(5 * MINUTE), "there is no gate for a verdict");
    assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["BG0161"]);
    let steps = "{ canary: { steps: [ { setWeight: 5 }, { pause: { duration: 1m } }, { analysis: { for: 9m } } ] } }";
    let canary = spec_with(steps, "[ { metric: errorRate } ]").steps;
    assert_eq!(canary[1..3], [Step::Hold(MINUTE), Step::Analysis(9 * MINUTE)]);
}

#[test]
fn what_is_judged_needs_no_alarm() {
    let codes = |analysis: &str| {
        let text = format!(
            "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\nengine: ecs\n\
             taskDefinition: {{ file: t.json }}\nfleet: {{ service: front }}\n{analysis}\n\
             strategy: {{ linear: {{ step: 50, every: 15m }} }}\n"
        );
        let (_, warnings) = parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}"));
        warnings.iter().map(|warning| warning.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(""), ["BG0140"]);
    assert!(codes("analysis: [ { metric: lost } ]").is_empty());
}

#[test]
fn parts_of_a_hundred_are_read_to_the_last_bit() {
    for (text, expected) in [("1%", 0.01_f64), ("0.1%", 0.001), ("0.07 %", 0.0007), ("100%", 1.0), ("7.%", 0.07)] {
        assert_eq!(rate(text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
    }
    for text in ["1", "%", "-1%", "1e3%", "+1%", "nan%", "inf%", ".5%", "0x1%", "1%%", "1.2.3%"] {
        assert_eq!(rate(text), None, "{text}");
    }
}

/// The two placeholders that are the same for both fleets, or unknown, tell nothing apart.
#[test]
fn every_word_that_a_dimension_may_hold_is_filled_in() {
    let spec = |word: &str| {
        let metric = format!(
            "{{ namespace: N, name: B, exposure: A, dimensions: {{ V: '{{{{{word}}}}}', W: '{{{{color}}}}' }} }}"
        );
        read_from(&format!("[ {{ metric: {metric} }} ]"))
    };
    assert!(PLACEHOLDERS.iter().all(|word| !spec(word).measures.is_empty()));
}
