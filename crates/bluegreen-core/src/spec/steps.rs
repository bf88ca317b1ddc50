//! Strategies as flat lists of steps.

use std::time::Duration;

use super::read::{share, time};
use crate::diagnostic::{Diagnostic, Place, codes};
use crate::document::Node;
use crate::model::{Percent, Step};

/// The steps of a strategy, ending with `SetWeight(100 %)` and `Bake`, and what is wrong with them.
///
/// `judged`: whether there is anything to analyse; equal steps then end with a verdict each.
pub(super) fn steps(strategy: &Node, bake: Duration, judged: bool) -> (Vec<Step>, Vec<Diagnostic>) {
    let (mut steps, findings) = if let Some(canary) = strategy.get("canary") {
        canary_steps(canary)
    } else if let Some(linear) = strategy.get("linear") {
        linear_steps(linear, judged)
    } else {
        (Vec::new(), Vec::new())
    };
    if !steps.contains(&Step::SetWeight(Percent::FULL)) {
        steps.push(Step::SetWeight(Percent::FULL));
    }
    steps.push(Step::Bake(bake));
    (steps, findings)
}

fn linear_steps(linear: &Node, judged: bool) -> (Vec<Step>, Vec<Diagnostic>) {
    let Some((place, step)) = linear.get("step").and_then(|node| Some((node.place, share(Some(node))?))) else {
        return (Vec::new(), Vec::new());
    };
    if step == Percent::ZERO {
        let help = "name the share that each step adds, such as `step: 10`";
        let finding = Diagnostic::error(codes::WEIGHT_BOUNDS, "steps of 0% never get anywhere").at(place).help(help);
        return (Vec::new(), vec![finding]);
    }
    let every = time(linear.get("every"), Duration::ZERO);
    let hold = if judged { Step::Analysis(every) } else { Step::Hold(every) };
    let weights = (1..).map_while(|n| Percent::from_tenths(step.tenths().checked_mul(n)?).ok());
    let partial = weights.take_while(|weight| *weight < Percent::FULL);
    (partial.flat_map(|weight| [Step::SetWeight(weight), hold.clone()]).collect(), Vec::new())
}

/// Walks the steps of a canary in order.
#[derive(Default)]
struct Walk {
    steps: Vec<Step>,
    findings: Vec<Diagnostic>,
    /// The weight before, and where it was set.
    weight: Option<(Percent, Place)>,
    /// Whether anything has been waited for since.
    watched: bool,
    scale: Option<Percent>,
}

fn canary_steps(canary: &Node) -> (Vec<Step>, Vec<Diagnostic>) {
    let Some((key, list)) = canary.entry("steps") else { return (Vec::new(), Vec::new()) };
    let items = list.items().unwrap_or_default();
    let mut walk = Walk::default();
    for (i, item) in items.iter().enumerate() {
        if let Some((place, weight)) = item.get("setWeight").and_then(|node| Some((node.place, share(Some(node))?))) {
            walk.set_weight(weight, place, i + 1 == items.len());
            walk.watched = item.get("pause").is_some();
        } else if let Some((place, scale)) =
            item.get("setCanaryScale").and_then(|node| Some((node.place, share(Some(node))?)))
        {
            walk.set_scale(scale, place);
        } else if let Some(pause) = item.get("pause") {
            walk.watched = true;
            walk.steps.push(match pause.get("duration") {
                Some(duration) => Step::Hold(time(Some(duration), Duration::ZERO)),
                None => Step::AwaitPromote,
            });
        } else if let Some((key, analysis)) = item.entry("analysis") {
            walk.analyse(time(analysis.get("for"), Duration::ZERO), key.place);
        } else {
            // What is no step has been reported: nothing follows from its absence.
            walk.watched = true;
        }
    }
    walk.leave(Percent::FULL);
    if !items.is_empty() && items.iter().all(|item| item.get("setWeight").is_none()) {
        let help = "add `setWeight` steps; to move all traffic at once, use `blueGreen: {}`";
        let finding = Diagnostic::error(codes::NO_WEIGHT, "these steps never set a weight").at(key.place).help(help);
        walk.findings.push(finding);
    }
    (walk.steps, walk.findings)
}

impl Walk {
    fn set_weight(&mut self, weight: Percent, place: Place, last: bool) {
        let finding = |code, message: String, help: &str| Diagnostic::error(code, message).at(place).help(help);
        if weight == Percent::ZERO {
            let help = "leave the step out: the canary has no traffic before its first weight";
            self.findings.push(finding(codes::WEIGHT_BOUNDS, "a weight of 0% tests nothing".to_owned(), help));
        }
        if weight == Percent::FULL && !last {
            let help = "end the steps here: what follows 100% is the bake time, set with `bake`";
            self.findings.push(finding(
                codes::WEIGHT_BOUNDS,
                "the weight is 100% before the last step".to_owned(),
                help,
            ));
        }
        if let Some((before, at)) = self.weight.filter(|(before, _)| *before > weight) {
            let message = format!("the weight falls from {before} (line {}) to {weight}", at.line);
            let help = "weights only rise: going back is what a red alarm or `bluegreen abort` does";
            self.findings.push(finding(codes::WEIGHT_FALLS, message, help));
        }
        if let Some(scale) = self.scale.filter(|scale| *scale < weight) {
            let message = format!("the canary gets {weight} of the traffic with {scale} of the tasks");
            let help = "raise `setCanaryScale` before this step";
            self.findings.push(Diagnostic::warning(codes::SCALE_BELOW_WEIGHT, message).at(place).help(help));
        }
        self.leave(weight);
        (self.weight, self.watched) = (Some((weight, place)), false);
        self.steps.push(Step::SetWeight(weight));
    }

    fn analyse(&mut self, time: Duration, place: Place) {
        if self.weight.is_none() {
            let message = "there is nothing to analyse before the canary has traffic";
            let help = "put the step behind a `setWeight`";
            self.findings.push(Diagnostic::error(codes::ANALYSIS_STEP, message).at(place).help(help));
        }
        self.watched = true;
        self.steps.push(Step::Analysis(time));
    }

    /// Notes that the weight before is left for `next`.
    fn leave(&mut self, next: Percent) {
        let Some((weight, place)) = self.weight.filter(|(weight, _)| *weight < next && !self.watched) else { return };
        let message = format!("nothing is seen at {weight}: the next step goes to {next} at once");
        let help = "put a `pause` with a duration behind it";
        self.findings.push(Diagnostic::warning(codes::UNWATCHED_WEIGHT, message).at(place).help(help));
    }

    fn set_scale(&mut self, scale: Percent, place: Place) {
        if scale == Percent::ZERO {
            let help = "leave the step out, or name a share above 0";
            let finding = Diagnostic::error(codes::WEIGHT_BOUNDS, "a canary without tasks can take no traffic");
            self.findings.push(finding.at(place).help(help));
        } else if let Some((weight, _)) = self.weight.filter(|(weight, _)| *weight > scale) {
            let message = format!("the canary keeps {weight} of the traffic with {scale} of the tasks");
            let help = "scale to at least the share of traffic";
            self.findings.push(Diagnostic::warning(codes::SCALE_BELOW_WEIGHT, message).at(place).help(help));
        }
        self.scale = Some(scale);
        self.steps.push(Step::SetCanaryScale(scale));
    }
}
