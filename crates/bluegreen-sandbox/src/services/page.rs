//! Lists in pages. A page names the last thing that it shows, so that what comes and goes meanwhile shifts nothing.

use std::fmt::Write as _;

use crate::wire::Node;

/// In which order of its keys a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// One page of `items` in the order of their keys, after the one that `marker` names; and the marker of the next page,
/// if there is one. `None` where the marker is none that a page gave.
pub(super) fn cut(
    mut items: Vec<(String, Node)>,
    order: Order,
    size: usize,
    marker: Option<&str>,
) -> Option<(Vec<Node>, Option<String>)> {
    items.sort_by(|(left, _), (right, _)| match order {
        Order::Ascending => left.cmp(right),
        Order::Descending => right.cmp(left),
    });
    if let Some(marker) = marker {
        let shown = decode(marker)?;
        items.retain(|(key, _)| match order {
            Order::Ascending => *key > shown,
            Order::Descending => *key < shown,
        });
    }
    let more = items.len() > size.max(1);
    items.truncate(size.max(1));
    let next = items.last().filter(|_| more).map(|(key, _)| encode(key));
    Some((items.into_iter().map(|(_, node)| node).collect(), next))
}

/// Markers are opaque: nobody should take one apart.
fn encode(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(marker: &str) -> Option<String> {
    if !marker.is_ascii() || !marker.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(marker.get(at..at + 2)?, 16).ok();
    let bytes = (0..marker.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(keys: &[&str]) -> Vec<(String, Node)> {
        keys.iter().map(|key| ((*key).to_owned(), Node::from(*key))).collect()
    }

    #[test]
    fn pages_of_one_give_everything_once() {
        let (mut seen, mut marker) = (Vec::new(), None::<String>);
        loop {
            let (page, next) = cut(items(&["a", "b", "ß"]), Order::Ascending, 1, marker.as_deref()).unwrap();
            seen.extend(page);
            match next {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ["a", "b", "ß"].map(Node::from));
    }

    #[test]
    fn what_goes_meanwhile_shifts_nothing() {
        let (_, marker) = cut(items(&["a", "b", "c"]), Order::Ascending, 2, None).unwrap();
        let (page, next) = cut(items(&["c"]), Order::Ascending, 2, marker.as_deref()).unwrap();
        assert_eq!((page, next), (vec![Node::from("c")], None));
    }

    #[test]
    fn the_other_way_round() {
        let (page, marker) = cut(items(&["a", "c", "b"]), Order::Descending, 2, None).unwrap();
        assert_eq!(page, ["c", "b"].map(Node::from));
        let (page, next) = cut(items(&["a", "c", "b"]), Order::Descending, 2, marker.as_deref()).unwrap();
        assert_eq!((page, next), (vec![Node::from("a")], None));
    }

    #[test]
    fn a_full_last_page_is_the_last() {
        assert_eq!(cut(items(&["a", "b"]), Order::Ascending, 2, None).unwrap().1, None);
        assert_eq!(cut(items(&[]), Order::Ascending, 2, None).unwrap(), (vec![], None));
    }

    #[test]
    fn a_marker_that_no_page_gave_is_noticed() {
        for marker in ["x", "zz", "abc", "ü1", "ff"] {
            assert_eq!(cut(items(&["a"]), Order::Ascending, 1, Some(marker)), None, "{marker}");
        }
    }
}
