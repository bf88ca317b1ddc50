//! Text from outside, made safe to print: AWS's messages and the output of hooks may carry terminal controls.

/// `text` on one line, without terminal controls, cut to `limit` characters (the cut shows as `…`).
pub(crate) fn line(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let clean = strip(&words.join(" "));
    match clean.char_indices().nth(limit) {
        None => clean,
        Some((cut, _)) => format!("{}…", &clean[..cut]),
    }
}

/// `text` without escape sequences, control characters (line feeds stay) and characters that reorder a line.
pub(crate) fn strip(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\n' => clean.push('\n'),
            '\t' => clean.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows ESC: a control sequence, a string up to BEL or ESC `\`, or a single character.
fn skip_escape(rest: &mut Chars<'_>) {
    match rest.next_if(|c| !c.is_control()) {
        Some('[') => skip_control_sequence(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            // A string that never ends would swallow the whole message: it ends with its line.
            while let Some(c) = rest.next_if(|c| *c != '\n') {
                match c {
                    '\u{7}' => break,
                    '\u{1b}' => {
                        rest.next_if_eq(&'\\');
                        break;
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Skips parameters up to the letter that ends a control sequence.
fn skip_control_sequence(rest: &mut Chars<'_>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_never_pass() {
        for (dirty, clean) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}shown", "shown"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}]never ends", ""),
            ("\u{9b}2Jgone", "gone"),
            ("a\rb\u{8}c\u{7f}", "abc"),
            ("a\u{202e}b\u{2066}c\u{feff}", "abc"),
            ("lines\nstay", "lines\nstay"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("naïve 漢字", "naïve 漢字"),
        ] {
            assert_eq!(strip(dirty), clean, "{dirty:?}");
        }
    }

    #[test]
    fn a_message_is_one_short_line() {
        assert_eq!(line("two\n  lines\t\tof text", 80), "two lines of text");
        assert_eq!(line("ééééé", 3), "ééé…");
        assert_eq!(line("ééé", 3), "ééé");
    }
}
