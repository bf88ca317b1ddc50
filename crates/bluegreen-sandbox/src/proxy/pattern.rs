//! Patterns with `*` for any run of characters, `?` for exactly one, and `\` before either for itself.

/// A pattern, ready to be matched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    fold: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Byte(u8),
    One,
    Any,
}

impl Pattern {
    /// A pattern for which upper and lower case differ.
    pub(crate) fn exact(text: &str) -> Pattern {
        Pattern { parts: parts(text), fold: false }
    }

    /// A pattern for which upper and lower case are the same.
    pub(crate) fn folded(text: &str) -> Pattern {
        Pattern { parts: parts(&text.to_ascii_lowercase()), fold: true }
    }

    /// Whether it describes the whole text. Runs in at most `pattern × text` steps, whoever wrote either.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let (mut at, mut next) = (0, 0);
        // Where the last `*` stands, and how much of the text it has eaten.
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            let byte = if self.fold { text[at].to_ascii_lowercase() } else { text[at] };
            match self.parts.get(next) {
                Some(Part::Any) => {
                    star = Some((next, at));
                    next += 1;
                }
                Some(Part::One) => (at, next) = (at + 1, next + 1),
                Some(Part::Byte(wanted)) if *wanted == byte => (at, next) = (at + 1, next + 1),
                _ => match star {
                    Some((place, eaten)) => {
                        star = Some((place, eaten + 1));
                        (at, next) = (eaten + 1, place + 1);
                    }
                    None => return false,
                },
            }
        }
        self.parts[next..].iter().all(|part| *part == Part::Any)
    }
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        parts.push(match byte {
            b'*' => Part::Any,
            b'?' => Part::One,
            b'\\' => match bytes.next_if(|next| matches!(next, b'*' | b'?' | b'\\')) {
                Some(literal) => Part::Byte(literal),
                None => Part::Byte(byte),
            },
            byte => Part::Byte(byte),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything/at all", true),
            ("?", "", false),
            ("?", "a", true),
            ("?", "ab", false),
            ("/img/*", "/img/", true),
            ("/img/*", "/img/a/b.png", true),
            ("/img/*", "/img", false),
            ("/img/*/pics", "/img/a/b/pics", true),
            ("/img/*/pics", "/img/pics", false),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbX", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"a\?c", "a?c", true),
            (r"a\?c", "abc", false),
            (r"a\\c", r"a\c", true),
            (r"a\bc", r"a\bc", true),
            ("**a", "bba", true),
        ] {
            assert_eq!(Pattern::exact(pattern).matches(text.as_bytes()), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn case() {
        assert!(!Pattern::exact("/Img").matches(b"/img"));
        assert!(Pattern::folded("*.Example.COM").matches(b"WWW.exaMple.com"));
    }

    #[test]
    fn a_hostile_text_costs_no_more_than_the_product() {
        let pattern = Pattern::exact(&"a*".repeat(60));
        assert!(!pattern.matches(format!("b{}", "a".repeat(10_000)).as_bytes()));
        let pattern = Pattern::exact(&format!("{}b", "*a".repeat(60)));
        assert!(!pattern.matches("a".repeat(10_000).as_bytes()));
    }
}
