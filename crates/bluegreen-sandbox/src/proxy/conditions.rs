//! Conditions, ready to be asked.

use std::net::IpAddr;

use http::header::{HOST, HeaderName};
use http::request::Parts;

use super::pattern::Pattern;
use super::table::Condition;

/// One condition of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Host(Vec<Pattern>),
    Path(Vec<Pattern>),
    /// `None` for a name that no header can have.
    Header(Option<HeaderName>, Vec<Pattern>),
    Method(Vec<String>),
    Query(Vec<(Option<Pattern>, Pattern)>),
    Source(Vec<Network>),
}

impl Test {
    pub(crate) fn new(condition: &Condition) -> Test {
        match condition {
            Condition::HostHeader(values) => Test::Host(folded(values)),
            Condition::PathPattern(values) => Test::Path(values.iter().map(|value| Pattern::exact(value)).collect()),
            Condition::HttpHeader { name, values } => Test::Header(name.parse().ok(), folded(values)),
            Condition::Method(values) => Test::Method(values.clone()),
            Condition::QueryString(values) => Test::Query(
                values
                    .iter()
                    .map(|(key, value)| (key.as_deref().map(Pattern::folded), Pattern::folded(value)))
                    .collect(),
            ),
            Condition::SourceIp(values) => {
                Test::Source(values.iter().filter_map(|value| Network::parse(value)).collect())
            }
        }
    }

    /// Whether a request from this peer satisfies it.
    pub(crate) fn holds(&self, request: &Parts, peer: IpAddr) -> bool {
        match self {
            Test::Host(patterns) => {
                let host = host(request);
                any(patterns, host.as_bytes())
            }
            Test::Path(patterns) => any(patterns, request.uri.path().as_bytes()),
            Test::Header(None, _) => false,
            Test::Header(Some(name), patterns) => {
                request.headers.get_all(name).iter().any(|value| any(patterns, value.as_bytes()))
            }
            Test::Method(methods) => methods.iter().any(|method| method == request.method.as_str()),
            Test::Query(wanted) => request.uri.query().is_some_and(|query| {
                query.split('&').filter(|pair| !pair.is_empty()).any(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    wanted.iter().any(|(wanted_key, wanted_value)| {
                        wanted_key.as_ref().is_none_or(|pattern| pattern.matches(key.as_bytes()))
                            && wanted_value.matches(value.as_bytes())
                    })
                })
            }),
            Test::Source(networks) => networks.iter().any(|network| network.holds(peer)),
        }
    }
}

/// The host that a request names, without its port.
pub(crate) fn host(request: &Parts) -> &str {
    let named = match request.uri.authority() {
        Some(authority) => authority.as_str(),
        None => request.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default(),
    };
    let named = named.rsplit_once('@').map_or(named, |(_, host)| host);
    match named.rsplit_once(':') {
        // The last colon of a bare IPv6 address belongs to the address.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => {
            if host.contains(':') && !host.ends_with(']') { named } else { host }
        }
        _ => named,
    }
}

fn folded(values: &[String]) -> Vec<Pattern> {
    values.iter().map(|value| Pattern::folded(value)).collect()
}

fn any(patterns: &[Pattern], text: &[u8]) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Network {
    bits: u128,
    length: u32,
    v4: bool,
}

impl Network {
    /// `None` for what is no network; such a value matches nobody.
    fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (bits, v4, whole) = wide(address);
        let length = length.unwrap_or(whole);
        (length <= whole).then_some(Network { bits, length, v4 })
    }

    fn holds(self, address: IpAddr) -> bool {
        let (bits, v4, whole) = wide(address.to_canonical());
        let apart = bits ^ self.bits;
        v4 == self.v4 && (self.length == 0 || apart >> (whole - self.length) == 0)
    }
}

fn wide(address: IpAddr) -> (u128, bool, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), true, 32),
        IpAddr::V6(address) => (address.to_bits(), false, 128),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn holds(condition: &Condition, request: &Parts) -> bool {
        Test::new(condition).holds(request, "127.0.0.1".parse().unwrap())
    }

    #[test]
    fn hosts_ignore_case_and_port() {
        let condition = Condition::HostHeader(strings(&["nothing.org", "*.Example.com"]));
        for (host, expected) in [
            ("www.example.com", true),
            ("WWW.EXAMPLE.COM:8080", true),
            ("example.com", false),
            ("www.example.org", false),
            ("nothing.org", true),
        ] {
            assert_eq!(holds(&condition, &request("GET", "/", &[("host", host)])), expected, "{host}");
        }
        assert!(holds(&condition, &request("GET", "http://a.example.com:99/", &[])));
        assert!(!holds(&condition, &request("GET", "/", &[])));
    }

    #[test]
    fn hosts_that_are_addresses() {
        for (named, bare) in [("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("1.2.3.4:5", "1.2.3.4"), ("::1", "::1")] {
            assert_eq!(host(&request("GET", "/", &[("host", named)])), bare);
        }
    }

    #[test]
    fn paths_mind_case_and_leave_the_query_out() {
        let condition = Condition::PathPattern(strings(&["/api/*", "/exact"]));
        for (uri, expected) in [
            ("/api/", true),
            ("/api/v1?x=/y", true),
            ("/API/v1", false),
            ("/exact", true),
            ("/exact?x=1", true),
            ("/exact/", false),
            ("/other?/api/", false),
        ] {
            assert_eq!(holds(&condition, &request("GET", uri, &[])), expected, "{uri}");
        }
    }

    #[test]
    fn any_line_of_a_header_will_do() {
        let condition = Condition::HttpHeader { name: "Cookie".to_owned(), values: strings(&["*lane=blue*", "x?z"]) };
        assert!(holds(&condition, &request("GET", "/", &[("cookie", "a=1; LANE=Blue; b=2")])));
        assert!(holds(&condition, &request("GET", "/", &[("cookie", "a=1"), ("cookie", "XYZ")])));
        assert!(!holds(&condition, &request("GET", "/", &[("cookie", "lane=green")])));
        assert!(!holds(&condition, &request("GET", "/", &[])));
        let impossible = Condition::HttpHeader { name: "not a name".to_owned(), values: strings(&["*"]) };
        assert!(!holds(&impossible, &request("GET", "/", &[("cookie", "a")])));
    }

    #[test]
    fn methods_are_exact() {
        let condition = Condition::Method(strings(&["GET", "PURGE"]));
        assert!(holds(&condition, &request("GET", "/", &[])));
        assert!(holds(&condition, &request("PURGE", "/", &[])));
        assert!(!holds(&condition, &request("HEAD", "/", &[])));
        assert!(!holds(&condition, &request("get", "/", &[])));
    }

    #[test]
    fn queries_match_a_pair_or_any_value() {
        let pair = Condition::QueryString(vec![(Some("Version".to_owned()), "v?".to_owned())]);
        let value = Condition::QueryString(vec![(None, "*star\\**".to_owned()), (None, "plain".to_owned())]);
        for (condition, uri, expected) in [
            (&pair, "/?version=V2", true),
            (&pair, "/?a=b&VERSION=v2&c", true),
            (&pair, "/?version=v22", false),
            (&pair, "/?other=v2", false),
            (&pair, "/version=v2", false),
            (&pair, "/", false),
            (&value, "/?anything=plain", true),
            (&value, "/?x=a-star*-b", true),
            (&value, "/?x=a-star-b", false),
            (&value, "/?plain", false),
        ] {
            assert_eq!(holds(condition, &request("GET", uri, &[])), expected, "{uri}");
        }
    }

    #[test]
    fn sources_lie_in_networks() {
        for (network, address, expected) in [
            ("127.0.0.0/8", "127.9.9.9", true),
            ("127.0.0.0/8", "128.0.0.1", false),
            ("10.1.2.3/32", "10.1.2.3", true),
            ("10.1.2.3/32", "10.1.2.2", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("0.0.0.0/0", "::ffff:1.2.3.4", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "::1", true),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("nonsense", "10.0.0.0", false),
        ] {
            let test = Test::new(&Condition::SourceIp(strings(&[network])));
            let request = request("GET", "/", &[("x-forwarded-for", "10.1.2.3")]);
            assert_eq!(test.holds(&request, address.parse().unwrap()), expected, "{address} in {network}");
        }
    }
}
