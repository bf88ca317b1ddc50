//! Clients with time limits, the right retries, and an endpoint that was looked at.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::ServiceConfigKey;

use super::cloudwatch::{AwsAlarms, AwsMetrics};
use super::ecs::AwsFleet;
use super::elbv2::AwsRouter;
use super::releases::AwsReleases;
use super::sts::AwsIdentity;
use super::wire::{self, RequireTls};
use crate::ports::{Alarms, Fleet, Identity, Metrics, Releases, Router};

/// The SDK's behaviour is pinned, so that an update of a crate changes no retry and no time limit.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// How to reach AWS. What is `None` comes from the SDK's usual sources: environment, profile, instance.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// The region.
    pub region: Option<String>,
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
    /// One address for every service in place of AWS's own, such as an emulator's.
    pub endpoint: Option<String>,
    /// Whether addresses without TLS are allowed.
    pub insecure_endpoint: bool,
    /// Signs with made-up credentials and looks for no others: for an emulator, which checks none.
    pub made_up_credentials: bool,
    /// Carries the requests in place of the SDK's own client: to an AWS in the same process, for one.
    pub http_client: Option<SharedHttpClient>,
}

/// The ports that AWS answers, and where they lead.
#[derive(Clone)]
pub struct AwsPorts {
    /// Elastic Load Balancing.
    pub router: Arc<dyn Router>,
    /// ECS.
    pub fleet: Arc<dyn Fleet>,
    /// ECS once more, for what the fleet's port does not show: [`AwsFleet::service_facts`].
    pub ecs: Arc<AwsFleet>,
    /// CloudWatch alarms.
    pub alarms: Arc<dyn Alarms>,
    /// CloudWatch metrics.
    pub metrics: Arc<dyn Metrics>,
    /// CodeDeploy's deployments and ECS's own.
    pub releases: Arc<dyn Releases>,
    /// STS.
    pub identity: Arc<dyn Identity>,
    /// The region that calls go to.
    pub region: String,
    /// The services that are not reached at AWS's own address, for the user to see.
    pub endpoints: Vec<EndpointOverride>,
}

/// A service whose address the options, the environment or a profile replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointOverride {
    /// The service, such as `ecs`.
    pub service: &'static str,
    /// The host and port, without credentials.
    pub host: String,
    /// Whether it is reached over TLS.
    pub tls: bool,
}

/// Why there are no clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Neither the options nor the SDK's sources name one.
    #[error("no AWS region is set: name it in the spec's environment, in AWS_REGION, or in the profile")]
    NoRegion,
    /// An address without TLS, which would show credentials and answers to the network.
    #[error(
        "the endpoint of {service}, `{host}`, is not an https:// address: unset AWS_ENDPOINT_URL* and the profile's \
         endpoint_url, or pass --insecure-endpoint where this is an emulator on your own machine"
    )]
    NotTls {
        /// The service.
        service: &'static str,
        /// Where its calls would have gone.
        host: String,
    },
}

/// The services with their names in `AWS_ENDPOINT_URL_…` and in profiles.
const SERVICES: [(&str, &str); 5] = [
    ("ecs", "ECS"),
    ("elasticloadbalancing", "Elastic Load Balancing v2"),
    ("codedeploy", "CodeDeploy"),
    ("cloudwatch", "CloudWatch"),
    ("sts", "STS"),
];

/// A service's configuration with the check for TLS on every request, unless plain addresses are allowed.
macro_rules! guard {
    ($service:ident, $shared:expr, $allow_plain:expr) => {{
        let builder = $service::config::Builder::from($shared);
        if $allow_plain { builder.build() } else { builder.interceptor(RequireTls).build() }
    }};
}

/// Makes the clients; no call is sent. Fails where an endpoint is not TLS and that is not allowed.
pub async fn connect(options: ConnectOptions) -> Result<AwsPorts, ConnectError> {
    let allow_plain = options.insecure_endpoint;
    ports(&load(options).await, allow_plain)
}

pub(super) fn ports(shared: &SdkConfig, allow_plain: bool) -> Result<AwsPorts, ConnectError> {
    let region = shared.region().map(ToString::to_string).ok_or(ConnectError::NoRegion)?;
    let endpoints = endpoint_overrides(shared);
    if let Some(plain) = endpoints.iter().find(|endpoint| !endpoint.tls && !allow_plain) {
        return Err(ConnectError::NotTls { service: plain.service, host: plain.host.clone() });
    }

    let (reads, writes) = (reading(shared), writing(shared));
    let cloudwatch = aws_sdk_cloudwatch::Client::from_conf(guard!(aws_sdk_cloudwatch, &reads, allow_plain));
    let sts = aws_sdk_sts::Client::from_conf(guard!(aws_sdk_sts, &reads, allow_plain));
    let ecs = |config| aws_sdk_ecs::Client::from_conf(guard!(aws_sdk_ecs, config, allow_plain));
    let code_deploy = |config| aws_sdk_codedeploy::Client::from_conf(guard!(aws_sdk_codedeploy, config, allow_plain));
    let releases = AwsReleases::new([code_deploy(&reads), code_deploy(&writes)], [ecs(&reads), ecs(&writes)]);
    let fleet = Arc::new(AwsFleet::new(ecs(&reads), ecs(&writes)));
    let elbv2 = |config| {
        aws_sdk_elasticloadbalancingv2::Client::from_conf(guard!(aws_sdk_elasticloadbalancingv2, config, allow_plain))
    };
    Ok(AwsPorts {
        router: Arc::new(AwsRouter::new(elbv2(&reads), elbv2(&writes))),
        fleet: fleet.clone(),
        ecs: fleet,
        alarms: Arc::new(AwsAlarms::new(cloudwatch.clone())),
        metrics: Arc::new(AwsMetrics::new(cloudwatch)),
        releases: Arc::new(releases),
        identity: Arc::new(AwsIdentity::new(sts, region.clone())),
        region,
        endpoints,
    })
}

pub(super) async fn load(options: ConnectOptions) -> SdkConfig {
    let limits = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(45))
        .build();
    // Renewed five minutes early: a release must not find out at its rollback that they have run out.
    let identities = IdentityCache::lazy().buffer_time(Duration::from_secs(300)).build();
    let mut loader = aws_config::defaults(behavior()).timeout_config(limits).identity_cache(identities);
    if let Ok(name) = AppName::new(concat!("bluegreen-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    if let Some(region) = options.region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(client) = options.http_client {
        loader = loader.http_client(client);
    }
    if options.made_up_credentials {
        loader = loader.credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "made up"));
    }
    loader.load().await
}

/// For calls that change nothing: the SDK may send them again.
fn reading(shared: &SdkConfig) -> SdkConfig {
    with_attempts(shared, 3)
}

/// For calls that change something: sent once, whatever the environment says about retries.
fn writing(shared: &SdkConfig) -> SdkConfig {
    with_attempts(shared, 1)
}

fn with_attempts(shared: &SdkConfig, attempts: u32) -> SdkConfig {
    shared.to_builder().retry_config(RetryConfig::standard().with_max_attempts(attempts)).build()
}

/// The addresses that replace AWS's own, found in the order in which the clients themselves look.
fn endpoint_overrides(shared: &SdkConfig) -> Vec<EndpointOverride> {
    let find = |(service, id): (&'static str, &str)| {
        let url = endpoint_of(shared, id)?;
        Some(EndpointOverride { service, host: wire::host(&url), tls: wire::is_tls(&url) })
    };
    SERVICES.into_iter().filter_map(find).collect()
}

fn endpoint_of(shared: &SdkConfig, service_id: &str) -> Option<String> {
    let general = || shared.endpoint_url().map(str::to_owned);
    if shared.get_origin("endpoint_url").is_client_config() {
        return general();
    }
    let key =
        ServiceConfigKey::builder().service_id(service_id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let specific = key.ok().and_then(|key| shared.service_config()?.load_config(key));
    specific.or_else(general)
}

#[cfg(test)]
mod tests;
