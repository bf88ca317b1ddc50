//! A tree against the table: every key, every kind of value, every word.

use super::shape::{Field, Keys, List, Map, Object, Shape, Words, Zero, list, no_data, number, rate};
use super::suggest::{elsewhere, missing, nearest};
use super::text::{Misfit, TextKind};
use crate::diagnostic::{Diagnostic, Place, codes, printable};
use crate::document::{Node, Plain, Scalar};
use crate::model::duration::{self, DurationError};
use crate::model::{Percent, WeightError};

/// What the check found.
#[derive(Debug)]
pub(super) struct Checked {
    table: &'static Object,
    pub findings: Vec<Diagnostic>,
    /// Keys that an unknown key was probably meant to be: they count as given.
    pub meant: Vec<&'static str>,
}

/// Checks a whole file against its table; `what` names the file in messages.
pub(super) fn check(root: &Node, table: &'static Object, what: &str) -> Checked {
    let mut checked = Checked { table, findings: Vec::new(), meant: Vec::new() };
    checked.object(root, table, what);
    checked
}

impl Checked {
    fn report(&mut self, place: Place, code: &'static str, message: String, help: impl Into<String>) {
        let help = help.into();
        let diagnostic = Diagnostic::error(code, message).at(place);
        self.findings.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// Checks one value; `what` names it in messages.
    fn value(&mut self, node: &Node, shape: &Shape, what: &str) {
        match shape {
            Shape::List(list) => self.list(node, list, what),
            Shape::Map(map) => self.map(node, map, what),
            Shape::Object(object) => self.object(node, object, what),
            Shape::Either(shapes) => self.either(node, shapes, what),
            Shape::Later(instead) => {
                self.report(
                    node.place,
                    codes::NOT_IN_THIS_VERSION,
                    format!("{what} is not part of this version"),
                    *instead,
                );
            }
            scalar => {
                if let Some(found) = self.scalar(node, scalar, what) {
                    self.text(found, node.place, scalar, what);
                }
            }
        }
    }

    fn text(&mut self, found: &Scalar, place: Place, shape: &Shape, what: &str) {
        match shape {
            Shape::Text(kind) => self.kind(found, place, kind, what),
            Shape::Word(words) => self.word(found, place, words, what),
            Shape::Duration(zero) => self.duration(found, place, *zero, what),
            Shape::Share => self.share(found, place, what),
            Shape::Integer { min, max } => self.integer(found, place, (*min, *max), what),
            Shape::Number { min, max } if !number(&found.text).is_some_and(|n| (*min..=*max).contains(&n)) => {
                self.report(place, codes::BAD_NUMBER, mismatch(what, found, &shape.expected()), "");
            }
            Shape::Rate { min, max } => self.rate(found, place, (*min, *max), what),
            Shape::Flag if !matches!(found.text.as_str(), "true" | "false") => {
                self.report(place, codes::NOT_A_CHOICE, mismatch(what, found, &shape.expected()), "");
            }
            Shape::NoData if no_data(&found.text).is_none() => {
                let help = "`wait` takes a time above zero; after it, the answer is as for `refuse`";
                self.report(place, codes::NOT_A_CHOICE, mismatch(what, found, &shape.expected()), help);
            }
            _ => {}
        }
    }

    /// The scalar, or nothing after reporting that another kind of value stands there.
    fn scalar<'a>(&mut self, node: &'a Node, shape: &Shape, what: &str) -> Option<&'a Scalar> {
        let Some(scalar) = node.scalar() else {
            self.wrong_kind(node, what, &shape.expected(), "");
            return None;
        };
        if node.is_null() {
            self.no_value(node, what, &shape.expected(), "give it a value, or remove the key");
            return None;
        }
        Some(scalar)
    }

    fn wrong_kind(&mut self, node: &Node, what: &str, expected: &str, help: &str) {
        let message = format!("{what} must be {expected}, but found {}", node.describe());
        self.report(node.place, codes::WRONG_KIND, message, help);
    }

    fn no_value(&mut self, node: &Node, what: &str, expected: &str, help: &str) {
        self.report(node.place, codes::NO_VALUE, format!("{what} has no value; it must be {expected}"), help);
    }

    fn kind(&mut self, found: &Scalar, place: Place, kind: &TextKind, what: &str) {
        if !matches!(found.plain(), Plain::String) {
            let text = printable(&found.shown());
            let message = format!("{what} must be text, but `{text}` without quotes is {}", found.describe());
            return self.report(place, codes::NOT_TEXT, message, format!("write \"{text}\""));
        }
        let Err(Misfit { message, help }) = (kind.check)(&found.text) else { return };
        let message = message.filter(|_| !found.substituted());
        let help = help.filter(|_| !found.substituted()).unwrap_or_default();
        self.report(place, kind.code, message.unwrap_or_else(|| mismatch(what, found, kind.expected)), help);
    }

    fn word(&mut self, found: &Scalar, place: Place, words: &'static Words, what: &str) {
        if words.values.iter().any(|(word, _)| *word == found.text) {
            return;
        }
        if let Some((word, instead)) = words.later.iter().find(|(word, _)| *word == found.text) {
            let message = format!("{what} cannot be `{word}` in this version");
            return self.report(place, words.code, message, *instead);
        }
        let expected = Shape::Word(words).expected();
        let near = nearest(&found.text, words.values.iter().map(|(word, _)| *word))
            .filter(|_| !found.substituted() && found.text.len() > 3);
        let help = near.map_or_else(String::new, |word| format!("did you mean `{word}`?"));
        self.report(place, words.code, mismatch(what, found, &expected), help);
    }

    fn duration(&mut self, found: &Scalar, place: Place, zero: Zero, what: &str) {
        let parsed = duration::parse(&found.text);
        match parsed {
            Ok(time) => {
                if let (true, Zero::Refused(why)) = (time.is_zero(), zero) {
                    self.report(place, codes::ZERO, format!("{what} is zero"), why);
                }
            }
            Err(DurationError::NoUnit(number)) if !found.substituted() => {
                let message = format!("{what} is `{number}`, which has no unit");
                let help = format!("write `{number}s` for seconds or `{number}m` for minutes");
                self.report(place, codes::BAD_DURATION, message, help);
            }
            Err(_) => {
                let help = "write numbers with the units ms, s, m, h or d, from large to small and at most a year";
                let message = mismatch(what, found, &Shape::Duration(zero).expected());
                self.report(place, codes::BAD_DURATION, message, help);
            }
        }
    }

    fn share(&mut self, found: &Scalar, place: Place, what: &str) {
        let Err(error) = found.text.parse::<Percent>() else { return };
        if let (WeightError::TooFine(text), false) = (&error, found.substituted()) {
            let message = format!("{what} is `{text}`, which the weights of a load balancer (0 to 999) cannot express");
            return self.report(place, codes::BAD_SHARE, message, "write at most one decimal, such as 0.1 or 12.5");
        }
        let message = mismatch(what, found, "a percentage from 0 to 100 with at most one decimal");
        self.report(place, codes::BAD_SHARE, message, "");
    }

    fn rate(&mut self, found: &Scalar, place: Place, (min, max): (f64, f64), what: &str) {
        let fits = |rate: f64| (min / 100.0..=max / 100.0).contains(&rate);
        if rate(&found.text).is_some_and(fits) {
            return;
        }
        if let (Some(number), false) = (number(&found.text), found.substituted()) {
            let message = format!("{what} is `{number}`, which has no `%`");
            let help = match number {
                part if part > 0.0 && part < 1.0 => {
                    format!("write `{number}%`, or `{}%` where this part of 1 was meant", hundredfold(number))
                }
                _ => format!("write `{number}%`"),
            };
            return self.report(place, codes::BAD_SHARE, message, help);
        }
        let expected = Shape::Rate { min, max }.expected();
        self.report(place, codes::BAD_SHARE, mismatch(what, found, &expected), "");
    }

    fn integer(&mut self, found: &Scalar, place: Place, (min, max): (u32, u32), what: &str) {
        if found.text.parse::<u32>().is_ok_and(|number| (min..=max).contains(&number)) {
            return;
        }
        let version = min == max;
        let code = if version { codes::VERSION } else { codes::BAD_NUMBER };
        let expected = if version { min.to_string() } else { Shape::Integer { min, max }.expected() };
        let help =
            if version { "a newer release of bluegreen may read this file; this one reads version 1" } else { "" };
        self.report(place, code, mismatch(what, found, &expected), help);
    }

    fn list(&mut self, node: &Node, list: &List, what: &str) {
        let Some(items) = node.items() else {
            if node.is_null() {
                let empty = if list.min == 0 { "write `[]` for none, or remove the key" } else { list.cure };
                return self.no_value(node, what, "a list", empty);
            }
            if let (codes::SHELL, Some(text)) = (list.text_code, node.scalar()) {
                let message =
                    format!("{what} is the text `{}`, but nothing is run by a shell", printable(&text.shown()));
                return self.report(node.place, codes::SHELL, message, list.cure);
            }
            let help = if node.scalar().is_some() { "write it in brackets: [ … ]" } else { list.cure };
            return self.wrong_kind(node, what, "a list", help);
        };
        if items.len() < list.min {
            let message = format!("{what} is empty");
            self.report(node.place, codes::LIST_SIZE, message, list.cure);
        }
        if items.len() > list.max {
            let message = format!("{what} has {} items, more than the {} allowed", items.len(), list.max);
            self.report(node.place, codes::LIST_SIZE, message, list.cure);
        }
        // One too many is reported above; looking at each of thousands would only bury that.
        for (i, item) in items.iter().enumerate().take(list.max) {
            self.value(item, &list.item, &format!("item {} of {what}", i + 1));
        }
        if list.unique {
            self.repeated(items, what);
        }
    }

    fn repeated(&mut self, items: &[Node], what: &str) {
        let mut first: std::collections::HashMap<&str, &Node> = std::collections::HashMap::new();
        for item in items {
            let Some(scalar) = item.scalar() else { continue };
            if let Some(before) = first.get(scalar.text.as_str()) {
                let (text, line) = (printable(&scalar.shown()), before.place.line);
                let found = if brief(&text) { format!("`{text}`") } else { "this item".to_owned() };
                let message = format!("{found} stands twice in {what}; the first is on line {line}");
                self.report(item.place, codes::REPEATED, message, "keep one of the two");
            } else {
                first.insert(&scalar.text, item);
            }
        }
    }

    fn map(&mut self, node: &Node, map: &Map, what: &str) {
        let Some(entries) = node.entries() else {
            let expected = format!("a mapping with at least one {}", map.entry);
            if node.is_null() {
                return self.no_value(node, what, &expected, map.cure);
            }
            return self.wrong_kind(node, what, &expected, map.cure);
        };
        if entries.is_empty() {
            self.report(
                node.place,
                codes::LIST_SIZE,
                format!("{what} is empty"),
                format!("add at least one {}", map.entry),
            );
        }
        for (key, value) in entries {
            if let Some(name) = key.scalar() {
                // A key is always text: quotes make no difference to it.
                let name = Scalar { quoted: true, ..name.clone() };
                self.kind(&name, key.place, map.name, &format!("a key of {what}"));
                self.value(value, &map.value, &format!("`{}`", printable(&name.shown())));
            }
        }
    }

    fn either(&mut self, node: &Node, shapes: &'static [Shape], what: &str) {
        let fits = |shape: &&Shape| match shape {
            Shape::List(_) => node.items().is_some(),
            Shape::Object(_) | Shape::Map(_) => node.entries().is_some(),
            _ => node.scalar().is_some() && !node.is_null(),
        };
        match shapes.iter().find(fits) {
            Some(shape) => self.value(node, shape, what),
            // Whichever stands first is the usual way to write it.
            None => match shapes.first() {
                Some(Shape::List(list)) => self.list(node, list, what),
                _ if node.is_null() => self.no_value(node, what, &Shape::Either(shapes).expected(), ""),
                _ => self.wrong_kind(node, what, &Shape::Either(shapes).expected(), ""),
            },
        }
    }

    fn object(&mut self, node: &Node, object: &Object, what: &str) {
        let Some(entries) = node.entries() else {
            if node.is_null() {
                return self.no_value(node, what, "a mapping", object.cure);
            }
            return self.wrong_kind(node, what, "a mapping", object.cure);
        };
        let mut meant = Vec::new();
        for (key, value) in entries {
            let Some(name) = key.text() else { continue };
            match object.fields.iter().find(|field| field.key == name) {
                Some(Field { shape: Shape::Later(instead), key: name, .. }) => {
                    let message = format!("`{name}` is not part of this version");
                    self.report(key.place, codes::NOT_IN_THIS_VERSION, message, *instead);
                    meant.push(*name);
                    // Where one key alone is required, this was to stand in its place.
                    let mut required = object.fields.iter().filter(|field| field.required);
                    if let (Some(only), None) = (required.next(), required.next()) {
                        meant.push(only.key);
                    }
                }
                Some(field) => self.value(value, &field.shape, &format!("`{}`", field.key)),
                None => meant.extend(self.unknown(key, object, what)),
            }
        }
        let given = |key: &str| node.get(key).is_some() || meant.contains(&key);
        for field in object.fields.iter().filter(|field| field.required && !given(field.key)) {
            let message = format!("{what} has no `{}`", field.key);
            self.report(start_of(node), codes::MISSING_KEY, message, missing(field));
        }
        self.keys(node, object, what, &meant);
        self.meant.extend(meant);
    }

    /// Reports an unknown key; returns the known one that was probably meant.
    fn unknown(&mut self, key: &Node, object: &Object, what: &str) -> Option<&'static str> {
        let scalar = key.scalar()?;
        let known = object.fields.iter().filter(|field| field.current()).map(|field| field.key);
        let near = nearest(&scalar.text, known.clone());
        let help = match (near, elsewhere(&scalar.text, self.table)) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(path)) => format!("`{}` goes {path}", scalar.text),
            (None, None) if object.fields.is_empty() => "it takes no keys: write `{}`".to_owned(),
            (None, None) => format!("the keys are {}", list(known.map(|key| format!("`{key}`")), "and")),
        };
        let message = format!("unknown key `{}` in {what}", printable(&scalar.shown()));
        self.report(key.place, codes::UNKNOWN_KEY, message, help);
        near
    }

    /// Checks which keys stand beside each other.
    fn keys(&mut self, node: &Node, object: &Object, what: &str, meant: &[&str]) {
        let (keys, least, most) = match object.keys {
            Keys::Any => return,
            Keys::One(keys) => (keys, 1, 1),
            Keys::Some(keys) => (keys, 1, keys.len()),
            Keys::AtMostOne(keys) => (keys, 0, 1),
        };
        let given: Vec<&Node> = keys.iter().filter_map(|key| node.entry(key)).map(|(key, _)| key).collect();
        let names = list(keys.iter().map(|key| format!("`{key}`")), "or");
        let current = |key: &str| object.fields.iter().any(|field| field.key == key && field.current());
        let tried = meant.iter().any(|key| keys.contains(key) || !current(key));
        if given.len() < least && !tried {
            let amount = if most == 1 { "one of" } else { "at least one of" };
            self.report(start_of(node), codes::KEY_CHOICE, format!("{what} needs {amount} {names}"), object.cure);
        }
        for extra in given.iter().skip(most) {
            let first = given[0];
            let (first_key, line) = (first.text().unwrap_or_default(), first.place.line);
            let message = format!("{what} takes only one of {names}, and has `{first_key}` on line {line}");
            self.report(extra.place, codes::KEY_CHOICE, message, "keep the one that is meant");
        }
    }
}

/// `WHAT must be EXPECTED, but found …`, without the value of any variable.
fn mismatch(what: &str, found: &Scalar, expected: &str) -> String {
    let text = printable(&found.shown());
    if found.substituted() {
        format!("{what} must be {expected}; the value of `{text}` is not")
    } else if text.trim().is_empty() {
        format!("{what} must be {expected}, but it is empty")
    } else if !brief(&text) {
        // The carets show it.
        format!("{what} must be {expected}")
    } else {
        format!("{what} must be {expected}, but found `{text}`")
    }
}

/// To nine digits, so that 0.07 is 7 and not a little more.
fn hundredfold(number: f64) -> f64 {
    (number * 1e11).round() / 1e9
}

/// Whether a text reads well inside a sentence.
fn brief(text: &str) -> bool {
    text.chars().count() <= 44
}

/// Where to point for something that is missing from a mapping: its first key.
fn start_of(node: &Node) -> Place {
    node.entries().and_then(|entries| entries.first()).map_or(node.place, |(key, _)| key.place)
}
