//! Metric math: the part of CloudWatch's language that alarms and dashboards of releases use.

use std::collections::{BTreeMap, BTreeSet};

use super::Second;
use super::query::Points;

mod functions;
mod parse;

pub use parse::ParseError;

/// An expression that has been understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// Text in quotes, as an argument.
    Text(String),
    /// The query with this id.
    Name(String),
    /// Several side by side.
    Array(Vec<Expression>),
    /// `-x` or `!x`.
    Unary(Operator, Box<Expression>),
    /// `a + b` …
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `FILL(m1, 0)` …
    Call(Function, Vec<Expression>),
}

/// What joins two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `^`.
    Power,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `==`.
    Equal,
    /// `!=`.
    Different,
    /// `AND`, `&&`.
    And,
    /// `OR`, `||`.
    Or,
    /// `!`.
    Not,
}

macro_rules! functions {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $(#[doc = concat!("`", $name, "`.")] $variant),* }

        impl Function {
            /// Every name, in alphabetical order.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Function::$variant => $name),* }
            }

            fn find(name: &str) -> Option<Function> {
                match name.to_ascii_uppercase().as_str() { $($name => Some(Function::$variant),)* _ => None }
            }
        }
    };
}

functions! {
    Abs = "ABS", Avg = "AVG", Ceil = "CEIL", DatapointCount = "DATAPOINT_COUNT", Diff = "DIFF", Fill = "FILL",
    Floor = "FLOOR", If = "IF", Log = "LOG", Log10 = "LOG10", Max = "MAX", Metrics = "METRICS", Min = "MIN",
    Period = "PERIOD", Rate = "RATE", RunningSum = "RUNNING_SUM", Stddev = "STDDEV", Sum = "SUM",
    TimeSeries = "TIME_SERIES",
}

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number without a time.
    Number(f64),
    /// A series.
    Series(Points),
    /// Several series, with the ids that they come from.
    Array(Vec<(String, Points)>),
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MathError(pub(super) String);

/// What an expression is computed from.
#[derive(Debug)]
pub struct Scope<'a> {
    /// The values of the queries that it names.
    pub values: &'a BTreeMap<&'a str, Value>,
    /// Every metric beside it, for `METRICS()`.
    pub metrics: &'a [(String, Points)],
    /// Its period in seconds.
    pub period: u32,
    /// The first second of the grid.
    pub from: Second,
    /// The one after its last.
    pub to: Second,
}

impl Expression {
    /// Understands an expression.
    pub fn parse(text: &str) -> Result<Expression, ParseError> {
        parse::expression(text)
    }

    /// The ids of all queries that it names.
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.walk(&mut |part| {
            if let Expression::Name(name) = part {
                names.insert(name.as_str());
            }
        });
        names
    }

    /// Whether `METRICS()` is in it.
    pub fn uses_metrics(&self) -> bool {
        let mut uses = false;
        self.walk(&mut |part| uses |= matches!(part, Expression::Call(Function::Metrics, _)));
        uses
    }

    fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expression)) {
        visit(self);
        match self {
            Expression::Number(_) | Expression::Text(_) | Expression::Name(_) => {}
            Expression::Array(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Expression::Call(Function::Fill, parts) => {
                // The second argument may be a word of the language.
                let named = |part: &&Expression| !matches!(part, Expression::Name(name) if is_way_to_fill(name));
                parts.iter().filter(named).for_each(|part| part.walk(visit));
            }
            Expression::Call(_, parts) => parts.iter().for_each(|part| part.walk(visit)),
            Expression::Unary(_, part) => part.walk(visit),
            Expression::Binary(_, left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
        }
    }

    /// Its value.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Value, MathError> {
        match self {
            Expression::Number(number) => Ok(Value::Number(*number)),
            Expression::Text(text) => Err(MathError(format!("the text \"{text}\" is no value"))),
            Expression::Name(name) => {
                let found = scope.values.get(name.as_str()).cloned();
                found.ok_or_else(|| MathError(format!("no query has the id {name}")))
            }
            Expression::Array(parts) => {
                let mut all = Vec::new();
                for (position, part) in parts.iter().enumerate() {
                    match part.value(scope)? {
                        Value::Series(points) => {
                            let name =
                                if let Expression::Name(name) = part { name.clone() } else { position.to_string() };
                            all.push((name, points));
                        }
                        Value::Array(more) => all.extend(more),
                        Value::Number(_) => return Err(MathError("an array may hold time series only".to_owned())),
                    }
                }
                Ok(Value::Array(all))
            }
            Expression::Unary(operator, part) => {
                let value = part.value(scope)?;
                let sign = |x: f64| if *operator == Operator::Not { truth(x == 0.0) } else { -x };
                Ok(functions::map(value, |x| Some(sign(x))))
            }
            Expression::Binary(operator, left, right) => join(*operator, left.value(scope)?, right.value(scope)?),
            Expression::Call(function, arguments) => functions::call(*function, arguments, scope),
        }
    }
}

fn is_way_to_fill(name: &str) -> bool {
    matches!(name, "REPEAT" | "LINEAR")
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Where both sides are series, only times at which both have a point remain.
fn join(operator: Operator, left: Value, right: Value) -> Result<Value, MathError> {
    let both = |a: f64, b: f64| apply(operator, a, b);
    Ok(match (left, right) {
        (Value::Number(a), Value::Number(b)) => {
            Value::Number(both(a, b).ok_or_else(|| MathError("a division by zero".to_owned()))?)
        }
        (left, Value::Number(b)) => functions::map(left, |a| both(a, b)),
        (Value::Number(a), right) => functions::map(right, |b| both(a, b)),
        (Value::Series(a), Value::Series(b)) => Value::Series(zip(&a, &b, both)),
        (Value::Array(all), Value::Series(b)) => {
            Value::Array(all.into_iter().map(|(id, a)| (id, zip(&a, &b, both))).collect())
        }
        (Value::Series(a), Value::Array(all)) => {
            Value::Array(all.into_iter().map(|(id, b)| (id, zip(&a, &b, both))).collect())
        }
        (Value::Array(_), Value::Array(_)) => {
            return Err(MathError(
                "two arrays cannot be joined by an operator; reduce one of them, as by SUM".to_owned(),
            ));
        }
    })
}

fn zip(a: &Points, b: &Points, both: impl Fn(f64, f64) -> Option<f64>) -> Points {
    a.iter().filter_map(|(at, a)| Some((*at, both(*a, *b.get(at)?)?))).collect()
}

/// `None` where there is no number: a point that is divided by zero is left out.
#[allow(clippy::float_cmp, reason = "the language compares so")]
fn apply(operator: Operator, a: f64, b: f64) -> Option<f64> {
    let value = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Power => a.powf(b),
        Operator::Less => truth(a < b),
        Operator::LessOrEqual => truth(a <= b),
        Operator::Greater => truth(a > b),
        Operator::GreaterOrEqual => truth(a >= b),
        Operator::Equal => truth(a == b),
        Operator::Different => truth(a != b),
        Operator::And => truth(a != 0.0 && b != 0.0),
        Operator::Or => truth(a != 0.0 || b != 0.0),
        Operator::Not => return None,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests;
