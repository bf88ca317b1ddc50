use std::io;

use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

type Failed = SdkError<ErrorMetadata, HttpResponse>;

fn raw(status: u16) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
}

fn refused(status: u16, code: Option<&str>, message: &str) -> Failed {
    let mut meta = ErrorMetadata::builder().message(message);
    if let Some(code) = code {
        meta = meta.code(code);
    }
    Failed::service_error(meta.build(), raw(status))
}

/// Whether a mutation that ended so may have had an effect.
fn unknown(error: Failed) -> bool {
    match outcome::<(), _>("elbv2:ModifyRule", Err(error)) {
        Outcome::Unknown(_) => true,
        Outcome::NotApplied(_) => false,
        Outcome::Applied(()) => unreachable!("an error is never applied"),
    }
}

#[test]
fn every_refusal_has_its_class_and_its_effect() {
    use ErrorClass::{Credentials, Denied, Invalid, Malformed, NotFound, Throttled, TimedOut, Unavailable};
    let table: &[(u16, Option<&str>, ErrorClass, bool)] = &[
        (400, Some("Throttling"), Throttled, false),
        (400, Some("ThrottlingException"), Throttled, false),
        (503, Some("SlowDown"), Throttled, false),
        (503, Some("RequestLimitExceeded"), Throttled, false),
        (429, None, Throttled, false),
        // A quota that is used up: the SDK counts it as throttling, sending again changes nothing.
        (400, Some("LimitExceededException"), Invalid, false),
        (403, Some("AccessDenied"), Denied, false),
        (400, Some("AccessDeniedException"), Denied, false),
        (403, Some("UnauthorizedOperation"), Denied, false),
        (403, None, Denied, false),
        (403, Some("ExpiredToken"), Credentials, false),
        (400, Some("ExpiredTokenException"), Credentials, false),
        (403, Some("InvalidClientTokenId"), Credentials, false),
        (400, Some("UnrecognizedClientException"), Credentials, false),
        (403, Some("SignatureDoesNotMatch"), Credentials, false),
        (400, Some("RuleNotFound"), NotFound, false),
        (400, Some("TargetGroupNotFound"), NotFound, false),
        (400, Some("ServiceNotFoundException"), NotFound, false),
        (400, Some("com.amazonaws.ecs#ClusterNotFoundException"), NotFound, false),
        (404, None, NotFound, false),
        (400, Some("ValidationError"), Invalid, false),
        (400, Some("InvalidLoadBalancerAction"), Invalid, false),
        (400, Some("OperationNotPermitted"), Invalid, false),
        (400, Some("ClientException"), Invalid, false),
        (400, Some("DeploymentDoesNotExistException"), NotFound, false),
        (400, Some("DeploymentGroupDoesNotExistException"), NotFound, false),
        (400, Some("DeploymentConfigDoesNotExistException"), NotFound, false),
        (400, Some("ServiceDeploymentNotFoundException"), NotFound, false),
        // Answers of CodeDeploy and ECS to what came too early, too late or twice: nothing was done, and nothing will
        // be. What stands now is for a look to tell.
        (400, Some("DeploymentLimitExceededException"), Invalid, false),
        (400, Some("DeploymentAlreadyCompletedException"), Invalid, false),
        (400, Some("DeploymentIsNotInReadyStateException"), Invalid, false),
        (400, Some("DeploymentConfigAlreadyExistsException"), Invalid, false),
        (400, Some("LifecycleEventAlreadyCompletedException"), Invalid, false),
        (400, Some("UnsupportedActionForDeploymentTypeException"), Invalid, false),
        (400, Some("UnsupportedFeatureException"), Invalid, false),
        (400, Some("ConflictException"), Invalid, false),
        (409, Some("ConflictException"), Invalid, false),
        (400, Some("ServiceNotActiveException"), Invalid, false),
        (400, Some("InvalidParameterException:http://internal.amazon.com/x/"), Invalid, false),
        (400, None, Invalid, false),
        (500, Some("ServerException"), Unavailable, true),
        (400, Some("ServerException"), Unavailable, true),
        (500, Some("InternalFailure"), Unavailable, true),
        (503, Some("ServiceUnavailable"), Unavailable, true),
        (502, None, Unavailable, true),
        // A code that is not known does not turn a server's error into a refusal; one that is known hardly does.
        (500, Some("ValidationError"), Unavailable, true),
        (500, Some("RuleNotFound"), NotFound, true),
        (400, Some("RequestTimeout"), TimedOut, true),
        (408, None, TimedOut, true),
        (302, None, Malformed, true),
    ];
    for (status, code, class, may_have_happened) in table {
        let error = failure("elbv2:ModifyRule", &refused(*status, *code, "words"));
        assert_eq!((error.class, error.operation.as_str()), (*class, "elbv2:ModifyRule"), "{status} {code:?}");
        assert_eq!(unknown(refused(*status, *code, "words")), *may_have_happened, "{status} {code:?}");
    }
}

#[test]
fn no_answer_means_unknown() {
    let timeout = || Failed::timeout_error("late");
    assert_eq!(failure("x", &timeout()).class, ErrorClass::TimedOut);
    assert!(unknown(timeout()));

    let read_timeout = || Failed::dispatch_failure(ConnectorError::timeout("read".into()));
    assert_eq!(failure("x", &read_timeout()).class, ErrorClass::TimedOut);
    assert!(unknown(read_timeout()));

    let reset = || Failed::dispatch_failure(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into()));
    assert_eq!(failure("x", &reset()).class, ErrorClass::Unavailable);
    assert!(unknown(reset()));

    for (status, class) in [(200, ErrorClass::Malformed), (502, ErrorClass::Unavailable), (429, ErrorClass::Throttled)]
    {
        let torn = || Failed::response_error("no XML", raw(status));
        assert_eq!(failure("x", &torn()).class, class, "{status}");
        assert!(unknown(torn()), "{status}");
    }
}

#[test]
fn what_never_left_was_not_applied() {
    let built = || Failed::construction_failure("a member is missing");
    assert_eq!(failure("x", &built()).class, ErrorClass::Invalid);
    assert!(!unknown(built()));

    let unsigned =
        || Failed::dispatch_failure(ConnectorError::other(CredentialsError::not_loaded("secret").into(), None));
    let error = failure("x", &unsigned());
    assert_eq!(error.class, ErrorClass::Credentials);
    assert!(!error.message.contains("secret"), "{error}");
    assert!(!unknown(unsigned()));

    let slow = CredentialsError::provider_timed_out(std::time::Duration::from_secs(5));
    let slow = Failed::dispatch_failure(ConnectorError::other(slow.into(), None));
    assert_eq!(failure("x", &slow).class, ErrorClass::Unavailable);
}

#[test]
fn messages_are_one_safe_line_without_secrets() {
    let error = failure("x", &refused(400, Some("ValidationError"), "a\u{1b}[31m red\r\nline"));
    assert_eq!(error.message, "ValidationError: a red line");

    let long = failure("x", &refused(400, Some("ValidationError"), &"y".repeat(5000)));
    assert_eq!(long.message.chars().count(), MESSAGE_LIMIT + 1);

    let quoted = "The canonical string should have been 'POST / x-amz-security-token:IQoJb3'";
    let error = failure("x", &refused(403, Some("SignatureDoesNotMatch"), quoted));
    assert!(!error.message.contains("IQoJb3") && error.message.starts_with("SignatureDoesNotMatch"), "{error}");
}
