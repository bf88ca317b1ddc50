//! The properties of a function.

use super::super::LambdaTarget;
use super::arn::{is_family, is_positive};
use super::fields::Reader;
use crate::diagnostic::{Diagnostic, codes};
use crate::document::{Node, Plain};

impl Reader {
    pub(super) fn lambda(&mut self, properties: &Node) -> Option<LambdaTarget> {
        let known = ["Name", "Alias", "CurrentVersion", "TargetVersion"];
        let fields = self.fields(properties, properties.place, "`Properties` of a function", &known)?;
        let [name, alias, current, target] = known.map(|key| {
            let help = format!("add `{key}`: {}", meaning(key));
            self.required(&fields, key, "a function's deployment", &help)
        });
        let name = name.and_then(|node| self.lambda_name(node));
        let alias = alias.and_then(|node| self.alias(node));
        let current_version = current.and_then(|node| self.lambda_version(node, "CurrentVersion"));
        let target_version = target.and_then(|node| self.lambda_version(node, "TargetVersion"));
        if let (Some(current), Some(next), Some(node)) = (current_version, target_version, target)
            && current == next
        {
            let message = format!("`CurrentVersion` and `TargetVersion` are both {current}: nothing would be deployed");
            let help = "publish a new version of the function and write its number as `TargetVersion`";
            self.add(Diagnostic::error(codes::APPSPEC_FUNCTION, message).at(node.place).help(help));
            return None;
        }
        let (name, alias) = (name?, alias?);
        Some(LambdaTarget { name, alias, current_version: current_version?, target_version: target_version? })
    }

    fn lambda_name(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "Name")?;
        if is_family(text) && text.len() <= 64 {
            return Some(text.to_owned());
        }
        let tail = text.rsplit("function:").next().unwrap_or_default().split(':').next().unwrap_or_default();
        let (message, help) = if text.starts_with("arn:") && is_family(tail) {
            (format!("`{text}` is an ARN: a function is deployed by its name"), format!("write `Name: \"{tail}\"`"))
        } else {
            (
                format!("`{text}` is not the name of a function"),
                "a name is 1 to 64 of A-Z, a-z, 0-9, `_` and `-`".to_owned(),
            )
        };
        self.add(Diagnostic::error(codes::APPSPEC_FUNCTION, message).at(node.place).help(help));
        None
    }

    fn alias(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "Alias")?;
        let number = text.bytes().all(|b| b.is_ascii_digit());
        if is_family(text) && text.len() <= 128 && !number {
            return Some(text.to_owned());
        }
        let (message, help) = if number {
            (
                format!("`{text}` is a version, not an alias"),
                "an alias is a name that points to a version, such as `live`",
            )
        } else {
            (format!("`{text}` is not the name of an alias"), "a name is 1 to 128 of A-Z, a-z, 0-9, `_` and `-`")
        };
        self.add(Diagnostic::error(codes::APPSPEC_FUNCTION, message).at(node.place).help(help));
        None
    }

    /// A published version: a number, written as text.
    fn lambda_version(&mut self, node: &Node, key: &str) -> Option<u64> {
        if let (Some(Plain::Int(number)), Some(text)) = (node.scalar().map(crate::document::Scalar::plain), node.text())
        {
            if let Ok(number) = u64::try_from(number)
                && is_positive(text)
            {
                let message = format!("`{key}` is documented as text, and here a number");
                let help = format!("put it in quotes: `{key}: \"{text}\"`");
                self.add(Diagnostic::warning(codes::APPSPEC_TYPE, message).at(node.place).help(help));
                return Some(number);
            }
            let message = format!("`{text}` is not a published version");
            let help = "a version is a whole number from 1, in quotes";
            self.add(Diagnostic::error(codes::APPSPEC_FUNCTION, message).at(node.place).help(help));
            return None;
        }
        let text = self.text(node, key)?;
        if is_positive(text) {
            return text.parse().ok();
        }
        let help = if text == "$LATEST" {
            "publish a version and write its number: an alias cannot shift traffic to or from `$LATEST`"
        } else {
            "a version is a whole number from 1 without leading zeros, in quotes"
        };
        let message = format!("`{text}` is not a published version");
        self.add(Diagnostic::error(codes::APPSPEC_FUNCTION, message).at(node.place).help(help));
        None
    }
}

fn meaning(key: &str) -> &'static str {
    match key {
        "Name" => "the function's name",
        "Alias" => "the alias whose traffic moves",
        "CurrentVersion" => "the version that the alias points to now, in quotes",
        _ => "the version to deploy, in quotes",
    }
}
