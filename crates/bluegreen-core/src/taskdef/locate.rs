//! Where each value of a JSON text stands, and which keys it has twice.
//!
//! `serde_json` keeps neither: its values have no places, and of two equal keys the last one wins without a word.

use std::collections::HashMap;
use std::ops::Range;

/// Byte ranges of a JSON text's keys and values, by JSON pointer (`/containerDefinitions/0/image`).
#[derive(Debug, Default)]
pub(crate) struct Places {
    places: HashMap<String, Place>,
    /// Pointers of members whose key stood in the same object before, with the range of the later key.
    pub(crate) duplicates: Vec<(String, Range<usize>)>,
}

#[derive(Debug)]
struct Place {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Places {
    /// Walks `text`, which must be JSON that a parser has accepted (so that depth and shape are known to be sane);
    /// on anything else the places found so far are returned.
    pub(crate) fn of(text: &str) -> Places {
        let mut walk = Walk { text, at: 0, places: Places::default(), pointer: String::new() };
        walk.value(None);
        walk.places
    }

    /// The range of the value at `pointer`, or of its nearest ancestor that exists.
    pub(crate) fn value(&self, pointer: &str) -> Range<usize> {
        self.nearest(pointer).map_or(0..0, |place| place.value.clone())
    }

    /// The range of the key at `pointer`; of the value where it has none (list entries, the root).
    pub(crate) fn key(&self, pointer: &str) -> Range<usize> {
        self.nearest(pointer).map_or(0..0, |place| place.key.clone().unwrap_or_else(|| place.value.clone()))
    }

    fn nearest(&self, pointer: &str) -> Option<&Place> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return Some(place);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// A key as a step of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    places: Places,
    pointer: String,
}

impl Walk<'_> {
    fn value(&mut self, key: Option<Range<usize>>) -> Option<()> {
        self.space();
        let start = self.at;
        match self.peek()? {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => self.at = self.string()?.end,
            _ => {
                let rest = &self.text[start..];
                self.at += rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
            }
        }
        self.places.places.insert(self.pointer.clone(), Place { key, value: start..self.at });
        Some(())
    }

    fn object(&mut self) -> Option<()> {
        self.at += 1;
        let depth = self.pointer.len();
        // Every member of this object adds itself below `pointer`, so a pointer met again is a key met again.
        loop {
            self.space();
            match self.peek()? {
                b'}' => break,
                b',' => self.at += 1,
                _ => {
                    let range = self.string()?;
                    let key: String = serde_json::from_str(&self.text[range.clone()]).ok()?;
                    self.space();
                    self.at += 1; // the colon
                    self.pointer.push('/');
                    self.pointer.push_str(&escape(&key));
                    if self.places.places.contains_key(&self.pointer) {
                        self.places.duplicates.push((self.pointer.clone(), range.clone()));
                    }
                    self.value(Some(range))?;
                    self.pointer.truncate(depth);
                }
            }
        }
        self.at += 1;
        Some(())
    }

    fn array(&mut self) -> Option<()> {
        self.at += 1;
        let depth = self.pointer.len();
        let mut index = 0_usize;
        loop {
            self.space();
            match self.peek()? {
                b']' => break,
                b',' => self.at += 1,
                _ => {
                    self.pointer.push_str(&format!("/{index}"));
                    self.value(None)?;
                    self.pointer.truncate(depth);
                    index += 1;
                }
            }
        }
        self.at += 1;
        Some(())
    }

    /// Steps over a string and returns its range, quotes included.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_pointer() {
        let text = "{ \"a/b\": [1, {\"c\\u0041\": \"x\\\"y\"}],\n \"d\": null }";
        let places = Places::of(text);
        let at = |pointer: &str| &text[places.value(pointer)];
        assert_eq!(at("/a~1b/0"), "1");
        assert_eq!(at("/a~1b/1/cA"), "\"x\\\"y\"");
        assert_eq!(at("/d"), "null");
        assert_eq!(at("/d/gone/deeper"), "null", "the nearest ancestor stands in");
        assert_eq!(at(""), text);
        assert_eq!(&text[places.key("/d")], "\"d\"");
        assert!(places.duplicates.is_empty());
    }

    #[test]
    fn a_key_met_twice_is_reported_with_the_later_place() {
        let text = "{\"a\": {\"x\": 1}, \"b\": {\"x\": 1}, \"\\u0061\": 2}";
        let places = Places::of(text);
        let (pointer, range) = &places.duplicates[0];
        assert_eq!((pointer.as_str(), &text[range.clone()]), ("/a", "\"\\u0061\""));
        assert_eq!(places.duplicates.len(), 1);
    }
}
