//! The forms of the query protocol: `Actions.member.1.Type=forward` as a tree whose scalars are all text.

use std::collections::BTreeMap;

use super::{ApiError, Map, Node};

/// Deeper than any request of AWS, and shallow enough for the stack.
const DEPTH_MAX: usize = 32;

/// A form as a tree; `Action` and `Version` are members like the others.
pub(super) fn decode(form: &[u8]) -> Result<Map, ApiError> {
    let mut root = Branch::default();
    for (name, value) in form_urlencoded::parse(form) {
        // `a=1&` has an empty pair at its end in some clients.
        if !name.is_empty() {
            root.put(&name, value.into_owned())?;
        }
    }
    root.members("")
}

/// A name on the way to the leaves.
#[derive(Default)]
struct Branch {
    leaf: Option<String>,
    /// With the order in which they came.
    children: BTreeMap<String, (usize, Branch)>,
}

impl Branch {
    fn put(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        if name.split('.').count() > DEPTH_MAX {
            return Err(malformed(name, "more than 32 levels of names"));
        }
        let mut branch = self;
        for part in name.split('.') {
            if part.is_empty() {
                return Err(malformed(name, "a name is empty between its dots"));
            }
            let order = branch.children.len();
            branch = &mut branch.children.entry(part.to_owned()).or_insert_with(|| (order, Branch::default())).1;
        }
        match branch.leaf.replace(value) {
            Some(_) => Err(malformed(name, "it is given twice")),
            None => Ok(()),
        }
    }

    fn node(self, path: &str) -> Result<Node, ApiError> {
        match self.leaf {
            Some(leaf) if self.children.is_empty() => Ok(Node::Text(leaf)),
            Some(_) => Err(malformed(path, "it is a value and has parts as well")),
            None => self.inner(path),
        }
    }

    fn inner(mut self, path: &str) -> Result<Node, ApiError> {
        if self.children.len() == 1 {
            if let Some((_, list)) = self.children.remove("member") {
                let items = list.numbered(path)?.into_iter().map(|(path, item)| item.node(&path));
                return items.collect::<Result<Vec<Node>, _>>().map(Node::List);
            }
            if let Some((_, map)) = self.children.remove("entry") {
                let pairs = map.numbered(path)?.into_iter().map(|(path, entry)| entry.entry(&path));
                return pairs.collect::<Result<Map, _>>().map(Node::Map);
            }
        }
        self.members(path).map(Node::Map)
    }

    fn members(self, path: &str) -> Result<Map, ApiError> {
        let mut children: Vec<(String, (usize, Branch))> = self.children.into_iter().collect();
        children.sort_by_key(|(_, (order, _))| *order);
        let member = |(name, (_, branch)): (String, (usize, Branch))| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            Ok((name, branch.node(&path)?))
        };
        children.into_iter().map(member).collect()
    }

    /// The items of a list in the order of their numbers, each with its path; gaps do not matter.
    fn numbered(self, path: &str) -> Result<Vec<(String, Branch)>, ApiError> {
        if self.leaf.is_some() {
            return Err(malformed(path, "a list has items like member.1"));
        }
        let mut items = BTreeMap::new();
        for (number, (_, branch)) in self.children {
            let place: u32 = number
                .parse()
                .map_err(|_| malformed(path, &format!("items have numbers from 1 on, and '{number}' is none")))?;
            if items.insert(place, (format!("{path}.{place}"), branch)).is_some() {
                return Err(malformed(path, &format!("item {place} is given twice")));
            }
        }
        Ok(items.into_values().collect())
    }

    fn entry(mut self, path: &str) -> Result<(String, Node), ApiError> {
        let key = self.children.remove("key").and_then(|(_, key)| key.leaf);
        let key = key.ok_or_else(|| malformed(path, "an entry has a key and a value"))?;
        let value = self.children.remove("value").map_or(Ok(Node::Null), |(_, value)| value.node(path))?;
        Ok((key, value))
    }
}

fn malformed(name: &str, why: &str) -> ApiError {
    ApiError::sender("MalformedQueryString", format!("the parameter {name} cannot be read: {why}"))
}
