//! Stickiness cookies: opaque to clients, sealed with a key that lives as long as the proxy.

use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use sha2::{Digest, Sha256};

/// Which group a client stays with.
pub(crate) const GROUP: &str = "AWSALBTG";
/// Which target a client stays with.
pub(crate) const TARGET: &str = "AWSALB";

/// A short name for an id, the same in every run.
pub(crate) fn tag(id: &str) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(8).fold(0, |tag, byte| (tag << 8) | u64::from(*byte))
}

/// Makes and reads cookies.
pub(crate) struct Sealer {
    key: [u8; 32],
}

impl Sealer {
    pub(crate) fn new() -> Sealer {
        let mut key = [0; 32];
        fastrand::fill(&mut key);
        Sealer { key }
    }

    /// The tag in a request's cookie of this name, if it was made here, for this name, and has not run out.
    pub(crate) fn open(&self, headers: &HeaderMap, name: &str, now: Duration) -> Option<u64> {
        cookies(headers).filter(|(cookie, _)| cors(cookie) == name).find_map(|(cookie, value)| {
            debug_assert!(cookie.starts_with(name));
            let bytes = unhex(value)?;
            let (nonce, sealed) = bytes.split_first_chunk::<8>()?;
            let (sealed, proof) = sealed.split_first_chunk::<16>()?;
            (self.proof(name, *nonce, sealed) == proof).then_some(())?;
            let plain = self.mask(*nonce, *sealed);
            let (tag, until) = (number(&plain[..8]), number(&plain[8..]));
            (now.as_secs() < until).then_some(tag)
        })
    }

    /// Pins the client for this long, counted from now: every answer begins the time anew.
    pub(crate) fn pin(&self, headers: &mut HeaderMap, name: &str, tag: u64, lasts: Duration, now: Duration) {
        let until = now.as_secs().saturating_add(lasts.as_secs().max(1));
        let mut nonce = [0; 8];
        fastrand::fill(&mut nonce);
        let mut plain = [0; 16];
        plain[..8].copy_from_slice(&tag.to_be_bytes());
        plain[8..].copy_from_slice(&until.to_be_bytes());
        let sealed = self.mask(nonce, plain);
        let mut value = String::with_capacity(64);
        for byte in nonce.iter().chain(&sealed).chain(&self.proof(name, nonce, &sealed)) {
            value.push(char::from(HEX[usize::from(byte >> 4)]));
            value.push(char::from(HEX[usize::from(byte & 15)]));
        }
        let expires = i64::try_from(until)
            .ok()
            .and_then(|until| jiff::Timestamp::from_second(until).ok())
            .map(|until| until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            .unwrap_or_default();
        for (suffix, more) in [("", ""), ("CORS", "; SameSite=None; Secure")] {
            let line = format!("{name}{suffix}={value}; Expires={expires}; Path=/{more}");
            if let Ok(line) = HeaderValue::try_from(line) {
                headers.append(SET_COOKIE, line);
            }
        }
    }

    fn mask(&self, nonce: [u8; 8], mut text: [u8; 16]) -> [u8; 16] {
        let stream = Sha256::new().chain_update(self.key).chain_update(b"mask").chain_update(nonce).finalize();
        text.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        text
    }

    fn proof(&self, name: &str, nonce: [u8; 8], sealed: &[u8; 16]) -> [u8; 8] {
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(name)
            .chain_update(nonce)
            .chain_update(sealed)
            .chain_update(self.key)
            .finalize();
        let mut proof = [0; 8];
        proof.copy_from_slice(&digest[..8]);
        proof
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The name without its `CORS` half.
fn cors(name: &str) -> &str {
    name.strip_suffix("CORS").unwrap_or(name)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn pinned(sealer: &Sealer, name: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        sealer.pin(&mut headers, name, tag("a group"), HOUR, NOW);
        headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    fn sent(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    fn pair(line: &str) -> &str {
        line.split(';').next().unwrap()
    }

    #[test]
    fn either_cookie_comes_back() {
        let sealer = Sealer::new();
        let lines = pinned(&sealer, GROUP);
        assert!(lines[0].ends_with("; Expires=Tue, 14 Nov 2023 23:13:20 GMT; Path=/"), "{lines:?}");
        assert!(lines[1].starts_with("AWSALBTGCORS=") && lines[1].ends_with("; Path=/; SameSite=None; Secure"));
        for line in &lines {
            let headers = sent(&["first=1", &format!("x=y; {}; z", pair(line))]);
            assert_eq!(sealer.open(&headers, GROUP, NOW), Some(tag("a group")));
            assert_eq!(sealer.open(&headers, TARGET, NOW), None);
        }
    }

    #[test]
    fn it_runs_out() {
        let sealer = Sealer::new();
        let lines = pinned(&sealer, GROUP);
        let headers = sent(&[pair(&lines[0])]);
        assert!(sealer.open(&headers, GROUP, NOW + Duration::from_secs(3_599)).is_some());
        assert!(sealer.open(&headers, GROUP, NOW + HOUR).is_none());
    }

    #[test]
    fn nobody_else_makes_one() {
        let sealer = Sealer::new();
        let mine = pinned(&sealer, GROUP);
        let others = pinned(&Sealer::new(), GROUP);
        assert_eq!(sealer.open(&sent(&[pair(&others[0])]), GROUP, NOW), None);
        let renamed = pair(&mine[0]).replace(GROUP, TARGET);
        assert_eq!(sealer.open(&sent(&[&renamed]), TARGET, NOW), None);
        let (_, value) = pair(&mine[0]).split_once('=').unwrap();
        for at in 0..value.len() {
            let mut forged = value.to_owned();
            let other = if &forged[at..=at] == "0" { "1" } else { "0" };
            forged.replace_range(at..=at, other);
            assert_eq!(sealer.open(&sent(&[&format!("{GROUP}={forged}")]), GROUP, NOW), None, "{at}");
        }
        assert_eq!(sealer.open(&sent(&["AWSALBTG=", "AWSALBTG=zz", "AWSALBTG"]), GROUP, NOW), None);
    }

    #[test]
    fn it_says_nothing_and_is_never_the_same_twice() {
        let sealer = Sealer::new();
        let tag = format!("{:016x}", tag("a group"));
        let (one, two) = (pinned(&sealer, GROUP), pinned(&sealer, GROUP));
        assert_ne!(one[0], two[0]);
        assert!(!one[0].contains(&tag));
    }
}
