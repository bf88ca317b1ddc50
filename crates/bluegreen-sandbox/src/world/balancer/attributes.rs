//! The attributes of load balancers, listeners and groups: their defaults, and what they can be.

use std::collections::BTreeMap;

use super::super::refusal::Refused;

/// What has attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Balancer,
    Listener,
    Group,
}

/// What an attribute can be.
#[derive(Clone, Copy)]
enum Values {
    Flag,
    OneOf(&'static [&'static str]),
    Range(u32, u32),
    /// 0, or within the range.
    ZeroOr(u32, u32),
    /// `off`, or within the range.
    OffOr(u32, u32),
    Text,
    /// What it is cannot be changed.
    Fixed,
}

use Values::{Fixed, Flag, OffOr, OneOf, Range, Text, ZeroOr};

type Row = (&'static str, &'static str, Values);

pub(super) const DELAY: &str = "deregistration_delay.timeout_seconds";
pub(super) const STICKY: &str = "stickiness.enabled";

const WEEK: u32 = 604_800;
const MANY: u32 = 1_000_000;

const BALANCER: &[Row] = &[
    ("access_logs.s3.bucket", "", Text),
    ("access_logs.s3.enabled", "false", Flag),
    ("access_logs.s3.prefix", "", Text),
    ("client_keep_alive.seconds", "3600", Range(60, WEEK)),
    ("connection_logs.s3.bucket", "", Text),
    ("connection_logs.s3.enabled", "false", Flag),
    ("connection_logs.s3.prefix", "", Text),
    ("deletion_protection.enabled", "false", Flag),
    ("health_check_logs.s3.bucket", "", Text),
    ("health_check_logs.s3.enabled", "false", Flag),
    ("health_check_logs.s3.prefix", "", Text),
    ("idle_timeout.timeout_seconds", "60", Range(1, 4_000)),
    ("ipv6.deny_all_igw_traffic", "false", Flag),
    ("load_balancing.cross_zone.enabled", "true", Fixed),
    ("routing.http.desync_mitigation_mode", "defensive", OneOf(&["monitor", "defensive", "strictest"])),
    ("routing.http.drop_invalid_header_fields.enabled", "false", Flag),
    ("routing.http.preserve_host_header.enabled", "false", Flag),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", Flag),
    ("routing.http.xff_client_port.enabled", "false", Flag),
    ("routing.http.xff_header_processing.mode", "append", OneOf(&["append", "preserve", "remove"])),
    ("routing.http2.enabled", "true", Flag),
    ("waf.fail_open.enabled", "false", Flag),
    ("zonal_shift.config.enabled", "false", Flag),
];

const LISTENER: &[Row] = &[
    ("routing.http.request.x_amzn_mtls_clientcert.header_name", "", Text),
    ("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", "", Text),
    ("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "", Text),
    ("routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", "", Text),
    ("routing.http.request.x_amzn_mtls_clientcert_subject.header_name", "", Text),
    ("routing.http.request.x_amzn_mtls_clientcert_validity.header_name", "", Text),
    ("routing.http.request.x_amzn_tls_cipher_suite.header_name", "", Text),
    ("routing.http.request.x_amzn_tls_version.header_name", "", Text),
    ("routing.http.response.access_control_allow_credentials.header_value", "", Text),
    ("routing.http.response.access_control_allow_headers.header_value", "", Text),
    ("routing.http.response.access_control_allow_methods.header_value", "", Text),
    ("routing.http.response.access_control_allow_origin.header_value", "", Text),
    ("routing.http.response.access_control_expose_headers.header_value", "", Text),
    ("routing.http.response.access_control_max_age.header_value", "", Text),
    ("routing.http.response.content_security_policy.header_value", "", Text),
    ("routing.http.response.server.enabled", "true", Flag),
    ("routing.http.response.strict_transport_security.header_value", "", Text),
    ("routing.http.response.x_content_type_options.header_value", "", Text),
    ("routing.http.response.x_frame_options.header_value", "", Text),
];

const GROUP: &[Row] = &[
    (DELAY, "300", Range(0, 3_600)),
    (
        "load_balancing.algorithm.type",
        "round_robin",
        OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    ("load_balancing.algorithm.anomaly_mitigation", "off", OneOf(&["on", "off"])),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        OneOf(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("slow_start.duration_seconds", "0", ZeroOr(30, 900)),
    ("stickiness.app_cookie.cookie_name", "", Text),
    ("stickiness.app_cookie.duration_seconds", "86400", Range(1, WEEK)),
    (STICKY, "false", Flag),
    ("stickiness.lb_cookie.duration_seconds", "86400", Range(1, WEEK)),
    ("stickiness.type", "lb_cookie", OneOf(&["lb_cookie", "app_cookie"])),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1", OffOr(1, MANY)),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", OffOr(1, 100)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", Range(1, MANY)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", OffOr(1, 100)),
];

fn rows(kind: Kind) -> &'static [Row] {
    match kind {
        Kind::Balancer => BALANCER,
        Kind::Listener => LISTENER,
        Kind::Group => GROUP,
    }
}

/// Every attribute with its value: what was set, else the default.
pub(crate) fn all(kind: Kind, set: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value =
        |(key, default, _): &Row| ((*key).to_owned(), set.get(*key).map_or(*default, String::as_str).to_owned());
    rows(kind).iter().map(value).collect()
}

/// Whether these attributes can be set to these values.
pub(crate) fn check(kind: Kind, changes: &[(String, String)]) -> Result<(), Refused> {
    changes.iter().try_for_each(|(key, value)| check_one(kind, key, value))
}

fn check_one(kind: Kind, key: &str, value: &str) -> Result<(), Refused> {
    let Some((_, default, values)) = rows(kind).iter().find(|(name, _, _)| *name == key) else {
        return Err(Refused::value(format!("attribute key '{key}' is not recognized")));
    };
    let within = |low: u32, high: u32| value.parse().is_ok_and(|number: u32| (low..=high).contains(&number));
    let (fits, expected) = match *values {
        Flag => (["true", "false"].contains(&value), "true or false".to_owned()),
        OneOf(all) => (all.contains(&value), format!("one of {}", all.join(", "))),
        Range(low, high) => (within(low, high), format!("between {low} and {high}")),
        ZeroOr(low, high) => (value == "0" || within(low, high), format!("0 or between {low} and {high}")),
        OffOr(low, high) => (value == "off" || within(low, high), format!("off or between {low} and {high}")),
        Text => (value.len() <= 1_024, "at most 1024 characters long".to_owned()),
        Fixed => (value == *default, format!("{default}: it cannot be changed")),
    };
    if !fits {
        return Err(Refused::value(format!("'{key}' is '{value}'; it must be {expected}")));
    }
    let reserved = ["AWSALB", "AWSALBAPP", "AWSALBTG"].iter().any(|prefix| value.starts_with(prefix));
    if key == "stickiness.app_cookie.cookie_name" && reserved {
        return Err(Refused::value(format!("cookie name '{value}' begins with a prefix that is reserved")));
    }
    Ok(())
}
