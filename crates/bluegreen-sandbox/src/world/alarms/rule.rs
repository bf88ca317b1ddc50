//! Rules of composite alarms: which alarms' states they join, and how.

use std::collections::BTreeSet;

use bluegreen_core::observe::AlarmState;

/// AWS's limits for one rule.
const LENGTH: usize = 10_240;
const CHILDREN: usize = 100;
const ELEMENTS: usize = 500;

/// A composite alarm's rule and what else was put with it.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositeRule {
    /// As it was written.
    pub text: String,
    /// Understood.
    pub expression: RuleExpression,
    /// The alarm that keeps this one's actions back.
    pub suppressor: Option<String>,
    /// Seconds to wait for the suppressor.
    pub suppressor_wait: Option<u32>,
    /// Seconds for which it goes on after the suppressor has ended.
    pub suppressor_extension: Option<u32>,
}

/// A rule that has been understood.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleExpression {
    /// `TRUE` or `FALSE`.
    Constant(bool),
    /// `ALARM(name)`, `OK(name)`, `INSUFFICIENT_DATA(name)`.
    State(AlarmState, String),
    /// `NOT x`.
    Not(Box<RuleExpression>),
    /// `x AND y …`.
    And(Vec<RuleExpression>),
    /// `x OR y …`.
    Or(Vec<RuleExpression>),
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Something else stands where the rule goes on.
    #[error("AlarmRule: found {found} at character {at}, expected {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// Where, from 1.
        at: usize,
        /// What could stand there.
        expected: &'static str,
    },
    /// Too long.
    #[error("AlarmRule must not be longer than 10240 characters")]
    Length,
    /// Too many alarms.
    #[error("AlarmRule must not name more than 100 alarms")]
    Children,
    /// Too many parts.
    #[error("AlarmRule must not have more than 500 elements")]
    Elements,
}

impl RuleExpression {
    /// Understands a rule.
    pub fn parse(text: &str) -> Result<RuleExpression, RuleError> {
        if text.chars().count() > LENGTH {
            return Err(RuleError::Length);
        }
        let mut parser = Parser { tokens: tokens(text)?, next: 0, length: text.chars().count(), elements: 0 };
        let rule = parser.any()?;
        if parser.next < parser.tokens.len() {
            return Err(parser.unexpected("AND, OR or the end"));
        }
        if rule.children().len() > CHILDREN {
            return Err(RuleError::Children);
        }
        Ok(rule)
    }

    /// The names of all alarms in it.
    pub fn children(&self) -> BTreeSet<&str> {
        match self {
            RuleExpression::Constant(_) => BTreeSet::new(),
            RuleExpression::State(_, name) => BTreeSet::from([name.as_str()]),
            RuleExpression::Not(part) => part.children(),
            RuleExpression::And(parts) | RuleExpression::Or(parts) => {
                parts.iter().flat_map(RuleExpression::children).collect()
            }
        }
    }

    /// Whether it holds; nothing holds for an alarm that does not exist.
    pub fn holds<'a>(&self, state: &impl Fn(&str) -> Option<&'a AlarmState>) -> bool {
        match self {
            RuleExpression::Constant(holds) => *holds,
            RuleExpression::State(wanted, name) => state(name) == Some(wanted),
            RuleExpression::Not(part) => !part.holds(state),
            RuleExpression::And(parts) => parts.iter().all(|part| part.holds(state)),
            RuleExpression::Or(parts) => parts.iter().any(|part| part.holds(state)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Open,
    Close,
}

/// A word goes to the next blank, quote or bracket: names that have one need quotes.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, RuleError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = chars.get(at).copied() {
        let begin = at + 1;
        let rest = |from: usize, fits: &dyn Fn(char) -> bool| -> String {
            chars[from..].iter().take_while(|c| fits(**c)).collect()
        };
        let (token, length) = match first {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' | '\'' => {
                let inside = rest(at + 1, &|c| c != first);
                let length = inside.chars().count() + 2;
                if at + length > chars.len() {
                    let found = "a quote without its end".to_owned();
                    return Err(RuleError::Unexpected { found, at: begin, expected: "a closing quote" });
                }
                (Token::Quoted(inside), length)
            }
            _ => {
                let word = rest(at, &|c| !c.is_whitespace() && !"()\"'".contains(c));
                let length = word.chars().count();
                (Token::Word(word), length)
            }
        };
        at += length;
        tokens.push((begin, token));
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    length: usize,
    elements: usize,
}

impl Parser {
    fn unexpected(&self, expected: &'static str) -> RuleError {
        let (at, found) = match self.tokens.get(self.next) {
            None => (self.length + 1, "the end".to_owned()),
            Some((at, Token::Word(word) | Token::Quoted(word))) => (*at, format!("\"{word}\"")),
            Some((at, Token::Open)) => (*at, "\"(\"".to_owned()),
            Some((at, Token::Close)) => (*at, "\")\"".to_owned()),
        };
        RuleError::Unexpected { found, at, expected }
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.tokens.get(self.next).is_some_and(|(_, next)| next == token);
        self.next += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(&Token::Word(word.to_owned()))
    }

    fn any(&mut self) -> Result<RuleExpression, RuleError> {
        let mut parts = vec![self.all()?];
        while self.word("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { RuleExpression::Or(parts) })
    }

    fn all(&mut self) -> Result<RuleExpression, RuleError> {
        let mut parts = vec![self.one()?];
        while self.word("AND") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { RuleExpression::And(parts) })
    }

    fn one(&mut self) -> Result<RuleExpression, RuleError> {
        // Every part counts, brackets and NOT too: this bounds how deep they go.
        self.elements += 1;
        if self.elements > ELEMENTS {
            return Err(RuleError::Elements);
        }
        if self.word("NOT") {
            return Ok(RuleExpression::Not(Box::new(self.one()?)));
        }
        if self.take(&Token::Open) {
            let inside = self.any()?;
            return if self.take(&Token::Close) { Ok(inside) } else { Err(self.unexpected("AND, OR or )")) };
        }
        for constant in [("TRUE", true), ("FALSE", false)] {
            if self.word(constant.0) {
                return Ok(RuleExpression::Constant(constant.1));
            }
        }
        let states =
            [("ALARM", AlarmState::Alarm), ("OK", AlarmState::Ok), ("INSUFFICIENT_DATA", AlarmState::InsufficientData)];
        for (word, state) in states {
            if self.word(word) {
                return Ok(RuleExpression::State(state, self.name()?));
            }
        }
        Err(self.unexpected("ALARM, OK, INSUFFICIENT_DATA, NOT, TRUE, FALSE or ("))
    }

    fn name(&mut self) -> Result<String, RuleError> {
        if !self.take(&Token::Open) {
            return Err(self.unexpected("( and the name of an alarm"));
        }
        let name = match self.tokens.get(self.next) {
            Some((_, Token::Word(name) | Token::Quoted(name))) if !name.is_empty() => name.clone(),
            _ => return Err(self.unexpected("the name of an alarm, in quotes where it has blanks or brackets")),
        };
        self.next += 1;
        if !self.take(&Token::Close) {
            return Err(self.unexpected(")"));
        }
        Ok(name.split_once(":alarm:").filter(|_| name.starts_with("arn:")).map_or(name.clone(), |(_, n)| n.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let state = |name: &str| match name {
            "red" | "two words" | "a(b)" => Some(&AlarmState::Alarm),
            "green" => Some(&AlarmState::Ok),
            "new" => Some(&AlarmState::InsufficientData),
            _ => None,
        };
        RuleExpression::parse(text).unwrap().holds(&state)
    }

    #[test]
    fn rules_join_states() {
        for (text, expected) in [
            ("ALARM(red)", true),
            ("ALARM(green)", false),
            ("OK(green) AND INSUFFICIENT_DATA(new)", true),
            ("ALARM(green) OR ALARM(red) AND OK(red)", false),
            ("(ALARM(green) OR ALARM(red)) AND NOT OK(red)", true),
            ("NOT NOT ALARM(red)", true),
            ("ALARM(\"two words\") AND ALARM('a(b)')", true),
            ("ALARM( red )OR(FALSE)", true),
            ("TRUE AND NOT FALSE", true),
            ("ALARM(arn:aws:cloudwatch:eu-west-3:111122223333:alarm:red)", true),
            ("ALARM(nobody) OR OK(nobody) OR INSUFFICIENT_DATA(nobody)", false),
            ("NOT ALARM(nobody)", true),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
        let rule = RuleExpression::parse("ALARM(a) OR (OK(b) AND NOT ALARM(a))").unwrap();
        assert_eq!(rule.children().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("", "found the end at character 1, expected ALARM, OK"),
            ("ALARM", "found the end at character 6, expected ( and the name"),
            ("ALARM()", "found \")\" at character 7, expected the name of an alarm"),
            ("ALARM(a b)", "found \"b\" at character 9, expected )"),
            ("ALARM(a) ALARM(b)", "found \"ALARM\" at character 10, expected AND, OR or the end"),
            ("(ALARM(a)", "expected AND, OR or )"),
            ("ALARM(\"a)", "a quote without its end at character 7"),
            ("AT_LEAST(1, ALARM, (a))", "found \"AT_LEAST\" at character 1"),
            ("alarm(a)", "found \"alarm\" at character 1"),
        ] {
            let error = RuleExpression::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        let children = |count: usize| (0..count).map(|n| format!("ALARM(a{n})")).collect::<Vec<_>>().join(" OR ");
        assert!(RuleExpression::parse(&children(100)).is_ok());
        assert_eq!(RuleExpression::parse(&children(101)), Err(RuleError::Children));
        assert_eq!(RuleExpression::parse(&vec!["TRUE"; 501].join(" OR ")), Err(RuleError::Elements));
        assert_eq!(RuleExpression::parse(&"(".repeat(10_000)), Err(RuleError::Elements));
        assert_eq!(RuleExpression::parse(&" ".repeat(10_241)), Err(RuleError::Length));
    }
}
