//! Every error of the SDK, classified once: what kind it is, and whether a mutation may have taken effect.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::wire::NotTls;
use crate::ports::{CallError, ErrorClass, Outcome};
use crate::text;

/// The longest message that is passed on, in characters.
const MESSAGE_LIMIT: usize = 500;

/// Whether a failed request can have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It was refused, or never left.
    None,
    /// It may have happened, or may still.
    Possible,
}

/// A failed read.
pub(super) fn failure<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    classify(operation, error).0
}

/// How a mutation ended.
pub(super) fn outcome<T, E>(operation: &str, result: Result<T, SdkError<E, HttpResponse>>) -> Outcome<T>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match result {
        Ok(value) => Outcome::Applied(value),
        Err(error) => match classify(operation, &error) {
            (error, Effect::None) => Outcome::NotApplied(error),
            (error, Effect::Possible) => Outcome::Unknown(error),
        },
    }
}

/// An error that an adapter finds itself, such as an answer without the part that was asked for.
pub(super) fn own(operation: &str, class: ErrorClass, message: &str) -> CallError {
    CallError { operation: operation.to_owned(), class, message: text::line(message, MESSAGE_LIMIT) }
}

/// An answer that lacks what it must have.
pub(super) fn malformed(operation: &str, message: &str) -> CallError {
    own(operation, ErrorClass::Malformed, message)
}

fn classify<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> (CallError, Effect)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (class, message, effect) = match error {
        SdkError::ConstructionFailure(_) => (ErrorClass::Invalid, chain(error), Effect::None),
        SdkError::TimeoutError(_) => {
            (ErrorClass::TimedOut, "no answer within the time limit".to_owned(), Effect::Possible)
        }
        SdkError::DispatchFailure(_) => dispatch(error),
        SdkError::ResponseError(context) => response(context.raw().status().as_u16(), error),
        SdkError::ServiceError(context) => {
            let (status, code) = (context.raw().status().as_u16(), context.err().code());
            let (class, effect) = service(status, code);
            (class, service_message(class, status, code, context.err().message()), effect)
        }
        // The enum may grow: an ending that this version does not know may have had an effect.
        _ => (ErrorClass::Malformed, chain(error), Effect::Possible),
    };
    (own(operation, class, &message), effect)
}

/// Errors before an answer: some of them arise before anything is sent, most do not tell.
fn dispatch<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> (ErrorClass, String, Effect) {
    if let Some(refusal) = find::<NotTls>(error) {
        return (ErrorClass::Invalid, refusal.to_string(), Effect::None);
    }
    if let Some(credentials) = find::<CredentialsError>(error) {
        // Nothing can be signed, so nothing was sent. The chain below may quote a credential process: left out.
        if matches!(credentials, CredentialsError::ProviderTimedOut(_)) {
            return (ErrorClass::Unavailable, credentials.to_string(), Effect::None);
        }
        let message = format!("no usable AWS credentials ({credentials}): log in or set them, then run again");
        return (ErrorClass::Credentials, message, Effect::None);
    }
    let timed_out = match error {
        SdkError::DispatchFailure(context) => context.is_timeout(),
        _ => false,
    };
    let class = if timed_out { ErrorClass::TimedOut } else { ErrorClass::Unavailable };
    // Only the connector itself can tell that there never was a connection; anything else may have been sent.
    let connecting =
        find::<hyper_util::client::legacy::Error>(error).is_some_and(hyper_util::client::legacy::Error::is_connect);
    let effect = if connecting { Effect::None } else { Effect::Possible };
    (class, chain(error), effect)
}

/// Answers that could not be parsed. A refusal by status stands even where its body makes no sense.
fn response<E: Error + 'static>(status: u16, error: &SdkError<E, HttpResponse>) -> (ErrorClass, String, Effect) {
    let message = format!("HTTP {status}: {}", chain(error));
    match status {
        500.. => (ErrorClass::Unavailable, message, Effect::Possible),
        429 => (ErrorClass::Throttled, message, Effect::Possible),
        _ => (ErrorClass::Malformed, message, Effect::Possible),
    }
}

fn service(status: u16, code: Option<&str>) -> (ErrorClass, Effect) {
    let class = match code.map(plain_code) {
        Some(code) if is_throttling(code) => return (ErrorClass::Throttled, Effect::None),
        Some(code) => by_code(code).unwrap_or_else(|| by_status(status)),
        None => by_status(status),
    };
    let refused = (400..500).contains(&status) && !matches!(class, ErrorClass::Unavailable | ErrorClass::TimedOut);
    (class, if refused { Effect::None } else { Effect::Possible })
}

/// The code without the namespace and the address that some services wrap around it.
fn plain_code(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code)
}

/// Codes for "slower, please". ECS's `LimitExceededException` is not among them although the SDK counts it so: in ECS
/// it names a quota that is used up, and sending again changes nothing.
fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "EC2ThrottledException"
    )
}

fn by_code(code: &str) -> Option<ErrorClass> {
    Some(match code {
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidToken"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "RequestTimeTooSkewed" => ErrorClass::Credentials,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "UnauthorizedException"
        | "OptInRequired"
        | "BlockedException" => ErrorClass::Denied,
        "RequestTimeout" | "RequestTimeoutException" => ErrorClass::TimedOut,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalServiceFault"
        | "InternalServiceError"
        | "ServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "HealthUnavailable" => ErrorClass::Unavailable,
        _ if ["NotFound", "NotFoundException", "DoesNotExistException"].iter().any(|end| code.ends_with(end)) => {
            ErrorClass::NotFound
        }
        _ => return None,
    })
}

fn by_status(status: u16) -> ErrorClass {
    match status {
        429 => ErrorClass::Throttled,
        401 | 403 | 407 => ErrorClass::Denied,
        404 => ErrorClass::NotFound,
        408 => ErrorClass::TimedOut,
        400..500 => ErrorClass::Invalid,
        500.. => ErrorClass::Unavailable,
        _ => ErrorClass::Malformed,
    }
}

fn service_message(class: ErrorClass, status: u16, code: Option<&str>, message: Option<&str>) -> String {
    let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
    match (class, message) {
        // A refused signature is explained by quoting the request, session token included.
        (ErrorClass::Credentials, _) => {
            format!("{code}: AWS does not accept these credentials: renew them and check this machine's clock")
        }
        (_, Some(message)) => format!("{code}: {message}"),
        (_, None) => code,
    }
}

/// The whole chain of causes on one line, each cause once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn find<'a, C: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a C> {
    causes(error).find_map(|cause| cause.downcast_ref::<C>())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests;
