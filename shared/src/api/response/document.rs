//! Documents as HTTP responses: validators (RFC 9110, section 8.8.3), compression, caching.

use std::io::Write;

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, VARY,
};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};
use lambda_http::{Body, Response};

use crate::api::Format;
use crate::api::request::accept::takes_gzip;

/// The header with the number of entries that a list has.
pub(crate) const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The header with the cursor to come back with, which a list has oldest first.
pub(crate) const RESUME_CURSOR: HeaderName = HeaderName::from_static("x-resume-cursor");

/// The shortest body that is compressed, in bytes: what fits into one packet stays as it is.
const MIN_COMPRESSED: usize = 1_024;

/// What a caller asked for.
#[derive(Debug)]
pub(crate) struct Document {
    format: Format,
    body: String,
    /// How many entries it shows.
    pub(crate) entries: usize,
    /// Headers of its own.
    pub(crate) headers: HeaderMap,
}

impl Document {
    /// A document that shows so many entries, without headers of its own.
    pub(crate) fn new(format: Format, body: String, entries: usize) -> Self {
        Self { format, body, entries, headers: HeaderMap::new() }
    }

    /// The response to a request with `headers`: the document, compressed if that is liked and pays,
    /// or 304 if the caller has it already.
    pub(crate) fn response(self, headers: &HeaderMap) -> Response<Body> {
        let tag = self.tag();
        let mut response = if matches(headers, &tag) {
            private(StatusCode::NOT_MODIFIED, Body::Empty)
        } else {
            let compressed = takes_gzip(headers).then(|| gzip(self.body.as_bytes())).flatten();
            let coding = compressed.is_some().then(|| HeaderValue::from_static("gzip"));
            let body = compressed.map_or_else(|| Body::Text(self.body), Body::Binary);
            let mut response = private(StatusCode::OK, body);
            let content_type = HeaderValue::from_static(self.format.content_type());
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            let disposition = self.format.content_disposition().map(HeaderValue::from_static);
            let disposition = disposition.map(|value| (CONTENT_DISPOSITION, value));
            let coding = coding.map(|coding| (CONTENT_ENCODING, coding));
            response.headers_mut().extend(disposition.into_iter().chain(coding));
            response
        };
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        // It is made of base64 and so always a header value.
        response.headers_mut().extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)));
        response
    }

    /// The entity tag: the same as long as the document and its headers are. It is weak because it
    /// does not tell compressed from not.
    fn tag(&self) -> String {
        let headers = self.headers.iter();
        let headers =
            headers.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        entity_tag([self.body.as_bytes()].into_iter().chain(headers))
    }
}

/// The weak entity tag of what these bytes are, in this order.
pub(crate) fn entity_tag<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = digest::Context::new(&SHA256);
    for part in parts {
        hash.update(part);
    }
    format!("W/\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&hash.finish().as_ref()[..16]))
}

/// A response that no one but the caller may keep, and the caller only to ask whether it is still so.
pub(crate) fn private(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let no_cache = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(CACHE_CONTROL, no_cache);
    response
}

/// Whether `If-None-Match` names `tag`, by the weak comparison (RFC 9110, section 13.1.2).
pub(crate) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}

/// The compressed body, if it is shorter also when it is written as base64, as Lambda hands over
/// what is not text.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < MIN_COMPRESSED {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    // Writing to memory does not fail.
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() * 4 / 3 < body.len()).then_some(compressed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use lambda_http::http::header::ACCEPT_ENCODING;

    use super::*;

    fn request(name: &HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(value).unwrap())])
    }

    fn document(body: &str) -> Document {
        Document::new(Format::Json, body.to_owned(), 1)
    }

    fn tag(body: &str) -> String {
        document(body).tag()
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let same = tag("a");
        let strong = same.trim_start_matches("W/");
        for (given, status) in [
            (same.as_str(), 304),
            (strong, 304),
            ("*", 304),
            (&format!("\"x\" , {same}"), 304),
            (&tag("b"), 200),
            ("", 200),
            (strong.trim_matches('"'), 200),
        ] {
            let response = document("a").response(&request(&IF_NONE_MATCH, given));
            assert_eq!(response.status(), status, "{given}");
            assert_eq!(response.headers()[ETAG], same);
            assert_eq!(matches!(response.body(), Body::Empty), status == 304);
        }
        let with_total = |total: u64| {
            let mut document = document("a");
            document.headers.insert(TOTAL_COUNT, HeaderValue::from(total));
            document.tag()
        };
        assert_ne!(with_total(5), same);
        assert_ne!(with_total(5), with_total(6));
        assert_eq!(with_total(5), with_total(5));
    }

    #[test]
    fn only_what_becomes_shorter_is_compressed() {
        let gzip = request(&ACCEPT_ENCODING, "gzip");
        let long = "activity ".repeat(1_000);
        let response = document(&long).response(&gzip);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let Body::Binary(bytes) = response.body() else { panic!("{response:?}") };
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, long);

        let mut random = fastrand::Rng::with_seed(1);
        let noise: String = (0..5_000).map(|_| random.char('!'..='~')).collect();
        for body in ["short", &noise] {
            let response = document(body).response(&gzip);
            assert!(matches!(response.body(), Body::Text(_)));
            assert!(!response.headers().contains_key(CONTENT_ENCODING));
        }
        assert!(matches!(document(&long).response(&HeaderMap::new()).body(), Body::Text(_)));
    }
}
