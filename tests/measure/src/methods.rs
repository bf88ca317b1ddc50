//! What looks at the counts every minute, and may send the canary back: the judge, and what others do.

mod alarm;
mod argo;
mod flagger;
mod judge;
mod kayenta;
mod z_test;

use bluegreen_core::stats::Minute;

use crate::traffic::Cell;

/// One rule at work on one release.
pub trait Method {
    /// Looks at one more minute; `true` sends the canary back.
    fn look(&mut self, minute: Minute) -> bool;
}

/// All rules, in the order in which they are shown.
pub const NAMES: [&str; 9] = [
    "judge",
    "judge, 60 min horizon",
    "alarm rate > 1 %",
    "alarm count > 5",
    "alarm rate > 3 × base",
    "Flagger",
    "Argo",
    "Kayenta @30",
    "z-test",
];

/// So many of them are ours.
pub const OURS: usize = 2;

/// All rules, fresh, in the order of [`NAMES`].
pub fn all(cell: Cell) -> [Box<dyn Method>; NAMES.len()] {
    [
        Box::new(judge::Judge::default()),
        Box::new(judge::Judge::with_horizon(60)),
        Box::new(alarm::Alarm::rate(0.01)),
        Box::new(alarm::Alarm::count(5.0)),
        Box::new(alarm::Alarm::rate(3.0 * cell.base)),
        Box::new(flagger::Flagger::default()),
        Box::new(argo::Argo::default()),
        Box::new(kayenta::Kayenta::default()),
        Box::new(z_test::ZTest::default()),
    ]
}

/// The canary's failure rate in a minute; `None` without requests.
fn rate(minute: Minute) -> Option<f64> {
    (minute.canary > 0.0).then(|| minute.canary_bad / minute.canary)
}
