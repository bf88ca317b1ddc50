use proptest::prelude::*;

use super::*;

fn at(text: &str, needle: &str) -> Place {
    let start = text.find(needle).unwrap();
    Place::of(text, start, start + needle.len())
}

#[test]
fn a_finding_shows_its_line_and_its_cure() {
    let text = "version: 1\nalarm: [a]\n";
    let diagnostic =
        Diagnostic::error(codes::SYNTAX, "unknown key `alarm`").at(at(text, "alarm")).help("did you mean `alarms`?");
    assert_eq!(
        diagnostic.render("bluegreen.yaml", text),
        "bluegreen.yaml:2:1: error[BG0001]: unknown key `alarm`\n  |\n2 | alarm: [a]\n  | ^^^^^\nhelp: did you mean `alarms`?\n"
    );
}

#[test]
fn columns_are_characters_and_carets_follow_wide_ones() {
    let text = "é: 日本 x\n";
    let place = at(text, "x");
    assert_eq!((place.line, place.column), (1, 7));
    let shown = Diagnostic::error(codes::SYNTAX, "m").at(place).render("f", text);
    assert!(shown.ends_with("1 | é: 日本 x\n  |         ^\n"), "{shown}");
}

#[test]
fn every_kind_of_line_break_counts_once() {
    let text = "a\r\nb\rc\nd";
    let lines: Vec<usize> = ["a", "b", "c", "d"].iter().map(|needle| at(text, needle).line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
    assert_eq!(LineIndex::new(text).line(1), "a");
    assert_eq!(LineIndex::new(text).line(9), "");
}

#[test]
fn long_lines_are_cut_around_the_place_and_text_is_wrapped() {
    let text = format!("key: {}needle{}\n", "a".repeat(200), "b".repeat(200));
    let message = "word ".repeat(40);
    let shown = Diagnostic::error(codes::SYNTAX, message).at(at(&text, "needle")).render("f.yaml", &text);
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines.iter().position(|line| line.contains('^')).unwrap();
    let (source, marks) = (lines[caret - 1], lines[caret]);
    let column = marks.chars().position(|c| c == '^').unwrap();
    assert_eq!(source.chars().skip(column).take(6).collect::<String>(), "needle");
    assert_eq!(marks.matches('^').count(), 6);
}

#[test]
fn nothing_steers_the_terminal() {
    let text = "a: \u{1b}[31mred\u{202e}\u{7}\n";
    let shown = Diagnostic::error(codes::SYNTAX, "\u{1b}]0;x\u{7}").at(at(text, "red")).render("\u{1b}f", text);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n') && !shown.contains('\u{202e}'), "{shown:?}");
}

#[test]
fn a_report_is_in_order_and_says_things_once() {
    let text = "a\nb\n";
    let finding = |needle| Diagnostic::error(codes::SYNTAX, needle).at(at(text, needle));
    let whole = Diagnostic::warning(codes::EMPTY, "whole file");
    let report = Report::new("f", text, vec![finding("b"), finding("a"), finding("b"), whole]);
    let order: Vec<&str> = report.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(order, ["a", "b", "whole file"]);
    assert!(report.to_string().contains("\n\nf: warning[BG0011]: whole file\n"), "{report}");
    assert!(report.to_string().ends_with("\n\nf: 2 errors, 1 warning"), "{report}");
    assert!(report.has_errors());
}

#[test]
fn codes_are_unique_and_in_order() {
    assert!(codes::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    assert_eq!(codes::explain("BG0011"), Some("the file holds nothing"));
    assert_eq!(codes::explain("BG9999"), None);
}

proptest! {
    #[test]
    fn any_place_in_any_text_is_rendered(text in "\\PC*|[\\x00-\\x7f]{0,40}|(.|\\n){0,40}", start in 0..60usize, end in 0..60usize) {
        let place = Place::of(&text, start, end);
        prop_assert!(place.span.end <= text.len() && place.span.start <= place.span.end);
        let shown = Diagnostic::error(codes::SYNTAX, text.clone()).at(place).help(text.clone()).render("f", &text);
        prop_assert!(shown.contains('^'));
    }
}
