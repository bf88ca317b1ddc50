//! Findings as plain text for an 80-column terminal or a log.

use std::fmt::Write;

use super::{Diagnostic, LineIndex, Place, Report, Severity};

/// The width that text is wrapped to.
const WIDTH: usize = 80;

/// `text` without anything that could steer a terminal or hide itself: control characters, direction marks and
/// invisible ones become `\u{fffd}`, a tab becomes one space.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { shown(c) }).collect()
}

fn shown(c: char) -> char {
    let hidden = matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    if c.is_control() || hidden { '\u{fffd}' } else { c }
}

/// The columns that a character takes in a terminal: enough of Unicode for carets to stand under what they mean.
fn width(c: char) -> usize {
    match c {
        '\u{0300}'..='\u{036f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

pub(super) fn report(report: &Report) -> String {
    let index = LineIndex::new(&report.text);
    let mut out = String::new();
    for diagnostic in &report.diagnostics {
        out.push_str(&one(diagnostic, &report.source_name, &index));
        out.push('\n');
    }
    let count = |severity| report.diagnostics.iter().filter(|d| d.severity == severity).count();
    let counted = |n: usize, word: Severity| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{n} {word}s")),
    };
    let counts = [Severity::Error, Severity::Warning].into_iter().filter_map(|word| counted(count(word), word));
    let counts: Vec<String> = counts.collect();
    let summary = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
    let _ = writeln!(out, "{}: {summary}", printable(&report.source_name));
    out
}

pub(super) fn diagnostic(diagnostic: &Diagnostic, source_name: &str, text: &str) -> String {
    one(diagnostic, source_name, &LineIndex::new(text))
}

fn one(diagnostic: &Diagnostic, source_name: &str, index: &LineIndex<'_>) -> String {
    let name = printable(source_name);
    let position = diagnostic.place.map_or_else(String::new, |place| format!(":{}:{}", place.line, place.column));
    let head = format!("{name}{position}: {}[{}]: ", diagnostic.severity, diagnostic.code);
    let mut out = wrap(&head, "    ", &printable(&diagnostic.message));
    if let Some(place) = diagnostic.place {
        out.push_str(&excerpt(place, index));
    }
    if let Some(help) = &diagnostic.help {
        out.push_str(&wrap("help: ", "      ", &printable(help)));
    }
    out
}

/// `head` and then `text` in lines of at most [`WIDTH`] columns, later lines behind `indent`. Words stay whole.
fn wrap(head: &str, indent: &str, text: &str) -> String {
    let mut out = head.to_owned();
    let mut used = columns(head);
    let mut fresh = true;
    for word in words(text) {
        let gap = usize::from(!fresh);
        if !fresh && used + gap + columns(word) > WIDTH {
            out.push('\n');
            out.push_str(indent);
            used = columns(indent);
        } else if !fresh {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += columns(word);
        fresh = false;
    }
    let mut out = out.trim_end().to_owned();
    out.push('\n');
    out
}

/// The words of `text`; what stands between backquotes is one word unless it is long.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    // A long quotation is cut into words like the rest, but its end is still an end and not another beginning.
    let (mut start, mut inside, mut whole) = (0, false, false);
    for (i, c) in text.char_indices() {
        match c {
            '`' => {
                inside = !inside;
                whole = inside && text[i + 1..].find('`').is_some_and(|length| length <= 60);
            }
            ' ' if !whole => {
                words.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// The source line with carets under the place, cut to a window around it where it is too long.
fn excerpt(place: Place, index: &LineIndex<'_>) -> String {
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let room = WIDTH - number.len() - 3;
    let line = index.line(place.line);
    let characters: Vec<char> = printable(line).chars().collect();
    let from = (place.column - 1).min(characters.len());
    let line_start = place.span.start - line.char_indices().nth(from).map_or(line.len(), |(i, _)| i);
    let covered = (place.span.end - line_start).min(line.len());
    let covered = line.get(..covered).map_or(characters.len(), |text| text.chars().count());
    let to = covered.max(from + 1);

    let (first, last) = window(&characters, from, to, room);
    let cut_left = if first > 0 { "…" } else { "" };
    let cut_right = if last < characters.len() { "…" } else { "" };
    let shown: String = characters[first..last].iter().collect();
    let before = columns(cut_left) + characters[first..from.max(first)].iter().map(|c| width(*c)).sum::<usize>();
    let marked: usize = characters[from.min(last)..to.min(last)].iter().map(|c| width(*c)).sum();
    let carets = "^".repeat(marked.max(1));
    let source = format!("{number} | {cut_left}{shown}{cut_right}");
    format!("{gutter} |\n{}\n{gutter} | {}{carets}\n", source.trim_end(), " ".repeat(before))
}

/// The range of characters to show: the whole line where it fits, else as much around `from..to` as fits.
fn window(characters: &[char], from: usize, to: usize, room: usize) -> (usize, usize) {
    let fits = |first: usize, last: usize| characters[first..last].iter().map(|c| width(*c)).sum::<usize>() <= room;
    let length = characters.len();
    if fits(0, length) {
        return (0, length);
    }
    // A column is kept free on either side for the ellipsis, and some context before the first caret.
    let room = room.saturating_sub(2);
    let fits = |first: usize, last: usize| characters[first..last].iter().map(|c| width(*c)).sum::<usize>() <= room;
    let first = if fits(0, to.min(length)) { 0 } else { from.saturating_sub(12).min(length) };
    let mut last = first;
    while last < length && fits(first, last + 1) {
        last += 1;
    }
    (first, last)
}
