//! From options to ports.

use std::path::Path;
use std::sync::Arc;

use bluegreen_core::aws::{self, AwsPorts, ConnectOptions, EndpointOverride};
use bluegreen_core::hooks::ProcessHooks;
use bluegreen_core::ports::Ports;

use crate::args::AwsArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::words::wrap;

/// The ports to AWS. `region` is what the spec or the plan says; the command line comes first. Hooks run in `dir`.
pub(super) async fn connect(args: &AwsArgs, region: Option<&str>, dir: &Path) -> Result<Ports, Failure> {
    Ok(ports(aws(args, region).await?, dir))
}

/// The ports to a sandbox in this process.
pub(super) async fn sandbox(endpoint: String, region: &str, dir: &Path) -> Result<Ports, Failure> {
    let options = ConnectOptions {
        region: Some(region.to_owned()),
        endpoint: Some(endpoint),
        insecure_endpoint: true,
        made_up_credentials: true,
        ..ConnectOptions::default()
    };
    let found = aws::connect(options)
        .await
        .map_err(|error| Failure::caused(Exit::Unexpected, "the sandbox cannot be reached", error))?;
    Ok(ports(found, dir))
}

/// The clients alone; says where they lead if that is not AWS.
pub(super) async fn aws(args: &AwsArgs, region: Option<&str>) -> Result<AwsPorts, Failure> {
    let options = ConnectOptions {
        region: args.region.clone().or_else(|| region.map(str::to_owned)),
        profile: args.profile.clone(),
        endpoint: None,
        insecure_endpoint: args.insecure_endpoint,
        made_up_credentials: false,
        http_client: None,
    };
    let found = aws::connect(options)
        .await
        .map_err(|error| Failure::caused(Exit::Usage, "AWS cannot be reached with these settings", error))?;
    if !found.endpoints.is_empty() {
        out::say(wrap(&format!("note: {}", endpoints(&found.endpoints)), 2));
    }
    Ok(found)
}

/// The clients with the clock and this machine's hooks.
pub(super) fn ports(found: AwsPorts, dir: &Path) -> Ports {
    Ports {
        clock: crate::env::clock(),
        router: found.router,
        fleet: found.fleet,
        alarms: found.alarms,
        metrics: found.metrics,
        releases: found.releases,
        identity: found.identity,
        hooks: Arc::new(hooks(dir)),
    }
}

/// The user's commands, started in `dir`.
pub(super) fn hooks(dir: &Path) -> ProcessHooks {
    ProcessHooks::new(dir, crate::env::vars())
}

/// Who looks at another endpoint must know: a release against an emulator releases nothing.
fn endpoints(overrides: &[EndpointOverride]) -> String {
    let mut hosts: Vec<(&str, Vec<&str>)> = Vec::new();
    for found in overrides {
        match hosts.iter_mut().find(|(host, _)| *host == found.host) {
            Some((_, services)) => services.push(found.service),
            None => hosts.push((&found.host, vec![found.service])),
        }
    }
    let one = |(host, services): &(&str, Vec<&str>)| format!("{host} answers for {}", services.join(", "));
    format!("this is not AWS itself: {}", hosts.iter().map(one).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_shown_once_a_host() {
        let one = |service, host: &str| EndpointOverride { service, host: host.to_owned(), tls: false };
        let text = endpoints(&[one("ecs", "127.0.0.1:5000"), one("sts", "127.0.0.1:5000"), one("cloudwatch", "x:1")]);
        assert_eq!(text, "this is not AWS itself: 127.0.0.1:5000 answers for ecs, sts; x:1 answers for cloudwatch");
    }
}
