//! What goes wrong with single calls.

use std::borrow::Cow;
use std::ops::Range;

use bluegreen_core::ports::ErrorClass;

use crate::seed::draw;
use crate::world::Ms;

mod plan;

pub use plan::{FaultPlan, PlanError};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is refused with this class and has no effect; a mutation is known not to have been applied.
    Refused(ErrorClass),
    /// Its answer is lost. A mutation took effect or not, and the caller cannot tell; a read has no answer. On a wire, the
    /// connection ends without a word.
    Lost {
        /// Whether a mutation took effect.
        applied: bool,
    },
    /// The same, but on a wire the connection stays, and nothing ever comes.
    Hung {
        /// Whether a mutation took effect.
        applied: bool,
    },
    /// A read is answered from this many milliseconds ago.
    Stale(Ms),
    /// It takes this long: half before its effect, half before its answer.
    Slow(Ms),
    /// Metric data is answered in part: the older half of its points, and the word that it is not all. Nothing happens
    /// to other calls.
    Partial,
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
    Named(Cow<'static, str>),
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
    /// How often it may still happen; `None` for ever.
    pub left: Option<u64>,
    id: u64,
    matched: u64,
    fired: u64,
}

impl FaultRule {
    /// A rule that gives `fault` to every one of `operations`, always.
    pub fn new(operations: Operations, fault: Fault) -> FaultRule {
        let (operator, which, window) = (None, Which::Every, 0..Ms::MAX);
        let (per_mille, left) = (1000, None);
        FaultRule { operator, operations, which, window, per_mille, fault, left, id: 0, matched: 0, fired: 0 }
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

    /// The same so many times at most.
    pub fn times(mut self, times: u64) -> FaultRule {
        self.left = Some(times);
        self
    }

    /// Its number among the rules that were ever added, from 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How often it has decided a call.
    pub fn fired(&self) -> u64 {
        self.fired
    }

    fn matches(&mut self, seed: u64, call: &Asked<'_>) -> bool {
        let operation = match &self.operations {
            Operations::All => true,
            Operations::Mutations => call.mutating,
            Operations::Reads => !call.mutating,
            Operations::Named(prefix) => call.operation.starts_with(&**prefix),
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
        // Each rule draws for itself: with a shared draw, the less probable of two would never be reached.
        let drawn = draw(seed, &("fault", self.id, call.index)) % 1000;
        chosen && self.left != Some(0) && drawn < u64::from(self.per_mille)
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
    added: u64,
}

impl Faults {
    /// No faults; probabilities will be drawn from `seed`.
    pub fn new(seed: u64) -> Faults {
        Faults { seed, rules: Vec::new(), added: 0 }
    }

    /// Adds a rule after the others; says what its number is.
    pub fn add(&mut self, rule: FaultRule) -> u64 {
        let id = self.added;
        self.rules.push(FaultRule { id, ..rule });
        self.added += 1;
        id
    }

    /// The rules in the order in which they decide.
    pub fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// Takes all rules away.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// What happens to this call. Every rule counts the calls that it matches, also those that another rule decides.
    pub fn choose(&mut self, call: &Asked<'_>) -> Option<Fault> {
        let seed = self.seed;
        let matching: Vec<bool> = self.rules.iter_mut().map(|rule| rule.matches(seed, call)).collect();
        let decides = matching.iter().position(|matches| *matches)?;
        let rule = &mut self.rules[decides];
        rule.fired += 1;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.fault)
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
        faults.add(FaultRule::new(Operations::Named("elbv2:".into()), Fault::THROTTLED).within(100..200));
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

    #[test]
    fn a_rule_ends_after_its_times_and_counts_them() {
        let mut faults = Faults::new(3);
        faults.add(FaultRule::new(Operations::Reads, Fault::THROTTLED).times(2));
        faults.add(FaultRule::new(Operations::All, Fault::SERVER_ERROR));
        let hits: Vec<_> = (0..4).filter_map(|i| faults.choose(&call(i, "x", false, 0))).collect();
        assert_eq!(hits, [Fault::THROTTLED, Fault::THROTTLED, Fault::SERVER_ERROR, Fault::SERVER_ERROR]);
        let told: Vec<_> = faults.rules().iter().map(|rule| (rule.id(), rule.fired(), rule.left)).collect();
        assert_eq!(told, [(0, 2, Some(0)), (1, 2, None)]);
        faults.clear();
        assert_eq!(faults.choose(&call(4, "x", false, 0)), None);
    }

    #[test]
    fn rules_with_the_same_probability_all_get_their_turn() {
        let mut faults = Faults::new(3);
        faults.add(FaultRule::new(Operations::All, Fault::THROTTLED).with_probability(300));
        faults.add(FaultRule::new(Operations::All, Fault::SERVER_ERROR).with_probability(300));
        for index in 0..1000 {
            faults.choose(&call(index, "x", false, 0));
        }
        // 300 of 1000, then 300 of 700.
        assert!(faults.rules().iter().all(|rule| (150..400).contains(&rule.fired())), "{:?}", faults.rules());
    }
}
