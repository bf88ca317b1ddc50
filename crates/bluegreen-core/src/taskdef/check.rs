//! Reads JSON into a task definition and reports everything that ECS would refuse, or would do something else with.

mod rules;

use std::ops::Range;

use serde_json::{Map, Value};

use super::TaskDefinition;
use super::locate::{Places, escape};
use super::mask::{masked, masked_from};
use crate::diagnostic::{Diagnostic, LineIndex, Report, codes};

/// The fields that `DescribeTaskDefinition` returns and `RegisterTaskDefinition` refuses.
pub const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "taskDefinitionArn",
    "requiresAttributes",
    "revision",
    "status",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// No task definition is close to this: ECS takes 64 KiB.
const TEXT_MAX: usize = 1024 * 1024;

/// Nobody reads more, and each costs a walk through its line, which may be the whole file.
const FINDINGS_MAX: usize = 200;

/// What stands in the place of the findings past [`FINDINGS_MAX`].
fn too_many() -> Diagnostic {
    let message = format!("more than {FINDINGS_MAX} findings: the rest is not shown");
    Diagnostic::error(codes::TOO_MANY_FINDINGS, message).help("is this the right file? Else correct these first")
}

/// Cuts a list of findings where it is longer than anyone reads, and says so.
pub(crate) fn cut(findings: &mut Vec<Diagnostic>) {
    if findings.len() > FINDINGS_MAX {
        findings.truncate(FINDINGS_MAX);
        findings.push(too_many());
    }
}

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// What this program itself relies on.
    Shape,
    /// What ECS would refuse as well.
    Rules,
}

pub(super) fn parse(source_name: &str, text: &str, depth: Depth) -> Result<TaskDefinition, Report> {
    let file = JsonFile::read(source_name, text)?;
    let mut check = Check::new(&file);
    check.duplicates();
    let (document, dropped) = check.unwrap_reply(&file.value);
    let Some(mut document) = document else { return Err(check.report()) };
    let dropped = [dropped, strip(&mut document)].concat();
    rules::run(&mut check, &document, depth);
    if check.findings.is_empty() { Ok(TaskDefinition { document, dropped }) } else { Err(check.report()) }
}

/// A JSON file with the places of its values.
pub(super) struct JsonFile {
    source_name: String,
    /// The text as findings may show it.
    masked: String,
    places: Places,
    pub(super) value: Value,
}

impl JsonFile {
    /// Parses `text`; a byte order mark, as Windows tools write it, is passed over.
    pub(super) fn read(source_name: &str, text: &str) -> Result<JsonFile, Report> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > TEXT_MAX {
            let message = format!("the file has {} bytes: at most {TEXT_MAX} are read", text.len());
            return Err(Report::new(source_name, "", vec![Diagnostic::error(codes::TOO_LARGE, message)]));
        }
        if text.trim().is_empty() {
            let found = Diagnostic::error(codes::EMPTY, "the file is empty: expected a JSON document");
            return Err(Report::new(source_name, "", vec![found]));
        }
        match serde_json::from_str(text) {
            Ok(value) => Ok(JsonFile {
                source_name: source_name.to_owned(),
                masked: masked(text),
                places: Places::of(text),
                value,
            }),
            Err(error) => Err(syntax(source_name, text, &error)),
        }
    }
}

/// A report about text that is not JSON, with its secrets blanked.
fn syntax(source_name: &str, text: &str, error: &serde_json::Error) -> Report {
    let (at, finding) = json_syntax(text, error);
    let shown = masked_from(text, at);
    let place = LineIndex::new(&shown).place(at, at + 1);
    Report::new(source_name, shown, vec![finding.at(place)])
}

/// What is wrong with text that is not JSON, and the byte at which it shows. The finding has no place yet.
pub(crate) fn json_syntax(text: &str, error: &serde_json::Error) -> (usize, Diagnostic) {
    let start = text.len() - text.trim_start().len();
    if let Some(first) = text[start..].chars().next().filter(|first| !matches!(first, '{' | '[')) {
        let message = format!("this is not JSON: it begins with `{first}`");
        let help = "expected an object, beginning with `{`; a document in YAML has to be converted first";
        return (start, Diagnostic::error(codes::SYNTAX, message).help(help));
    }
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let (message, help) = if error.is_eof() {
        ("the text ends before all its brackets are closed", "is the file complete?")
    } else {
        (message, "check commas, quotes and brackets here and just before; JSON takes no comments")
    };
    let finding = Diagnostic::error(codes::SYNTAX, format!("not valid JSON: {message}")).help(help);
    (line_start + error.column().saturating_sub(1), finding)
}

/// Collects findings about one file.
pub(super) struct Check<'a> {
    source_name: &'a str,
    text: &'a str,
    places: &'a Places,
    lines: LineIndex<'a>,
    /// What the pointers of [`rules`] are relative to: `/taskDefinition` in a describe reply.
    base: &'static str,
    pub(super) findings: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    pub(super) fn new(file: &'a JsonFile) -> Check<'a> {
        Check {
            source_name: &file.source_name,
            text: &file.masked,
            places: &file.places,
            lines: LineIndex::new(&file.masked),
            base: "",
            findings: Vec::new(),
        }
    }

    pub(super) fn report(self) -> Report {
        Report::new(self.source_name, self.text, self.findings)
    }

    /// Adds a finding about the value at `pointer`.
    pub(super) fn value(&mut self, pointer: &str, finding: Diagnostic) {
        let range = self.places.value(&format!("{}{pointer}", self.base));
        self.add(range, finding);
    }

    /// Adds a finding about the key at `pointer`.
    pub(super) fn key(&mut self, pointer: &str, finding: Diagnostic) {
        let range = self.places.key(&format!("{}{pointer}", self.base));
        self.add(range, finding);
    }

    /// Adds a finding about something that is missing in the mapping at `pointer`: marks its opening bracket.
    pub(super) fn missing(&mut self, pointer: &str, finding: Diagnostic) {
        let range = self.places.value(&format!("{}{pointer}", self.base));
        self.add(range.start..(range.start + 1).min(range.end), finding);
    }

    fn add(&mut self, range: Range<usize>, finding: Diagnostic) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        self.findings.push(finding.at(self.lines.place(range.start, range.end)));
        if self.findings.len() == FINDINGS_MAX {
            self.findings.push(too_many());
        }
    }

    /// Reports every key that stands twice: JSON parsers take the last one without a word.
    pub(super) fn duplicates(&mut self) {
        let places = self.places;
        for (pointer, range) in &places.duplicates {
            let key = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
            let finding =
                Diagnostic::error(codes::DUPLICATE_KEY, format!("the key `{key}` stands twice in the same object"))
                    .help("keep one of the two: most programs silently take the last");
            self.add(range.clone(), finding);
        }
    }

    /// The definition inside a describe reply, with the reply's tags moved in, or the document itself.
    fn unwrap_reply(&mut self, root: &Value) -> (Option<Map<String, Value>>, Vec<String>) {
        let Value::Object(root) = root else {
            self.not_an_object(root);
            return (None, Vec::new());
        };
        match root.get("taskDefinition") {
            Some(Value::Object(inner)) if !root.contains_key("containerDefinitions") => {
                self.base = "/taskDefinition";
                let mut document = inner.clone();
                let mut dropped = Vec::new();
                match root.get("tags") {
                    Some(Value::Array(tags)) => dropped = self.move_tags(tags, &mut document),
                    None | Some(Value::Null) => {}
                    Some(_) => {
                        let range = self.places.value("/tags");
                        let found = "`tags` is not a list: DescribeTaskDefinition returns a list of objects with `key`";
                        self.add(range, Diagnostic::error(codes::TASKDEF_TYPE, found));
                    }
                }
                (Some(document), dropped)
            }
            _ if self.is_another_file(root) => (None, Vec::new()),
            _ => (Some(root.clone()), Vec::new()),
        }
    }

    fn move_tags(&mut self, tags: &[Value], document: &mut Map<String, Value>) -> Vec<String> {
        if document.contains_key("tags") && !tags.is_empty() {
            let range = self.places.key("/tags");
            let found = "`tags` stand both inside and beside `taskDefinition`";
            let help = "keep one of the two: a reply of DescribeTaskDefinition has them beside";
            self.add(range, Diagnostic::error(codes::TASKDEF_TYPE, found).help(help));
            return Vec::new();
        }
        let key = |tag: &Value| tag.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (reserved, kept): (Vec<&Value>, Vec<&Value>) = tags.iter().partition(|tag| is_reserved(&key(tag)));
        if !kept.is_empty() {
            document.insert("tags".to_owned(), kept.into_iter().cloned().collect());
        }
        reserved.into_iter().map(|tag| format!("tags[{}]", key(tag))).collect()
    }

    fn not_an_object(&mut self, root: &Value) {
        let first = root.get(0);
        let has = |key: &str| first.is_some_and(|entry| entry.get(key).is_some());
        let found = if has("imageUri") {
            Diagnostic::error(codes::TASKDEF_OTHER_FILE, "this is an imagedefinitions.json, not a task definition")
                .help("that file names images by container; the task definition is what RegisterTaskDefinition takes, usually taskdef.json")
        } else if has("image") {
            Diagnostic::error(codes::TASKDEF_OTHER_FILE, "this is a list of containers, not a task definition")
                .help("put the list under `containerDefinitions` in an object that has a `family`")
        } else {
            Diagnostic::error(
                codes::TASKDEF_OTHER_FILE,
                format!("a task definition is a JSON object, not {}", kind(root)),
            )
            .help("expected `{\"family\": …, \"containerDefinitions\": […]}`")
        };
        self.missing("", found);
    }

    fn is_another_file(&mut self, root: &Map<String, Value>) -> bool {
        let has = |key: &str| root.keys().any(|found| found.eq_ignore_ascii_case(key));
        if has("containerDefinitions") || has("family") {
            return false;
        }
        let found = if has("ImageURI") {
            Diagnostic::error(codes::TASKDEF_OTHER_FILE, "this is an imageDetail.json, not a task definition")
                .help("that file names the image that a build pushed; the task definition is what RegisterTaskDefinition takes, usually taskdef.json")
        } else if has("Resources") {
            Diagnostic::error(codes::TASKDEF_OTHER_FILE, "this is an AppSpec document or a template, not a task definition")
                .help("an AppSpec document names a task definition; the definition itself is what RegisterTaskDefinition takes")
        } else {
            return false;
        };
        self.missing("", found);
        true
    }
}

/// Removes what cannot be registered again; returns what was removed.
fn strip(document: &mut Map<String, Value>) -> Vec<String> {
    let mut dropped = Vec::new();
    for field in READ_ONLY {
        // `shift_remove` keeps the order of what stays.
        if document.shift_remove(field).is_some() {
            dropped.push(field.to_owned());
        }
    }
    dropped
}

/// Tags that AWS sets itself and nobody else may: CloudFormation's, for one.
pub(super) fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("aws:"))
}

/// A JSON value's kind with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// `pointer` one key deeper.
pub(super) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", escape(key))
}
