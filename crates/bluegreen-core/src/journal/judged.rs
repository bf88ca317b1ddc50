//! What a journal says of the judge: the counts that were read, and what was made of them.

use jiff::Timestamp;

use super::Fact;
use crate::analysis::{Judgement, Row, Rows, Verdict};
use crate::plan::OnInconclusive;

/// The judge's newest word.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// When it was said.
    pub at: Timestamp,
    /// The index of the step that was under way.
    pub step: usize,
    /// The verdict, with all that it rests on.
    pub judgement: Judgement,
}

/// What the journal knows of the judge. Empty for plans without one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgedRun {
    /// Since when there can be evidence: the canary was healthy, and its first weight was read back.
    pub since: Option<Timestamp>,
    /// All rows, each minute as it was recorded last.
    pub rows: Rows,
    /// The end of the newest minute that was read.
    pub until: Option<Timestamp>,
    /// The end of the newest minute that was read whole, while some deciding metric is behind.
    pub behind_since: Option<Timestamp>,
    /// The judge's newest word.
    pub latest: Option<Judged>,
    /// Whether rows have come since.
    pub unjudged: bool,
    /// Steps that ended without enough evidence, and what followed, oldest first.
    pub inconclusive: Vec<(usize, OnInconclusive)>,
    /// Why the run goes on although its metrics cannot be read, until they can.
    pub without: Option<String>,
    has_weight: bool,
}

impl JudgedRun {
    /// How the judge sees the step with this index, where rows were judged while it was under way.
    pub fn verdict(&self, step: usize) -> Option<&Verdict> {
        let latest = self.latest.as_ref().filter(|latest| latest.step == step)?;
        Some(&latest.judgement.verdict)
    }

    /// How often the step with this index was extended.
    pub fn extensions(&self, step: usize) -> u32 {
        let extended = |entry: &&(usize, OnInconclusive)| **entry == (step, OnInconclusive::Extend);
        u32::try_from(self.inconclusive.iter().filter(extended).count()).unwrap_or(u32::MAX)
    }

    /// How often steps were extended or passed without enough evidence, over the whole run.
    pub fn tolerated(&self) -> u32 {
        let tolerated = |then: OnInconclusive| matches!(then, OnInconclusive::Extend | OnInconclusive::Promote);
        let count = self.inconclusive.iter().filter(|(_, then)| tolerated(*then)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// What followed the last time that the step with this index ended without enough evidence.
    pub fn answer(&self, step: usize) -> Option<OnInconclusive> {
        self.inconclusive.iter().rev().find(|(of, _)| *of == step).map(|(_, then)| *then)
    }

    /// `weighted`: the index of the first step that gives the canary traffic.
    pub(super) fn learn(&mut self, fact: &Fact, at: Timestamp, weighted: usize, healthy: bool) {
        match fact {
            Fact::StepVerified(step) | Fact::StepPassed { step, .. } if *step >= weighted => self.has_weight = true,
            Fact::Minutes { rows, until, missing } => self.read(rows, *until, missing.is_empty()),
            Fact::Judged { step, judgement } => {
                self.unjudged = false;
                self.latest = Some(Judged { at, step: *step, judgement: (**judgement).clone() });
            }
            Fact::Inconclusive { step, then, .. } => {
                self.inconclusive.push((*step, *then));
                if *then == OnInconclusive::Extend {
                    // It was said of the shorter step.
                    self.latest = None;
                }
            }
            Fact::WithoutMetrics { why } => self.without = Some(why.clone()),
            _ => {}
        }
        if self.has_weight && healthy {
            self.since = self.since.or(Some(at));
        }
    }

    fn read(&mut self, rows: &[Row], until: Timestamp, whole: bool) {
        self.unjudged = true;
        self.behind_since = match (whole, self.behind_since) {
            (true, _) => None,
            (false, Some(since)) => Some(since),
            (false, None) => self.until.or(self.since),
        };
        if whole {
            self.without = None;
        }
        self.until = self.until.max(Some(until));
        // Of two rows for one minute the one that comes last counts.
        for row in rows {
            self.rows.put(row.clone());
        }
    }
}
