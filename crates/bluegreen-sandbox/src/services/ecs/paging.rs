//! ECS's way of asking for a page.

use super::invalid;
pub(super) use crate::services::page::Order;
use crate::services::page::cut;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::World;

/// The page of `items` that a request asks for, as the member `name`. Every item has a key that no other one has; it
/// decides the order.
pub(super) fn page(
    world: &World,
    input: &Input,
    name: &str,
    default: i64,
    order: Order,
    items: Vec<(String, Node)>,
) -> Result<Node, ApiError> {
    let asked = input.int_within("maxResults", 1, 100)?.unwrap_or(default);
    let asked = usize::try_from(asked).unwrap_or(1);
    let size = world.config.page_size.map_or(asked, |most| most.min(asked));
    let token = input.text("nextToken")?.filter(|token| !token.is_empty());
    let page = cut(items, order, size, token);
    let (items, next) = page.ok_or_else(|| invalid("nextToken is none that an earlier answer gave"))?;
    let mut answer = Map::new();
    answer.insert(name, items);
    answer.put("nextToken", next);
    Ok(answer.into())
}
