//! What goes wrong with single calls.

use std::ops::Range;

use bluegreen_core::ports::ErrorClass;

use crate::seed::draw;
use crate::world::Ms;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is refused with this class and has no effect; a mutation is known not to have been applied.
    Refused(ErrorClass),
    /// Its answer is lost. A mutation took effect or not, and the caller cannot tell; a read has no answer.
    Lost {
        /// Whether a mutation took effect.
        applied: bool,
    },
    /// A read is answered from this many milliseconds ago.
    Stale(Ms),
    /// It takes this long: half before its effect, half before its answer.
    Slow(Ms),
}

impl Fault {
    /// AWS asks for patience.
    pub const THROTTLED: Fault = Fault::Refused(ErrorClass::Throttled);
    /// AWS fails, and says so.
    pub const SERVER_ERROR: Fault = Fault::Refused(ErrorClass::Unavailable);
    /// The caller may not.
    pub const DENIED: Fault = Fault::Refused(ErrorClass::Denied);
    /// No answer in time; the request never arrived.
    pub const TIMEOUT_NOT_APPLIED: Fault = Fault::Lost { applied: false };
    /// No answer in time; the request took effect.
    pub const TIMEOUT_APPLIED: Fault = Fault::Lost { applied: true };
}

/// Which operations a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Every call to AWS; the journal is not AWS.
    All,
    /// Those that change something.
    Mutations,
    /// Those that do not.
    Reads,
    /// Those whose name begins so: `elbv2:`, `ecs:UpdateService`.
    Named(&'static str),
}

/// Which of the matching calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    Every,
    /// Those with an index in this range, counted over all calls of all operators from 0.
    Indices(Range<u64>),
    /// The one with this position among those that the rule matches otherwise, from 0.
    Nth(u64),
}

/// One rule: the first one that matches a call decides.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// For calls of this operator; `None` for everyone's.
    pub operator: Option<String>,
    /// For these operations.
    pub operations: Operations,
    /// For these calls among them.
    pub which: Which,
    /// Within this time.
    pub window: Range<Ms>,
    /// With this probability in thousandths.
    pub per_mille: u32,
    /// What happens.
    pub fault: Fault,
    matched: u64,
}

impl FaultRule {
    /// A rule that gives `fault` to every one of `operations`, always.
    pub fn new(operations: Operations, fault: Fault) -> FaultRule {
        let (operator, which, window) = (None, Which::Every, 0..Ms::MAX);
        FaultRule { operator, operations, which, window, per_mille: 1000, fault, matched: 0 }
    }

    /// The same for one operator only.
    pub fn of(mut self, operator: &str) -> FaultRule {
        self.operator = Some(operator.to_owned());
        self
    }

    /// The same for the call with this index over all calls.
    pub fn at(mut self, index: u64) -> FaultRule {
        self.which = Which::Indices(index..index + 1);
        self
    }

    /// The same for the `nth` matching call, from 0.
    pub fn nth(mut self, nth: u64) -> FaultRule {
        self.which = Which::Nth(nth);
        self
    }

    /// The same within a time only.
    pub fn within(mut self, window: Range<Ms>) -> FaultRule {
        self.window = window;
        self
    }

    /// The same with a probability in thousandths.
    pub fn with_probability(mut self, per_mille: u32) -> FaultRule {
        self.per_mille = per_mille;
        self
    }

    fn matches(&mut self, seed: u64, call: &Asked<'_>) -> bool {
        let operation = match &self.operations {
            Operations::All => true,
            Operations::Mutations => call.mutating,
            Operations::Reads => !call.mutating,
            Operations::Named(prefix) => call.operation.starts_with(prefix),
        };
        let operator = self.operator.as_deref().is_none_or(|name| name == call.operator);
        if !operation || !operator || !self.window.contains(&call.now) {
            return false;
        }
        let position = self.matched;
        self.matched += 1;
        let chosen = match &self.which {
            Which::Every => true,
            Which::Indices(range) => range.contains(&call.index),
            Which::Nth(nth) => *nth == position,
        };
        chosen && draw(seed, &("fault", call.index)) % 1000 < u64::from(self.per_mille)
    }
}

/// A call that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its number.
    pub index: u64,
    /// Who calls.
    pub operator: &'a str,
    /// What.
    pub operation: &'a str,
    /// Whether it changes something.
    pub mutating: bool,
    /// The time in milliseconds.
    pub now: Ms,
}

/// All rules of a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    seed: u64,
    rules: Vec<FaultRule>,
}

impl Faults {
    /// No faults; probabilities will be drawn from `seed`.
    pub fn new(seed: u64) -> Faults {
        Faults { seed, rules: Vec::new() }
    }

    /// Adds a rule after the others.
    pub fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    /// What happens to this call. Every rule counts the calls that it matches, also those that another rule decides.
    pub fn choose(&mut self, call: &Asked<'_>) -> Option<Fault> {
        let hits: Vec<Fault> =
            self.rules.iter_mut().filter_map(|rule| rule.matches(self.seed, call).then_some(rule.fault)).collect();
        hits.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(index: u64, operation: &str, mutating: bool, now: Ms) -> Asked<'_> {
        Asked { index, operator: "a", operation, mutating, now }
    }

    #[test]
    fn a_rule_hits_its_calls_and_no_others() {
        let mut faults = Faults::new(1);
        faults.add(FaultRule::new(Operations::Mutations, Fault::TIMEOUT_APPLIED).nth(1));
        faults.add(FaultRule::new(Operations::Named("elbv2:"), Fault::THROTTLED).within(100..200));
        faults.add(FaultRule::new(Operations::All, Fault::DENIED).at(9));
        faults.add(FaultRule::new(Operations::All, Fault::DENIED).of("b"));
        assert_eq!(faults.choose(&call(0, "ecs:UpdateService", true, 0)), None);
        assert_eq!(faults.choose(&call(1, "elbv2:DescribeRules", false, 99)), None);
        assert_eq!(faults.choose(&call(2, "elbv2:DescribeRules", false, 100)), Some(Fault::THROTTLED));
        assert_eq!(faults.choose(&call(3, "ecs:UpdateService", true, 100)), Some(Fault::TIMEOUT_APPLIED));
        assert_eq!(faults.choose(&call(4, "ecs:UpdateService", true, 100)), None);
        assert_eq!(faults.choose(&call(9, "ecs:DescribeServices", false, 0)), Some(Fault::DENIED));
    }

    #[test]
    fn a_probability_is_kept_and_repeats_with_its_seed() {
        let run = |seed| {
            let mut faults = Faults::new(seed);
            faults.add(FaultRule::new(Operations::All, Fault::THROTTLED).with_probability(500));
            (0..1000).map(|i| faults.choose(&call(i, "x", false, 0)).is_some()).collect::<Vec<_>>()
        };
        let hits = run(3).into_iter().filter(|hit| *hit).count();
        assert!((400..600).contains(&hits), "{hits}");
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
