use aws_smithy_cbor::Encoder;
use aws_smithy_types::DateTime;

use super::*;
use crate::analysis::{Answers, Bad, ControlArm, Counts, Source, Tally, queries};
use crate::aws::testing::{Answer, Script};

fn minutes(from: &str, to: &str) -> Option<(String, String)> {
    let window = closed_minutes(from.parse().unwrap(), to.parse().unwrap())?;
    Some((window.0.to_string(), window.1.to_string()))
}

#[test]
fn only_whole_minutes_count() {
    let whole = Some(("2026-11-23T06:01:00Z".to_owned(), "2026-11-23T06:03:00Z".to_owned()));
    assert_eq!(minutes("2026-11-23T06:00:00.001Z", "2026-11-23T06:03:59.9Z"), whole);
    assert_eq!(minutes("2026-11-23T06:01:00Z", "2026-11-23T06:03:00Z"), whole);
    assert_eq!(minutes("2026-11-23T06:00:30Z", "2026-11-23T06:01:59Z"), None);
    assert_eq!(minutes("2026-11-23T06:05:00Z", "2026-11-23T06:01:00Z"), None);
}

fn series(name: &str, statistic: &str) -> Series {
    let dimensions = BTreeMap::from([("TargetGroup".to_owned(), "targetgroup/front/73e2".to_owned())]);
    Series { namespace: "Shop".to_owned(), name: name.to_owned(), dimensions, statistic: statistic.to_owned() }
}

fn plain(name: &str) -> MetricQuery {
    MetricQuery::Series(series(name, "Sum"))
}

fn math(expression: &str) -> MetricQuery {
    let series = BTreeMap::from([("q0".to_owned(), series("Orders", "TC(0.8:)"))]);
    MetricQuery::Math { expression: expression.to_owned(), series }
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

#[test]
fn half_a_series_is_no_series() {
    assert!(complete(Some(&StatusCode::Complete)).is_ok());
    for (state, class) in [
        (Some(StatusCode::PartialData), ErrorClass::Unavailable),
        (Some(StatusCode::InternalError), ErrorClass::Unavailable),
        (Some(StatusCode::Forbidden), ErrorClass::Denied),
        (Some(StatusCode::from("Later")), ErrorClass::Malformed),
        (None, ErrorClass::Malformed),
    ] {
        assert_eq!(complete(state.as_ref()).unwrap_err().class, class, "{state:?}");
    }
}

#[test]
fn a_query_is_sent_with_all_that_it_names() {
    let (sent, ids) = request(&[&plain("Visits"), &plain("Orders")]);
    assert_eq!((sent.len(), ids), (2, vec!["q0".to_owned(), "q1".to_owned()]));
    let stat = sent[0].metric_stat().unwrap();
    let metric = stat.metric().unwrap();
    assert_eq!((stat.period(), stat.stat(), metric.namespace()), (Some(60), Some("Sum"), Some("Shop")));
    assert_eq!((metric.metric_name(), metric.dimensions()[0].name()), (Some("Visits"), Some("TargetGroup")));
    let (sent, ids) = request(&[&math("q0 * 2")]);
    assert_eq!(ids, ["q0q"], "an id that the expression does not use");
    assert_eq!((sent[0].expression(), sent[0].return_data(), sent[0].period()), (Some("q0 * 2"), Some(true), Some(60)));
    let inner = sent[1].metric_stat().unwrap();
    assert_eq!((sent[1].id(), sent[1].return_data(), inner.stat()), (Some("q0"), Some(false), Some("TC(0.8:)")));
}

#[test]
fn calls_are_full_and_expressions_go_alone() {
    let mut asked: Vec<MetricQuery> = (0..1_001).map(|number| plain(&format!("m{number}"))).collect();
    asked.extend([math("q0 * 2"), math("q0 * 3"), math("q0 * 2"), plain("m7")]);
    let sizes: Vec<usize> = calls(&asked).iter().map(Vec::len).collect();
    assert_eq!(sizes, [500, 500, 1, 1, 1]);
}

/// One series in an answer: id, label, points by second, status, message.
#[derive(Clone)]
struct Said<'a> {
    id: &'a str,
    label: &'a str,
    times: Vec<i64>,
    values: Vec<f64>,
    status: &'a str,
    message: Option<&'a str>,
}

fn said<'a>(id: &'a str, points: &[(i64, f64)]) -> Said<'a> {
    let (times, values) = points.iter().map(|(minute, value)| (minute * 60, *value)).unzip();
    Said { id, label: "", times, values, status: "Complete", message: None }
}

fn messages(encoder: &mut Encoder, message: Option<&str>) {
    encoder.str("Messages").array(usize::from(message.is_some()));
    if let Some(message) = message {
        encoder.map(2).str("Code").str(message).str("Value").str("text");
    }
}

fn page(results: &[Said<'_>], token: Option<&str>, message: Option<&str>) -> Answer {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(2 + usize::from(token.is_some())).str("MetricDataResults").array(results.len());
    for result in results {
        encoder.map(6).str("Id").str(result.id).str("Label").str(result.label);
        encoder.str("StatusCode").str(result.status).str("Timestamps").array(result.times.len());
        for time in &result.times {
            encoder.timestamp(&DateTime::from_secs(*time));
        }
        encoder.str("Values").array(result.values.len());
        for value in &result.values {
            encoder.double(*value);
        }
        messages(&mut encoder, result.message);
    }
    messages(&mut encoder, message);
    if let Some(token) = token {
        encoder.str("NextToken").str(token);
    }
    Answer::Body(200, "application/cbor", encoder.into_writer())
}

fn refused() -> Answer {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(2).str("__type").str("com.amazonaws.cloudwatch#InvalidParameterValueException");
    encoder.str("message").str("no such statistic");
    Answer::Body(400, "application/cbor", encoder.into_writer())
}

type Asked = Result<Vec<Result<Points, CallError>>, CallError>;

/// The answers, and how many calls there were with how many queries each.
async fn ask(asked: &[MetricQuery], answers: Vec<Answer>) -> (Asked, Vec<usize>) {
    let script = Script::start(answers);
    let points = script.ports().await.metrics.points(asked, at(0), at(10)).await;
    let heard = script.heard();
    (points, heard.iter().map(|call| call.matches("ReturnData").count()).collect())
}

fn classes(answers: Asked) -> Vec<Result<Points, ErrorClass>> {
    answers.unwrap().into_iter().map(|answer| answer.map_err(|error| error.class)).collect()
}

#[tokio::test]
async fn pages_are_one_series_in_the_order_of_time() {
    let first = Said { status: "PartialData", ..said("q0", &[(5, 5.0), (4, 0.0)]) };
    let pages = vec![page(&[first, said("q1", &[])], Some("next"), None), page(&[said("q0", &[(2, 1e9)])], None, None)];
    let (answers, heard) = ask(&[plain("Visits"), plain("Orders"), plain("Visits")], pages).await;
    let visits = Ok(vec![(at(2), 1e9), (at(4), 0.0), (at(5), 5.0)]);
    // Ids go by the sorted queries: Orders is the first.
    assert_eq!(answers, Ok(vec![Ok(Vec::new()), visits.clone(), Ok(Vec::new())]));
    assert_eq!(heard, [2, 2], "the series that is asked for twice is sent once");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_series_is_its_own() {
    let with = |change: &dyn Fn(&mut Said<'static>)| {
        let mut said = said("q1", &[(1, 1.0)]);
        change(&mut said);
        vec![said]
    };
    let cases: [(&str, Vec<Said<'_>>, ErrorClass); 10] = [
        ("forbidden", with(&|said| said.status = "Forbidden"), ErrorClass::Denied),
        ("partial to the end", with(&|said| said.status = "PartialData"), ErrorClass::Unavailable),
        ("broken", with(&|said| said.status = "InternalError"), ErrorClass::Unavailable),
        ("points were dropped", with(&|said| said.message = Some("ArithmeticError")), ErrorClass::Unavailable),
        ("more times than values", with(&|said| said.times.push(120)), ErrorClass::Malformed),
        ("no number", with(&|said| said.values = vec![f64::NAN]), ErrorClass::Malformed),
        ("between two minutes", with(&|said| said.times = vec![61]), ErrorClass::Malformed),
        ("not asked for", with(&|said| said.times = vec![600]), ErrorClass::Malformed),
        ("missing", Vec::new(), ErrorClass::Malformed),
        ("two series", [with(&|_| ()), with(&|said| said.label = "b")].concat(), ErrorClass::Invalid),
    ];
    for (name, wrong, class) in cases {
        let results = [vec![said("q0", &[(1, 3.0)])], wrong].concat();
        let (answers, _) = ask(&[plain("a"), plain("b")], vec![page(&results, None, None)]).await;
        assert_eq!(classes(answers), [Ok(vec![(at(1), 3.0)]), Err(class)], "{name}");
    }
}

#[tokio::test]
async fn several_series_on_several_pages_are_seen() {
    let other = Said { label: "b", ..said("q0q", &[(1, 1.0)]) };
    let pages = vec![page(&[said("q0q", &[(1, 1.0)])], Some("next"), None), page(&[other], None, None)];
    let (answers, _) = ask(&[math("SEARCH('x', 'Sum')")], pages).await;
    assert_eq!(classes(answers), [Err(ErrorClass::Invalid)]);
}

#[tokio::test]
async fn a_message_about_the_call_is_about_every_series() {
    let (answers, _) = ask(&[plain("a")], vec![page(&[said("q0", &[])], None, Some("MaximumExceeded"))]).await;
    let error = answers.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Unavailable, "MaximumExceeded: text"));
}

#[tokio::test]
async fn a_query_that_aws_refuses_spoils_no_other() {
    let names = ["a", "b", "c", "d"];
    // All four, then the second half, then its two, then the first half.
    let one = |value| page(&[said("q0", &[(1, value)])], None, None);
    let two = page(&[said("q0", &[(1, 1.0)]), said("q1", &[(1, 2.0)])], None, None);
    let (answers, heard) = ask(&names.map(plain), vec![refused(), refused(), refused(), one(3.0), two]).await;
    assert_eq!(heard, [4, 2, 1, 1, 2]);
    let point = |value| Ok(vec![(at(1), value)]);
    assert_eq!(classes(answers), [point(1.0), point(2.0), point(3.0), Err(ErrorClass::Invalid)]);
}

#[tokio::test]
async fn a_call_that_fails_is_no_answer_at_all() {
    let asked: Vec<MetricQuery> = (0..501).map(|number| plain(&format!("m{number:03}"))).collect();
    let (answers, heard) = ask(&asked, vec![page(&[said("q0", &[])], None, None)]).await;
    assert_eq!((answers.unwrap_err().class, heard), (ErrorClass::Unavailable, vec![1]));
    let (answers, heard) = ask(&[], Vec::new()).await;
    assert_eq!((answers, heard), (Ok(Vec::new()), Vec::new()));
    let script = Script::start(Vec::new());
    let early = script.ports().await.metrics.points(&[plain("a")], at(0), at(0)).await;
    assert_eq!(early, Ok(vec![Ok(Vec::new())]), "no whole minute, no call");
}

/// From the wire to rows: a canary of which the errors have points only while it fails, and a late minute.
#[tokio::test]
async fn answers_become_rows() {
    let tally = |name: &str| Tally { bad: Bad::Sum(vec![plain(&format!("{name}-bad"))]), all: plain(name) };
    let source = Source { metric: "m".to_owned(), canary: tally("c"), stable: tally("s"), control: None };
    let asked = queries([&source]);
    let rows = |late: &[(i64, f64)]| {
        let all = [&[(1, 1e9), (2, 1e9)], late].concat();
        let told = [said("q0", &all), said("q1", &[(2, 1e6)]), said("q2", &[(1, 2e9), (2, 2e9)]), said("q3", &[])];
        let answer = page(&told, None, None);
        let asked = asked.clone();
        async move { Answers::new(asked.clone(), ask(&asked, vec![answer]).await.0.unwrap()) }
    };
    let canary = |answers: Answers| -> Vec<Option<Counts>> {
        let rows = answers.rows(&source, |_| ControlArm::Stable, |_| None).unwrap();
        rows.into_iter().map(|row| row.canary).collect()
    };
    let expected = [Some(Counts { bad: 0.0, all: 1e9 }), Some(Counts { bad: 1e6, all: 1e9 })];
    assert_eq!(canary(rows(&[]).await), expected);
    assert_eq!(canary(rows(&[(3, 5.0)]).await)[2], Some(Counts { bad: 0.0, all: 5.0 }));
}
