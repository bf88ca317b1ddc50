//! What a spec file may hold, as data: checked by `check`, told to editors by `schema`, to people by `reference`.

use std::time::Duration;

use super::text::TextKind;

/// What stands under one key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Text of some kind.
    Text(&'static TextKind),
    /// One of a few words.
    Word(&'static Words),
    /// A length of time with its unit.
    Duration(Zero),
    /// A share in percent, one decimal at most.
    Share,
    /// A whole number, both bounds included.
    Integer { min: u32, max: u32 },
    /// A number, both bounds included.
    Number { min: f64, max: f64 },
    /// A part of a hundred with its sign, both bounds included.
    Rate { min: f64, max: f64 },
    /// `true` or `false`.
    Flag,
    /// `allow`, `refuse` or `wait DURATION`.
    NoData,
    /// A list.
    List(&'static List),
    /// A mapping whose keys the user chooses.
    Map(&'static Map),
    /// A mapping with keys of ours.
    Object(&'static Object),
    /// One of several shapes that differ in their kind of node, the usual one first.
    Either(&'static [Shape]),
    /// A key that this version does not act on; the text says what to use instead.
    Later(&'static str),
}

/// Whether a duration may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zero {
    Allowed,
    /// The text says what zero would do.
    Refused(&'static str),
}

/// The words of a choice.
#[derive(Debug)]
pub(super) struct Words {
    /// Each word with its meaning.
    pub values: &'static [(&'static str, &'static str)],
    /// Words that this version knows of but does not act on, with what to use instead.
    pub later: &'static [(&'static str, &'static str)],
    /// What else may stand in the word's place, as the end of a sentence.
    pub also: &'static str,
    /// The code for any other word.
    pub code: &'static str,
}

/// The bounds of a list.
#[derive(Debug)]
pub(super) struct List {
    pub item: Shape,
    pub min: usize,
    pub max: usize,
    /// Whether an item may stand only once.
    pub unique: bool,
    /// What to do where the list is too short or too long, or is no list at all.
    pub cure: &'static str,
    /// The code where text stands in the list's place.
    pub text_code: &'static str,
}

/// A mapping from names to values of one shape.
#[derive(Debug)]
pub(super) struct Map {
    /// What a key is, such as `NAME`, for paths.
    pub key: &'static str,
    /// What a key must be.
    pub name: &'static TextKind,
    pub value: Shape,
    /// What one entry is, for messages.
    pub entry: &'static str,
    /// What to write where something else was found.
    pub cure: &'static str,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Object {
    pub fields: &'static [Field],
    pub keys: Keys,
    /// What to write where something else, or too little, was found.
    pub cure: &'static str,
}

/// How many of some keys must be there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keys {
    /// Each for itself.
    Any,
    /// Exactly one of these.
    One(&'static [&'static str]),
    /// One of these or more.
    Some(&'static [&'static str]),
    /// None or one of these.
    AtMostOne(&'static [&'static str]),
}

/// One key of an [`Object`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub key: &'static str,
    /// What it does, in sentences for the reference; Markdown.
    pub doc: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// What holds where it is missing.
    pub default: Option<&'static str>,
}

impl Field {
    pub(super) const fn new(key: &'static str, shape: Shape, doc: &'static str) -> Field {
        Field { key, doc, shape, required: false, default: None }
    }

    pub(super) const fn required(self) -> Field {
        Field { required: true, ..self }
    }

    pub(super) const fn default(self, default: &'static str) -> Field {
        Field { default: Some(default), ..self }
    }

    /// Whether this version acts on it.
    pub(super) fn current(&self) -> bool {
        !matches!(self.shape, Shape::Later(_))
    }
}

impl Shape {
    /// What a value must be, as the end of "must be …".
    pub(super) fn expected(&self) -> String {
        match self {
            Shape::Text(kind) => kind.expected.to_owned(),
            Shape::Word(words) => {
                let choice = list(words.values.iter().map(|(word, _)| format!("`{word}`")), "or");
                format!("{choice} {}", words.also).trim_end().to_owned()
            }
            Shape::Duration(_) => "a duration such as 30s, 5m or 1h30m".to_owned(),
            Shape::Share => "a percentage such as 5 or 12.5".to_owned(),
            Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Shape::Number { min, max } => format!("a number from {min} to {max}"),
            Shape::Rate { min, max } => format!("a percentage from {min}% to {max}%"),
            Shape::Flag => "`true` or `false`".to_owned(),
            Shape::NoData => "`allow`, `refuse` or `wait` with a duration, such as `wait 10m`".to_owned(),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) | Shape::Object(_) => "a mapping".to_owned(),
            // The first is the usual one, and mentions the others where that helps.
            Shape::Either(shapes) => shapes.first().map(Shape::expected).unwrap_or_default(),
            Shape::Later(_) => "left out".to_owned(),
        }
    }
}

/// `a, b or c`.
pub(super) fn list(items: impl Iterator<Item = String>, last: &str) -> String {
    let mut items: Vec<String> = items.collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", items.join(", ")),
    }
}

/// Reads what [`Shape::NoData`] takes: the word, and the time of `wait`.
pub(super) fn no_data(text: &str) -> Option<(&str, Option<Duration>)> {
    match text.split_once(char::is_whitespace) {
        None if text == "allow" || text == "refuse" => Some((text, None)),
        Some((word @ "wait", time)) => {
            let time = crate::model::duration::parse(time).ok().filter(|time| !time.is_zero())?;
            Some((word, Some(time)))
        }
        _ => None,
    }
}

/// Reads what [`Shape::Rate`] takes: `0.5%` is 0.005.
pub(super) fn rate(text: &str) -> Option<f64> {
    let digits = text.strip_suffix('%')?.trim_end();
    // As one literal, so that `0.1%` is the number nearest to 0.001.
    number(digits).and_then(|_| format!("{digits}e-2").parse().ok())
}

/// Reads what [`Shape::Number`] takes: digits with at most one point, and no sign or exponent.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.starts_with(|c: char| c.is_ascii_digit());
    text.parse().ok().filter(|_| plain && text.len() <= 20)
}
