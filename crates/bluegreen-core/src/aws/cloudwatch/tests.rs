use aws_sdk_cloudwatch::types::{
    AlarmHistoryItem, CompositeAlarm, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat, StateValue,
};
use aws_smithy_types::DateTime;

use super::*;
use crate::aws::testing::{Answer, Script};
use crate::observe::{AlarmKind, AlarmState};

#[test]
fn a_metric_alarm_is_read_whole() {
    let dimension = |value: &str| Dimension::builder().name("TargetGroup").value(value).build();
    let metric = Metric::builder().namespace("n").metric_name("m").dimensions(dimension("targetgroup/b/2")).build();
    let stat = MetricStat::builder().metric(metric).period(120).stat("Sum").build();
    let alarm = MetricAlarm::builder()
        .alarm_name("errors")
        .state_value(StateValue::InsufficientData)
        .state_reason("two\u{1b}[1m\nlines")
        .state_transitioned_timestamp(DateTime::from_secs(10))
        .state_updated_timestamp(DateTime::from_secs(99))
        .evaluation_periods(3)
        .dimensions(dimension("targetgroup/a/1"))
        .metrics(MetricDataQuery::builder().id("a").metric_stat(stat).build())
        .metrics(MetricDataQuery::builder().id("e").expression("a*100").period(60).build())
        .build();
    let read = alarms::metric(&alarm).unwrap();
    assert_eq!((read.kind, &read.state), (AlarmKind::Metric, &AlarmState::InsufficientData));
    assert_eq!(read.transitioned_at, Some(Timestamp::from_second(10).unwrap()));
    assert_eq!(read.reason, "two lines");
    assert_eq!(read.window_seconds, 360);
    assert_eq!(read.dimensions, ["targetgroup/a/1", "targetgroup/b/2"]);
}

#[test]
fn a_state_that_is_not_known_is_never_green() {
    let state = |value: Option<StateValue>| {
        let alarm = CompositeAlarm::builder().alarm_name("all").set_state_value(value).build();
        alarms::composite(&alarm).unwrap().state
    };
    assert_eq!(state(Some(StateValue::Ok)), AlarmState::Ok);
    assert_eq!(state(Some(StateValue::Alarm)), AlarmState::Alarm);
    assert!(matches!(state(Some(StateValue::from("SLEEPING"))), AlarmState::Unknown(_)));
    assert!(matches!(state(None), AlarmState::Unknown(_)));
}

#[test]
fn a_past_change_is_read_from_its_data() {
    let item = |data: Option<&str>| {
        AlarmHistoryItem::builder()
            .alarm_name("errors")
            .timestamp(DateTime::from_secs(60))
            .history_item_type(HistoryItemType::StateUpdate)
            .set_history_data(data.map(str::to_owned))
            .build()
    };
    let data = r#"{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM"}}"#;
    let expected = StateChange { at: Timestamp::from_second(60).unwrap(), to: AlarmState::Alarm };
    assert_eq!(alarms::change(&item(Some(data))), Ok(Some(expected)));
    // Unreadable history may hide the change to red.
    for bad in [None, Some(""), Some("{}"), Some(r#"{"newState":"ALARM"}"#)] {
        assert_eq!(alarms::change(&item(bad)).unwrap_err().class, ErrorClass::Malformed, "{bad:?}");
    }
    let other = AlarmHistoryItem::builder().history_item_type(HistoryItemType::ConfigurationUpdate).build();
    assert_eq!(alarms::change(&other), Ok(None));
}

#[tokio::test]
async fn both_families_are_asked_for_by_name() {
    // An empty map in CBOR: no alarms.
    let empty = || Answer::Body(200, "application/cbor", vec![0xa0]);
    let script = Script::start(vec![empty(), empty(), empty()]);
    let alarms = script.ports().await.alarms;
    let names: Vec<String> = (0..101).map(|n| format!("alarm-{n}")).collect();
    assert_eq!(alarms.read(&names).await, Ok(Vec::new()));
    assert_eq!(alarms.history("alarm-0", Timestamp::UNIX_EPOCH).await, Ok(Vec::new()));
    let heard = script.heard();
    assert_eq!(heard.len(), 3, "a hundred names go into one call");
    assert!(heard.iter().all(|call| call.contains("CompositeAlarm") && call.contains("MetricAlarm")), "{heard:?}");
    assert!(heard[2].contains("StateUpdate"), "{heard:?}");
}
