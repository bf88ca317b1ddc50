//! CodeDeploy: applications, groups, traffic configurations, and deployments that move task sets and listeners.
//!
//! - `records`, `lifecycle`: what is stored; `config`, `groups`: what clients make before a deployment.
//! - `create`, `control`: what clients ask of deployments; `steps`: how a deployment goes on by itself.
//! - `install`, `traffic`: what it does to services, listeners and aliases; `hooks`: the functions that it calls.
//! - `shown`: a deployment in the words of the ports.

use std::sync::Arc;

use super::refusal::Refused;
use super::{Ms, World};
use crate::seed::draw;

mod config;
mod control;
mod create;
mod groups;
mod hooks;
mod install;
mod lifecycle;
mod records;
mod shown;
mod steps;
mod traffic;

pub use config::Shares;
pub use control::Wait;
pub use create::{NewDeployment, read_revision};
pub use hooks::{Function, WantedHook, function_name};
pub use lifecycle::{Event, EventStatus, HookRun, Lifecycle};
pub use records::{
    AlarmWatch, Alias, Application, CodeDeploy, Deployment, Group, Pair, Platform, Position, Revision, Rollback,
    RollbackEvent, Side, Sides, Status, Stop, Termination, TrafficConfig,
};

/// From a deployment's making to its beginning, and from a wish to stop it to its end, in milliseconds.
const SETTING_OUT: Ms = 1_000;

impl World {
    /// `minutes` of AWS's, which may be shorter here.
    pub(crate) fn minutes(&self, minutes: u32) -> Ms {
        Ms::from(minutes) * self.config.minute
    }

    /// Changes what CodeDeploy stores, then lets everything that follows from it happen.
    fn change_codedeploy(&mut self, edit: impl FnOnce(&mut CodeDeploy)) {
        self.change(|state| edit(Arc::make_mut(&mut state.codedeploy)));
    }

    /// Changes one deployment. What follows from that is left to whoever drives it.
    fn edit_deployment(&mut self, id: &str, edit: impl FnOnce(&mut Deployment)) {
        let all = Arc::make_mut(&mut Arc::make_mut(&mut self.state).codedeploy);
        if let Some(deployment) = all.deployments.get_mut(id) {
            edit(Arc::make_mut(deployment));
        }
    }

    fn fresh_uuid(&mut self, what: &str) -> String {
        let number = self.next_write();
        uuid(draw(self.config.seed, &(what, number)))
    }
}

/// An id in the form of AWS's, from one number.
fn uuid(number: u64) -> String {
    let (high, low) = (number, draw(number, "uuid"));
    let (first, second, third) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
    format!("{first:08x}-{second:04x}-4{third:03x}-8{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff)
}

/// A name of 1 to 100 characters that AWS takes.
fn check_name(what: &str, name: &str, code: &'static str) -> Result<(), Refused> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+=,@-".contains(&byte));
    if (1..=100).contains(&name.len()) && letters {
        return Ok(());
    }
    let text = format!("{what} name '{name}' must have 1 to 100 letters, digits and characters of ._+=,@-");
    Err(Refused::new(code, text))
}

#[cfg(test)]
pub(crate) mod tests;
