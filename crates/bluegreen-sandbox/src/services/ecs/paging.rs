//! Lists in pages. A token names the last entry that was shown, so that what comes and goes meanwhile shifts nothing.

use std::fmt::Write as _;

use super::invalid;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::World;

/// In which order a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// The page of `items` that a request asks for, as the member `name`. Every item has a key that no other one has; it
/// decides the order.
pub(super) fn page(
    world: &World,
    input: &Input,
    name: &str,
    default: i64,
    order: Order,
    mut items: Vec<(String, Node)>,
) -> Result<Node, ApiError> {
    let asked = input.int_within("maxResults", 1, 100)?.unwrap_or(default);
    let asked = usize::try_from(asked).unwrap_or(1);
    let size = world.config.page_size.map_or(asked, |most| most.min(asked)).max(1);
    items.sort_by(|(left, _), (right, _)| match order {
        Order::Ascending => left.cmp(right),
        Order::Descending => right.cmp(left),
    });
    if let Some(token) = input.text("nextToken")?.filter(|token| !token.is_empty()) {
        let shown = decode(token).ok_or_else(|| invalid("nextToken is none that an earlier answer gave"))?;
        items.retain(|(key, _)| match order {
            Order::Ascending => *key > shown,
            Order::Descending => *key < shown,
        });
    }
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(|(key, _)| encode(key));
    let mut answer = Map::new();
    answer.insert(name, items.into_iter().map(|(_, node)| node).collect::<Node>());
    answer.put("nextToken", next);
    Ok(answer.into())
}

/// Tokens are opaque: nobody should take one apart.
fn encode(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(token: &str) -> Option<String> {
    if !token.is_ascii() || !token.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(token.get(at..at + 2)?, 16).ok();
    let bytes = (0..token.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}
