//! Colours name the two fleets for good; roles change hands at promotion.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the two fleets. A colour stays with its service and its target group for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// The blue fleet.
    Blue,
    /// The green fleet.
    Green,
}

impl Color {
    /// Both colours, blue first.
    pub const ALL: [Color; 2] = [Color::Blue, Color::Green];

    /// The opposite fleet.
    pub fn other(self) -> Color {
        match self {
            Color::Blue => Color::Green,
            Color::Green => Color::Blue,
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Color::Blue => "blue",
            Color::Green => "green",
        })
    }
}

/// What a fleet does in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves the version that was live when the run began.
    Stable,
    /// Serves the version being released.
    Canary,
    /// Serves the old version on new tasks, to compare the canary with.
    Control,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Stable => "stable",
            Role::Canary => "canary",
            Role::Control => "control",
        })
    }
}

/// One value for each colour; both are always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByColor<T> {
    /// Blue's.
    pub blue: T,
    /// Green's.
    pub green: T,
}

impl<T> ByColor<T> {
    /// The value of `color`.
    pub fn get(&self, color: Color) -> &T {
        match color {
            Color::Blue => &self.blue,
            Color::Green => &self.green,
        }
    }

    /// Both values with their colours, blue first.
    pub fn iter(&self) -> impl Iterator<Item = (Color, &T)> {
        Color::ALL.into_iter().map(|color| (color, self.get(color)))
    }

    /// The same pair with each value changed by `f`.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> ByColor<U> {
        ByColor { blue: f(&self.blue), green: f(&self.green) }
    }
}
