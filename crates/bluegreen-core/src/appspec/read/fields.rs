//! Mappings and scalars: keys in any case, unknown ones with what was meant, values of the right kind.

use super::{Places, Use};
use crate::diagnostic::{Diagnostic, Place, codes};
use crate::document::{Node, Plain};
use crate::taskdef::closest;

/// Where each key of an AppSpec document belongs, to say so when it stands elsewhere.
const HOMES: &[(&str, &str)] = &[
    ("version", "the top of the document"),
    ("Resources", "the top of the document"),
    ("Hooks", "the top of the document"),
    ("Type", "the resource's name"),
    ("Properties", "the resource's name"),
    ("TaskDefinition", "`Properties`"),
    ("LoadBalancerInfo", "`Properties`"),
    ("PlatformVersion", "`Properties`"),
    ("NetworkConfiguration", "`Properties`"),
    ("CapacityProviderStrategy", "`Properties`"),
    ("ContainerName", "`LoadBalancerInfo`"),
    ("ContainerPort", "`LoadBalancerInfo`"),
    ("AwsvpcConfiguration", "`NetworkConfiguration`"),
    ("Subnets", "`AwsvpcConfiguration`"),
    ("SecurityGroups", "`AwsvpcConfiguration`"),
    ("AssignPublicIp", "`AwsvpcConfiguration`"),
    ("CapacityProvider", "an entry of `CapacityProviderStrategy`"),
    ("CurrentVersion", "a function's `Properties`"),
    ("TargetVersion", "a function's `Properties`"),
    ("Alias", "a function's `Properties`"),
    ("BeforeInstall", "`Hooks`"),
    ("AfterInstall", "`Hooks`"),
    ("AfterAllowTestTraffic", "`Hooks`"),
    ("BeforeAllowTraffic", "`Hooks`"),
    ("AfterAllowTraffic", "`Hooks`"),
];

/// Collects findings and places while a document is read.
pub(super) struct Reader {
    pub(super) findings: Vec<Diagnostic>,
    pub(super) places: Places,
    pub(super) use_: Use,
}

/// The known entries of one mapping.
pub(super) struct Fields<'n> {
    /// The mapping.
    pub(super) owner: &'n Node,
    entries: Vec<(&'static str, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

impl Reader {
    pub(super) fn add(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_error()).count()
    }

    /// Reports that `owner` lacks `key`.
    pub(super) fn missing(&mut self, owner: &Node, key: &str, what: &str, help: &str) {
        let message = format!("`{key}` is missing: {what} needs it");
        self.add(Diagnostic::error(codes::APPSPEC_MISSING, message).at(super::first_key(owner)).help(help));
    }

    /// The value of a key that may not be missing.
    pub(super) fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, what: &str, help: &str) -> Option<&'n Node> {
        let found = fields.get(key);
        if found.is_none() {
            self.missing(fields.owner, key, what, help);
        }
        found
    }

    /// The entries of a mapping by their known names, whatever their case. Reports what is no mapping (at `at`), keys
    /// that are unknown, and keys that differ only by case.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        at: Place,
        what: &str,
        known: &[&'static str],
    ) -> Option<Fields<'n>> {
        let Some(entries) = node.entries() else {
            let place = if node.is_null() { at } else { node.place };
            let finding = if node.is_null() {
                let help = format!("indent {} below it, or remove it", listed(known));
                Diagnostic::error(codes::APPSPEC_TYPE, format!("{what} is empty")).help(help)
            } else {
                let message = format!("{what} is a mapping of {}, and here {}", listed(known), node.describe());
                Diagnostic::error(codes::APPSPEC_TYPE, message)
            };
            self.add(finding.at(place));
            return None;
        };
        let mut fields = Fields { owner: node, entries: Vec::with_capacity(entries.len()) };
        let mut strangers = Vec::new();
        for (key, value) in entries {
            let text = key.text().unwrap_or_default();
            match known.iter().find(|name| name.eq_ignore_ascii_case(text)) {
                Some(name) if fields.get(name).is_some() => {
                    let message = format!("the key `{name}` stands twice here, and capitals make no difference");
                    self.add(
                        Diagnostic::error(codes::DUPLICATE_KEY, message).at(key.place).help("keep one of the two"),
                    );
                }
                Some(name) => fields.entries.push((name, value)),
                None => strangers.push((key, value)),
            }
        }
        for (key, value) in strangers {
            // A misspelt key is read as what was meant: its value is checked too, and nothing is said to be missing.
            if let Some(name) = self.unknown(key, what, known).filter(|name| fields.get(name).is_none()) {
                fields.entries.push((name, value));
            }
        }
        Some(fields)
    }

    /// Reports an unknown key; returns the known one that was probably meant.
    fn unknown(&mut self, key: &Node, what: &str, known: &[&'static str]) -> Option<&'static str> {
        let text = key.text().unwrap_or_default();
        let shown = key.scalar().map(crate::document::Scalar::shown).unwrap_or_default();
        let home = HOMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let near = closest(text, known.iter().copied()).filter(|_| home.is_none());
        let help = match (near, home) {
            (_, Some((name, home))) => format!("`{name}` belongs under {home}: check the indentation"),
            (Some(near), None) => format!("did you mean `{near}`?"),
            (None, None) => format!("{what} has {}", listed(known)),
        };
        let message = format!("unknown key `{shown}`");
        // A slip of the pen is an error, since what was meant would not be done. A key of somebody else's is theirs.
        let finding = if near.is_some() || home.is_some() {
            Diagnostic::error(codes::APPSPEC_KEY, message).help(help)
        } else {
            let message =
                format!("{message}, which CodeDeploy does not have: a patch keeps it, the normal form does not");
            Diagnostic::warning(codes::APPSPEC_KEY, message)
                .help(format!("{help}; keep it if a tool of yours reads it"))
        };
        self.add(finding.at(key.place));
        near
    }

    /// The text of a value that has to be text and not empty.
    pub(super) fn text<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n str> {
        let kind = node.scalar().map(crate::document::Scalar::plain);
        if let (Some(text), Some(Plain::String)) = (node.text(), kind)
            && !text.trim().is_empty()
        {
            return Some(text);
        }
        let message = match kind {
            Some(Plain::String | Plain::Null) => format!("`{key}` is empty"),
            _ => format!("`{key}` is text, and here {}", node.describe()),
        };
        let help = match (kind, node.text()) {
            (Some(Plain::String | Plain::Null), _) => {
                "give it a value, or remove the key if it may be left out".to_owned()
            }
            (Some(_), Some(text)) => format!("put it in quotes: `{key}: \"{text}\"`"),
            _ if is_template(node) => {
                "functions of templates (Ref, Fn::…) are not evaluated in AppSpec documents: write the value".to_owned()
            }
            _ => format!("write one value: `{key}: …`"),
        };
        self.add(Diagnostic::error(codes::APPSPEC_TYPE, message).at(node.place).help(help));
        None
    }

    /// A whole number from `least` to `most`. In quotes it is taken too, as templates write it that way, and reported.
    pub(super) fn number(
        &mut self,
        node: &Node,
        key: &str,
        (least, most): (u32, u32),
        code: &'static str,
    ) -> Option<u32> {
        let whole = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
        let range = format!("from {least} to {most}");
        let (message, help) = match (node.scalar().map(crate::document::Scalar::plain), node.text()) {
            (Some(Plain::Int(number)), Some(text)) => match u32::try_from(number) {
                // What stands in the file is kept to decimal digits: `0x50` reads differently elsewhere.
                Ok(number) if (least..=most).contains(&number) && whole(text).is_some() => return Some(number),
                _ => (format!("`{key}` is {text}: expected a whole number {range}"), None),
            },
            (Some(Plain::Float(_)), Some(text)) => {
                (format!("`{key}` is {text}: expected a whole number {range}"), None)
            }
            (Some(Plain::String), Some(text)) if whole(text).is_some() => {
                let message = format!("`{key}` is documented as a number, and here text");
                let help = format!("remove the quotes: `{key}: {text}`");
                match whole(text).filter(|number| (least..=most).contains(number)) {
                    Some(number) => {
                        self.add(Diagnostic::warning(code, message).at(node.place).help(help));
                        return Some(number);
                    }
                    None => (format!("`{key}` is \"{text}\": expected a whole number {range}"), None),
                }
            }
            (Some(Plain::String), Some(text)) if crate::taskdef::placeholder::whole(text).is_some() => (
                format!("`{key}` is a number, and here a placeholder"),
                Some(
                    "write the number: a pipeline fills placeholders in as text, and into the task definition"
                        .to_owned(),
                ),
            ),
            _ => (
                format!("`{key}` is a number, and here {}", node.describe()),
                Some(format!("write a whole number {range}")),
            ),
        };
        let mut finding = Diagnostic::error(code, message).at(node.place);
        finding.help = help;
        self.add(finding);
        None
    }
}

/// Whether a mapping is a function call of a CloudFormation template.
fn is_template(node: &Node) -> bool {
    let key = |(key, _): &(Node, Node)| key.text().is_some_and(|text| text == "Ref" || text.starts_with("Fn::"));
    node.entries().is_some_and(|entries| entries.iter().any(key))
}

pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
