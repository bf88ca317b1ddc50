//! Which commands make sense now. A run that waits for a person always names one that leads out.

use serde::Serialize;

use super::{Phase, RunView};
use crate::decide::first_weight_step;
use crate::journal::{Goal, RunState, Terminal};
use crate::model::AfterCommit;
use crate::observe::DeploymentStatus;
use crate::plan::Managed;

/// A command, and what it would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextCommand {
    /// As it is typed.
    pub command: String,
    /// What it does now, in a few words.
    pub does: String,
}

/// The commands for a run in this state, the most likely one first.
///
/// `alive`: whether an operator works on the run; `None` where that is not known.
pub(super) fn next_commands(state: &RunState, phase: Phase, alive: Option<bool>) -> Vec<NextCommand> {
    let run = state.plan.run.as_str();
    let command = |verb: &str, does: &str| NextCommand {
        command: match verb.split_once(' ') {
            Some((verb, flag)) => format!("bluegreen {verb} {run} {flag}"),
            None => format!("bluegreen {verb} {run}"),
        },
        does: does.to_owned(),
    };
    if let Some(ending) = &state.ending {
        return over(state, ending.terminal).iter().map(|(verb, does)| command(verb, does)).collect();
    }
    let mut next = Vec::new();
    if alive != Some(true) {
        let does = match alive {
            Some(false) => "go on where the run stopped: nobody works on it",
            _ => "go on where the run stopped, should its operator be gone",
        };
        next.push(command("resume", does));
    }
    if state.goal == Goal::Promote && state.committed_at.is_none() {
        next.extend(going_forward(state, phase).iter().map(|(verb, does)| command(verb, does)));
    }
    if state.goal == Goal::Promote && keeps_old_tasks(state) {
        next.push(command("promote --full", "end the old version's tasks now"));
    }
    if alive != Some(false) {
        next.push(command("status --watch", "follow it"));
    }
    next
}

type Entry = (&'static str, &'static str);

fn over(state: &RunState, terminal: Terminal) -> &'static [Entry] {
    const WHY: Entry = ("explain", "see why, step by step");
    let committed = state.committed_at.is_some();
    let succeeded = state.managed.end().is_some_and(|end| end.status == DeploymentStatus::Succeeded);
    match terminal {
        // The deployment is complete: there is nothing left that could be taken back.
        Terminal::Held if succeeded => &[("undo", "release the version before it again"), WHY],
        Terminal::Promoted => &[("undo", "release the version before it again"), WHY],
        Terminal::RolledBack | Terminal::Aborted => &[WHY, ("retry", "release the same again, with a fresh plan")],
        Terminal::Refused => &[WHY, ("retry", "try again, once the cause is gone")],
        Terminal::Held if committed => &[
            ("undo", "release the version before it again"),
            ("abort", "with `resume` after it: try once more to settle the old fleet"),
            WHY,
        ],
        Terminal::Held => &[("abort", "restore the captured baseline"), WHY],
        Terminal::RollbackFailed => &[("resume", "try the rollback again"), WHY],
    }
}

fn going_forward(state: &RunState, phase: Phase) -> Vec<Entry> {
    const PAUSE: Entry = ("pause", "start no further step until promoted");
    let mut entries: Vec<Entry> = Vec::new();
    // CodeDeploy keeps to its own intervals once traffic has begun to move.
    let codedeploy = matches!(state.plan.managed(), Some(Managed::CodeDeploy(_)));
    let unstoppable = codedeploy && state.step > first_weight_step(&state.plan);
    match phase {
        Phase::Holding if codedeploy => {}
        Phase::Holding | Phase::Baking => entries.push(("promote", "end this hold now; the gates stay")),
        Phase::AwaitingPromote => entries.push(("promote", "go on to the next step")),
        Phase::Paused => entries.push(("promote", "end the pause and go on")),
        _ => {}
    }
    if codedeploy && phase == Phase::Baking {
        entries.push(("promote --full", "end the bake and the old version's tasks now; the gates stay"));
    } else if state.full_by.is_none() && !unstoppable && !matches!(phase, Phase::Baking | Phase::Committing) {
        entries.push(("promote --full", "skip every remaining hold; the gates stay"));
    }
    if state.paused_by.is_none() && phase != Phase::Committing && !unstoppable {
        entries.push(PAUSE);
    }
    entries.push(("abort", "restore the captured baseline"));
    entries
}

/// Whether the run is committed and waits for CodeDeploy to end the old tasks by its own clock.
fn keeps_old_tasks(state: &RunState) -> bool {
    let codedeploy = matches!(state.plan.managed(), Some(Managed::CodeDeploy(_)));
    let kept = codedeploy && state.plan.after == AfterCommit::KeepWarm && state.full_by.is_none();
    kept && state.committed_at.is_some() && state.managed.end().is_none()
}

impl RunView {
    /// Says whether an operator works on the run right now, which the journal itself cannot tell.
    pub fn set_operator_alive(&mut self, alive: Option<bool>) {
        self.operator_alive = alive;
        self.next = next_commands(&self.state, self.phase, alive);
    }
}
