use super::*;

fn series(points: &[(Second, f64)]) -> Value {
    Value::Series(points.iter().copied().collect())
}

/// Over a grid of four minutes, with `a` = 1, 2, -, 4 and `b` = 10, -, 30, 0.
fn compute(text: &str) -> Result<Value, String> {
    let a = series(&[(0, 1.0), (60, 2.0), (180, 4.0)]);
    let b = series(&[(0, 10.0), (120, 30.0), (180, 0.0)]);
    let points = |value: &Value| if let Value::Series(points) = value { points.clone() } else { Points::new() };
    let metrics = vec![("a".to_owned(), points(&a)), ("b".to_owned(), points(&b))];
    let values = BTreeMap::from([("a", a), ("b", b)]);
    let scope = Scope { values: &values, metrics: &metrics, period: 60, from: 0, to: 240 };
    let expression = Expression::parse(text).map_err(|error| error.to_string())?;
    expression.value(&scope).map_err(|error| error.to_string())
}

#[test]
fn arithmetic_has_its_precedence() {
    for (text, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("10 - 4 - 3", 3.0),
        ("1 + 1 > 1 && 3 >= 4 || 2 == 2", 1.0),
        ("!(1 < 2) OR 2 != 2 AND 1 <= 1", 0.0),
        ("2 * -3", -6.0),
        ("SUM(a) + MAX(b) - MIN(b) + AVG(a)", 7.0 + 30.0 + 7.0 / 3.0),
        ("PERIOD(a) / DATAPOINT_COUNT(b)", 20.0),
        ("ABS(0 - 1.5) + CEIL(1.2) + FLOOR(1.8) + LOG10(100)", 6.5),
    ] {
        assert_eq!(compute(text), Ok(Value::Number(expected)), "{text}");
    }
}

#[test]
fn a_point_needs_both_sides_and_no_division_by_zero() {
    assert_eq!(compute("a / b"), Ok(series(&[(0, 0.1)])));
    assert_eq!(compute("100 * a / FILL(b, 2)"), Ok(series(&[(0, 10.0), (60, 100.0)])));
    assert_eq!(compute("a > 1"), Ok(series(&[(0, 0.0), (60, 1.0), (180, 1.0)])));
    assert_eq!(compute("1 / 0"), Err("a division by zero".to_owned()));
}

#[test]
fn gaps_are_filled_four_ways() {
    assert_eq!(compute("FILL(a, 0)"), Ok(series(&[(0, 1.0), (60, 2.0), (120, 0.0), (180, 4.0)])));
    assert_eq!(compute("FILL(a, REPEAT)"), Ok(series(&[(0, 1.0), (60, 2.0), (120, 2.0), (180, 4.0)])));
    assert_eq!(compute("FILL(a, LINEAR)"), Ok(series(&[(0, 1.0), (60, 2.0), (120, 3.0), (180, 4.0)])));
    assert_eq!(compute("FILL(a, b)"), Ok(series(&[(0, 1.0), (60, 2.0), (120, 30.0), (180, 4.0)])));
}

#[test]
fn conditions_choose_point_by_point() {
    assert_eq!(compute("IF(a > 1, 5, 0)"), Ok(series(&[(0, 0.0), (60, 5.0), (180, 5.0)])));
    assert_eq!(compute("IF(a > 1, a)"), Ok(series(&[(60, 2.0), (180, 4.0)])));
    assert_eq!(compute("IF(a > 1, a, b)"), Ok(series(&[(0, 10.0), (60, 2.0), (180, 4.0)])));
    assert_eq!(compute("IF(1, a, b)"), compute("a"));
}

#[test]
fn arrays_are_reduced_at_each_time() {
    let sum = series(&[(0, 11.0), (60, 2.0), (120, 30.0), (180, 4.0)]);
    assert_eq!(compute("SUM(METRICS())"), Ok(sum.clone()));
    assert_eq!(compute("SUM([a, b])"), Ok(sum));
    assert_eq!(compute("MAX(METRICS(\"a\"))"), compute("a"));
    assert_eq!(compute("SUM(METRICS() * 2)"), Ok(series(&[(0, 22.0), (60, 4.0), (120, 60.0), (180, 8.0)])));
    assert_eq!(compute("STDDEV([a, b])"), Ok(series(&[(0, 4.5), (60, 0.0), (120, 0.0), (180, 2.0)])));
}

#[test]
fn steps_look_back() {
    assert_eq!(compute("DIFF(a)"), Ok(series(&[(60, 1.0), (180, 2.0)])));
    assert_eq!(compute("RATE(a) * 60"), Ok(series(&[(60, 1.0), (180, 1.0)])));
    assert_eq!(compute("RUNNING_SUM(a)"), Ok(series(&[(0, 1.0), (60, 3.0), (180, 7.0)])));
    assert_eq!(compute("TIME_SERIES(3)"), Ok(series(&[(0, 3.0), (60, 3.0), (120, 3.0), (180, 3.0)])));
}

#[test]
fn what_is_wrong_is_named() {
    for (text, words) in [
        ("", "found the end at character 1, expected a number"),
        ("a +", "found the end at character 4"),
        ("a b", "found b at character 3, expected an operator or the end"),
        ("(a", "expected an operator or )"),
        ("a # b", "found \"#\" at character 3"),
        ("\"a", "a quote without its end"),
        ("1.2.3", "found 1.2.3 at character 1, expected a number"),
        ("SEARCH('x', 'Sum', 60)", "the function SEARCH is not supported by the sandbox; it knows ABS, AVG"),
        ("ANOMALY_DETECTION_BAND(a)", "the function ANOMALY_DETECTION_BAND is not supported"),
        ("FILL(a)", "FILL takes 2 arguments and has 1"),
        ("IF(a)", "IF takes 2 to 3 arguments"),
        ("METRICS(1)", "METRICS takes no argument or a text"),
        ("METRICS() + METRICS()", "two arrays cannot be joined"),
        ("[1]", "an array may hold time series only"),
        ("c", "no query has the id c"),
    ] {
        let error = compute(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert_eq!(Expression::parse(&"(".repeat(100)), Err(ParseError::TooDeep));
}

#[test]
fn names_are_found_and_words_of_the_language_are_none() {
    let expression = Expression::parse("FILL(m1, REPEAT) + IF(m2 > 0, [m3, -m1])").unwrap();
    assert_eq!(expression.names().into_iter().collect::<Vec<_>>(), ["m1", "m2", "m3"]);
    assert!(!expression.uses_metrics() && Expression::parse("1 + SUM(METRICS())").unwrap().uses_metrics());
}
