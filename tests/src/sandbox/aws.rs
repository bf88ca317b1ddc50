//! The AWS CLI, pointed at a sandbox: somebody else, as far as `bluegreen` can tell.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Sandbox;
use crate::emulator::{Outcome, Trouble, profile_folder, python};

impl Sandbox {
    /// Runs `aws` with these arguments; its answer, `null` where it prints none.
    pub fn aws(&self, arguments: &[&str]) -> Outcome<Value> {
        let doing = format!("aws {}", arguments.join(" "));
        let out = self.command(arguments)?.output().map_err(Trouble::at(&doing))?;
        if !out.status.success() {
            let errors = String::from_utf8_lossy(&out.stderr);
            return Err(Trouble::new(format!("{doing}:\n{errors}\nthe sandbox:\n{}", self.notes())));
        }
        let said = String::from_utf8_lossy(&out.stdout);
        match said.trim() {
            "" => Ok(Value::Null),
            said => serde_json::from_str(said).map_err(Trouble::at(format!("{doing} said\n{said}\n"))),
        }
    }

    /// Starts `aws` with these arguments, and leaves it at work.
    pub fn aws_at_work(&self, arguments: &[&str]) -> Outcome<AtWork> {
        let mut command = self.command(arguments)?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(AtWork).map_err(Trouble::at("starting aws"))
    }

    fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let program = profile_folder()?.parent().map(|target| target.join("venv/bin/aws")).unwrap_or_default();
        let mut command = python(&program)?;
        command.args(arguments).args(["--output", "json"]).stdin(Stdio::null());
        command
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_DEFAULT_REGION", "eu-west-3")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_PAGER", "")
            .env("NO_PROXY", "127.0.0.1");
        Ok(command)
    }
}

/// A command of AWS's that goes on beside the test. Dropping it ends it; what it asked AWS for goes on.
#[derive(Debug)]
pub struct AtWork(Child);

impl Drop for AtWork {
    fn drop(&mut self) {
        // It may be over already; both calls fail then, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
