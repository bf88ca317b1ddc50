use super::judge::decide;
use super::*;
use crate::world::metrics::expression::Expression;
use crate::world::metrics::{MetricKey, MetricQuery, Source, Statistic, Summary};
use crate::world::{Config, RequestModel};

/// Periods oldest first: `X` breaching, `0` not, `-` missing.
fn slots(text: &str) -> Vec<Option<bool>> {
    let slot = |c| match c {
        'X' => Some(true),
        '0' => Some(false),
        _ => None,
    };
    text.chars().filter(|c| !c.is_whitespace()).map(slot).collect()
}

#[test]
fn missing_points_count_as_the_documentation_says() {
    let all = [Missing::Missing, Missing::Ignore, Missing::Breaching, Missing::NotBreaching];
    // The states of AWS's two tables: - for the state that it had.
    for (m, range, states) in [
        (3, "0 - X - X", "OOOO"),
        (3, "0 - - - -", "OOOO"),
        (3, "- - - - -", "I-AO"),
        (3, "0 X X - X", "AAAA"),
        (3, "- - X - -", "A-AO"),
        (2, "0 - X - X", "AAAA"),
        (2, "0 0 X 0 X", "AAAA"),
        (2, "0 - X - -", "OOAO"),
        (2, "- - - - 0", "OOAO"),
        (2, "- - - X -", "A-AO"),
        // Further: a last breaching point alone is not yet red, unless missing ones are; good ones in between stay good.
        (3, "- - - - X", "--AO"),
        (3, "- - - X -", "--AO"),
        (3, "X - - - -", "A-AO"),
        (3, "X X - - -", "A-AO"),
        (3, "X X X - -", "AAAA"),
        (3, "X X - 0 -", "OOOO"),
        (3, "X X X X 0", "OOOO"),
        (2, "X - - - X", "AAAA"),
        (2, "X X 0 0 0", "OOOO"),
        (1, "- - - - X", "AAAA"),
        (1, "X - - - 0", "AAAA"),
    ] {
        for (missing, expected) in all.into_iter().zip(states.chars()) {
            let state = decide(&slots(range), 3, m, missing);
            let found = match state {
                None => '-',
                Some(AlarmState::Ok) => 'O',
                Some(AlarmState::Alarm) => 'A',
                Some(_) => 'I',
            };
            assert_eq!(found, expected, "{m} of 3, {range}, {missing:?}");
        }
    }
}

fn key(name: &str) -> MetricKey {
    MetricKey::new("Shop", name, &[])
}

fn query(id: &str, name: &str, stat: &str, period: u32) -> MetricQuery {
    let statistic = Statistic::parse(stat).unwrap();
    let source = Source::Metric { key: key(name), period, stat: stat.to_owned(), statistic, unit: None };
    MetricQuery { id: id.to_owned(), source, label: None, period: None, return_data: None, account: None }
}

fn rule(n: u32, m: u32, threshold: f64, missing: Option<Missing>) -> MetricRule {
    MetricRule {
        queries: vec![query("m1", "errors", "Sum", 60)],
        math: false,
        evaluation_periods: n,
        datapoints_to_alarm: Some(m),
        comparison: Comparison::GreaterOrEqual,
        threshold,
        treat_missing: missing,
        low_samples: None,
    }
}

fn spec(world: &World, rule: Rule) -> AlarmSpec {
    AlarmSpec {
        description: None,
        actions_enabled: true,
        ok_actions: vec![],
        alarm_actions: vec![],
        insufficient_data_actions: vec![],
        configured_at: world.now(),
        rule,
    }
}

fn put(world: &mut World, name: &str, rule: MetricRule) {
    let spec = spec(world, Rule::Metric(rule));
    world.put_alarm(name, spec);
}

fn compose(world: &mut World, name: &str, text: &str) {
    let expression = RuleExpression::parse(text).unwrap();
    let rule = CompositeRule {
        text: text.to_owned(),
        expression,
        suppressor: None,
        suppressor_wait: None,
        suppressor_extension: None,
    };
    let spec = spec(world, Rule::Composite(rule));
    world.put_alarm(name, spec);
}

fn world() -> World {
    let mut config = Config::fast(1);
    config.requests = RequestModel::Recorded;
    World::new(config)
}

fn state<'a>(world: &'a World, name: &str) -> &'a AlarmState {
    &world.state().alarms[name].state
}

/// Points of whole minutes, from the world's first one on.
fn minutes(world: &mut World, values: &[Option<f64>]) {
    for value in values {
        if let Some(value) = value {
            let at = world.second(world.now_ms());
            world.put_metric(&key("errors"), at, 60, "Count", Summary::of(*value, 1.0));
        }
        world.advance_to(world.now_ms() + 60_000);
    }
}

#[test]
fn an_alarm_begins_without_data_and_turns_red_and_green_with_reasons() {
    let mut world = world();
    put(&mut world, "errors", rule(3, 2, 5.0, None));
    assert_eq!(state(&world, "errors"), &AlarmState::InsufficientData);
    assert_eq!(world.state().alarms["errors"].reason, "Unchecked: Initial alarm creation");
    minutes(&mut world, &[Some(0.0), Some(7.0), Some(5.0), None]);
    assert_eq!(state(&world, "errors"), &AlarmState::Alarm);
    let red = world.state().alarms["errors"].clone();
    assert_eq!(
        red.reason,
        "Threshold Crossed: 2 out of the last 3 datapoints [5.0 (01/01/26 00:02:00), 7.0 (01/01/26 00:01:00)] were \
         greater than or equal to the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
    );
    let data: serde_json::Value = serde_json::from_str(&red.reason_data).unwrap();
    assert_eq!(data["recentDatapoints"], serde_json::json!([0.0, 7.0, 5.0]));
    assert_eq!(data["evaluatedDatapoints"][0]["timestamp"], "2026-01-01T00:02:00.000+0000");
    assert_eq!((&data["period"], &data["statistic"]), (&serde_json::json!(60), &serde_json::json!("Sum")));
    minutes(&mut world, &[Some(1.0), Some(1.0), None]);
    let green = &world.state().alarms["errors"];
    assert_eq!(green.state, AlarmState::Ok);
    assert!(green.reason.contains("2 out of the last 3 datapoints [1.0"), "{}", green.reason);
    assert!(green.reason.contains("were not greater than or equal to the threshold (5.0)"), "{}", green.reason);
    assert!(green.reason.contains("(minimum 2 datapoints for ALARM -> OK transition)"), "{}", green.reason);
    minutes(&mut world, &[None; 8]);
    assert_eq!(state(&world, "errors"), &AlarmState::InsufficientData);
    assert_eq!(world.state().alarms["errors"].reason, "Insufficient Data: 3 datapoints were unknown.");
    let states: Vec<&AlarmState> = world.state().alarms["errors"].history.iter().map(|change| &change.to).collect();
    assert_eq!(states, [&AlarmState::Ok, &AlarmState::Alarm, &AlarmState::Ok, &AlarmState::InsufficientData]);
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    for delay in [1_000, 180_000] {
        let mut world = world();
        world.config.metric_delay = delay;
        put(&mut world, "errors", rule(1, 1, 1.0, Some(Missing::NotBreaching)));
        world.advance_to(600_000);
        assert_eq!(state(&world, "errors"), &AlarmState::Ok);
        let reason = &world.state().alarms["errors"].reason;
        let missing = "no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].";
        assert_eq!(reason, &format!("Threshold Crossed: {missing}"));
        world.record(&key("errors"), 600_000, 1.0, 1.0, "Count");
        world.advance_to(660_000 + delay - 1);
        assert_eq!(state(&world, "errors"), &AlarmState::Ok, "{delay}");
        world.advance_to(660_000 + delay + 60_000);
        assert_eq!(state(&world, "errors"), &AlarmState::Alarm, "{delay}");
        let turned = world.ms(world.state().alarms["errors"].transitioned_at);
        assert!((660_000 + delay..=720_000 + delay).contains(&turned), "{turned}");
        // An old point stands in for missing ones, until it leaves the evaluation range.
        world.advance_to(turned + 60_000);
        assert_eq!(state(&world, "errors"), &AlarmState::Alarm, "{delay}");
        world.advance_to(turned + 180_000);
        assert_eq!(state(&world, "errors"), &AlarmState::Ok, "{delay}");
    }
}

#[test]
fn alarms_look_once_a_minute_each_at_its_own_second() {
    let mut world = world();
    let names: Vec<String> = (0..20).map(|n| format!("alarm-{n}")).collect();
    for name in &names {
        put(&mut world, name, rule(1, 1, 1.0, Some(Missing::NotBreaching)));
    }
    world.advance_to(61_000);
    let first: Vec<Ms> = names.iter().map(|name| world.ms(world.state().alarms[name].transitioned_at)).collect();
    assert!(first.iter().all(|at| (1..=60_000).contains(at) && at.is_multiple_of(1_000)), "{first:?}");
    assert!(first.iter().collect::<std::collections::BTreeSet<_>>().len() > 10, "{first:?}");
    // With metrics by the second, alarms look every second.
    let mut world = self::world();
    world.config.metric_period = 1_000;
    put(&mut world, "fast", rule(1, 1, 1.0, Some(Missing::NotBreaching)));
    world.advance_to(1_000);
    assert_eq!(state(&world, "fast"), &AlarmState::Ok);
}

#[test]
fn a_set_state_holds_until_the_next_evaluation_and_a_new_definition_keeps_the_state() {
    let mut world = world();
    put(&mut world, "errors", rule(1, 1, 1.0, Some(Missing::NotBreaching)));
    world.advance_to(60_000);
    world.set_alarm_state("errors", AlarmState::Alarm, "drill", "{\"a\":1}");
    assert_eq!(state(&world, "errors"), &AlarmState::Alarm);
    let set_at = world.now_ms();
    put(&mut world, "errors", rule(1, 1, 2.0, Some(Missing::NotBreaching)));
    assert_eq!(state(&world, "errors"), &AlarmState::Alarm);
    world.advance_to(set_at + 60_000);
    assert_eq!(state(&world, "errors"), &AlarmState::Ok);
    let before = world.state().alarms["errors"].clone();
    world.set_alarm_state("errors", AlarmState::Ok, "again", "");
    let after = &world.state().alarms["errors"];
    assert_eq!((after.reason.as_str(), after.history.len()), ("again", before.history.len()));
    assert_eq!(after.transitioned_at, before.transitioned_at, "only a real change moves it");
    assert_eq!(after.updated_at, world.now());
    let kinds: Vec<(&str, &str)> = after.log.iter().map(|item| (item.kind.word(), item.summary.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("ConfigurationUpdate", "Alarm \"errors\" created"),
            ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
            ("StateUpdate", "Alarm updated from OK to ALARM"),
            ("ConfigurationUpdate", "Alarm \"errors\" updated"),
            ("StateUpdate", "Alarm updated from ALARM to OK"),
        ]
    );
    let data: serde_json::Value = serde_json::from_str(&after.log[2].data).unwrap();
    assert_eq!(data["oldState"]["stateValue"], "OK");
    assert_eq!(data["newState"]["stateReason"], "drill");
    assert_eq!(data["newState"]["stateReasonData"]["a"], 1);
    let update: serde_json::Value = serde_json::from_str(&after.log[3].data).unwrap();
    assert_eq!(
        (&update["originalAlarm"]["threshold"], &update["updatedAlarm"]["threshold"]),
        (&1.0.into(), &2.0.into())
    );
}

#[test]
fn percentiles_of_few_values_may_be_left_alone() {
    for (low_samples, expected) in [(None, AlarmState::Alarm), (Some(LowSamples::Ignore), AlarmState::InsufficientData)]
    {
        let mut world = world();
        let mut slow = rule(1, 1, 1.0, None);
        slow.queries = vec![query("m1", "errors", "p99", 60)];
        slow.low_samples = low_samples;
        put(&mut world, "slow", slow);
        for at in 0..8 {
            world.record(&key("errors"), at * 60_000, 2.0, 999.0, "Seconds");
        }
        world.advance_to(240_000);
        assert_eq!(state(&world, "slow"), &expected);
        (4..10).for_each(|at| world.record(&key("errors"), at * 60_000, 2.0, 1.0, "Seconds"));
        world.advance_to(420_000);
        assert_eq!(state(&world, "slow"), &AlarmState::Alarm, "1,000 values are enough");
    }
}

#[test]
fn expressions_are_compared_like_metrics() {
    let mut world = world();
    let mut rate = rule(2, 2, 5.0, Some(Missing::NotBreaching));
    let text = "IF(requests > 10, 100 * FILL(errors, 0) / requests, 0)";
    let source = Source::Expression { text: text.to_owned(), parsed: Expression::parse(text).unwrap() };
    let hidden = |query: MetricQuery| MetricQuery { return_data: Some(false), ..query };
    rate.math = true;
    rate.queries = vec![
        hidden(query("errors", "errors", "Sum", 60)),
        hidden(query("requests", "requests", "Sum", 60)),
        MetricQuery { source, ..query("rate", "errors", "Sum", 60) },
    ];
    put(&mut world, "rate", rate);
    assert_eq!(world.state().alarms["rate"].window_seconds, 120);
    for minute in 0..20 {
        world.record(&key("requests"), minute * 60_000, 1.0, if minute < 15 { 100.0 } else { 10.0 }, "Count");
        if minute >= 10 {
            world.record(&key("errors"), minute * 60_000, 1.0, 6.0, "Count");
        }
    }
    world.advance_to(11 * 60_000);
    assert_eq!(state(&world, "rate"), &AlarmState::Ok, "one minute at 6 % is not two");
    world.advance_to(13 * 60_000 + 2_000);
    assert_eq!(state(&world, "rate"), &AlarmState::Alarm);
    world.advance_to(19 * 60_000);
    assert_eq!(state(&world, "rate"), &AlarmState::Ok, "too few requests to judge");
}

#[test]
fn short_periods_need_fine_points() {
    let mut world = world();
    let mut fast = rule(1, 1, 1.0, None);
    fast.queries = vec![query("m1", "errors", "Sum", 10)];
    put(&mut world, "fast", fast);
    for second in 0..300 {
        world.record(&key("errors"), second * 1_000, 1.0, 1.0, "Count");
    }
    world.advance_to(300_000);
    assert_eq!(state(&world, "fast"), &AlarmState::InsufficientData, "points of a minute");
    let at = world.second(world.now_ms());
    world.put_metric(&key("errors"), at, 1, "Count", Summary::of(1.0, 1.0));
    world.advance_to(322_000);
    assert_eq!(state(&world, "fast"), &AlarmState::Alarm);
}

#[test]
fn long_periods_slide_by_the_minute() {
    let mut world = world();
    let mut long = rule(1, 1, 10.0, Some(Missing::NotBreaching));
    long.queries = vec![query("m1", "errors", "Sum", 300)];
    put(&mut world, "long", long);
    // Five in each of two minutes that no fixed grid of five minutes has together.
    world.record(&key("errors"), 9 * 60_000, 5.0, 1.0, "Count");
    world.record(&key("errors"), 10 * 60_000, 5.0, 1.0, "Count");
    world.advance_to(10 * 60_000);
    assert_eq!(state(&world, "long"), &AlarmState::Ok);
    world.advance_to(12 * 60_000 + 2_000);
    assert_eq!(state(&world, "long"), &AlarmState::Alarm);
}

#[test]
fn composites_follow_their_rules() {
    let mut world = world();
    for name in ["a", "b"] {
        put(&mut world, name, rule(1, 1, 1.0, Some(Missing::NotBreaching)));
    }
    world.advance_to(60_000);
    compose(&mut world, "both", "ALARM(a) AND ALARM(b)");
    compose(&mut world, "calm", "NOT ALARM(both)");
    assert_eq!((state(&world, "both"), state(&world, "calm")), (&AlarmState::Ok, &AlarmState::Alarm));
    world.set_alarm("a", AlarmState::Alarm, "drill");
    assert_eq!(state(&world, "both"), &AlarmState::Ok);
    world.set_alarm("b", AlarmState::Alarm, "drill");
    assert_eq!((state(&world, "both"), state(&world, "calm")), (&AlarmState::Alarm, &AlarmState::Ok));
    let reason = &world.state().alarms["both"].reason;
    let expected = "arn:aws:cloudwatch:eu-west-3:111122223333:alarm:b transitioned to ALARM at Thursday 01 January, 2026 00:01:00 UTC";
    assert_eq!(reason, expected);
    // A composite that was set stays so until one of its children changes.
    world.set_alarm_state("both", AlarmState::Ok, "drill", "");
    let children = |world: &mut World, until: Ms| {
        world.advance_to(until);
        (state(world, "a").clone(), state(world, "b").clone())
    };
    assert_eq!(state(&world, "both"), &AlarmState::Ok);
    assert_eq!(children(&mut world, 121_000), (AlarmState::Ok, AlarmState::Ok));
    assert_eq!((state(&world, "both"), state(&world, "calm")), (&AlarmState::Ok, &AlarmState::Alarm));
    world.delete_alarms(&["a".to_owned()]);
    assert!(world.state().alarm("a").is_none() && world.evaluations.len() == 1);
}

#[test]
fn composites_in_a_circle_come_to_an_end() {
    let mut world = world();
    put(&mut world, "a", rule(1, 1, 1.0, Some(Missing::NotBreaching)));
    compose(&mut world, "x", "ALARM(a) OR NOT ALARM(y)");
    compose(&mut world, "y", "ALARM(x)");
    world.set_alarm("a", AlarmState::Alarm, "drill");
    assert_eq!(state(&world, "x"), &AlarmState::Alarm);
    assert!(world.state().alarms["y"].log.len() <= KEPT);
}

#[test]
fn definitions_tell_what_decides_and_nothing_else() {
    let world = world();
    let base = spec(&world, Rule::Metric(rule(1, 1, 1.0, None)));
    let other = AlarmSpec { description: Some("d".into()), alarm_actions: vec!["x".into()], ..base.clone() };
    assert_eq!(base.definition(), other.definition());
    assert_ne!(base.definition(), spec(&world, Rule::Metric(rule(1, 1, 2.0, None))).definition());
    assert_eq!(base.definition().len(), 64);
}
