//! From the parser's events to the tree, under a budget.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::{Limits, Node, NodeKind, Parsed, Scalar};
use crate::diagnostic::{Diagnostic, LineIndex, Place, codes, printable};

/// Why reading ended before the text did.
struct Stop;

pub(super) fn parse(text: &str, limits: Limits) -> Parsed {
    if text.len() > limits.bytes {
        let message = format!("the file has {} bytes, more than the {} that are read", text.len(), limits.bytes);
        let help = "is this the right file? A file of this kind has a few kilobytes";
        return Parsed { root: None, diagnostics: vec![Diagnostic::error(codes::TOO_LARGE, message).help(help)] };
    }
    let readable = without_json_tabs(text);
    let mut builder = Builder::new(&readable, limits);
    for event in Parser::new_from_str(&readable) {
        let step = match event {
            Ok((event, span)) => {
                let place = builder.offsets.place(span.start.index(), span.end.index());
                builder.event(event, place)
            }
            Err(error) => Err(builder.syntax(&error)),
        };
        if let Err(Stop) = step {
            builder.root = None;
            return Parsed { root: None, diagnostics: builder.diagnostics };
        }
    }
    builder.finish()
}

/// JSON may be indented with tabs, YAML may not. In sound JSON no string holds a raw tab, so each can become a
/// space, and every offset stays what it was.
fn without_json_tabs(text: &str) -> Cow<'_, str> {
    let json = text.contains('\t')
        && text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if json { Cow::Owned(text.replace('\t', " ")) } else { Cow::Borrowed(text) }
}

/// The parser counts characters; places count bytes.
struct Offsets<'a> {
    lines: LineIndex<'a>,
    /// The byte of each character, where they differ.
    bytes: Option<Vec<usize>>,
    length: usize,
}

impl<'a> Offsets<'a> {
    fn new(text: &'a str) -> Offsets<'a> {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(i, _)| i).collect());
        Offsets { lines: LineIndex::new(text), bytes, length: text.len() }
    }

    fn place(&self, start: usize, end: usize) -> Place {
        let byte = |i: usize| match &self.bytes {
            Some(bytes) => bytes.get(i).copied().unwrap_or(self.length),
            None => i,
        };
        self.lines.place(byte(start), byte(end))
    }
}

/// A list or mapping that is still open.
struct Open {
    place: Place,
    anchor: usize,
    kind: OpenKind,
    /// The nodes inside, for the budget of an anchor.
    cost: Cost,
}

enum OpenKind {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Node, Node)>, key: Option<Node>, first: HashMap<String, Place> },
}

#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
}

impl Cost {
    fn add(&mut self, other: Cost) {
        self.nodes += other.nodes;
        self.bytes += other.bytes;
    }
}

struct Builder<'a> {
    offsets: Offsets<'a>,
    limits: Limits,
    spent: Cost,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Cost)>,
    documents: usize,
    root: Option<Node>,
    tags: HashSet<(usize, usize)>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, limits: Limits) -> Builder<'a> {
        Builder {
            offsets: Offsets::new(text),
            limits,
            spent: Cost::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            documents: 0,
            root: None,
            tags: HashSet::new(),
            diagnostics: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => self.document(place),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Scalar(text, style, anchor, tag) => {
                let forced = self.tag(tag.as_deref(), place);
                let scalar = Scalar::new(text, forced || style != ScalarStyle::Plain);
                let cost = Cost { nodes: 1, bytes: scalar.text.len() };
                self.spend(cost, place)?;
                self.complete(Node { place, kind: NodeKind::Scalar(scalar) }, anchor, cost)
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), place);
                self.start(OpenKind::Sequence(Vec::new()), anchor, place)
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), place);
                let kind = OpenKind::Mapping { entries: Vec::new(), key: None, first: HashMap::new() };
                self.start(kind, anchor, place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn document(&mut self, place: Place) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents < 2 {
            return Ok(());
        }
        let message = "a second document starts here, but one file holds one document";
        let help = "split the file, or remove the line `---`";
        self.diagnostics.push(Diagnostic::error(codes::MANY_DOCUMENTS, message).at(place).help(help));
        Err(Stop)
    }

    fn start(&mut self, kind: OpenKind, anchor: usize, place: Place) -> Result<(), Stop> {
        let cost = Cost { nodes: 1, bytes: 0 };
        self.spend(cost, place)?;
        if self.open.len() >= self.limits.depth {
            return Err(self.too_deep(place));
        }
        self.open.push(Open { place, anchor, kind, cost });
        Ok(())
    }

    fn end(&mut self, place: Place) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (kind, last) = match open.kind {
            OpenKind::Sequence(items) => {
                let last = items.last().map(|node| node.place);
                (NodeKind::Sequence(items), last)
            }
            OpenKind::Mapping { entries, .. } => {
                let last = entries.last().map(|(_, value)| value.place);
                (NodeKind::Mapping(entries), last)
            }
        };
        // A block ends where the next thing begins, which may be lines below: take its last value instead. A
        // value that an alias brought in may stand anywhere, but never makes the block end before it starts.
        let flow = place.span.end > place.span.start;
        let end = if flow { place } else { last.unwrap_or(open.place) };
        let node = Node { place: open.place.to(end), kind };
        self.complete(node, open.anchor, open.cost)
    }

    /// Hands a finished node to what encloses it.
    fn complete(&mut self, node: Node, anchor: usize, cost: Cost) -> Result<(), Stop> {
        if anchor > 0 {
            // The copy that is kept for aliases costs as much as the node.
            self.spend(cost, node.place)?;
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.cost.add(cost);
        match &mut parent.kind {
            OpenKind::Sequence(items) => items.push(node),
            OpenKind::Mapping { key: key @ None, .. } => *key = Some(node),
            OpenKind::Mapping { entries, key, first } => {
                if let Some(key) = key.take() {
                    self.diagnostics.extend(insert(entries, first, key, node));
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Stop> {
        let Some((node, cost)) = self.anchors.get(&anchor) else {
            let message = "this alias stands inside the value that it names, which would never end";
            self.diagnostics.push(Diagnostic::error(codes::BAD_ALIAS, message).at(place));
            return Err(Stop);
        };
        let cost = *cost;
        // Before copying, so that a bomb costs no more than the budget.
        let inside = depth(node);
        let node =
            if self.fits(cost) && self.open.len() + inside <= self.limits.depth { Some(node.clone()) } else { None };
        self.spend(cost, place)?;
        match node {
            Some(node) => self.complete(node, 0, cost),
            None => Err(self.too_deep(place)),
        }
    }

    fn fits(&self, cost: Cost) -> bool {
        self.spent.nodes + cost.nodes <= self.limits.nodes && self.spent.bytes + cost.bytes <= self.budget_bytes()
    }

    /// Text, its copies under anchors, and as much again for aliases.
    fn budget_bytes(&self) -> usize {
        self.limits.bytes.saturating_mul(3)
    }

    fn spend(&mut self, cost: Cost, place: Place) -> Result<(), Stop> {
        if self.fits(cost) {
            self.spent.add(cost);
            return Ok(());
        }
        let message = format!("the file holds or expands to more than {} values", self.limits.nodes);
        let help = "write the values out instead of repeating aliases, or split the file";
        self.diagnostics.push(Diagnostic::error(codes::TOO_MANY_NODES, message).at(place).help(help));
        Err(Stop)
    }

    /// Checks a tag; true if it makes a scalar a string.
    fn tag(&mut self, tag: Option<&Tag>, place: Place) -> bool {
        let Some(tag) = tag else { return false };
        let suffix = tag.suffix.as_str();
        if tag.is_yaml_core_schema() {
            match suffix {
                "str" => return true,
                "int" | "float" | "bool" | "null" | "seq" | "map" => return false,
                _ => {}
            }
        } else if tag.handle.is_empty() && suffix == "!" || tag.handle == "!" && suffix.is_empty() {
            return true;
        }
        if self.tags.insert((place.span.start, place.span.end)) {
            let message = format!("the tag `{}` is not supported", printable(&tag.to_string()));
            let help = "write the plain value; functions such as !Ref and !Sub are not evaluated here, \
                        but variables such as ${NAME} are where the file's reference says so";
            self.diagnostics.push(Diagnostic::error(codes::TAG, message).at(place).help(help));
        }
        false
    }

    fn too_deep(&mut self, place: Place) -> Stop {
        let message = format!("values are nested more than {} levels deep", self.limits.depth);
        self.diagnostics.push(Diagnostic::error(codes::TOO_DEEP, message).at(place));
        Stop
    }

    fn syntax(&mut self, error: &ScanError) -> Stop {
        let index = error.marker().index();
        let place = self.offsets.place(index, index + 1);
        if error.info().contains("recursion limit") {
            return self.too_deep(place);
        }
        let message = format!("this is not valid YAML: {}", printable(error.info()));
        let mut diagnostic = Diagnostic::error(codes::SYNTAX, message).at(place);
        diagnostic.help = cure(error.info()).map(str::to_owned);
        self.diagnostics.push(diagnostic);
        Stop
    }

    fn finish(mut self) -> Parsed {
        let nothing =
            self.root.as_ref().is_none_or(|root| root.is_null() && root.place.span.start == root.place.span.end);
        if nothing {
            self.root = None;
            self.diagnostics.push(Diagnostic::error(codes::EMPTY, "the file holds no values"));
        }
        Parsed { root: self.root, diagnostics: self.diagnostics }
    }
}

/// Adds an entry, unless its key cannot be one or is there already.
fn insert(
    entries: &mut Vec<(Node, Node)>,
    first: &mut HashMap<String, Place>,
    key: Node,
    value: Node,
) -> Option<Diagnostic> {
    let Some(scalar) = key.scalar() else {
        let message = format!("a key must be text, but this is {}", key.describe());
        let help = "to write braces or brackets as text, put the whole value in quotes";
        return Some(Diagnostic::error(codes::KEY_NOT_SCALAR, message).at(key.place).help(help));
    };
    if scalar.text == "<<" && !scalar.quoted {
        let message = "the YAML merge key `<<` is not supported";
        let help = "repeat the keys here, or let the whole value be an alias";
        return Some(Diagnostic::error(codes::MERGE_KEY, message).at(key.place).help(help));
    }
    if let Some(place) = first.get(&scalar.text) {
        let message = format!("the key `{}` stands twice; the first is on line {}", scalar.shown(), place.line);
        let help = "keep one of the two";
        return Some(Diagnostic::error(codes::DUPLICATE_KEY, message).at(key.place).help(help));
    }
    first.insert(scalar.text.clone(), key.place);
    entries.push((key, value));
    None
}

/// The levels of lists and mappings in `node`.
fn depth(node: &Node) -> usize {
    let deepest = |nodes: &mut dyn Iterator<Item = &Node>| nodes.map(depth).max().unwrap_or(0);
    match &node.kind {
        NodeKind::Scalar(_) => 0,
        NodeKind::Sequence(items) => 1 + deepest(&mut items.iter()),
        NodeKind::Mapping(entries) => 1 + deepest(&mut entries.iter().map(|(_, value)| value)),
    }
}

/// What most often lies behind a complaint of the parser.
fn cure(info: &str) -> Option<&'static str> {
    let cures = [
        ("tab", "indent with spaces"),
        ("mapping values are not allowed", "quote a value that holds `: `, or check the indentation"),
        ("did not find expected key", "check the indentation: keys of one mapping start in the same column"),
        ("did not find expected '-'", "check the indentation: items of one list start in the same column"),
        ("unexpected character", "quote a value that starts with one of @ ` % & * ! | > or a bracket"),
        ("unknown anchor", "define the anchor with `&` above, or quote a value that starts with `*`"),
        ("unexpected end of stream", "a quote or bracket is not closed"),
        ("simple key", "write `key: value` with a space after the colon, the key on one line"),
    ];
    cures.iter().find(|(part, _)| info.contains(part)).map(|(_, cure)| *cure)
}
