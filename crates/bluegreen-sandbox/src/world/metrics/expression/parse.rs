//! From text to expressions, by precedence climbing.

use super::{Expression, Function, Operator};

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Something else stands where an expression goes on.
    #[error("found {found} at character {at}, expected {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// Where, from 1.
        at: usize,
        /// What could stand there.
        expected: &'static str,
    },
    /// A function that CloudWatch may know and the sandbox does not.
    #[error("the function {name} is not supported by the sandbox; it knows {}", Function::NAMES.join(", "))]
    Function {
        /// Its name.
        name: String,
    },
    /// Nested too deeply.
    #[error("the expression is nested more than 50 levels deep")]
    TooDeep,
}

/// Levels of nesting.
const DEPTH: usize = 50;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Word(String),
    Operator(Operator),
    Mark(char),
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    length: usize,
    depth: usize,
}

pub(super) fn expression(text: &str) -> Result<Expression, ParseError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, next: 0, length: text.chars().count(), depth: 0 };
    let expression = parser.binary(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected("an operator or the end")),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ParseError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = chars.get(at).copied() {
        let begin = at;
        let take = |from: usize, fits: &dyn Fn(char) -> bool| -> String {
            chars[from..].iter().take_while(|c| fits(**c)).collect()
        };
        let bad = |found: &str, expected| ParseError::Unexpected { found: found.to_owned(), at: begin + 1, expected };
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let token = if first.is_ascii_digit() || first == '.' {
            let digits = take(at, &|c| c.is_ascii_digit() || c == '.');
            at += digits.len();
            Token::Number(digits.parse().map_err(|_| bad(&digits, "a number"))?)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let word = take(at, &|c| c.is_ascii_alphanumeric() || c == '_');
            at += word.len();
            match word.as_str() {
                "AND" => Token::Operator(Operator::And),
                "OR" => Token::Operator(Operator::Or),
                _ => Token::Word(word),
            }
        } else if first == '"' || first == '\'' {
            let inside = take(at + 1, &|c| c != first);
            at += inside.chars().count() + 2;
            if at > chars.len() {
                return Err(bad("a quote without its end", "a closing quote"));
            }
            Token::Text(inside)
        } else if let Some((operator, length)) = operator(&chars[at..]) {
            at += length;
            Token::Operator(operator)
        } else if "()[],".contains(first) {
            at += 1;
            Token::Mark(first)
        } else {
            return Err(bad(&format!("\"{first}\""), "a number, a name or an operator"));
        };
        tokens.push((begin + 1, token));
    }
    Ok(tokens)
}

fn operator(chars: &[char]) -> Option<(Operator, usize)> {
    let pair: String = chars.iter().take(2).collect();
    let long = match pair.as_str() {
        "<=" => Some(Operator::LessOrEqual),
        ">=" => Some(Operator::GreaterOrEqual),
        "==" => Some(Operator::Equal),
        "!=" => Some(Operator::Different),
        "&&" => Some(Operator::And),
        "||" => Some(Operator::Or),
        _ => None,
    };
    if let Some(operator) = long {
        return Some((operator, 2));
    }
    let short = match chars.first()? {
        '+' => Operator::Add,
        '-' => Operator::Subtract,
        '*' => Operator::Multiply,
        '/' => Operator::Divide,
        '^' => Operator::Power,
        '<' => Operator::Less,
        '>' => Operator::Greater,
        '!' => Operator::Not,
        _ => return None,
    };
    Some((short, 1))
}

/// How tightly an operator binds; `None` for those that do not stand between two values.
fn strength(operator: Operator) -> Option<u8> {
    match operator {
        Operator::Or => Some(1),
        Operator::And => Some(2),
        Operator::Equal | Operator::Different => Some(3),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => Some(4),
        Operator::Add | Operator::Subtract => Some(5),
        Operator::Multiply | Operator::Divide => Some(6),
        Operator::Power => Some(7),
        Operator::Not => None,
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += usize::from(token.is_some());
        token
    }

    fn unexpected(&self, expected: &'static str) -> ParseError {
        let found = match self.tokens.get(self.next) {
            None => ("the end".to_owned(), self.length + 1),
            Some((at, Token::Number(number))) => (number.to_string(), *at),
            Some((at, Token::Text(text))) => (format!("\"{text}\""), *at),
            Some((at, Token::Word(word))) => (word.clone(), *at),
            Some((at, Token::Mark(mark))) => (format!("\"{mark}\""), *at),
            Some((at, Token::Operator(operator))) => (format!("the operator {operator:?}"), *at),
        };
        ParseError::Unexpected { found: found.0, at: found.1, expected }
    }

    fn mark(&mut self, mark: char, expected: &'static str) -> Result<(), ParseError> {
        if self.peek() == Some(&Token::Mark(mark)) {
            self.next += 1;
            return Ok(());
        }
        Err(self.unexpected(expected))
    }

    fn binary(&mut self, weakest: u8) -> Result<Expression, ParseError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ParseError::TooDeep);
        }
        let mut left = self.unary()?;
        while let Some(Token::Operator(operator)) = self.peek().cloned() {
            let Some(strength) = strength(operator).filter(|strength| *strength > weakest) else { break };
            self.next += 1;
            // Powers group from the right, everything else from the left.
            let bound = if operator == Operator::Power { strength - 1 } else { strength };
            let right = self.binary(bound)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, ParseError> {
        match self.peek() {
            Some(Token::Operator(operator @ (Operator::Subtract | Operator::Not))) => {
                let operator = *operator;
                self.next += 1;
                // A power binds more tightly than the sign before it.
                let part = self.binary(6)?;
                Ok(Expression::Unary(operator, Box::new(part)))
            }
            _ => self.value(),
        }
    }

    fn value(&mut self) -> Result<Expression, ParseError> {
        const EXPECTED: &str = "a number, the id of a query, a function, ( or [";
        match self.peek() {
            Some(Token::Number(_) | Token::Text(_) | Token::Word(_)) => {}
            Some(Token::Mark('(')) => {
                self.next += 1;
                let inside = self.binary(0)?;
                self.mark(')', "an operator or )")?;
                return Ok(inside);
            }
            Some(Token::Mark('[')) => {
                self.next += 1;
                return Ok(Expression::Array(self.list(']', "an operator, a comma or ]")?));
            }
            _ => return Err(self.unexpected(EXPECTED)),
        }
        match self.take() {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Text(text)) => Ok(Expression::Text(text)),
            Some(Token::Word(word)) if self.peek() == Some(&Token::Mark('(')) => {
                let function = Function::find(&word).ok_or(ParseError::Function { name: word })?;
                self.next += 1;
                Ok(Expression::Call(function, self.list(')', "an operator, a comma or )")?))
            }
            Some(Token::Word(word)) => Ok(Expression::Name(word)),
            _ => Err(self.unexpected(EXPECTED)),
        }
    }

    fn list(&mut self, end: char, expected: &'static str) -> Result<Vec<Expression>, ParseError> {
        let mut parts = Vec::new();
        if self.peek() == Some(&Token::Mark(end)) {
            self.next += 1;
            return Ok(parts);
        }
        loop {
            parts.push(self.binary(0)?);
            if self.peek() == Some(&Token::Mark(',')) {
                self.next += 1;
                continue;
            }
            self.mark(end, expected)?;
            return Ok(parts);
        }
    }
}
