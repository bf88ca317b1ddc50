//! From text to a document, with everything that is wrong reported at once.

mod arn;
mod ecs;
mod fields;
mod hooks;
mod lambda;

pub(super) use arn::task_definition;
use fields::Reader;

use super::{AppSpec, Document, Event, Places, Target};
use crate::diagnostic::{Diagnostic, Place, Report, codes, sort};
use crate::document::{self, Node, Plain};
use crate::taskdef;

const ECS_TYPE: &str = "AWS::ECS::Service";
const LAMBDA_TYPE: &str = "AWS::Lambda::Function";

pub(super) fn parse(source_name: &str, text: &str, use_: Use) -> Result<Document, Report> {
    let parsed = document::parse(text);
    let mut reader = Reader { findings: parsed.diagnostics, places: Places::default(), use_ };
    if parsed.root.is_none() {
        reader.json_syntax(text);
    }
    let spec = parsed.root.as_ref().and_then(|root| reader.root(root));
    let Reader { mut findings, places, .. } = reader;
    sort(&mut findings);
    taskdef::cut(&mut findings);
    match (spec, parsed.root) {
        (Some(spec), Some(root)) if !findings.iter().any(Diagnostic::is_error) => {
            Ok(Document { spec, warnings: findings, places, tree: root.to_json() })
        }
        _ => {
            if !findings.iter().any(Diagnostic::is_error) {
                // Every reader that gives up says why; this keeps a forgotten reason from passing as success.
                findings.push(Diagnostic::error(codes::APPSPEC_TYPE, "this is no AppSpec document"));
            }
            Err(Report::new(source_name, text, findings))
        }
    }
}

/// What a document is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To be deployed as it is.
    Deploy,
    /// To be filled in: whatever stands for the task definition is replaced.
    Template,
}

/// What a resource deploys, before it is known to be sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    Ecs,
    Lambda,
}

impl Platform {
    fn events(self) -> &'static [Event] {
        match self {
            Platform::Ecs => Event::ECS,
            Platform::Lambda => Event::LAMBDA,
        }
    }
}

impl Reader {
    /// Says in JSON's words what is wrong with JSON: a YAML parser's are of no help there.
    fn json_syntax(&mut self, text: &str) {
        if !text.trim_start().starts_with('{') || !self.findings.iter().any(|finding| finding.code == codes::SYNTAX) {
            return;
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            let (at, finding) = taskdef::json_syntax(text, &error);
            self.findings = vec![finding.at(Place::of(text, at, at + 1))];
        }
    }

    fn root(&mut self, root: &Node) -> Option<AppSpec> {
        if self.another_file(root) {
            return None;
        }
        let fields = self.fields(root, root.place, "an AppSpec document", &["version", "Resources", "Hooks"])?;
        self.version(fields.get("version"), root);
        let help = "add a list with the one resource to deploy: `- TargetService:` with `Type` and `Properties` below";
        let resources = self.required(&fields, "Resources", "an AppSpec document", help);
        let resource = resources.and_then(|node| self.resources(node));
        let platform = resource.as_ref().and_then(|resource| resource.platform);
        let hooks = fields.get("Hooks").map(|hooks| self.hooks(hooks, platform)).unwrap_or_default();
        let Resource { name, target, .. } = resource?;
        Some(AppSpec { resource: name, target: target?, hooks })
    }

    /// Recognises the files that lie beside an AppSpec document and are given in its place.
    fn another_file(&mut self, root: &Node) -> bool {
        let has = |key: &str| root.get_ignoring_case(key).is_some();
        let item = |key: &str| root.items().and_then(<[Node]>::first).is_some_and(|first| first.get(key).is_some());
        let (what, help) = if has("containerDefinitions") {
            (
                "a task definition",
                "the AppSpec document names a task definition by ARN; its own keys are `version`, `Resources` and `Hooks`",
            )
        } else if has("ImageURI") {
            ("an imageDetail.json", "it names an image for a pipeline; the AppSpec document is usually appspec.yaml")
        } else if item("imageUri") {
            (
                "an imagedefinitions.json",
                "it names images for a pipeline's rolling ECS action; the AppSpec document is usually appspec.yaml",
            )
        } else if has("AWSTemplateFormatVersion") {
            (
                "a CloudFormation template",
                "the AppSpec document is a file of its own, with `version: 0.0` and one resource",
            )
        } else if has("files") || has("os") {
            (
                "an AppSpec document for EC2 or on-premises servers",
                "such deployments copy files to servers; for ECS the document has `version`, `Resources` and `Hooks`",
            )
        } else if has("traffic") && has("service") {
            ("a bluegreen spec", "check it with `bluegreen verify`; the AppSpec document is what CodeDeploy takes")
        } else {
            return false;
        };
        let found = Diagnostic::error(
            codes::APPSPEC_OTHER_FILE,
            format!("this is {what}, not an AppSpec document for ECS or Lambda"),
        );
        self.add(found.at(first_key(root)).help(help));
        true
    }

    fn version(&mut self, version: Option<&Node>, root: &Node) {
        let Some(version) = version else {
            return self.missing(root, "version", "an AppSpec document", "add `version: 0.0` as the first line");
        };
        let text = version.text().unwrap_or_default();
        let quoted = version.scalar().is_some_and(|scalar| scalar.plain() == Plain::String);
        match text {
            "0.0" if !quoted => {}
            "0.0" | "0" => {
                let message =
                    format!("`version` is {}: only the number 0.0 is documented", if quoted { "text" } else { "`0`" });
                self.add(
                    Diagnostic::warning(codes::APPSPEC_VERSION, message)
                        .at(version.place)
                        .help("write `0.0` without quotes"),
                );
            }
            _ => {
                let shown = version
                    .scalar()
                    .map_or_else(|| version.describe().to_owned(), |scalar| format!("`{}`", scalar.shown()));
                let message = format!("`version` is {shown}: the only version of AppSpec documents is 0.0");
                self.add(
                    Diagnostic::error(codes::APPSPEC_VERSION, message)
                        .at(version.place)
                        .help("write `version: 0.0`; it is the format's version, not your release's"),
                );
            }
        }
    }

    fn resources(&mut self, resources: &Node) -> Option<Resource> {
        let Some(items) = resources.items() else {
            let help = if resources.entries().is_some() {
                "put `- ` in front of the resource's name and indent what follows: the list has one item"
            } else {
                "write a list with one item: `- TargetService:` and below it `Type` and `Properties`"
            };
            let message = format!("`Resources` is a list, and here {}", resources.describe());
            self.add(Diagnostic::error(codes::APPSPEC_TYPE, message).at(resources.place).help(help));
            return None;
        };
        match items {
            [] => {
                let found = Diagnostic::error(
                    codes::APPSPEC_RESOURCES,
                    "`Resources` is empty: one resource has to be deployed",
                );
                self.add(found.at(resources.place).help("add `- TargetService:` with `Type` and `Properties`"));
                None
            }
            [one] => self.resource(one),
            [first, rest @ ..] => {
                for extra in rest {
                    let message = format!("`Resources` has {} entries: CodeDeploy deploys exactly one", items.len());
                    let help = "keep one resource in each document, and deploy the documents one after the other";
                    self.add(Diagnostic::error(codes::APPSPEC_RESOURCES, message).at(first_key(extra)).help(help));
                    self.resource(extra);
                }
                self.resource(first)
            }
        }
    }

    fn resource(&mut self, item: &Node) -> Option<Resource> {
        let entries = item.entries().unwrap_or_default();
        let [(key, value)] = entries else {
            let inside = ["Type", "Properties"].into_iter().any(|key| item.get_ignoring_case(key).is_some());
            let (message, help) = match entries {
                [] => (
                    format!(
                        "an entry of `Resources` is a name with `Type` and `Properties` below, and here {}",
                        item.describe()
                    ),
                    "write `- TargetService:` and indent `Type` and `Properties` below it",
                ),
                _ if inside => (
                    "`Type` and `Properties` stand beside the resource's name, not below it".to_owned(),
                    "write `- TargetService:` and indent `Type` and `Properties` two columns deeper than the name",
                ),
                _ => (
                    format!(
                        "one entry of `Resources` has {} names: CodeDeploy deploys exactly one resource",
                        entries.len()
                    ),
                    "keep one name with `Type` and `Properties` below",
                ),
            };
            self.add(Diagnostic::error(codes::APPSPEC_RESOURCES, message).at(first_key(item)).help(help));
            return None;
        };
        let name = key.text().unwrap_or_default().to_owned();
        let fields = self.fields(value, key.place, "a resource", &["Type", "Properties"])?;
        let platform = self.platform(&fields);
        let target = match (platform, fields.get("Properties")) {
            (Some(Platform::Ecs), Some(properties)) => self.ecs(properties).map(Target::Ecs),
            (Some(Platform::Lambda), Some(properties)) => self.lambda(properties).map(Target::Lambda),
            (None, Some(_)) => None,
            (_, None) => {
                self.missing(
                    fields.owner,
                    "Properties",
                    &format!("the resource `{name}`"),
                    "add `Properties:` with what is to be deployed",
                );
                None
            }
        };
        Some(Resource { name, platform, target })
    }

    fn platform(&mut self, fields: &fields::Fields<'_>) -> Option<Platform> {
        let Some(node) = fields.get("Type") else {
            let help = format!("add `Type: {ECS_TYPE}`, or `Type: {LAMBDA_TYPE}` for a function");
            self.missing(fields.owner, "Type", "the resource", &help);
            return None;
        };
        let text = self.text(node, "Type")?;
        match text {
            ECS_TYPE => return Some(Platform::Ecs),
            LAMBDA_TYPE => return Some(Platform::Lambda),
            _ => {}
        }
        let meant = [ECS_TYPE, LAMBDA_TYPE].into_iter().find(|known| known.eq_ignore_ascii_case(text));
        let near = meant.or_else(|| taskdef::closest(text, [ECS_TYPE, LAMBDA_TYPE]));
        let message = format!("the type `{text}` is not deployed by CodeDeploy");
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write `{ECS_TYPE}` for a service, or `{LAMBDA_TYPE}` for a function"),
        };
        self.add(Diagnostic::error(codes::APPSPEC_RESOURCE_TYPE, message).at(node.place).help(help));
        match near {
            Some(ECS_TYPE) => Some(Platform::Ecs),
            Some(_) => Some(Platform::Lambda),
            None => None,
        }
    }
}

struct Resource {
    name: String,
    platform: Option<Platform>,
    target: Option<Target>,
}

/// The place of the first key of a mapping: short enough to mark, unlike the whole mapping.
fn first_key(node: &Node) -> Place {
    let key = node.entries().and_then(<[(Node, Node)]>::first).map(|(key, _)| key.place);
    key.or_else(|| node.items().and_then(<[Node]>::first).map(first_key)).unwrap_or(node.place)
}
