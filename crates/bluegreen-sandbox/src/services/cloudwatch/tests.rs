#![allow(clippy::needless_pass_by_value, reason = "documents are written where they are used")]
#![allow(clippy::cast_precision_loss, clippy::float_cmp, reason = "whole numbers below 2^53")]

use serde_json::{Value, json};

use super::*;
use crate::services::Caller;
use crate::wire::{Input, Protocol, Service};
use crate::world::metrics::MetricKey;
use crate::world::{Config, Ms, RequestModel, World};

fn world() -> World {
    let mut config = Config::fast(1);
    config.requests = RequestModel::Recorded;
    World::new(config)
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, ApiError> {
    let caller = Caller::new("test");
    let request = Request {
        service: Service::CloudWatch,
        operation: operation.to_owned(),
        input: Input::new(Service::CloudWatch, Protocol::Json10, Node::from_json(input)),
        protocol: Protocol::Json10,
        request_id: "1".to_owned(),
        query_mode: false,
    };
    serve(&mut Context::new(world, &caller, 1), &request).map(|node| node.to_json())
}

fn ok(world: &mut World, operation: &str, input: Value) -> Value {
    call(world, operation, input).unwrap()
}

/// The code and the words of a refusal.
fn refused(world: &mut World, operation: &str, input: Value) -> (String, String) {
    let error = call(world, operation, input).unwrap_err();
    (error.code, error.message)
}

fn with(base: &Value, changes: Value) -> Value {
    let mut merged = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        merged[name] = value.clone();
    }
    merged.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    merged
}

fn alarm(name: &str) -> Value {
    json!({
        "AlarmName": name, "Namespace": "Shop", "MetricName": "errors", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}],
        "EvaluationPeriods": 2, "DatapointsToAlarm": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "AlarmActions": ["arn:aws:sns:eu-west-3:111122223333:pager"], "AlarmDescription": "too many errors",
        "Tags": [{"Key": "team", "Value": "shop"}],
    })
}

fn names(answer: &Value, list: &str) -> Vec<String> {
    answer[list].as_array().unwrap().iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()).collect()
}

/// Every item of a list, page by page, and how many pages there were.
fn all(world: &mut World, operation: &str, input: &Value, list: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut token) = (Vec::new(), 0, Value::Null);
    loop {
        let answer = ok(world, operation, with(input, json!({ "NextToken": token })));
        items.extend(answer[list].as_array().unwrap().clone());
        pages += 1;
        token = answer["NextToken"].clone();
        if token.is_null() {
            return (items, pages);
        }
    }
}

#[test]
fn a_metric_alarm_is_put_and_described() {
    let mut world = world();
    ok(&mut world, "PutMetricAlarm", alarm("errors"));
    let answer = ok(&mut world, "DescribeAlarms", json!({}));
    let described = &answer["MetricAlarms"][0];
    for (name, expected) in [
        ("AlarmName", json!("errors")),
        ("AlarmArn", json!("arn:aws:cloudwatch:eu-west-3:111122223333:alarm:errors")),
        ("AlarmDescription", json!("too many errors")),
        ("ActionsEnabled", json!(true)),
        ("AlarmActions", json!(["arn:aws:sns:eu-west-3:111122223333:pager"])),
        ("OKActions", json!([])),
        ("StateValue", json!("INSUFFICIENT_DATA")),
        ("StateReason", json!("Unchecked: Initial alarm creation")),
        ("Namespace", json!("Shop")),
        ("Statistic", json!("Sum")),
        ("ExtendedStatistic", Value::Null),
        ("Dimensions", json!([{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}])),
        ("Period", json!(60)),
        ("EvaluationPeriods", json!(2)),
        ("DatapointsToAlarm", json!(1)),
        ("Threshold", json!(5.0)),
        ("ComparisonOperator", json!("GreaterThanThreshold")),
        ("TreatMissingData", json!("notBreaching")),
    ] {
        assert_eq!(described[name], expected, "{name}");
    }
    ok(&mut world, "PutMetricAlarm", with(&alarm("errors"), json!({"Threshold": 6.0, "TreatMissingData": null})));
    let answer = ok(&mut world, "DescribeAlarms", json!({"AlarmNames": ["errors", "nobody"]}));
    assert_eq!(answer["MetricAlarms"].as_array().unwrap().len(), 1, "unknown names are left out without a word");
    assert_eq!(answer["MetricAlarms"][0]["Threshold"], json!(6.0));
    assert_eq!(answer["MetricAlarms"][0]["TreatMissingData"], Value::Null, "the whole alarm is replaced");
}

#[test]
fn points_move_an_alarm_and_its_history_tells() {
    let mut world = world();
    ok(&mut world, "PutMetricAlarm", alarm("errors"));
    world.advance_to(120_000);
    let dimensions = json!([{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]);
    let record = json!({"MetricName": "errors", "Dimensions": dimensions, "Values": [1.0, 3.0], "Counts": [1.0, 2.0]});
    ok(&mut world, "PutMetricData", json!({"Namespace": "Shop", "MetricData": [record]}));
    world.advance_to(250_000);
    let states = |world: &mut World, state: &str| {
        names(&ok(world, "DescribeAlarms", json!({ "StateValue": state })), "MetricAlarms")
    };
    assert_eq!((states(&mut world, "ALARM").len(), states(&mut world, "OK").len()), (1, 0));
    let asked = json!({"AlarmName": "errors", "HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending"});
    let items = ok(&mut world, "DescribeAlarmHistory", asked)["AlarmHistoryItems"].clone();
    let data: Value = serde_json::from_str(items[1]["HistoryData"].as_str().unwrap()).unwrap();
    assert_eq!((&data["oldState"]["stateValue"], &data["newState"]["stateValue"]), (&json!("OK"), &json!("ALARM")));
    assert_eq!(data["newState"]["stateReasonData"]["recentDatapoints"], json!([7.0]));
    assert_eq!(items[1]["HistorySummary"], "Alarm updated from OK to ALARM");
    let newest = ok(&mut world, "DescribeAlarmHistory", json!({"AlarmName": "errors", "MaxRecords": 1}));
    assert_eq!(newest["AlarmHistoryItems"][0]["HistorySummary"], "Alarm updated from OK to ALARM");
    assert!(newest["NextToken"].is_string());
    let (items, pages) =
        all(&mut world, "DescribeAlarmHistory", &json!({"AlarmName": "errors", "MaxRecords": 1}), "AlarmHistoryItems");
    assert_eq!((items.len(), pages), (3, 3));
    assert_eq!(items[2]["HistoryItemType"], "ConfigurationUpdate");
    let since = json!({"AlarmName": "errors", "StartDate": items[0]["Timestamp"]});
    let recent = ok(&mut world, "DescribeAlarmHistory", since);
    assert_eq!(recent["AlarmHistoryItems"].as_array().unwrap().len(), 1);
    let only = json!({"AlarmName": "errors", "AlarmTypes": ["CompositeAlarm"]});
    assert_eq!(ok(&mut world, "DescribeAlarmHistory", only)["AlarmHistoryItems"], json!([]));
}

#[test]
fn composites_are_shown_to_those_who_ask_for_them() {
    let mut world = world();
    for name in ["a", "b"] {
        ok(&mut world, "PutMetricAlarm", alarm(name));
    }
    let rule = json!({"AlarmName": "any", "AlarmRule": "ALARM(a) OR ALARM(\"b\")", "ActionsSuppressor": "a", "ActionsSuppressorWaitPeriod": 5});
    ok(&mut world, "PutCompositeAlarm", rule);
    let silent = ok(&mut world, "DescribeAlarms", json!({"AlarmNames": ["any", "a"]}));
    assert_eq!((names(&silent, "MetricAlarms").len(), names(&silent, "CompositeAlarms").len()), (1, 0));
    let types = json!(["CompositeAlarm", "MetricAlarm"]);
    let both = ok(&mut world, "DescribeAlarms", json!({"AlarmNames": ["any", "a"], "AlarmTypes": types}));
    assert_eq!((names(&both, "MetricAlarms").len(), names(&both, "CompositeAlarms").len()), (1, 1));
    let any = &both["CompositeAlarms"][0];
    assert_eq!((&any["AlarmRule"], &any["StateValue"]), (&json!("ALARM(a) OR ALARM(\"b\")"), &json!("OK")));
    assert_eq!(any["ActionsSuppressorWaitPeriod"], 5);
    let children = ok(&mut world, "DescribeAlarms", json!({"ChildrenOfAlarmName": "any"}));
    assert_eq!(names(&children, "MetricAlarms"), ["a", "b"]);
    assert!(
        children["MetricAlarms"][0]["Threshold"].is_null() && children["MetricAlarms"][0]["StateValue"].is_string()
    );
    let parents = ok(&mut world, "DescribeAlarms", json!({"ParentsOfAlarmName": "b"}));
    assert_eq!(names(&parents, "CompositeAlarms"), ["any"]);
    ok(&mut world, "SetAlarmState", json!({"AlarmName": "b", "StateValue": "ALARM", "StateReason": "drill"}));
    let red = ok(&mut world, "DescribeAlarms", json!({"AlarmTypes": ["CompositeAlarm"], "StateValue": "ALARM"}));
    assert_eq!(names(&red, "CompositeAlarms"), ["any"]);
    for (input, words) in [
        (
            json!({"AlarmName": "x", "AlarmRule": "ALARM(a) OR ALARM(gone)"}),
            "alarms [gone] in the alarm rule do not exist",
        ),
        (json!({"AlarmName": "x", "AlarmRule": "ALARM(a) XOR ALARM(b)"}), "found \"XOR\" at character 10"),
        (json!({"AlarmName": "any", "AlarmRule": "ALARM(any)"}), "must not name the alarm itself"),
        (json!({"AlarmName": "a", "AlarmRule": "ALARM(b)"}), "An alarm of another type is already named a"),
    ] {
        let (code, message) = refused(&mut world, "PutCompositeAlarm", input);
        assert!(code == "ValidationError" && message.contains(words), "{code}: {message}");
    }
}

#[test]
fn alarms_come_in_pages() {
    let mut world = world();
    for number in 0..7 {
        ok(&mut world, "PutMetricAlarm", alarm(&format!("shop-{number}")));
    }
    let asked = json!({"AlarmNamePrefix": "shop-", "MaxRecords": 3});
    let (alarms, pages) = all(&mut world, "DescribeAlarms", &asked, "MetricAlarms");
    assert_eq!((alarms.len(), pages), (7, 3));
    world.config.page_size = Some(1);
    let (one_by_one, pages) = all(&mut world, "DescribeAlarms", &asked, "MetricAlarms");
    assert_eq!((&one_by_one, pages), (&alarms, 7));
    for token in ["x", "0123456789abcdef"] {
        let (code, _) = refused(&mut world, "DescribeAlarms", json!({ "NextToken": token }));
        assert_eq!(code, "InvalidNextToken");
    }
}

#[test]
fn alarms_are_refused_as_aws_does() {
    let mut world = world();
    let metric = |id: &str, period: u32| json!({"Id": id, "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": period, "Stat": "Sum"}});
    let math = |queries: Value| json!({"Metrics": queries, "Namespace": null, "MetricName": null, "Dimensions": null, "Statistic": null, "Period": null});
    for (changes, code, words) in [
        (json!({"AlarmName": ""}), "ValidationError", "length between 1 and 255"),
        (json!({"AlarmName": null}), "MissingParameter", "AlarmName"),
        (json!({"ComparisonOperator": "Above"}), "ValidationError", "enum value set: [GreaterThanOrEqualToThreshold"),
        (json!({"ComparisonOperator": null}), "MissingParameter", "ComparisonOperator"),
        (json!({"EvaluationPeriods": 0}), "ValidationError", "at least 1, and is 0"),
        (json!({"EvaluationPeriods": null, "DatapointsToAlarm": null}), "MissingParameter", "EvaluationPeriods"),
        (json!({"DatapointsToAlarm": 3}), "ValidationError", "less than or equal to EvaluationPeriods"),
        (json!({"Period": 15}), "ValidationError", "must be 10, 20, 30 or a multiple of 60, and is 15"),
        (json!({"Period": 1}), "ValidationError", "must be 10, 20, 30"),
        (json!({"Period": null}), "MissingParameter", "Period"),
        (json!({"EvaluationPeriods": 1441}), "ValidationError", "more than a day"),
        (json!({"Period": 3600, "EvaluationPeriods": 169}), "ValidationError", "more than a week"),
        (json!({"Statistic": "p99"}), "ValidationError", "The value p99 for parameter Statistic is not supported."),
        (json!({"ExtendedStatistic": "p99"}), "InvalidParameterCombination", "cannot both"),
        (json!({"Statistic": null}), "InvalidParameterCombination", "must be given"),
        (
            json!({"Statistic": null, "ExtendedStatistic": "Sum"}),
            "ValidationError",
            "ExtendedStatistic is not supported",
        ),
        (json!({"TreatMissingData": "never"}), "ValidationError", "[breaching, notBreaching, ignore, missing]"),
        (json!({"EvaluateLowSampleCountPercentile": "ignore"}), "InvalidParameterCombination", "percentile only"),
        (json!({"Unit": "Apples"}), "ValidationError", "enum value set: [Seconds"),
        (
            json!({"Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}),
            "ValidationError",
            "a is there twice",
        ),
        (json!({"AlarmActions": ["1", "2", "3", "4", "5", "6"]}), "ValidationError", "at most 5 actions"),
        (json!({"Threshold": null}), "MissingParameter", "Threshold"),
        (json!({"ThresholdMetricId": "ad1"}), "ValidationError", "ThresholdMetricId is not supported by the sandbox"),
        (
            json!({"Metrics": [metric("m1", 60)]}),
            "InvalidParameterCombination",
            "cannot be given together with Metrics",
        ),
        (math(json!([metric("m1", 60)])), "ValidationError", "Exactly one element"),
        (
            math(json!([metric("m1", 60), {"Id": "e1", "Expression": "m2 * 2"}])),
            "ValidationError",
            "the expression e1 uses m2",
        ),
        (
            math(json!([metric("m1", 60), {"Id": "e1", "Expression": "ANOMALY_DETECTION_BAND(m1)"}])),
            "ValidationError",
            "Error in expression 'e1': the function ANOMALY_DETECTION_BAND",
        ),
        (
            math(json!([metric("m1", 60), metric("m2", 300), {"Id": "e1", "Expression": "m1 + m2"}])),
            "ValidationError",
            "the same period",
        ),
        (math(json!([metric("M1", 60)])), "ValidationError", "expected pattern"),
        (math(json!([{"Id": "e1", "Expression": "1"}])), "ValidationError", "1 to 10 metrics"),
        (json!({"Tags": [{"Key": "aws:x", "Value": "1"}]}), "InvalidParameterValue", "reserved"),
    ] {
        let found = refused(&mut world, "PutMetricAlarm", with(&alarm("errors"), changes.clone()));
        assert!(found.0 == code && found.1.contains(words), "{changes}: {found:?}");
    }
    assert!(world.state().alarms.is_empty(), "a refused request changes nothing");
    let good = math(json!([metric("m1", 60), {"Id": "e1", "Expression": "m1 * 2", "Label": "twice"}]));
    ok(&mut world, "PutMetricAlarm", with(&alarm("errors"), good));
    let metrics = ok(&mut world, "DescribeAlarms", json!({}))["MetricAlarms"][0]["Metrics"].clone();
    assert_eq!((&metrics[1]["Expression"], &metrics[0]["MetricStat"]["Stat"]), (&json!("m1 * 2"), &json!("Sum")));
    // Where metrics come by the second, alarms may have their periods.
    world.config.metric_period = 1_000;
    ok(&mut world, "PutMetricAlarm", with(&alarm("fast"), json!({"Period": 1})));
}

#[test]
fn names_too_many_and_filters_at_odds_are_refused() {
    let mut world = world();
    let many: Vec<String> = (0..101).map(|n| format!("alarm-{n}")).collect();
    for (operation, input, code) in [
        ("DescribeAlarms", json!({ "AlarmNames": many }), "ValidationError"),
        ("DescribeAlarms", json!({"AlarmNames": ["a"], "AlarmNamePrefix": "a"}), "InvalidParameterCombination"),
        ("DescribeAlarms", json!({"MaxRecords": 101}), "InvalidParameterValue"),
        ("DescribeAlarms", json!({"AlarmTypes": ["Siren"]}), "ValidationError"),
        ("DescribeAlarms", json!({"ChildrenOfAlarmName": "gone"}), "ResourceNotFound"),
        ("SetAlarmState", json!({"AlarmName": "gone", "StateValue": "OK", "StateReason": ""}), "ResourceNotFound"),
        ("SetAlarmState", json!({"AlarmName": "gone", "StateValue": "RED", "StateReason": ""}), "ValidationError"),
        (
            "SetAlarmState",
            json!({"AlarmName": "a", "StateValue": "OK", "StateReason": "", "StateReasonData": "{"}),
            "InvalidFormat",
        ),
        ("DeleteAlarms", json!({"AlarmNames": ["gone"]}), "ResourceNotFound"),
        (
            "ListTagsForResource",
            json!({"ResourceARN": "arn:aws:cloudwatch:eu-west-3:111122223333:alarm:gone"}),
            "ResourceNotFoundException",
        ),
        ("PutDashboard", json!({}), "NotImplemented"),
    ] {
        assert_eq!(refused(&mut world, operation, input).0, code, "{operation}");
    }
}

#[test]
fn alarms_are_tagged_disabled_and_deleted() {
    let mut world = world();
    for name in ["a", "b"] {
        ok(&mut world, "PutMetricAlarm", alarm(name));
    }
    let arn = "arn:aws:cloudwatch:eu-west-3:111122223333:alarm:a";
    ok(&mut world, "TagResource", json!({"ResourceARN": arn, "Tags": [{"Key": "tier", "Value": "1"}]}));
    ok(&mut world, "UntagResource", json!({"ResourceARN": arn, "TagKeys": ["team"]}));
    let tags = ok(&mut world, "ListTagsForResource", json!({ "ResourceARN": arn }));
    assert_eq!(tags["Tags"], json!([{"Key": "tier", "Value": "1"}]));
    ok(&mut world, "DisableAlarmActions", json!({"AlarmNames": ["a", "gone"]}));
    let enabled =
        |world: &mut World| ok(world, "DescribeAlarms", json!({}))["MetricAlarms"][0]["ActionsEnabled"].clone();
    assert_eq!(enabled(&mut world), false);
    ok(&mut world, "EnableAlarmActions", json!({"AlarmNames": ["a"]}));
    assert_eq!(enabled(&mut world), true);
    ok(&mut world, "PutCompositeAlarm", json!({"AlarmName": "any", "AlarmRule": "ALARM(a)"}));
    ok(&mut world, "PutCompositeAlarm", json!({"AlarmName": "other", "AlarmRule": "ALARM(b)"}));
    assert_eq!(refused(&mut world, "DeleteAlarms", json!({"AlarmNames": ["a"]})).0, "ValidationError");
    assert_eq!(refused(&mut world, "DeleteAlarms", json!({"AlarmNames": ["any", "other"]})).0, "ValidationError");
    ok(&mut world, "DeleteAlarms", json!({"AlarmNames": ["a", "any"]}));
    ok(&mut world, "DeleteAlarms", json!({"AlarmNames": ["other"]}));
    assert_eq!(refused(&mut world, "DeleteAlarms", json!({"AlarmNames": ["b", "gone"]})).0, "ResourceNotFound");
    assert_eq!(names(&ok(&mut world, "DescribeAlarms", json!({})), "MetricAlarms").len(), 0);
    assert!(world.state().tags.is_empty(), "{:?}", world.state().tags);
}

#[test]
fn reads_of_alarms_may_come_from_the_past() {
    let mut world = world();
    ok(&mut world, "PutMetricAlarm", alarm("errors"));
    world.advance_to(10_000);
    world.set_alarm("errors", bluegreen_core::observe::AlarmState::Alarm, "drill");
    world.advance_to(15_000);
    let caller = Caller::new("test");
    let mut context = Context::new(&mut world, &caller, 1);
    context.stale = Some(5_001);
    let input = Input::new(Service::CloudWatch, Protocol::Json10, Node::from_json(json!({})));
    let past = describe::alarms(&mut context, &input).unwrap().to_json();
    assert_eq!(past["MetricAlarms"][0]["StateValue"], "INSUFFICIENT_DATA");
    context.stale = Some(5_000);
    let later = describe::alarms(&mut context, &input).unwrap().to_json();
    assert_eq!(later["MetricAlarms"][0]["StateValue"], "ALARM");
}

#[test]
fn an_alarm_without_a_definition_can_be_described_too() {
    let mut world = crate::scenario::Scenario::shop().world();
    let types = json!(["CompositeAlarm", "MetricAlarm"]);
    let answer = ok(&mut world, "DescribeAlarms", json!({ "AlarmTypes": types }));
    let metric = &answer["MetricAlarms"][0];
    assert_eq!((&metric["StateValue"], &metric["Period"]), (&json!("OK"), &json!(60)));
    assert_eq!(metric["Dimensions"], json!([{"Name": "TargetGroup", "Value": "targetgroup/web-green/bbbb"}]));
    assert!(answer["CompositeAlarms"][0]["AlarmRule"].as_str().unwrap().starts_with("ALARM(\""));
}

fn counts(world: &mut World, values: &[f64]) {
    let key = MetricKey::new("Shop", "requests", &[]);
    for (minute, value) in values.iter().enumerate() {
        world.record(&key, minute as Ms * 60_000, 1.0, *value, "Count");
    }
}

fn stat(id: &str, stat: &str, period: u32) -> Value {
    let metric = json!({"Namespace": "Shop", "MetricName": "requests"});
    json!({"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}})
}

/// Seconds since 1970 of the world's first moment.
const START: u64 = 1_767_225_600;

#[test]
fn metric_data_is_newest_first_and_ends_before_its_end() {
    let mut world = world();
    counts(&mut world, &[10.0, 20.0, 30.0, 40.0]);
    world.advance_to(600_000);
    let asked = json!({"StartTime": START + 61, "EndTime": START + 180, "MetricDataQueries": [stat("m1", "Sum", 60)]});
    let answer = ok(&mut world, "GetMetricData", asked.clone());
    assert_eq!(answer["Messages"], json!([]));
    let result = &answer["MetricDataResults"][0];
    assert_eq!(
        (&result["Id"], &result["Label"], &result["StatusCode"]),
        (&json!("m1"), &json!("requests"), &json!("Complete"))
    );
    assert_eq!(result["Values"], json!([30.0, 20.0]), "from the minute that the start lies in");
    assert_eq!(result["Timestamps"], json!([(START + 120) as f64, (START + 60) as f64]));
    let ascending = ok(&mut world, "GetMetricData", with(&asked, json!({"ScanBy": "TimestampAscending"})));
    assert_eq!(ascending["MetricDataResults"][0]["Values"], json!([20.0, 30.0]));
    let nothing = with(
        &asked,
        json!({"MetricDataQueries": [with(&stat("m1", "Sum", 60), json!({"MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": "gone"}, "Period": 60, "Stat": "Sum"}}))]}),
    );
    let nothing = ok(&mut world, "GetMetricData", nothing);
    assert_eq!(nothing["MetricDataResults"][0]["Values"], json!([]));
    assert_eq!(nothing["MetricDataResults"][0]["StatusCode"], "Complete");
}

#[test]
fn metric_data_may_be_old_or_not_all() {
    let mut world = world();
    counts(&mut world, &[10.0, 20.0, 30.0, 40.0]);
    world.advance_to(600_000);
    let caller = Caller::new("test");
    let mut context = Context::new(&mut world, &caller, 1);
    let asked = json!({"StartTime": START, "EndTime": START + 240, "ScanBy": "TimestampAscending", "MetricDataQueries": [stat("m1", "Sum", 60)]});
    let input = Input::new(Service::CloudWatch, Protocol::Json10, Node::from_json(asked));
    let mut answer = |stale, partial| {
        (context.stale, context.partial) = (stale, partial);
        let answer = data::get(&mut context, &input).unwrap().to_json()["MetricDataResults"][0].clone();
        (answer["Values"].clone(), answer["StatusCode"].clone())
    };
    assert_eq!(answer(None, true), (json!([10.0, 20.0]), json!("PartialData")));
    // The third minute's point was to be seen from its end and the delay on.
    assert_eq!(answer(Some(600_000 - 180_000), false), (json!([10.0, 20.0]), json!("Complete")));
    assert_eq!(answer(None, false), (json!([10.0, 20.0, 30.0, 40.0]), json!("Complete")));
}

#[test]
fn metric_data_has_expressions_and_pages() {
    let mut world = world();
    counts(&mut world, &[10.0, 20.0, 30.0, 40.0]);
    world.advance_to(600_000);
    let hidden = with(&stat("m1", "Sum", 60), json!({"ReturnData": false}));
    let queries = json!([hidden, {"Id": "half", "Expression": "m1 / 2", "Label": "Half"}, stat("count", "SampleCount", 120), stat("p", "PR(0:1)", 60)]);
    let asked = json!({"StartTime": START, "EndTime": START + 240, "ScanBy": "TimestampAscending", "MetricDataQueries": queries});
    let whole = ok(&mut world, "GetMetricData", asked.clone());
    let results = whole["MetricDataResults"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!((&results[0]["Label"], &results[0]["Values"]), (&json!("Half"), &json!([5.0, 10.0, 15.0, 20.0])));
    assert_eq!(results[1]["Values"], json!([30.0, 70.0]));
    assert_eq!(results[2]["Values"], json!([100.0, 100.0, 100.0, 100.0]));
    for (max, page_size) in [(3, None), (100, Some(1)), (100, Some(4))] {
        world.config.page_size = page_size;
        let mut sums = [0.0; 3];
        let (mut token, mut pages) = (Value::Null, 0);
        let last = loop {
            let answer =
                ok(&mut world, "GetMetricData", with(&asked, json!({"MaxDatapoints": max, "NextToken": token})));
            let results = answer["MetricDataResults"].as_array().unwrap().clone();
            for (sum, result) in sums.iter_mut().zip(&results) {
                *sum += result["Values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).sum::<f64>();
            }
            pages += 1;
            token = answer["NextToken"].clone();
            if token.is_null() {
                break results;
            }
        };
        assert_eq!(sums, [50.0, 100.0, 400.0]);
        assert_eq!(pages, 10_usize.div_ceil(max.min(page_size.unwrap_or(100))));
        assert!(last.iter().all(|result| result["StatusCode"] == "Complete"));
    }
    world.config.page_size = None;
    let first = ok(&mut world, "GetMetricData", with(&asked, json!({"MaxDatapoints": 5})));
    let states: Vec<&str> =
        first["MetricDataResults"].as_array().unwrap().iter().map(|r| r["StatusCode"].as_str().unwrap()).collect();
    assert_eq!(states, ["Complete", "PartialData", "PartialData"]);
    let end = json!({"EndTime": START});
    for (changes, words) in [
        (end, "must be less than the parameter EndTime"),
        (json!({"MetricDataQueries": []}), "1 to 500 queries"),
        (json!({"MetricDataQueries": [hidden]}), "must return data"),
        (json!({"MetricDataQueries": [stat("m1", "Sum", 60), stat("m1", "Sum", 60)]}), "the id m1 is used by two"),
        (json!({"MetricDataQueries": [stat("m1", "Mode", 60)]}), "The value Mode for parameter"),
        (json!({"MetricDataQueries": [stat("m1", "Sum", 7)]}), "multiple of 60"),
        (
            json!({"MetricDataQueries": [{"Id": "a", "Expression": "b + 1"}, {"Id": "b", "Expression": "a + 1"}]}),
            "depends on itself",
        ),
        (json!({"MetricDataQueries": [{"Id": "a", "Expression": "1 + 1"}]}), "must give a time series"),
        (json!({"MaxDatapoints": 0}), "between 1 and 100800"),
    ] {
        let (_, message) = refused(&mut world, "GetMetricData", with(&asked, changes.clone()));
        assert!(message.contains(words), "{changes}: {message}");
    }
}

#[test]
fn statistics_come_by_unit_and_metrics_are_listed() {
    let mut world = world();
    counts(&mut world, &[10.0, 20.0]);
    let seconds = json!({"MetricName": "requests", "Unit": "Seconds", "StatisticValues": {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}});
    let other = json!({"MetricName": "other", "Dimensions": [{"Name": "a", "Value": "1"}], "Value": 1.0, "StorageResolution": 1});
    ok(&mut world, "PutMetricData", json!({"Namespace": "Shop", "MetricData": [seconds, other]}));
    world.advance_to(600_000);
    let asked = json!({"Namespace": "Shop", "MetricName": "requests", "StartTime": START, "EndTime": START + 120, "Period": 60, "Statistics": ["Sum", "Average"], "ExtendedStatistics": ["p50"]});
    let points = ok(&mut world, "GetMetricStatistics", asked.clone())["Datapoints"].clone();
    assert_eq!(points.as_array().unwrap().len(), 3);
    let of = |unit: &str| points.as_array().unwrap().iter().find(|point| point["Unit"] == unit).unwrap().clone();
    assert_eq!((&of("Count")["Sum"], &of("Count")["ExtendedStatistics"]["p50"]), (&json!(10.0), &json!(1.0)));
    assert_eq!((&of("Seconds")["Average"], &of("Seconds")["ExtendedStatistics"]), (&json!(1.5), &Value::Null));
    let counted = ok(&mut world, "GetMetricStatistics", with(&asked, json!({"Unit": "Count"})));
    assert_eq!(counted["Datapoints"].as_array().unwrap().len(), 2);
    for (changes, words) in [
        (json!({"Statistics": null, "ExtendedStatistics": null}), "At least one of the parameters"),
        (json!({"EndTime": START + 86_401 * 60}), "exceeds the limit of 1,440"),
        (json!({"Statistics": ["p99"]}), "The value p99 for parameter Statistics"),
        (json!({"Period": null}), "Period"),
    ] {
        let (_, message) = refused(&mut world, "GetMetricStatistics", with(&asked, changes));
        assert!(message.contains(words), "{message}");
    }
    let listed = |world: &mut World, input: Value| ok(world, "ListMetrics", input)["Metrics"].as_array().unwrap().len();
    assert_eq!(listed(&mut world, json!({})), 2);
    assert_eq!(listed(&mut world, json!({"Namespace": "Shop", "MetricName": "other"})), 1);
    assert_eq!(listed(&mut world, json!({"Dimensions": [{"Name": "a"}]})), 1);
    assert_eq!(listed(&mut world, json!({"Dimensions": [{"Name": "a", "Value": "2"}]})), 0);
    assert_eq!(listed(&mut world, json!({"RecentlyActive": "PT3H"})), 2);
    world.config.page_size = Some(1);
    assert_eq!(all(&mut world, "ListMetrics", &json!({}), "Metrics").1, 2);
}

#[test]
fn records_are_refused_as_aws_does() {
    let mut world = world();
    let base = json!({"MetricName": "m", "Value": 1.0});
    for (changes, code, words) in [
        (json!({"MetricName": null}), "MissingParameter", "MetricName"),
        (json!({"Value": null}), "InvalidParameterCombination", "one of Value, Values, StatisticValues"),
        (json!({"Values": [1.0]}), "InvalidParameterCombination", "one of"),
        (json!({"Value": null, "Values": [1.0], "Counts": [1.0, 2.0]}), "InvalidParameterValue", "as many as"),
        (json!({"Value": null, "Values": vec![1.0; 151]}), "InvalidParameterValue", "1 to 150"),
        (json!({"Value": 1e300}), "InvalidParameterValue", "Value"),
        (json!({"Value": "NaN"}), "InvalidParameterValue", "NaN"),
        (json!({"StorageResolution": 30}), "InvalidParameterValue", "must be 1 or 60"),
        (json!({"Timestamp": START - 15 * 86_400}), "InvalidParameterValue", "past two weeks"),
        (json!({"Timestamp": START + 3 * 3_600}), "InvalidParameterValue", "two hours"),
        (json!({"Unit": "Apples"}), "ValidationError", "enum"),
        (
            json!({"Value": null, "StatisticValues": {"SampleCount": 0.0, "Sum": 0.0, "Minimum": 0.0, "Maximum": 0.0}}),
            "InvalidParameterValue",
            "positive SampleCount",
        ),
    ] {
        // A good record beside it is not kept either.
        let input = json!({"Namespace": "Shop", "MetricData": [base, with(&base, changes.clone())]});
        let found = refused(&mut world, "PutMetricData", input);
        assert!(found.0 == code && found.1.contains(words), "{changes}: {found:?}");
    }
    assert_eq!(
        refused(&mut world, "PutMetricData", json!({"Namespace": "AWS/ECS", "MetricData": [base]})).0,
        "InvalidParameterValue"
    );
    let many = json!({"Namespace": "Shop", "MetricData": vec![base.clone(); 1_001]});
    assert_eq!(refused(&mut world, "PutMetricData", many).0, "ValidationError");
    assert_eq!(world.metrics().keys(Ms::MAX, 0).count(), 0);
}

#[test]
fn alarms_are_found_by_their_metric() {
    let mut world = world();
    ok(&mut world, "PutMetricAlarm", alarm("errors"));
    let asked = json!({"Namespace": "Shop", "MetricName": "errors", "Dimensions": alarm("x")["Dimensions"]});
    assert_eq!(names(&ok(&mut world, "DescribeAlarmsForMetric", asked.clone()), "MetricAlarms"), ["errors"]);
    for changes in
        [json!({"Period": 300}), json!({"Statistic": "Average"}), json!({"Dimensions": null}), json!({"Unit": "Count"})]
    {
        let found = ok(&mut world, "DescribeAlarmsForMetric", with(&asked, changes));
        assert_eq!(names(&found, "MetricAlarms").len(), 0);
    }
    let metric = json!({"Namespace": "Shop", "MetricName": "errors", "Dimensions": asked["Dimensions"]});
    let stat = json!({"Metric": metric, "Period": 60, "Stat": "Sum"});
    let metrics = json!([{"Id": "e", "MetricStat": stat, "ReturnData": false}, {"Id": "x", "Expression": "2 * e"}]);
    let math = json!({"AlarmName": "math", "Metrics": metrics, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold"});
    ok(&mut world, "PutMetricAlarm", math);
    let found = ok(&mut world, "DescribeAlarmsForMetric", asked);
    assert_eq!(names(&found, "MetricAlarms"), ["errors"], "alarms on an expression are left out");
}
