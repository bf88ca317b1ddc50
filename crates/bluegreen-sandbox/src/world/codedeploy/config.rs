//! Traffic configurations: AWS's own and the customer's.

use std::collections::BTreeMap;

use super::{Platform, TrafficConfig};
use crate::seed::draw;
use crate::world::{Refused, State, World};

/// How traffic moves, in whole percents and minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// Everything at once.
    AllAtOnce,
    /// A first share, a wait, everything.
    Canary {
        /// The first share.
        first: u32,
        /// The wait.
        minutes: u32,
    },
    /// Equal shares with equal waits.
    Linear {
        /// Each share.
        each: u32,
        /// The wait between two.
        minutes: u32,
    },
}

impl Shares {
    /// The shares of the new version one after the other; the last one is 100.
    pub fn steps(self) -> Vec<u32> {
        match self {
            Shares::AllAtOnce => vec![100],
            Shares::Canary { first, .. } => vec![first, 100],
            Shares::Linear { each, .. } => {
                (1..=100_u32.div_ceil(each.max(1))).map(|step| (step * each).min(100)).collect()
            }
        }
    }

    /// The minutes between two shares.
    pub fn wait(self) -> u32 {
        match self {
            Shares::AllAtOnce => 0,
            Shares::Canary { minutes, .. } | Shares::Linear { minutes, .. } => minutes,
        }
    }
}

/// What names of AWS's own configurations begin with.
const OWN: &str = "CodeDeployDefault.";
/// The configuration of deployments that name none, in groups that name none: one for instances.
pub(super) const DEFAULT: &str = "CodeDeployDefault.OneAtATime";
/// The most custom configurations of an account.
const MOST: usize = 200;
/// The longest time from the first to the last share, in minutes.
const LONGEST: u32 = 2_880;

/// AWS's own configurations.
fn own() -> impl Iterator<Item = (String, Platform, Option<Shares>)> {
    let canary = |first, minutes| Some(Shares::Canary { first, minutes });
    let linear = |each, minutes| Some(Shares::Linear { each, minutes });
    let (ecs, lambda, server) = (Platform::Ecs, Platform::Lambda, Platform::Server);
    [
        ("OneAtATime", server, None),
        ("HalfAtATime", server, None),
        ("AllAtOnce", server, None),
        ("ECSAllAtOnce", ecs, Some(Shares::AllAtOnce)),
        ("ECSLinear10PercentEvery1Minutes", ecs, linear(10, 1)),
        ("ECSLinear10PercentEvery3Minutes", ecs, linear(10, 3)),
        ("ECSCanary10Percent5Minutes", ecs, canary(10, 5)),
        ("ECSCanary10Percent15Minutes", ecs, canary(10, 15)),
        ("LambdaAllAtOnce", lambda, Some(Shares::AllAtOnce)),
        ("LambdaCanary10Percent5Minutes", lambda, canary(10, 5)),
        ("LambdaCanary10Percent10Minutes", lambda, canary(10, 10)),
        ("LambdaCanary10Percent15Minutes", lambda, canary(10, 15)),
        ("LambdaCanary10Percent30Minutes", lambda, canary(10, 30)),
        ("LambdaLinear10PercentEvery1Minute", lambda, linear(10, 1)),
        ("LambdaLinear10PercentEvery2Minutes", lambda, linear(10, 2)),
        ("LambdaLinear10PercentEvery3Minutes", lambda, linear(10, 3)),
        ("LambdaLinear10PercentEvery10Minutes", lambda, linear(10, 10)),
    ]
    .into_iter()
    .map(|(name, platform, shares)| (format!("{OWN}{name}"), platform, shares))
}

impl State {
    /// A traffic configuration by name.
    pub fn traffic_config(&self, name: &str) -> Option<TrafficConfig> {
        if let Some(config) = self.codedeploy.configs.get(name) {
            return Some(config.clone());
        }
        let (name, platform, shares) = own().find(|(own, ..)| own == name)?;
        Some(TrafficConfig { id: super::uuid(draw(0, &name)), platform, shares, created_at: 0 })
    }

    /// All traffic configurations by name.
    pub fn traffic_configs(&self) -> BTreeMap<String, TrafficConfig> {
        let own = own().filter_map(|(name, ..)| Some((name.clone(), self.traffic_config(&name)?)));
        own.chain(self.codedeploy.configs.clone()).collect()
    }
}

impl World {
    /// `CreateDeploymentConfig`: its id.
    ///
    /// # Errors
    ///
    /// A name that is taken, AWS's own or not allowed, a shape that AWS does not take, or too many of them.
    pub fn create_traffic_config(&mut self, name: &str, platform: Platform, shares: Shares) -> Result<String, Refused> {
        super::check_name("DeploymentConfig", name, "InvalidDeploymentConfigNameException")?;
        if name.starts_with(OWN) {
            let text = format!("Deployment configuration names must not begin with {OWN}");
            return Err(Refused::new("InvalidDeploymentConfigNameException", text));
        }
        if self.state.traffic_config(name).is_some() {
            let text = format!("Deployment configuration name already exists: {name}");
            return Err(Refused::new("DeploymentConfigAlreadyExistsException", text));
        }
        check_shares(shares)?;
        if self.state.codedeploy.configs.len() >= MOST {
            let text = format!("an account has at most {MOST} custom deployment configurations");
            return Err(Refused::new("DeploymentConfigLimitExceededException", text));
        }
        let id = self.fresh_uuid("deployment config");
        let config = TrafficConfig { id: id.clone(), platform, shares: Some(shares), created_at: self.now };
        self.change_codedeploy(|all| {
            all.configs.insert(name.to_owned(), config);
        });
        Ok(id)
    }

    /// `DeleteDeploymentConfig`. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// One of AWS's own, or one that a group uses.
    pub fn delete_traffic_config(&mut self, name: &str) -> Result<(), Refused> {
        if name.starts_with(OWN) {
            let text = "Deployment configurations of AWS cannot be deleted";
            return Err(Refused::new("InvalidOperationException", text));
        }
        let mut groups = self.state.codedeploy.applications.values().flat_map(|found| found.groups.values());
        if groups.any(|group| group.config.as_deref() == Some(name)) {
            let text = format!("Deployment configuration {name} is in use by a deployment group");
            return Err(Refused::new("DeploymentConfigInUseException", text));
        }
        self.change_codedeploy(|all| {
            all.configs.remove(name);
        });
        Ok(())
    }
}

fn check_shares(shares: Shares) -> Result<(), Refused> {
    let invalid = |text: String| Err(Refused::new("InvalidTrafficRoutingConfigurationException", text));
    let (percent, minutes, rounds) = match shares {
        Shares::AllAtOnce => return Ok(()),
        Shares::Canary { first, minutes } => (first, minutes, 1),
        Shares::Linear { each, minutes } => (each, minutes, 100_u32.div_ceil(each.max(1)).saturating_sub(1)),
    };
    if !(1..=99).contains(&percent) {
        return invalid(format!("the percentage must be between 1 and 99, not {percent}"));
    }
    let whole = minutes.saturating_mul(rounds);
    if minutes == 0 || whole > LONGEST {
        return invalid(format!(
            "the interval must be at least 1 minute, and all of them at most {LONGEST} minutes together, not {whole}"
        ));
    }
    Ok(())
}
