//! Bodies as clients send them: large ones may be compressed.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::ApiError;

/// More than any request of AWS has; what is decompressed stops here.
pub(crate) const BODY_MAX: usize = 16 * 1024 * 1024;

/// The body without the compression that `content-encoding` names. Clients compress `PutMetricData` from 10 KiB on.
pub(super) fn plain<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, ApiError> {
    let encoding = headers.get(CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?")).trim();
    // boto3 and the CLI say `aws-chunked` only for uploads, which no service here has.
    match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Cow::Borrowed(body)),
        "gzip" => unzip(body).map(Cow::Owned),
        _ => Err(ApiError::malformed(format!("content-encoding {encoding} is not known: send gzip or nothing"))),
    }
}

fn unzip(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut plain = Vec::new();
    let limit = BODY_MAX as u64;
    let read = MultiGzDecoder::new(body).take(limit + 1).read_to_end(&mut plain);
    if let Err(error) = read {
        return Err(ApiError::malformed(format!("the body is not the gzip that content-encoding promises: {error}")));
    }
    if plain.len() as u64 > limit {
        let text = format!("the body has more than {limit} bytes when decompressed");
        return Err(ApiError::sender("RequestEntityTooLarge", text).with_status(413));
    }
    Ok(plain)
}
