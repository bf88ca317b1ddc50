//! The one fold of events that every renderer and `status` read.

#[cfg(test)]
#[allow(dead_code, reason = "shared by the tests of several modules")]
pub(crate) mod testing;
