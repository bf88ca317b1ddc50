//! The text of a file with its secrets blanked out, so that findings can show source lines.

use super::redact::{hides, redacted_text};

/// `text` with every character of a value that [`super::redact`] would hide replaced by `*`.
///
/// It works on tokens alone, since the text of a file that is not JSON must not show its secrets either. Byte offsets
/// stay what they were.
pub(crate) fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Vec<Scope> = vec![Scope::default()];
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let end = match byte {
            b'"' => string_end(text, at),
            b'{' | b'[' => {
                let outer = open.last().cloned().unwrap_or_default();
                let hidden = outer.hidden || hides(&outer.key);
                open.push(Scope { hidden, object: *byte == b'{', key: String::new() });
                at + 1
            }
            b'}' | b']' => {
                if open.len() > 1 {
                    open.pop();
                }
                at + 1
            }
            b',' => {
                // The next string is a key again, or a text that lost its key.
                if let Some(scope) = open.last_mut().filter(|scope| scope.object) {
                    scope.key.clear();
                }
                at + 1
            }
            b':' | b' ' | b'\n' | b'\r' | b'\t' => at + 1,
            _ => text[at..]
                .find([',', ':', '}', ']', '"', '{', '[', ' ', '\t', '\r', '\n'])
                .map_or(text.len(), |n| at + n.max(1)),
        };
        let token = &text[at..end];
        let scalar = !matches!(byte, b'{' | b'[' | b'}' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t');
        let scope = open.last_mut();
        match scope {
            Some(scope) if scalar && text[end..].trim_start().starts_with(':') => {
                token.trim_matches('"').clone_into(&mut scope.key);
                out.push_str(token);
            }
            Some(scope) if scalar && scope.masks(token) => blank(token, &mut out),
            _ => out.push_str(token),
        }
        at = end;
    }
    out
}

/// [`masked`] for text that is no JSON from the byte `broken` on: from there, quotes mean nothing certain any more, so
/// all words are blanked and only punctuation stays.
pub(crate) fn masked_from(text: &str, broken: usize) -> String {
    let broken = (0..=broken.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut out = masked(&text[..broken]);
    for c in text[broken..].chars() {
        if c.is_ascii_punctuation() || matches!(c, ' ' | '\t' | '\n' | '\r') {
            out.push(c);
        } else {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        }
    }
    out
}

/// What is known inside one pair of brackets.
#[derive(Clone, Default)]
struct Scope {
    /// Whether everything but names is hidden here.
    hidden: bool,
    /// Whether the brackets are an object's.
    object: bool,
    /// The key read last; empty in a list and before each key.
    key: String,
}

impl Scope {
    fn masks(&self, token: &str) -> bool {
        (self.hidden && self.key != "name")
            || matches!(self.key.as_str(), "value" | "valueFrom")
            || hides(&self.key)
            || redacted_text(token) != token
    }
}

/// One past the closing quote of the string that opens at `at`; the end of the line where it is not closed.
fn string_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\n' => return end,
            b'\\' if end + 1 < bytes.len() && bytes[end + 1].is_ascii() && bytes[end + 1] != b'\n' => end += 2,
            _ => end += 1,
        }
    }
    text.len()
}

fn blank(token: &str, out: &mut String) {
    for c in token.chars() {
        match c {
            '"' | '\n' | '\r' => out.push(c),
            _ => out.extend(std::iter::repeat_n('*', c.len_utf8())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_variables_are_blanked_and_offsets_stay() {
        let text = r#"{"environment": [{"name": "A", "value": "sécret"}], "cpu": 1, "command": ["TOKEN=x y"],
            "secrets": [{"valueFrom": "arn", "name": "B"}], "my-token": 77, "image": "web"}"#;
        let masked = masked(text);
        assert_eq!(masked.len(), text.len());
        for hidden in ["sécret", "TOKEN=x", "arn", "77"] {
            assert!(!masked.contains(hidden), "{hidden} in {masked}");
        }
        for kept in ["\"name\": \"A\"", "\"name\": \"B\"", "\"cpu\": 1", "\"image\": \"web\""] {
            assert!(masked.contains(kept), "{kept} not in {masked}");
        }
    }

    #[test]
    fn broken_text_hides_its_values_too() {
        for broken in ["{\"environment\": [{\"value\": \"s3cr3t", "\"value\" : \"s3cr3t\"\n]]}", "{value: s3cr3t}"] {
            assert!(!masked(broken).contains("s3cr3t"), "{}", masked(broken));
        }
        let flipped = "{\"a\": \"b\"c\", \"value\": \"s3cr3t\", \"x\": \"é\"}";
        let shown = masked_from(flipped, flipped.find('c').unwrap());
        assert_eq!((shown.len(), shown.contains("s3cr3t"), shown.contains("\"b\"")), (flipped.len(), false, true));
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length_and_lines(text in "([\\[\\]{}:,\"\\\\ \n]|value|é|x){0,60}") {
            let masked = masked(&text);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        }
    }
}
