//! Lists in pages. A page names the last thing that it shows, so that what comes and goes meanwhile shifts nothing.

use std::fmt::Write as _;

use crate::wire::Node;

/// One page of `items`, which are in the order of their keys, after the one that `marker` names; and the marker of the
/// next page, if there is one. `None` where the marker is none that a page gave.
pub(super) fn cut(
    items: Vec<(String, Node)>,
    size: usize,
    marker: Option<&str>,
) -> Option<(Vec<Node>, Option<String>)> {
    let after = marker.map(decode);
    if after == Some(None) {
        return None;
    }
    let after = after.flatten();
    let later = |(key, _): &(String, Node)| after.as_ref().is_none_or(|after| key > after);
    let mut rest: Vec<(String, Node)> = items.into_iter().filter(later).collect();
    let more = rest.len() > size.max(1);
    rest.truncate(size.max(1));
    let next = rest.last().filter(|_| more).map(|(key, _)| encode(key));
    Some((rest.into_iter().map(|(_, node)| node).collect(), next))
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
            let (page, next) = cut(items(&["a", "b", "ß"]), 1, marker.as_deref()).unwrap();
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
        let (_, marker) = cut(items(&["a", "b", "c"]), 2, None).unwrap();
        let (page, next) = cut(items(&["c"]), 2, marker.as_deref()).unwrap();
        assert_eq!((page, next), (vec![Node::from("c")], None));
    }

    #[test]
    fn a_full_last_page_is_the_last() {
        assert_eq!(cut(items(&["a", "b"]), 2, None).unwrap().1, None);
        assert_eq!(cut(items(&[]), 2, None).unwrap(), (vec![], None));
    }

    #[test]
    fn a_marker_that_no_page_gave_is_noticed() {
        for marker in ["x", "zz", "abc", "ü1", "ff"] {
            assert_eq!(cut(items(&["a"]), 1, Some(marker)), None, "{marker}");
        }
    }
}
