//! From the bytes of a request to its tree, and from the tree of an answer to its bytes.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;

use super::body::plain;
use super::{ApiError, Input, Map, Node, Protocol, Request, Service, cbor, query, xml};
use crate::seed::mix;

/// The query protocol's services: version, service, namespace of the answers.
const VERSIONS: [(&str, Service, &str); 3] = [
    ("2015-12-01", Service::Elbv2, "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
    ("2010-08-01", Service::CloudWatch, "http://monitoring.amazonaws.com/doc/2010-08-01/"),
    ("2011-06-15", Service::Sts, "https://sts.amazonaws.com/doc/2011-06-15/"),
];

/// The names of the services in `X-Amz-Target` and in CBOR's paths.
const TARGETS: [(&str, Service); 6] = [
    ("AmazonEC2ContainerServiceV20141113", Service::Ecs),
    ("CodeDeploy_20141006", Service::CodeDeploy),
    ("GraniteServiceVersion20100801", Service::CloudWatch),
    ("ResourceGroupsTaggingAPI_20170126", Service::Tagging),
    ("ElasticLoadBalancing_v10", Service::Elbv2),
    ("AWSSecurityTokenServiceV20110615", Service::Sts),
];

/// What is known of a request before its body is read: enough to refuse it in its own protocol.
struct Envelope {
    protocol: Protocol,
    query_mode: bool,
    request_id: String,
}

/// Reads a request. `path` has the query string, too, where there is one. What cannot be read has its refusal as an
/// answer already, in the protocol that the headers name.
#[expect(clippy::result_large_err, reason = "the refusal is the answer, and is sent at once")]
pub fn decode(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Request, Response<Bytes>> {
    let envelope = Envelope {
        protocol: protocol(path, headers),
        query_mode: header(headers, "x-amzn-query-mode").eq_ignore_ascii_case("true"),
        request_id: request_id(headers, body),
    };
    let read = plain(headers, body).and_then(|body| match envelope.protocol {
        Protocol::Query => form(method, path, &body),
        Protocol::Json10 | Protocol::Json11 => json(header(headers, "x-amz-target"), &body),
        Protocol::Cbor => rpc(method, path, &body),
    });
    match read {
        Ok((service, operation, node)) => Ok(Request {
            service,
            operation,
            input: Input::new(service, envelope.protocol, node),
            protocol: envelope.protocol,
            request_id: envelope.request_id,
            query_mode: envelope.query_mode,
        }),
        Err(error) => Err(refuse(&envelope, None, &error)),
    }
}

/// Writes an answer in the protocol of its request.
pub fn encode(request: &Request, answer: Result<Node, ApiError>) -> Response<Bytes> {
    let members = match answer {
        Ok(Node::Map(members)) => members,
        Ok(_) => Map::new(),
        Err(error) => {
            let envelope = Envelope {
                protocol: request.protocol,
                query_mode: request.query_mode,
                request_id: request.request_id.clone(),
            };
            return refuse(&envelope, Some(request.service), &error);
        }
    };
    let body = match request.protocol {
        Protocol::Query => {
            xml::answer(namespace(request.service), &request.operation, &members, &request.request_id).into_bytes()
        }
        Protocol::Json10 | Protocol::Json11 => json_bytes(&Node::Map(members).to_json()),
        Protocol::Cbor => cbor::encode(&Node::Map(members)),
    };
    response(request.protocol, 200, &request.request_id, body)
}

fn protocol(path: &str, headers: &HeaderMap) -> Protocol {
    if header(headers, "smithy-protocol") == "rpc-v2-cbor" || path.starts_with("/service/") {
        return Protocol::Cbor;
    }
    let content = header(headers, "content-type");
    // A request that says JSON and names no target is refused in JSON.
    match content {
        _ if content.starts_with("application/x-amz-json-1.0") => Protocol::Json10,
        _ if content.starts_with("application/x-amz-json") || headers.contains_key("x-amz-target") => Protocol::Json11,
        _ => Protocol::Query,
    }
}

type Read = (Service, String, Node);

fn form(method: &Method, path: &str, body: &[u8]) -> Result<Read, ApiError> {
    let in_path = path.split_once('?').map_or("", |(_, query)| query);
    let form = if method == Method::POST && !body.is_empty() { body } else { in_path.as_bytes() };
    let mut members = query::decode(form)?;
    let Some(action) = members.remove("Action").and_then(text) else {
        return Err(ApiError::sender("MissingAction", "the request names no operation: send Action and Version"));
    };
    let version = members.remove("Version").and_then(text).unwrap_or_default();
    let Some((_, service, _)) = VERSIONS.iter().find(|(known, _, _)| *known == version) else {
        let known: Vec<String> = VERSIONS.iter().map(|(known, it, _)| format!("{known} ({})", it.name())).collect();
        let text = format!("{action} of API version '{version}' is not here: the sandbox knows {}", known.join(", "));
        return Err(ApiError::receiver(501, "NotImplemented", text));
    };
    Ok((*service, operation(&action)?, Node::Map(members)))
}

fn json(target: &str, body: &[u8]) -> Result<Read, ApiError> {
    let Some((name, action)) = target.rsplit_once('.') else {
        return Err(unknown(format!("X-Amz-Target '{target}' is not of the form Service.Operation")));
    };
    let (service, operation) = (target_service(name, action)?, operation(action)?);
    let node = match body.trim_ascii() {
        b"" => Node::Map(Map::new()),
        body => serde_json::from_slice::<Value>(body)
            .map(Node::from_json)
            .map_err(|error| ApiError::malformed(format!("the body is not JSON: {error}")))?,
    };
    Ok((service, operation, structure(node)?))
}

fn rpc(method: &Method, path: &str, body: &[u8]) -> Result<Read, ApiError> {
    let plain = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let parts: Vec<&str> = plain.split('/').collect();
    // A prefix before /service/ is allowed by the protocol, and ignored.
    let (name, action) = match parts.as_slice() {
        [.., "service", name, "operation", action] if method == Method::POST => (*name, *action),
        _ => return Err(unknown(format!("{method} {plain} is not POST /service/Name/operation/Operation"))),
    };
    let (service, operation) = (target_service(name, action)?, operation(action)?);
    let node = if body.is_empty() { Node::Map(Map::new()) } else { cbor::decode(body)? };
    Ok((service, operation, structure(node)?))
}

fn target_service(name: &str, operation: &str) -> Result<Service, ApiError> {
    let found = TARGETS.iter().find(|(target, _)| *target == name).map(|(_, service)| *service);
    found.ok_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|(_, service)| service.name()).collect();
        let text = format!("{operation} of {name} is not here: the sandbox knows {}", known.join(", "));
        ApiError::receiver(501, "NotImplemented", text)
    })
}

fn operation(name: &str) -> Result<String, ApiError> {
    let plain = !name.is_empty() && name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric());
    if plain { Ok(name.to_owned()) } else { Err(unknown(format!("{name:?} is not the name of an operation"))) }
}

fn structure(node: Node) -> Result<Node, ApiError> {
    match node {
        Node::Map(_) => Ok(node),
        _ => Err(ApiError::malformed("the body is not a structure: parameters come as a map from their names")),
    }
}

fn unknown(text: String) -> ApiError {
    ApiError::sender("UnknownOperationException", text).with_status(404)
}

fn text(node: Node) -> Option<String> {
    match node {
        Node::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn refuse(envelope: &Envelope, service: Option<Service>, error: &ApiError) -> Response<Bytes> {
    let shape = shape_of(service, &error.code);
    let query_code = query_code(&error.code);
    let body = match envelope.protocol {
        Protocol::Query => {
            let namespace = service.map_or("https://bluegreen.invalid/sandbox/", namespace);
            xml::error(namespace, error, query_code, &envelope.request_id).into_bytes()
        }
        Protocol::Json10 | Protocol::Json11 => {
            json_bytes(&crate::node! { "__type": shape, "message": error.message.as_str() }.to_json())
        }
        Protocol::Cbor => cbor::encode(&crate::node! { "__type": shape, "message": error.message.as_str() }),
    };
    let mut response = response(envelope.protocol, error.status, &envelope.request_id, body);
    if matches!(envelope.protocol, Protocol::Json10 | Protocol::Json11) {
        set(&mut response, "x-amzn-errortype", shape);
    }
    if envelope.query_mode && envelope.protocol != Protocol::Query {
        set(&mut response, "x-amzn-query-error", &format!("{query_code};{}", error.fault.name()));
    }
    response
}

/// Services of the query protocol say `Throttling`, those of the others `ThrottlingException`.
fn query_code(code: &str) -> &str {
    match code {
        "ThrottlingException" => "Throttling",
        code => code,
    }
}

/// `CloudWatch` has two names for many of its errors; services here use the query protocol's.
fn shape_of(service: Option<Service>, code: &str) -> &str {
    match (service, code) {
        (Some(Service::CloudWatch), "InvalidParameterValue") => "InvalidParameterValueException",
        (Some(Service::CloudWatch), "InvalidParameterCombination") => "InvalidParameterCombinationException",
        (Some(Service::CloudWatch), "MissingParameter") => "MissingRequiredParameterException",
        (Some(Service::CloudWatch), "InvalidFormat") => "InvalidFormatFault",
        (Some(Service::CloudWatch), "LimitExceeded") => "LimitExceededFault",
        (Some(Service::CloudWatch), "InternalServiceError") => "InternalServiceFault",
        (_, code) => code,
    }
}

fn namespace(service: Service) -> &'static str {
    let found = VERSIONS.iter().find(|(_, known, _)| *known == service);
    found.map_or("https://bluegreen.invalid/sandbox/", |(_, _, namespace)| namespace)
}

fn json_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn response(protocol: Protocol, status: u16, request_id: &str, body: Vec<u8>) -> Response<Bytes> {
    let content = match protocol {
        Protocol::Query => "text/xml",
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::Cbor => "application/cbor",
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
    if protocol == Protocol::Cbor {
        set(&mut response, "smithy-protocol", "rpc-v2-cbor");
    }
    set(&mut response, "x-amzn-requestid", request_id);
    response
}

/// Values that a header cannot have are left out: the body has them, too.
fn set(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").trim()
}

/// An id in the form that AWS's have, the same for the same request: runs can be repeated. A server that counts its
/// requests puts its own in the place of this one.
fn request_id(headers: &HeaderMap, body: &[u8]) -> String {
    let seed = body.iter().chain(header(headers, "amz-sdk-invocation-id").as_bytes());
    id(seed.fold(0, |sum, byte| mix(sum ^ u64::from(*byte))))
}

/// The id of a request that `seed` and nothing else decides.
pub(crate) fn id(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(seed ^ 0x5851_f42d_4c95_7f2d));
    let part = |word: u64, shift: u32, mask: u64| (word >> shift) & mask;
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        part(high, 32, 0xffff_ffff),
        part(high, 16, 0xffff),
        part(high, 0, 0xfff),
        part(low, 52, 0xfff),
        part(low, 0, 0xffff_ffff_ffff)
    )
}
