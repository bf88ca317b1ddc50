use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::codes;

fn root(text: &str) -> Node {
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.root.unwrap()
}

/// The codes of all findings with the text that each marks.
fn found(text: &str) -> Vec<(&'static str, &str)> {
    let marked = |d: &Diagnostic| d.place.map_or("", |place| &text[place.span.start..place.span.end]);
    parse(text).diagnostics.iter().map(|d| (d.code, marked(d))).collect()
}

/// The tree without places and texts.
fn shape(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(_) => "s".into(),
        NodeKind::Sequence(items) => format!("[{}]", items.iter().map(shape).collect::<String>()),
        NodeKind::Mapping(entries) => {
            let entry = |(key, value): &(Node, Node)| format!("{}={},", key.text().unwrap(), shape(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<String>())
        }
    }
}

#[test]
fn nodes_know_where_they_stand() {
    let text = "é: {a: [1, 'two'], b: |\n   block\n  }\nc:\n- d: e f  # comment\n  g: \"h\\n\"\n";
    let text = text.replace("|\n   block\n  ", "x");
    let node = root(&text);
    let marked = |node: &Node| &text[node.place.span.start..node.place.span.end];
    assert_eq!(marked(node.get("é").unwrap()), "{a: [1, 'two'], b: x}");
    assert_eq!(marked(node.get("é").unwrap().get("a").unwrap()), "[1, 'two']");
    let item = &node.get("c").unwrap().items().unwrap()[0];
    assert_eq!(marked(item.get("d").unwrap()), "e f");
    assert_eq!(marked(item), "d: e f  # comment\n  g: \"h\\n\"");
    assert_eq!((item.place.line, item.place.column), (3, 3));
    assert_eq!(item.get("g").unwrap().text(), Some("h\n"));
}

#[test]
fn crlf_and_a_byte_order_mark_do_not_shift_places() {
    let text = "\u{feff}a: 1\r\nb:\r\n  - x\r\n";
    let node = root(text);
    let x = &node.get("b").unwrap().items().unwrap()[0];
    assert_eq!((&text[x.place.span.start..x.place.span.end], x.place.line, x.place.column), ("x", 3, 5));
}

#[test]
fn scalars_follow_the_core_schema_and_nothing_older() {
    let node = root("[yes, no, on, true, ~, 012, 1e3, 0x1F, 1_000, inf, .inf, '1', !!str 2, -0, 1.5]");
    assert_eq!(
        node.to_json(),
        serde_json::json!(["yes", "no", "on", true, null, 12, 1000.0, 31, "1_000", "inf", ".inf", "1", "2", 0, 1.5])
    );
}

#[test]
fn json_is_read_tabs_and_all() {
    let node = root("{\n\t\"a\": [1, \"x\\ty\", null],\r\n\t\"b\": {\"c\": \"\\u00e9\\/\"}\n}\n");
    assert_eq!(node.to_json(), serde_json::json!({"a": [1, "x\ty", null], "b": {"c": "é/"}}));
    assert_eq!(node.get("b").unwrap().place.line, 3);
}

#[test]
fn every_duplicate_is_reported_and_the_first_kept() {
    let text = "a: 1\nb: {c: 1, c: 2}\na: 3\n\"a\": 4\nA: 5\n";
    let parsed = parse(text);
    assert_eq!(
        found(text),
        [(codes::DUPLICATE_KEY, "c"), (codes::DUPLICATE_KEY, "a"), (codes::DUPLICATE_KEY, "\"a\"")]
    );
    assert!(parsed.diagnostics.iter().any(|d| d.message == "the key `a` stands twice; the first is on line 1"));
    let node = parsed.root.unwrap();
    assert_eq!(node.get("a").unwrap().text(), Some("1"));
    assert_eq!(node.entries_ignoring_case("a").len(), 2);
    assert_eq!(node.get_ignoring_case("B").unwrap().describe(), "a mapping");
}

#[test]
fn what_is_not_one_plain_document_is_refused() {
    assert_eq!(found(""), [(codes::EMPTY, "")]);
    assert_eq!(found("# only a comment\n"), [(codes::EMPTY, "")]);
    assert_eq!(found("---\na: 1\n---\nb: 2\n"), [(codes::MANY_DOCUMENTS, "---")]);
    assert_eq!(found("a: !Ref X\n"), [(codes::TAG, "!Ref X")]);
    assert_eq!(found("a: !!binary X\n"), [(codes::TAG, "!!binary X")]);
    assert_eq!(found("x: &x {a: 1}\ny:\n  <<: *x\n"), [(codes::MERGE_KEY, "<<")]);
    assert_eq!(found("? [a]\n: b\n"), [(codes::KEY_NOT_SCALAR, "[a]")]);
    assert_eq!(found("a: &a [*a]\n"), [(codes::BAD_ALIAS, "*a")]);
    assert_eq!(found("a: b: c\n"), [(codes::SYNTAX, ":")]);
    assert_eq!(found("a:\n\tb: c\n").first().map(|f| f.0), Some(codes::SYNTAX));
    assert_eq!(found("a: {{x}}\n").first().map(|f| f.0), Some(codes::KEY_NOT_SCALAR));
    assert_eq!(found("a: *nowhere\n").first().map(|f| f.0), Some(codes::SYNTAX));
}

#[test]
fn aliases_are_expanded() {
    let node = root("x: &x [1, &y 2]\nz: {a: *x, b: *y}\n");
    assert_eq!(node.to_json(), serde_json::json!({"x": [1, 2], "z": {"a": [1, 2], "b": 2}}));
}

/// Nine levels of nine aliases: 387 million values if it were expanded.
fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    text
}

#[test]
fn a_bomb_stops_at_the_node_budget() {
    let text = bomb();
    assert_eq!(found(&text), [(codes::TOO_MANY_NODES, "*a3")]);
    // Budget by budget, no more nodes are ever built than were allowed.
    for nodes in [1, 10, 100, 1_000, 5_000] {
        let mut builder_sees = parse_within(&text, Limits { nodes, ..Limits::default() });
        assert_eq!(builder_sees.diagnostics.pop().unwrap().code, codes::TOO_MANY_NODES);
        assert_eq!(builder_sees.root, None);
    }
    let sizes: Vec<usize> = [100, 400].iter().map(|n| root(&format!("[{}]", "x,".repeat(*n))).count()).collect();
    assert_eq!(sizes, [101, 401]);
}

#[test]
fn long_scalars_cannot_be_multiplied_either() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(1_000));
    assert_eq!(found(&text), [(codes::TOO_MANY_NODES, "*a")]);
}

#[test]
fn depth_and_size_have_limits() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(parse(&deep(64)).diagnostics, []);
    assert_eq!(found(&deep(65)), [(codes::TOO_DEEP, "[")]);
    assert_eq!(found(&"- ".repeat(200_000)).first().map(|f| f.0), Some(codes::TOO_DEEP));
    assert_eq!(found(&deep(100_000)).first().map(|f| f.0), Some(codes::TOO_DEEP));
    let through_alias = format!("a: &a {}\nb: {}*a{}\n", deep(40), "[".repeat(40), "]".repeat(40));
    assert_eq!(found(&through_alias).last().map(|f| f.0), Some(codes::TOO_DEEP));
    assert_eq!(found(&"x".repeat((1 << 20) + 1)).first().map(|f| f.0), Some(codes::TOO_LARGE));
}

fn env(name: &str) -> Option<String> {
    match name {
        "TAG" => Some("v1: *x\n!!int 3".into()),
        "EMPTY" => Some(String::new()),
        "BIG" => Some("x".repeat(600_000)),
        _ => None,
    }
}

fn replaced(text: &str) -> Result<String, Vec<(&'static str, String)>> {
    let mut node = root(text);
    let findings = substitute(&mut node, &env);
    if findings.is_empty() {
        Ok(node.items().unwrap()[0].text().unwrap().to_owned())
    } else {
        Err(findings.into_iter().map(|d| (d.code, d.message + " | " + &d.help.unwrap_or_default())).collect())
    }
}

#[test]
fn variables_are_replaced_in_values_only() {
    assert_eq!(replaced("- 'a ${TAG} b'"), Ok("a v1: *x\n!!int 3 b".into()));
    assert_eq!(replaced("- \"${NONE:-x}${EMPTY:-y}${EMPTY}\""), Ok("xy".into()));
    assert_eq!(replaced("- $${TAG} $ $5 {{x}}"), Ok("${TAG} $ $5 {{x}}".into()));
    assert_eq!(replaced("- '$$${TAG:-x}'"), Ok("$${TAG:-x}".into()));
    let mut node = root("'${TAG}': ${TAG}");
    assert_eq!(substitute(&mut node, &env), []);
    let (key, value) = &node.entries().unwrap()[0];
    assert_eq!(key.text(), Some("${TAG}"));
    assert!(value.scalar().unwrap().substituted());
    assert_eq!(value.scalar().unwrap().shown(), "${TAG}");
}

#[test]
fn what_cannot_be_replaced_is_said_with_its_cure() {
    let errors = replaced("- ${NONE} ${EMPTY:?give EMPTY a value} ${NONE:?}").unwrap_err();
    assert_eq!(
        errors,
        [
            (
                codes::VARIABLE_UNSET,
                "the variable `NONE` is not set | set it (export NONE=…), give it a default (`${NONE:-value}`), or write `$${` for a literal `${`".into()
            ),
            (codes::VARIABLE_UNSET, "the variable `EMPTY` is empty | give EMPTY a value".into()),
            (codes::VARIABLE_UNSET, "the variable `NONE` is not set | set it: export NONE=…".into()),
        ]
    );
    for bad in ["${TAG", "${}", "${1A}", "${A B}", "${A:+x}", "${A-x}", "${A:-${B}}"] {
        assert_eq!(replaced(&format!("- '{bad}'")).unwrap_err()[0].0, codes::VARIABLE_SYNTAX, "{bad}");
    }
    assert_eq!(replaced("- ${BIG}${BIG}").unwrap_err()[0].0, codes::VARIABLE_TOO_LONG);
}

const VALID: &str = "version: 1\nservice: ${S}\nlist: &l [a, 'b ${S:-x}', \"c\"]\nmap:\n  k: *l\n  n: {a: 1}\n";

proptest! {
    #[test]
    fn no_value_changes_the_shape(value in "[\\PC\\n\\t:*!&{}\\[\\]'\"#|>@%-]{0,30}") {
        let mut node = root(VALID);
        let before = shape(&node);
        prop_assert_eq!(substitute(&mut node, &|_| Some(value.clone())), []);
        prop_assert_eq!(before, shape(&node));
        prop_assert_eq!(node.get("service").unwrap().text(), Some(value.as_str()));
        prop_assert_eq!(node.get("service").unwrap().describe(), "text");
    }

    #[test]
    fn arbitrary_text_never_panics(text in "([ \\n\\t:*!&{}\\[\\]'\"#|>@%?,.~<$-]|[a-c]|\\PC){0,60}") {
        let parsed = parse(&text);
        prop_assert!(parsed.root.is_some() || !parsed.diagnostics.is_empty());
        let limits = Limits::default();
        if let Some(mut root) = parsed.root {
            prop_assert!(root.count() <= limits.nodes);
            root.to_json();
            substitute(&mut root, &|_| None);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn mutated_documents_never_panic(at in 0..VALID.len(), cut in 0..6usize, with in "[ \\n\\t:*!&{}\\[\\]'\"#|>@%?,.~<$a-]{0,4}") {
        let mut text = VALID.to_owned();
        text.replace_range(at..(at + cut).min(VALID.len()), &with);
        let parsed = parse(&text);
        prop_assert!(parsed.root.is_some() || !parsed.diagnostics.is_empty());
    }
}
