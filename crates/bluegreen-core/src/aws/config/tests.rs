// Its successor lives in a crate that nothing else here needs.
#[allow(deprecated)]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;

use aws_types::service_config::LoadServiceConfig;
use serde_json::json;

use super::*;
use crate::aws::testing::{Script, json as answer};
use crate::model::DeploymentId;
use crate::ports::{ErrorClass, Outcome};

/// What the SDK makes of a profile. The environment of the tests must not name endpoints itself.
#[allow(deprecated)]
async fn shared(profile: &str) -> SdkConfig {
    let files = ProfileFiles::builder().with_contents(ProfileFileKind::Config, profile).build();
    aws_config::defaults(behavior()).profile_files(files).region(Region::new("eu-west-3")).load().await
}

fn options(endpoint: &str, insecure_endpoint: bool) -> ConnectOptions {
    ConnectOptions {
        region: Some("eu-west-3".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        insecure_endpoint,
        ..ConnectOptions::default()
    }
}

#[tokio::test]
async fn plain_endpoints_need_consent() {
    let refused = connect(options("http://user:pw@127.0.0.1:5000", false)).await.err().unwrap();
    assert_eq!(refused, ConnectError::NotTls { service: "ecs", host: "127.0.0.1:5000".to_owned() });

    let allowed = connect(options("http://127.0.0.1:5000", true)).await.unwrap();
    assert_eq!(allowed.endpoints.len(), SERVICES.len());
    assert!(allowed.endpoints.iter().all(|endpoint| !endpoint.tls && endpoint.host == "127.0.0.1:5000"));

    let tls = connect(options("https://vpce.example", false)).await.unwrap();
    assert_eq!((tls.endpoints[0].tls, tls.region.as_str()), (true, "eu-west-3"));
}

#[tokio::test]
async fn endpoints_of_profiles_are_found() {
    let general = shared("[default]\nendpoint_url = http://general\n").await;
    assert_eq!(endpoint_overrides(&general).len(), SERVICES.len());

    let profile =
        "[default]\nservices = local\n[services local]\nelastic-load-balancing-v2 =\n  endpoint_url = http://lb\n";
    let specific = endpoint_overrides(&shared(profile).await);
    assert_eq!(specific, [EndpointOverride { service: "elasticloadbalancing", host: "lb".to_owned(), tls: false }]);
    assert!(endpoint_overrides(&shared("[default]\n").await).is_empty());
}

#[tokio::test]
async fn codedeploy_has_an_endpoint_of_its_own_in_a_profile() {
    let profile = "[default]\nservices = local\n[services local]\ncodedeploy =\n  endpoint_url = http://deploy\n";
    let shared = shared(profile).await;
    let found = EndpointOverride { service: "codedeploy", host: "deploy".to_owned(), tls: false };
    assert_eq!(endpoint_overrides(&shared), [found]);
    let refused = ports(&shared, false).err().unwrap();
    assert_eq!(refused, ConnectError::NotTls { service: "codedeploy", host: "deploy".to_owned() });
}

/// The variable counts in a process of its own, as it does in real life.
#[tokio::test]
async fn codedeploy_has_an_endpoint_of_its_own_in_the_environment() {
    const INNER: &str = "BLUEGREEN_CONFIG_INNER";
    if std::env::var_os(INNER).is_some() {
        let options = |insecure_endpoint| ConnectOptions {
            region: Some("eu-west-3".to_owned()),
            insecure_endpoint,
            made_up_credentials: true,
            ..ConnectOptions::default()
        };
        let refused = connect(options(false)).await.err().unwrap();
        assert!(matches!(&refused, ConnectError::NotTls { service: "codedeploy", .. }), "{refused}");
        let allowed = connect(options(true)).await.unwrap();
        assert_eq!(allowed.endpoints.iter().map(|found| found.service).collect::<Vec<_>>(), ["codedeploy"]);
        allowed.releases.config("x").await.unwrap();
        return;
    }
    let config = json!({"deploymentConfigInfo": {"deploymentConfigName": "x", "computePlatform": "Server"}});
    let script = Script::start(vec![answer(&config)]);
    let mut inner = Command::new(std::env::current_exe().unwrap());
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        inner.env_remove(variable);
    }
    let name = "aws::config::tests::codedeploy_has_an_endpoint_of_its_own_in_the_environment";
    let inner = inner.args(["--exact", name]).env(INNER, "1").env("AWS_ENDPOINT_URL_CODEDEPLOY", script.url());
    let ended = inner.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    assert!(script.heard().concat().contains("GetDeploymentConfig"));
}

/// Addresses that show themselves only at the second look at a service: to its client, and not to the check before.
#[derive(Debug)]
struct Late {
    url: String,
    looked: Mutex<BTreeSet<String>>,
}

impl LoadServiceConfig for Late {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let first = self.looked.lock().unwrap().insert(key.service_id().to_owned());
        (!first && key.env() == "AWS_ENDPOINT_URL").then(|| self.url.clone())
    }
}

#[tokio::test]
async fn a_plain_address_that_no_check_saw_gets_no_request_of_a_release() {
    let script = Script::start(vec![answer(&json!({}))]);
    let late = Late { url: script.url(), looked: Mutex::default() };
    let shared = shared("[default]\n").await.into_builder().service_config(late);
    let credentials = Credentials::new("AKID", "key", None, None, "test");
    let shared =
        shared.credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials));
    let releases = ports(&shared.build(), false).unwrap().releases;
    for id in ["d-1", "arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/a"] {
        let outcome = releases.stop(&DeploymentId::new(id)).await;
        assert!(
            matches!(&outcome, Outcome::NotApplied(e) if e.class == ErrorClass::Invalid && e.message.contains("TLS")),
            "{outcome:?}"
        );
    }
    for read in [releases.config("x").await.map(drop), releases.service("shop", "web").await.map(drop)] {
        assert!(read.as_ref().is_err_and(|error| error.message.contains("TLS")), "{read:?}");
    }
    assert!(script.heard().is_empty());
}

#[tokio::test]
async fn mutations_are_sent_once_whatever_the_settings_say() {
    let shared = shared("[default]\nretry_mode = adaptive\nmax_attempts = 9\n").await;
    assert_eq!(writing(&shared).retry_config().unwrap().max_attempts(), 1);
    assert_eq!(reading(&shared).retry_config().unwrap().max_attempts(), 3);
}

#[tokio::test]
async fn every_call_has_limits() {
    let shared = load(options("https://x", false)).await;
    let limits = writing(&shared).timeout_config().cloned().unwrap();
    let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs());
    assert_eq!(
        [
            seconds(limits.connect_timeout()),
            seconds(limits.read_timeout()),
            seconds(limits.operation_attempt_timeout()),
            seconds(limits.operation_timeout())
        ],
        [Some(3), Some(10), Some(15), Some(45)]
    );
    assert!(shared.app_name().is_some_and(|name| name.as_ref().starts_with("bluegreen-")));
}

#[tokio::test]
async fn made_up_credentials_are_taken_from_nowhere_else() {
    use aws_credential_types::provider::ProvideCredentials;

    let made_up = ConnectOptions { made_up_credentials: true, ..options("http://127.0.0.1:1", true) };
    let found = load(made_up).await.credentials_provider().unwrap().provide_credentials().await.unwrap();
    assert_eq!((found.access_key_id(), found.session_token()), ("sandbox", None));
}
