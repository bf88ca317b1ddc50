use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::node;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    pairs.iter().map(pair).collect()
}

const ECS: &[(&str, &str)] = &[
    ("content-type", "application/x-amz-json-1.1"),
    ("x-amz-target", "AmazonEC2ContainerServiceV20141113.DescribeServices"),
];
const CBOR: &[(&str, &str)] = &[("smithy-protocol", "rpc-v2-cbor"), ("x-amzn-query-mode", "true")];
const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/PutMetricData";

fn form(body: &str) -> Result<Request, (u16, String)> {
    decode(&Method::POST, "/", &HeaderMap::new(), body.as_bytes()).map_err(|refused| read(&refused))
}

fn read(response: &http::Response<bytes::Bytes>) -> (u16, String) {
    (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
}

#[test]
fn a_form_is_a_tree_of_text() {
    let request = form(
        "Action=ModifyRule&Version=2015-12-01&RuleArn=a%2Fb&Actions.member.1.Type=forward\
         &Actions.member.1.ForwardConfig.TargetGroups.member.2.Weight=10\
         &Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=90&Empty=&Tags.entry.1.key=k&Tags.entry.1.value=v",
    )
    .unwrap();
    assert_eq!((request.service, request.operation.as_str()), (Service::Elbv2, "ModifyRule"));
    assert!(request.is_mutating());
    let expected = json!({
        "RuleArn": "a/b",
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"Weight": "90"}, {"Weight": "10"}]}}],
        "Empty": "",
        "Tags": {"k": "v"},
    });
    assert_eq!(request.input.node().to_json(), expected);
    let action = &request.input.list("Actions").unwrap().unwrap()[0];
    let groups = action.required_map("ForwardConfig").unwrap().required_list("TargetGroups").unwrap();
    assert_eq!(groups[1].int("Weight").unwrap(), Some(10));
    assert_eq!(request.input.strings("Empty").unwrap(), Some(vec![]));
    assert_eq!(request.input.strings("Absent").unwrap(), None);
    assert_eq!(request.input.pairs("Tags").unwrap(), Some(vec![("k".to_owned(), "v".to_owned())]));
}

#[test]
fn a_form_may_come_in_the_path() {
    let path = "/?Action=GetCallerIdentity&Version=2011-06-15";
    let request = decode(&Method::GET, path, &HeaderMap::new(), b"").unwrap();
    assert_eq!((request.service, request.is_mutating()), (Service::Sts, false));
}

#[test]
fn forms_that_say_two_things_are_refused() {
    for (body, about) in [
        ("A=1&A=2", "A cannot be read: it is given twice"),
        ("A=1&A.B=2", "A cannot be read: it is a value and has parts"),
        ("A.member=1", "A cannot be read: a list has items"),
        ("A.member.x=1", "'x' is none"),
        ("A.member.1=1&A.member.01=1", "item 1 is given twice"),
        ("A..B=1", "a name is empty"),
        ("A.entry.1.value=1", "an entry has a key"),
        (&format!("A{}=1", ".a".repeat(40)), "more than 32 levels"),
    ] {
        let (status, text) = form(&format!("Action=X&Version=2015-12-01&{body}")).unwrap_err();
        assert!(status == 400 && text.contains("<Code>MalformedQueryString</Code>"), "{body}: {text}");
        assert!(text.replace("&apos;", "'").contains(about), "{body}: {text}");
    }
    let (status, text) = form("Version=2015-12-01").unwrap_err();
    assert!(status == 400 && text.contains("MissingAction"), "{text}");
    let (status, text) = form("Action=X&Version=2012-06-01").unwrap_err();
    assert!(status == 501 && text.contains("API version &apos;2012-06-01&apos; is not here"), "{text}");
}

#[test]
fn an_xml_answer_has_aws_s_shape() {
    let mut request = form("Action=DescribeRules&Version=2015-12-01").unwrap();
    request.request_id = "id".to_owned();
    let at: Timestamp = "2026-01-02T03:04:05.6789Z".parse().unwrap();
    let answer = node! { "Rules": [node! {"Weight": 0, "IsDefault": true, "Text": "<&\u{1}\r", "Share": 1.0}],
    "None": Vec::<Node>::new(), "At": at, "Inf": f64::INFINITY, "Nothing": Node::Null };
    let response = encode(&request, Ok(answer));
    assert_eq!(response.headers()["content-type"], "text/xml");
    assert_eq!(response.headers()["x-amzn-requestid"], "id");
    let expected = concat!(
        "<DescribeRulesResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">",
        "<DescribeRulesResult><Rules><member><Weight>0</Weight><IsDefault>true</IsDefault>",
        "<Text>&lt;&amp;\u{fffd}&#xD;</Text><Share>1.0</Share></member></Rules><None></None>",
        "<At>2026-01-02T03:04:05.678Z</At><Inf>Infinity</Inf></DescribeRulesResult>",
        "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DescribeRulesResponse>"
    );
    assert_eq!(read(&response), (200, expected.to_owned()));
    let odd = Node::Map([("1 <b>", 1)].into_iter().collect());
    assert!(read(&encode(&request, Ok(odd))).1.contains("<_1__b_>1</_1__b_>"));
    let map: Map = [("p99.9", 1.5)].into_iter().collect();
    let text = read(&encode(&request, Ok(node! { "ExtendedStatistics": map }))).1;
    let entry = "<ExtendedStatistics><entry><key>p99.9</key><value>1.5</value></entry></ExtendedStatistics>";
    assert!(text.contains(entry), "{text}");
}

#[test]
fn errors_are_what_each_protocol_has() {
    let mut request = form("Action=DescribeRules&Version=2015-12-01").unwrap();
    let response = encode(&request, Err(ApiError::throttled()));
    let text = read(&response);
    assert!(text.0 == 400 && text.1.contains("<Error><Type>Sender</Type><Code>Throttling</Code>"), "{text:?}");
    request.protocol = Protocol::Json11;
    let response = encode(&request, Err(ApiError::throttled()));
    assert_eq!(response.headers()["x-amzn-errortype"], "ThrottlingException");
    assert!(response.headers().get("x-amzn-query-error").is_none());
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body, json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
    (request.protocol, request.query_mode, request.service) = (Protocol::Cbor, true, Service::CloudWatch);
    let missing = Input::new(Service::CloudWatch, Protocol::Cbor, Node::Null).missing("MetricName");
    let response = encode(&request, Err(missing));
    assert_eq!(response.headers()["x-amzn-query-error"], "MissingParameter;Sender");
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    let body = super::cbor::decode(response.body()).unwrap();
    assert_eq!(body.get("__type"), Some(&Node::from("MissingRequiredParameterException")));
    let lacking = ApiError::not_implemented(Service::Ecs, "CreateCapacityProvider");
    assert_eq!(lacking.status, 501);
    assert!(lacking.message.contains("CreateCapacityProvider of ecs"), "{}", lacking.message);
}

#[test]
fn json_has_types_and_forms_have_not() {
    let body = br#"{"count": "1", "on": "true", "name": 1, "at": 1767225600.123, "whole": 2.0, "nothing": null,
        "l": [{"a": {"b": 3}}]}"#;
    let request = decode(&Method::POST, "/", &headers(ECS), body).unwrap();
    assert_eq!((request.service, request.protocol), (Service::Ecs, Protocol::Json11));
    let input = &request.input;
    for error in [
        input.int("count").unwrap_err(),
        input.bool("on").unwrap_err(),
        input.text("name").unwrap_err(),
        input.list("count").unwrap_err(),
        input.map("l").unwrap_err(),
    ] {
        assert_eq!((error.status, error.code.as_str()), (400, "SerializationException"));
    }
    let error = input.list("l").unwrap().unwrap()[0].required_map("a").unwrap().text("b").unwrap_err();
    assert_eq!(error.message, "l.1.member.a.b: NUMBER_VALUE can not be converted to String");
    assert_eq!(input.required_int("whole").unwrap(), 2);
    assert!(!input.has("nothing"));
    let at = "2026-01-01T00:00:00.123Z".parse().unwrap();
    assert_eq!(input.required_time("at").unwrap(), at);
    let typeless = |body: &str| form(&format!("Action=X&Version=2015-12-01&{body}")).unwrap().input;
    assert_eq!(typeless("On=TRUE").bool("On").unwrap(), Some(true));
    assert_eq!(typeless("At=2026-01-01T00:00:00.123Z").time("At").unwrap(), Some(at));
    assert_eq!(typeless("N=1e3").float("N").unwrap(), Some(1000.0));
    let error = typeless("N=ten").int("N").unwrap_err();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("MalformedInput", "N: 'ten' is not of type Integer"));
    assert_eq!(typeless("N=7").int_within("N", 1, 5).unwrap_err().message, "N: 7 is not between 1 and 5");
}

#[test]
fn each_service_says_in_its_own_way_that_something_is_missing() {
    let missing = |service| Input::new(service, Protocol::Json11, Node::Null).required_text("RuleArn").unwrap_err();
    let codes = Service::ALL.map(|service| missing(service).code);
    let expected = [
        "ValidationError",
        "InvalidParameterException",
        "MissingParameter",
        "RuleArnRequiredException",
        "ValidationError",
        "InvalidParameterException",
    ];
    assert_eq!(codes, expected);
    assert!(
        missing(Service::Elbv2).message.contains("'ruleArn' failed to satisfy constraint: Member must not be null")
    );
}

#[test]
fn requests_that_are_none_are_refused_in_their_own_protocol() {
    let refused = |method, path: &str, pairs: &[(&str, &str)], body: &[u8]| {
        read(&decode(&method, path, &headers(pairs), body).unwrap_err())
    };
    let (status, text) = refused(Method::POST, "/", ECS, b"{");
    assert!(status == 400 && text.contains(r#""__type":"SerializationException""#), "{text}");
    assert_eq!(refused(Method::POST, "/", ECS, b"[1]").0, 400);
    let other = [("x-amz-target", "DynamoDB_20120810.PutItem")];
    let (status, text) = refused(Method::POST, "/", &other, b"{}");
    assert!(status == 501 && text.contains("PutItem of DynamoDB_20120810 is not here"), "{text}");
    assert_eq!(refused(Method::POST, "/", &[("x-amz-target", "nonsense")], b"{}").0, 404);
    assert_eq!(refused(Method::GET, CBOR_PATH, CBOR, b"").0, 404);
    for body in [&b"\xff"[..], b"\x01", b"\xbf", b"\xa1\x61a\xc6\x01", b"\xa0\xa0", &[0x81; 100]] {
        let (status, text) = refused(Method::POST, CBOR_PATH, CBOR, body);
        assert!(status == 400 && text.contains("SerializationException"), "{body:?}: {text}");
    }
}

#[test]
fn cbor_carries_all_types() {
    let at: Timestamp = "2026-01-01T00:00:00.123Z".parse().unwrap();
    let tree = node! { "b": true, "i": -1, "f": 0.5, "t": "x", "x": Node::Blob(vec![0, 255]), "at": at,
    "l": [node! {"m": 1}], "long": i64::MIN, "empty": node! {} };
    let body = super::cbor::encode(&tree);
    let request = decode(&Method::POST, CBOR_PATH, &headers(CBOR), &body).unwrap();
    assert_eq!((request.service, request.query_mode), (Service::CloudWatch, true));
    assert_eq!(request.input.node(), &tree);
    // Lengths that are not given, as the SDK sends them, and a timestamp in whole seconds.
    let open = b"\xbf\x61l\x9f\x01\x02\xff\x62at\xc1\x1a\x69\x55\xb9\x00\x61t\x7f\x61a\x61b\xff\xff";
    let request = decode(&Method::POST, CBOR_PATH, &headers(CBOR), open).unwrap();
    let whole: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(request.input.node(), &node! { "l": [1, 2], "at": whole, "t": "ab" });
}

#[test]
fn large_requests_may_be_compressed_but_not_without_bound() {
    let zip = |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let mut pairs = headers(ECS);
    pairs.insert("content-encoding", "gzip".parse().unwrap());
    let read_it = |body: &[u8]| decode(&Method::POST, "/", &pairs, body).map_err(|refused| read(&refused));
    assert_eq!(read_it(&zip(br#"{"a":1}"#)).unwrap().input.int("a").unwrap(), Some(1));
    assert_eq!(read_it(b"{}").unwrap_err().0, 400);
    let bomb = zip(&vec![b' '; body::BODY_MAX + 1]);
    assert!(bomb.len() < body::BODY_MAX / 10);
    assert_eq!(read_it(&bomb).unwrap_err().0, 413);
    pairs.insert("content-encoding", "br".parse().unwrap());
    assert_eq!(decode(&Method::POST, "/", &pairs, b"{}").unwrap_err().status(), 400);
}

fn scalar() -> impl Strategy<Value = Node> {
    prop_oneof![
        any::<bool>().prop_map(Node::Bool),
        any::<i64>().prop_map(Node::Int),
        any::<f64>().prop_filter("NaN is not itself", |float| !float.is_nan()).prop_map(Node::Float),
        ".*".prop_map(Node::Text),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(Node::Blob),
        (0..4_000_000_000_000_i64).prop_map(|ms| Node::Time(Timestamp::from_millisecond(ms).unwrap())),
    ]
}

fn tree(leaf: impl Strategy<Value = Node> + 'static) -> impl Strategy<Value = Map> {
    let node = leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Node::List),
            proptest::collection::vec(("[a-zA-Z]{1,8}", inner), 0..5)
                .prop_map(|members| { Node::Map(members.into_iter().collect()) }),
        ]
    });
    proptest::collection::vec(("[a-zA-Z]{1,8}", node), 0..5).prop_map(|members| members.into_iter().collect())
}

/// A tree as the form that a client would send; lists and maps that are empty have no name of their own in a form.
fn write_form(node: &Node, path: &str, form: &mut form_urlencoded::Serializer<'_, String>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match node {
        Node::List(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(place, item)| write_form(item, &at(&format!("member.{}", place + 1)), form));
        }
        Node::Map(map) => map.iter().for_each(|(name, node)| write_form(node, &at(name), form)),
        Node::Text(text) => {
            form.append_pair(path, text);
        }
        _ => unreachable!("forms have only text"),
    }
}

/// What a form cannot say is taken out.
fn sayable(node: Node) -> Option<Node> {
    match node {
        Node::List(items) => {
            Some(items.into_iter().filter_map(sayable).collect::<Vec<_>>()).filter(|it| !it.is_empty()).map(Node::List)
        }
        Node::Map(map) => {
            let members: Map = map.into_iter().filter_map(|(name, node)| Some((name, sayable(node)?))).collect();
            Some(Node::Map(members)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        leaf => Some(leaf),
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        path in "(/.{0,20}|/service/GraniteServiceVersion20100801/operation/X)",
        kind in 0..4,
    ) {
        let gzip = [("content-encoding", "gzip")];
        let pairs = [&[][..], ECS, CBOR, &gzip][usize::try_from(kind).unwrap()];
        if let Ok(request) = decode(&Method::POST, &path, &headers(pairs), &body) {
            encode(&request, Ok(request.input.node().clone()));
        }
    }

    #[test]
    fn forms_of_anything_do_not_make_it_panic(body in "Action=X&Version=2015-12-01(&[A-Zmember.0-9ntry=%&]{0,40}){0,5}") {
        if let Ok(request) = form(&body) {
            encode(&request, Ok(request.input.node().clone()));
        }
    }

    #[test]
    fn cbor_gives_back_what_was_sent(tree in tree(scalar())) {
        let body = super::cbor::encode(&Node::Map(tree.clone()));
        let request = decode(&Method::POST, CBOR_PATH, &headers(CBOR), &body).unwrap();
        prop_assert_eq!(request.input.node(), &Node::Map(tree));
    }

    #[test]
    fn json_gives_back_what_was_sent(tree in tree(prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Bool),
        any::<i64>().prop_map(Node::Int),
        (-1e15..1e15_f64).prop_map(Node::Float),
        ".*".prop_map(Node::Text),
    ])) {
        let request = decode(&Method::POST, "/", &headers(ECS), b"{}").unwrap();
        let response = encode(&request, Ok(Node::Map(tree.clone())));
        let back = decode(&Method::POST, "/", &headers(ECS), response.body()).unwrap();
        prop_assert_eq!(back.input.node(), &Node::Map(tree));
    }

    #[test]
    fn a_form_gives_back_what_was_sent(tree in tree(".*".prop_map(Node::Text))) {
        let sent = sayable(Node::Map(tree)).and_then(|node| match node { Node::Map(map) => Some(map), _ => None });
        let sent = sent.unwrap_or_default();
        prop_assume!(!["member", "entry", "Action", "Version"].iter().any(|name| sent.contains(name)));
        let mut form = form_urlencoded::Serializer::new("Action=X&Version=2015-12-01".to_owned());
        write_form(&Node::Map(sent.clone()), "", &mut form);
        let request = decode(&Method::POST, "/", &HeaderMap::new(), form.finish().as_bytes()).unwrap();
        prop_assert_eq!(request.input.node(), &Node::Map(sent));
    }
}
