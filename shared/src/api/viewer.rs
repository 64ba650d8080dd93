//! The viewer: the page that shows the log, and the files of the web component that it is made of.
//!
//! They are in the binary, each with its gzip beside it. So a request copies bytes and does nothing
//! else: no call, no compression, nothing that can be unavailable. It needs no token, because the files
//! are the same for everybody; what they show is asked for by the browser, with a token, at the routes.
//! The alternative is a bucket behind a CDN, which docs/operations.md describes. That is cheaper for
//! many visitors, and one more thing to deploy for the others.

use std::time::Instant;

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderValue, Method, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};

use super::ApiError;
use super::request::accept::takes_gzip;
use super::request::context::{is_preflight, request_id};
use super::response::document::{entity_tag, matches, private};
use crate::store::Usage;
use crate::telemetry::{AnsweredRequest, Telemetry, Work};

/// The function: the name of its binary, and what telemetry calls it.
pub const FUNCTION: &str = "viewer";

/// The path of the page.
pub const PAGE_PATH: &str = "/viewer";

/// The path of every file, with the name of its parameter in braces.
pub const FILE_PATH: &str = "/viewer/{file}";

/// The file that is the page.
const PAGE: &str = "index.html";

/// What the caller is told of a failure. There is none so far.
const FAILURE: &str = "Failed to retrieve file";

/// What the page may load and do (W3C: "Content Security Policy Level 3", "Trusted Types"). Names,
/// descriptions and metadata in a log were written by others. Should one of them ever become markup,
/// the browser runs nothing of it. Profile pictures come from anywhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types lit-html",
);

/// Which origins may load a file without CORS (Fetch Standard, "Cross-Origin-Resource-Policy header").
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// How many characters esbuild's hash has in the name of a file.
const HASH_LENGTH: usize = 8;

/// A file as the build embeds it.
#[derive(Debug)]
pub struct File {
    /// Its name, which has only characters that stand in a path as they are.
    pub name: &'static str,
    /// What it is.
    pub kind: FileKind,
    /// What it says.
    pub text: &'static str,
    /// The same, compressed (RFC 1952), if that is shorter.
    pub gzip: Option<&'static [u8]>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The page.
    Html,
    /// A module of the component.
    Script,
    /// A style sheet of the page.
    Style,
}

impl FileKind {
    /// The value of its `Content-Type`.
    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
        })
    }

    /// The value of its `Cross-Origin-Resource-Policy`: pages of other origins embed the component.
    const fn resource_policy(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Script => "cross-origin",
            Self::Html | Self::Style => "same-origin",
        })
    }
}

impl File {
    /// Whether another content has another name: `NAME-HASH.js`, as esbuild writes it.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        let is_hash = |text: &str| {
            let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            text.len() == HASH_LENGTH && text.bytes().all(known)
        };
        let stem = self.name.rsplit_once('.').map_or(self.name, |(stem, _)| stem);
        stem.rsplit_once('-').is_some_and(|(name, hash)| !name.is_empty() && is_hash(hash))
    }

    /// The value of its `Cache-Control`. A name without a hash is asked for again each time, so that a
    /// page never mixes files of two versions for longer than it is open.
    fn cache_control(&self) -> HeaderValue {
        HeaderValue::from_static(if self.is_hashed() {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        })
    }
}

/// What the function needs for every request. Made once, before the first.
#[derive(Debug)]
pub struct Viewer {
    files: Vec<TaggedFile>,
    telemetry: Telemetry,
}

/// A file with its entity tag.
#[derive(Debug)]
struct TaggedFile {
    file: &'static File,
    tag: String,
}

impl TaggedFile {
    /// The response to a request with `headers`: the file, compressed if that is liked and shorter, or
    /// 304 if the caller has it already.
    fn response(&self, headers: &HeaderMap) -> Response<Body> {
        let file = self.file;
        let mut response = if matches(headers, &self.tag) {
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let gzip = file.gzip.filter(|_| takes_gzip(headers));
            let body = gzip.map_or_else(|| Body::from(file.text), Body::from);
            let mut response = Response::new(body);
            let coding = gzip.map(|_| (CONTENT_ENCODING, HeaderValue::from_static("gzip")));
            response.headers_mut().extend(coding);
            response.headers_mut().insert(CONTENT_TYPE, file.kind.content_type());
            response
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, file.cache_control());
        headers.insert(RESOURCE_POLICY, file.kind.resource_policy());
        // API Gateway adds CORS headers that depend on the origin, or none without one: a script that
        // a cache has for one page must not be handed to another of the same site.
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding, Origin"));
        // It is made of base64 and so always a header value.
        headers.extend(HeaderValue::try_from(&self.tag).map(|tag| (ETAG, tag)));
        response
    }
}

impl Viewer {
    /// The viewer of these files.
    #[must_use]
    pub fn new(files: &'static [File], telemetry: Telemetry) -> Self {
        let tagged =
            |file: &'static File| TaggedFile { file, tag: entity_tag([file.text.as_bytes()]) };
        Self { files: files.iter().map(tagged).collect(), telemetry }
    }

    /// Answers `request`: with the file that is asked for, or with an error. Here alone, a request is
    /// logged.
    pub fn answer(&self, request: &Request) -> Response<Body> {
        let started = Instant::now();
        let request_id = request_id(request);
        // The parameter and not the path, which may begin with the name of a stage.
        let name = request.path_parameters_ref().and_then(|parameters| parameters.first("file"));
        let route = if name.is_some() { FILE_PATH } else { PAGE_PATH };
        let outcome = self.find(request, name.unwrap_or(PAGE));
        let code = outcome.as_ref().err().map(ApiError::code);
        let mut response = match outcome {
            Ok(Some(file)) => file.response(request.headers()),
            Ok(None) => private(StatusCode::NO_CONTENT, Body::Empty),
            Err(error) => error.response(FAILURE, &request_id),
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static("same-origin"));
        if request.method() == Method::HEAD {
            // Everything but the content (RFC 9110, section 9.3.2).
            *response.body_mut() = Body::Empty;
        }
        self.telemetry.request(&AnsweredRequest {
            function: FUNCTION,
            request_id: &request_id,
            method: request.method().as_str(),
            route,
            status: response.status().as_u16(),
            code,
            user_id: None,
            reason: None,
            claim: None,
            auth_failures: 0,
            entries: 0,
            work: Work::new(Usage::default(), started),
            error: None,
        });
        response
    }

    /// The file of this name, or nothing for the preflight request of a browser.
    fn find(&self, request: &Request, name: &str) -> Result<Option<&TaggedFile>, ApiError> {
        if is_preflight(request) {
            return Ok(None);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(ApiError::MethodNotAllowed);
        }
        let found = self.files.iter().find(|tagged| tagged.file.name == name);
        found.map(Some).ok_or(ApiError::FileNotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_eight_capitals_or_digits_at_the_end_of_a_name() {
        for (name, is_hashed) in [
            ("page-QX7BTQ2M.js", true),
            ("activity-log-more-ABCDEFG2.css", true),
            ("activity-log.js", false),
            ("index.html", false),
            ("page-qx7btq2m.js", false),
            ("page-QX7BTQ2.js", false),
            ("page-QX7BTQ2MM.js", false),
            ("QX7BTQ2M.js", false),
            ("-QX7BTQ2M.js", false),
            ("page-QX7BTQ2M.min.js", false),
            ("", false),
        ] {
            let file = File { name, kind: FileKind::Script, text: "", gzip: None };
            assert_eq!(file.is_hashed(), is_hashed, "{name}");
        }
    }
}
