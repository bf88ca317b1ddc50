//! Shares of traffic, and the integer weights that the load balancer takes for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::TargetGroupArn;

/// A share of traffic in tenths of a percent, 0 to 1000.
///
/// Tenths are the finest share that two weights of at most 999 can hold exactly: 0.1 % is 1 : 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u16);

/// Why a number is no share or no weight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    /// Not a number, or outside 0 to 100.
    #[error("`{0}` is not a share of traffic: expected a percentage from 0 to 100")]
    Range(String),
    /// Finer than the load balancer can express.
    #[error(
        "`{0}` cannot be expressed with load-balancer weights (0 to 999): expected at most one decimal, such as 0.1 or 12.5"
    )]
    TooFine(String),
    /// A weight above 999.
    #[error("weight {0} is above 999, the highest that a load balancer takes")]
    Weight(u32),
    /// A forward action without traffic: its behaviour is not documented, so it is never written.
    #[error("every weight is 0, so no target group would get traffic")]
    NoTraffic,
    /// No group, more than five, or one twice.
    #[error("a forward action takes one to five different target groups, found {0}")]
    Groups(usize),
}

impl Percent {
    /// No traffic.
    pub const ZERO: Percent = Percent(0);
    /// All of it.
    pub const FULL: Percent = Percent(1000);

    /// A share from tenths of a percent.
    pub fn from_tenths(tenths: u16) -> Result<Percent, WeightError> {
        if tenths <= 1000 {
            Ok(Percent(tenths))
        } else {
            Err(WeightError::Range(format!("{}.{}", tenths / 10, tenths % 10)))
        }
    }

    /// A share from tenths of a percent that is known when compiling; more than 1000 does not compile as a constant.
    #[cfg(test)]
    pub(crate) const fn from_tenths_const(tenths: u16) -> Percent {
        assert!(tenths <= 1000);
        Percent(tenths)
    }

    /// The share in tenths of a percent, 0 to 1000.
    pub fn tenths(self) -> u16 {
        self.0
    }

    /// The number of tasks that carries this share of what `full` tasks carry, rounded up; 0 only for no share.
    pub fn of_tasks(self, full: u32) -> u32 {
        let tasks = (u64::from(full) * u64::from(self.0)).div_ceil(1000);
        u32::try_from(tasks).unwrap_or(u32::MAX)
    }
}

impl FromStr for Percent {
    type Err = WeightError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = || WeightError::Range(text.to_owned());
        let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(range());
        }
        let whole: u16 = whole.parse().map_err(|_| range())?;
        let fraction = fraction.trim_end_matches('0');
        if whole > 100 || (whole == 100 && !fraction.is_empty()) {
            return Err(range());
        }
        let tenth = match fraction.len() {
            0 => 0,
            1 => u16::from(fraction.as_bytes()[0] - b'0'),
            _ => return Err(WeightError::TooFine(text.to_owned())),
        };
        Ok(Percent(whole * 10 + tenth))
    }
}

impl TryFrom<String> for Percent {
    type Error = WeightError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> String {
        percent.to_string()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}%", self.0 / 10),
            tenth => write!(f, "{}.{tenth}%", self.0 / 10),
        }
    }
}

/// A load-balancer weight, 0 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Weight(u16);

impl Weight {
    /// No traffic.
    pub const ZERO: Weight = Weight(0);

    /// The number, 0 to 999.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for Weight {
    type Error = WeightError;
    fn try_from(weight: u32) -> Result<Self, Self::Error> {
        match u16::try_from(weight) {
            Ok(fits) if fits <= 999 => Ok(Weight(fits)),
            _ => Err(WeightError::Weight(weight)),
        }
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> u32 {
        weight.0.into()
    }
}

/// The weights of one forward action: one to five groups, each once, at least one above zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(TargetGroupArn, Weight)>", into = "Vec<(TargetGroupArn, Weight)>")]
pub struct Split(Vec<(TargetGroupArn, Weight)>);

impl Split {
    /// A split from explicit weights, in the order in which they will be sent.
    pub fn new(groups: Vec<(TargetGroupArn, Weight)>) -> Result<Split, WeightError> {
        let distinct = groups.iter().enumerate().all(|(i, (arn, _))| groups[..i].iter().all(|(other, _)| other != arn));
        if !(1..=5).contains(&groups.len()) || !distinct {
            return Err(WeightError::Groups(groups.len()));
        }
        if groups.iter().all(|(_, weight)| *weight == Weight::ZERO) {
            return Err(WeightError::NoTraffic);
        }
        Ok(Split(groups))
    }

    /// The weights that give `share` to one group and the rest to the other.
    ///
    /// Whole percents become weights that add up to 100, tenths ones that add up to 1000.
    pub fn weights(share: Percent) -> (Weight, Weight) {
        let (part, whole) = match share.0 % 10 {
            0 => (share.0 / 10, 100),
            _ => (share.0, 1000),
        };
        (Weight(part), Weight(whole - part))
    }

    /// The weights that give `share` to each of two groups and the rest to a third: one weight for each of the two, and
    /// that of the third. `None` where both shares together are more than all traffic.
    pub fn weights_of_two(share: Percent) -> Option<(Weight, Weight)> {
        let (each, rest) = Split::weights(share);
        rest.0.checked_sub(each.0).map(|rest| (each, Weight(rest)))
    }

    /// The groups with their weights, in order.
    pub fn groups(&self) -> &[(TargetGroupArn, Weight)] {
        &self.0
    }

    /// The weight of `group`, zero where it is not part of the split.
    pub fn weight(&self, group: &TargetGroupArn) -> Weight {
        self.0.iter().find(|(arn, _)| arn == group).map_or(Weight::ZERO, |(_, weight)| *weight)
    }

    /// The share of `group` in parts of a million.
    pub fn share_ppm(&self, group: &TargetGroupArn) -> u32 {
        let sum: u64 = self.0.iter().map(|(_, weight)| u64::from(weight.0)).sum();
        let part = u64::from(self.weight(group).0) * 1_000_000;
        u32::try_from(part.checked_div(sum).unwrap_or(0)).unwrap_or(1_000_000)
    }
}

impl TryFrom<Vec<(TargetGroupArn, Weight)>> for Split {
    type Error = WeightError;
    fn try_from(groups: Vec<(TargetGroupArn, Weight)>) -> Result<Self, Self::Error> {
        Split::new(groups)
    }
}

impl From<Split> for Vec<(TargetGroupArn, Weight)> {
    fn from(split: Split) -> Self {
        split.0
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (arn, weight)) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{}:{}", arn.name(), weight.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> TargetGroupArn {
        format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1").parse().unwrap()
    }

    #[test]
    fn every_tenth_is_expressed_exactly() {
        for tenths in 0..=1000 {
            let (canary, stable) = Split::weights(Percent::from_tenths(tenths).unwrap());
            let (canary, stable) = (u32::from(canary), u32::from(stable));
            assert_eq!(canary * 1000, u32::from(tenths) * (canary + stable));
            assert!(canary <= 999 && stable <= 999);
        }
    }

    #[test]
    fn two_groups_share_alike_up_to_a_half() {
        for tenths in 0..=1000 {
            let split = Split::weights_of_two(Percent::from_tenths(tenths).unwrap());
            assert_eq!(split.is_some(), tenths <= 500, "{tenths}");
            let Some((each, rest)) = split else { continue };
            let (each, rest) = (u32::from(each), u32::from(rest));
            assert_eq!(each * 1000, u32::from(tenths) * (2 * each + rest));
        }
    }

    #[test]
    fn shares_that_cannot_be_expressed_are_refused() {
        assert_eq!("12.5".parse::<Percent>().unwrap().tenths(), 125);
        assert_eq!("10 %".parse::<Percent>().unwrap().to_string(), "10%");
        assert!(matches!("0.05".parse::<Percent>(), Err(WeightError::TooFine(_))));
        for bad in ["100.1", "101", "-1", "", ".", "1e1", "NaN", "10.", "99999999999"] {
            assert!(matches!(bad.parse::<Percent>(), Err(WeightError::Range(_))), "{bad}");
        }
    }

    #[test]
    fn a_split_never_loses_all_traffic() {
        assert_eq!(
            Split::new(vec![(group("a"), Weight::ZERO), (group("b"), Weight::ZERO)]),
            Err(WeightError::NoTraffic)
        );
        assert_eq!(Split::new(vec![]), Err(WeightError::Groups(0)));
        assert_eq!(Split::new(vec![(group("a"), Weight(1)), (group("a"), Weight(1))]), Err(WeightError::Groups(2)));
        assert!(Weight::try_from(1000).is_err());
    }

    #[test]
    fn tasks_are_rounded_up() {
        assert_eq!("1".parse::<Percent>().unwrap().of_tasks(10), 1);
        assert_eq!("10".parse::<Percent>().unwrap().of_tasks(10), 1);
        assert_eq!("11".parse::<Percent>().unwrap().of_tasks(10), 2);
        assert_eq!(Percent::ZERO.of_tasks(10), 0);
    }
}
