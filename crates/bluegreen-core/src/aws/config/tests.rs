// Its successor lives in a crate that nothing else here needs.
#[allow(deprecated)]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};

use super::*;

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
