//! Long answers in pages.

use std::ops::Range;

use crate::wire::{ApiError, Input};
use crate::world::World;

/// Tokens are not for reading: a client that makes its own is told so.
const SEAL: u64 = 0x5bd1_e995_c0de_7a6e;

/// What of `total` items belongs into this page, and the token of the next one.
pub(super) fn page(
    world: &World,
    input: &Input,
    total: usize,
    most: usize,
) -> Result<(Range<usize>, Option<String>), ApiError> {
    let from = match input.text("NextToken")?.filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => place(token).filter(|from| *from <= total).ok_or_else(invalid)?,
    };
    let size = most.min(world.config.page_size.unwrap_or(most)).max(1);
    let to = (from + size).min(total);
    let next = (to < total).then(|| format!("{:016x}", to as u64 ^ SEAL));
    Ok((from..to, next))
}

fn place(token: &str) -> Option<usize> {
    let number = u64::from_str_radix(token, 16).ok().filter(|_| token.len() == 16)?;
    usize::try_from(number ^ SEAL).ok()
}

fn invalid() -> ApiError {
    ApiError::sender("InvalidNextToken", "The next token specified is invalid.")
}
