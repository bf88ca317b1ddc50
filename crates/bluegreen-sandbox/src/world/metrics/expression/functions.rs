//! The functions of metric math.

use std::collections::BTreeSet;

use super::{Expression, Function, MathError, Points, Scope, Value, truth};
use crate::world::metrics::Second;

/// Every point on its own; `None` leaves it out.
pub(super) fn map(value: Value, each: impl Fn(f64) -> Option<f64>) -> Value {
    let points = |points: Points| points.into_iter().filter_map(|(at, x)| Some((at, each(x)?))).collect();
    match value {
        Value::Number(number) => Value::Number(each(number).unwrap_or(0.0)),
        Value::Series(series) => Value::Series(points(series)),
        Value::Array(all) => Value::Array(all.into_iter().map(|(id, series)| (id, points(series))).collect()),
    }
}

fn whole(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub(super) fn call(function: Function, arguments: &[Expression], scope: &Scope<'_>) -> Result<Value, MathError> {
    let count = |least: usize, most: usize| {
        if (least..=most).contains(&arguments.len()) {
            return Ok(());
        }
        let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
        Err(MathError(format!("{} takes {wanted} arguments and has {}", function.name(), arguments.len())))
    };
    let one = || count(1, 1).and_then(|()| arguments[0].value(scope));
    match function {
        Function::Abs => Ok(map(one()?, |x| Some(x.abs()))),
        Function::Ceil => Ok(map(one()?, |x| Some(x.ceil()))),
        Function::Floor => Ok(map(one()?, |x| Some(x.floor()))),
        Function::Log => Ok(map(one()?, |x| whole(x.ln()))),
        Function::Log10 => Ok(map(one()?, |x| whole(x.log10()))),
        Function::Sum | Function::Avg | Function::Min | Function::Max | Function::Stddev | Function::DatapointCount => {
            Ok(reduced(function, one()?))
        }
        Function::Metrics => count(0, 1).and_then(|()| metrics(arguments, scope)),
        Function::Period => one().map(|_| Value::Number(f64::from(scope.period))),
        Function::Rate | Function::Diff | Function::RunningSum => Ok(steps(function, one()?)),
        Function::TimeSeries => {
            let constant = number(function, &one()?)?;
            Ok(Value::Series(grid(scope).map(|at| (at, constant)).collect()))
        }
        Function::Fill => {
            count(2, 2)?;
            fill(arguments[0].value(scope)?, &arguments[1], scope)
        }
        Function::If => {
            count(2, 3)?;
            let other = arguments.get(2).map(|other| other.value(scope)).transpose()?;
            either(&arguments[0].value(scope)?, &arguments[1].value(scope)?, other.as_ref())
        }
    }
}

fn number(function: Function, value: &Value) -> Result<f64, MathError> {
    match value {
        Value::Number(number) => Ok(*number),
        _ => Err(MathError(format!("{} takes a number", function.name()))),
    }
}

fn grid(scope: &Scope<'_>) -> impl Iterator<Item = Second> + use<> {
    let (from, to, period) = (scope.from, scope.to, Second::from(scope.period.max(1)));
    (0..).map(move |step| from + step * period).take_while(move |at| *at < to)
}

fn metrics(arguments: &[Expression], scope: &Scope<'_>) -> Result<Value, MathError> {
    let part = match arguments {
        [] => "",
        [Expression::Text(part)] => part.as_str(),
        _ => return Err(MathError("METRICS takes no argument or a text in quotes".to_owned())),
    };
    Ok(Value::Array(scope.metrics.iter().filter(|(id, _)| id.contains(part)).cloned().collect()))
}

#[allow(clippy::cast_precision_loss, reason = "a number of points")]
fn of_values(function: Function, values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    match function {
        Function::Sum => sum,
        Function::Avg => sum / count,
        Function::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::DatapointCount => count,
        _ => (values.iter().map(|x| (x - sum / count).powi(2)).sum::<f64>() / count).sqrt(),
    }
}

/// A series becomes a number, several series become one.
fn reduced(function: Function, value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(number),
        Value::Series(points) => {
            let values: Vec<f64> = points.into_values().collect();
            Value::Number(if values.is_empty() { 0.0 } else { of_values(function, &values) })
        }
        Value::Array(all) => {
            let times: BTreeSet<Second> = all.iter().flat_map(|(_, points)| points.keys().copied()).collect();
            let at = |at: Second| {
                let values: Vec<f64> = all.iter().filter_map(|(_, points)| points.get(&at).copied()).collect();
                (at, of_values(function, &values))
            };
            Value::Series(times.into_iter().map(at).collect())
        }
    }
}

/// Functions of a point and the ones before it.
fn steps(function: Function, value: Value) -> Value {
    let each = |points: Points| -> Points {
        let mut before: Option<(Second, f64)> = None;
        let mut sum = 0.0;
        let mut next = |(at, x): (Second, f64)| {
            sum += x;
            let last = before.replace((at, x));
            match function {
                Function::RunningSum => Some((at, sum)),
                Function::Diff => last.map(|(_, earlier)| (at, x - earlier)),
                _ => last.map(|(since, earlier)| (at, (x - earlier) / seconds(at - since))),
            }
        };
        points.into_iter().filter_map(&mut next).collect()
    };
    match value {
        Value::Number(number) => Value::Number(number),
        Value::Series(points) => Value::Series(each(points)),
        Value::Array(all) => Value::Array(all.into_iter().map(|(id, points)| (id, each(points))).collect()),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a difference of two seconds")]
fn seconds(difference: Second) -> f64 {
    difference.max(1) as f64
}

/// What stands in for a point that is missing at a time.
type Filler = Box<dyn Fn(&Points, Second) -> Option<f64>>;

fn fill(value: Value, way: &Expression, scope: &Scope<'_>) -> Result<Value, MathError> {
    let with: Filler = match way {
        Expression::Name(word) if word == "REPEAT" => {
            Box::new(|points: &Points, at| points.range(..at).next_back().map(|(_, x)| *x))
        }
        Expression::Name(word) if word == "LINEAR" => Box::new(|points: &Points, at| {
            let (since, low) = points.range(..at).next_back()?;
            let (until, high) = points.range(at..).next()?;
            Some(low + (high - low) * seconds(at - since) / seconds(until - since))
        }),
        way => match way.value(scope)? {
            Value::Number(constant) => Box::new(move |_: &Points, _| Some(constant)),
            Value::Series(other) => Box::new(move |_: &Points, at| other.get(&at).copied()),
            Value::Array(_) => {
                return Err(MathError("FILL takes a number, a time series, REPEAT or LINEAR".to_owned()));
            }
        },
    };
    let each = |points: Points| -> Points {
        grid(scope).filter_map(|at| Some((at, points.get(&at).copied().or_else(|| with(&points, at))?))).collect()
    };
    Ok(match value {
        Value::Number(number) => Value::Number(number),
        Value::Series(points) => Value::Series(each(points)),
        Value::Array(all) => Value::Array(all.into_iter().map(|(id, points)| (id, each(points))).collect()),
    })
}

/// `IF(condition, then, otherwise)`: without a third argument, points whose condition does not hold are left out.
fn either(condition: &Value, then: &Value, other: Option<&Value>) -> Result<Value, MathError> {
    let at = |value: &Value, at: Second| match value {
        Value::Number(number) => Some(*number),
        Value::Series(points) => points.get(&at).copied(),
        Value::Array(_) => None,
    };
    let arrays = [Some(condition), Some(then), other];
    if arrays.into_iter().flatten().any(|value| matches!(value, Value::Array(_))) {
        return Err(MathError("IF takes numbers and single time series".to_owned()));
    }
    let chosen = |holds: f64| if truth(holds != 0.0) > 0.0 { Some(then) } else { other };
    Ok(match condition {
        Value::Number(holds) => match chosen(*holds) {
            Some(value) => value.clone(),
            None => Value::Series(Points::new()),
        },
        Value::Series(points) => {
            let point = |(time, holds): (&Second, &f64)| Some((*time, at(chosen(*holds)?, *time)?));
            Value::Series(points.iter().filter_map(point).collect())
        }
        Value::Array(_) => Value::Series(Points::new()),
    })
}
