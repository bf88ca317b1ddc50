//! What a stage tells the commands after it.

use std::fmt::Write;

/// Variables in the order in which they were set; a name that is set again keeps its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// Sets one. Line breaks in the value become spaces: neither form below could carry them everywhere.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value: String = value.into().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of one; empty where it was not set.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// As commands of a POSIX shell, to be sourced: `export NAME='value'`.
    pub fn to_shell(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.iter() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "export {name}='{}'", value.replace('\'', r"'\''"));
        }
        text
    }

    /// As lines `NAME=value` without quotes, as `docker --env-file` and many actions read them.
    pub fn to_env(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.iter() {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_become_a_command() {
        let mut variables = Variables::default();
        variables.set("WHY", "it's `over`; $(rm -rf /)\nexport A=1");
        assert_eq!(variables.to_shell(), "export WHY='it'\\''s `over`; $(rm -rf /) export A=1'\n");
        assert_eq!(variables.to_env(), "WHY=it's `over`; $(rm -rf /) export A=1\n");
    }

    #[test]
    fn the_last_value_counts_and_the_order_stays() {
        let mut variables = Variables::default();
        variables.set("A", "1");
        variables.set("B", "2");
        variables.set("A", "3");
        assert_eq!(variables.to_env(), "A=3\nB=2\n");
        assert_eq!((variables.get("A"), variables.get("C")), ("3", ""));
    }
}
