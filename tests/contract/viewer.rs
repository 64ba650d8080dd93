//! The viewer: what a browser is given of the page and its files, whatever it asks for. The files are
//! those of `viewer/dist`, whatever they say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ::viewer::FILES;
use activity_log::api::lambda;
use activity_log::api::viewer::{FILE_PATH, File, FileKind, PAGE_PATH, Viewer};
use activity_log_local::kit::{Written, template};
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Response, VIEWER, add_headers};

/// The page, and the name by which the component is embedded: names that never change.
const STABLE: [&str; 2] = ["index.html", "activity-log.js"];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' https: data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types lit-html";

struct Fixture {
    viewer: Viewer,
    /// The lines that the function has written.
    written: Written,
}

impl Fixture {
    fn new() -> Self {
        let written = Written::default();
        Self { viewer: Viewer::new(FILES, written.telemetry()), written }
    }

    /// Sends the event of the page, changed by `change`, as Lambda does.
    async fn send(&self, change: impl FnOnce(&mut Value)) -> Response {
        let mut event: Value = serde_json::from_str(VIEWER).unwrap();
        change(&mut event);
        let payload = serde_json::from_value(event).unwrap();
        let event = LambdaEvent { payload, context: Context::default() };
        let response = lambda::invoke_viewer(&self.viewer, event).await.unwrap();
        let response = Response::read(&serde_json::to_string(&response).unwrap());
        // On every response, whatever it is.
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(response.header(name), Some(value), "{response:?}");
        }
        for absolute in ["location", "content-location", "link", "set-cookie"] {
            assert_eq!(response.header(absolute), None, "{response:?}");
        }
        response
    }

    /// The file of this name, or the problem that there is none.
    async fn file(&self, name: &str, headers: &[(&str, &str)]) -> Response {
        self.send(|event| {
            to_file(event, name);
            add_headers(event, headers);
        })
        .await
    }

    /// The page, or another method on its path.
    async fn page(&self, method: &str, headers: &[(&str, &str)]) -> Response {
        self.send(|event| {
            event["requestContext"]["http"]["method"] = method.into();
            add_headers(event, headers);
        })
        .await
    }
}

/// Makes the event of the page one of a file, as API Gateway does: with the name decoded.
fn to_file(event: &mut Value, name: &str) {
    let key = format!("ANY {FILE_PATH}");
    event["routeKey"] = key.as_str().into();
    event["requestContext"]["routeKey"] = key.into();
    event["rawPath"] = format!("/viewer/{name}").into();
    event["requestContext"]["http"]["path"] = event["rawPath"].clone();
    event["pathParameters"] = json!({ "file": name });
}

fn known(name: &str) -> &'static File {
    FILES.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn dist() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../viewer/dist"))
}

#[tokio::test]
async fn every_file_of_the_folder_is_served_as_it_is_and_as_what_it_is() {
    let fixture = Fixture::new();
    let mut names = BTreeSet::new();
    for file in std::fs::read_dir(dist()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let content_type = match name.rsplit_once('.').unwrap().1 {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            other => panic!("{other}"),
        };
        let text = std::fs::read_to_string(dist().join(&name)).unwrap();
        for coding in ["gzip, deflate, br", "identity"] {
            let response = fixture.file(&name, &[("accept-encoding", coding)]).await;
            assert_eq!(response.status, 200, "{name}");
            assert_eq!(response.text, text, "{name}");
            assert_eq!(response.header("content-type"), Some(content_type), "{name}");
        }
        names.insert(name);
    }
    assert_eq!(FILES.iter().map(|file| file.name.to_owned()).collect::<BTreeSet<_>>(), names);
    for name in STABLE {
        assert!(names.contains(name), "{name}");
    }
    assert_eq!(fixture.page("GET", &[]).await.text, known("index.html").text);
}

#[tokio::test]
async fn a_hashed_name_is_kept_for_a_year_and_any_other_is_asked_for_again() {
    let fixture = Fixture::new();
    let mut caching = BTreeMap::new();
    for file in FILES {
        let response = fixture.file(file.name, &[]).await;
        let kept = response.header("cache-control").unwrap().to_owned();
        assert_eq!(kept == "no-cache", !file.is_hashed(), "{}", file.name);
        caching.insert(kept, file.name);
    }
    let kept: Vec<_> = caching.keys().map(String::as_str).collect();
    assert_eq!(kept, ["no-cache", "public, max-age=31536000, immutable"], "no name has a hash");
    for name in STABLE {
        assert!(!known(name).is_hashed(), "{name}");
    }
    assert_eq!(fixture.page("GET", &[]).await.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn gzip_is_given_to_who_takes_it_where_it_is_shorter() {
    let fixture = Fixture::new();
    assert!(known("activity-log.js").gzip.is_some());
    for file in FILES {
        for (accepted, takes) in [
            ("gzip", true),
            ("br;q=1, GZIP;q=0.2", true),
            ("*", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let response = fixture.file(file.name, &[("accept-encoding", accepted)]).await;
            let coding = (takes && file.gzip.is_some()).then_some("gzip");
            assert_eq!(response.header("content-encoding"), coding, "{}: {accepted}", file.name);
            assert_eq!(response.header("vary"), Some("Accept-Encoding, Origin"));
            assert_eq!(response.text, file.text, "{}: {accepted}", file.name);
        }
        if let Some(gzip) = file.gzip {
            assert!(gzip.len() < file.text.len(), "{}", file.name);
        }
    }
    let unasked = fixture
        .send(|event| {
            to_file(event, "activity-log.js");
            event["headers"].as_object_mut().unwrap().remove("accept-encoding");
        })
        .await;
    assert_eq!(unasked.header("content-encoding"), None);
}

#[tokio::test]
async fn what_the_caller_has_is_answered_with_304() {
    let fixture = Fixture::new();
    let mut tags = BTreeSet::new();
    for file in FILES {
        let whole = fixture.file(file.name, &[]).await;
        let tag = whole.header("etag").unwrap();
        assert!(tag.starts_with("W/\""), "{tag}");
        tags.insert(tag.to_owned());
        let strong = tag.trim_start_matches("W/");
        for known in [tag, strong, "*", &format!("\"x\", {tag}")] {
            for coding in ["gzip", "identity"] {
                let headers = [("if-none-match", known), ("accept-encoding", coding)];
                let response = fixture.file(file.name, &headers).await;
                assert_eq!((response.status, response.text.as_str()), (304, ""), "{known}");
                for same in ["etag", "cache-control", "vary", "cross-origin-resource-policy"] {
                    assert_eq!(response.header(same), whole.header(same), "{same}");
                }
                for absent in ["content-encoding", "content-type"] {
                    assert_eq!(response.header(absent), None, "{absent}");
                }
            }
        }
        for other in ["\"x\"", "W/\"\"", ""] {
            assert_eq!(fixture.file(file.name, &[("if-none-match", other)]).await.status, 200);
        }
    }
    assert_eq!(tags.len(), FILES.len(), "two files have one tag");
    let tag = fixture.page("GET", &[]).await.header("etag").unwrap().to_owned();
    let again = fixture.page("GET", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status, 304);
    assert_eq!(fixture.file("index.html", &[]).await.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn pages_of_other_origins_embed_scripts_and_messages_and_no_page() {
    let fixture = Fixture::new();
    for file in FILES {
        let response = fixture.file(file.name, &[("origin", "https://console.example.com")]).await;
        let embedded = file.kind == FileKind::Script;
        let policy = if embedded { "cross-origin" } else { "same-origin" };
        assert_eq!(response.header("cross-origin-resource-policy"), Some(policy), "{}", file.name);
        // API Gateway writes the CORS headers, as CorsOrigins says, and overwrites others.
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
    let headers =
        [("origin", "https://console.example.com"), ("access-control-request-method", "GET")];
    let preflight = fixture.page("OPTIONS", &headers).await;
    assert_eq!((preflight.status, preflight.text.as_str()), (204, ""));
    assert_eq!(fixture.page("OPTIONS", &[]).await.problem().0, 405);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let fixture = Fixture::new();
    for name in FILES.iter().map(|file| file.name).chain(["none.js"]) {
        for headers in [&[][..], &[("if-none-match", "*")], &[("accept-encoding", "identity")]] {
            let get = fixture.file(name, headers).await;
            let head = fixture
                .send(|event| {
                    to_file(event, name);
                    event["requestContext"]["http"]["method"] = "HEAD".into();
                    add_headers(event, headers);
                })
                .await;
            assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{name}");
            assert_eq!(head.text, "", "{name}");
        }
    }
}

#[tokio::test]
async fn any_other_name_is_404() {
    let fixture = Fixture::new();
    let long = "a".repeat(100_000);
    let upper = "activity-log.js".to_uppercase();
    for name in [
        "",
        ".",
        "..",
        "%2e%2e",
        "../Cargo.toml",
        "..%2f..%2fCargo.toml",
        "..\\Cargo.toml",
        "/etc/passwd",
        "viewer/activity-log.js",
        "./activity-log.js",
        "activity-log.js/",
        "activity-log.js.gz",
        "activity-log.j",
        "activity-log.js ",
        "activity-log.js\0",
        "activity-log.js?x",
        "activity-log.js#x",
        "activity%2Dlog.js",
        "INDEX.HTML",
        "index",
        "é.js",
        "<script>",
        "*",
        &upper,
        &long,
    ] {
        let response = fixture.file(name, &[]).await;
        assert_eq!(response.problem(), (404, "file_not_found", "File not found"), "{name}");
        assert_eq!(response.header("cache-control"), Some("private, no-cache"));
        assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(!response.text.contains("<script>"), "{}", response.text);
    }
}

#[tokio::test]
async fn any_other_method_is_405_and_told_which_there_are() {
    let fixture = Fixture::new();
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X"] {
        for name in ["activity-log.js", "none.js"] {
            let response = fixture
                .send(|event| {
                    to_file(event, name);
                    event["requestContext"]["http"]["method"] = method.into();
                })
                .await;
            let problem = (405, "method_not_allowed", "Method not allowed");
            assert_eq!(response.problem(), problem, "{method}");
            assert_eq!(response.header("allow"), Some("GET, HEAD"), "{method}");
        }
        assert_eq!(fixture.page(method, &[]).await.status, 405, "{method}");
    }
}

#[tokio::test]
async fn nothing_depends_on_the_stage_or_the_domain_before_the_path() {
    let fixture = Fixture::new();
    let staged = |event: &mut Value| {
        let path = format!("/prod{}", event["rawPath"].as_str().unwrap());
        event["rawPath"] = path.clone().into();
        event["requestContext"]["http"]["path"] = path.into();
        event["requestContext"]["stage"] = "prod".into();
        event["requestContext"]["domainName"] = "log.example.com".into();
        event["headers"]["host"] = "log.example.com".into();
    };
    let page = fixture.send(staged).await;
    let plain = fixture.page("GET", &[]).await;
    assert_eq!((page.status, &page.text, &page.headers), (200, &plain.text, &plain.headers));
    for file in FILES {
        let staged = fixture
            .send(|event| {
                to_file(event, file.name);
                staged(event);
            })
            .await;
        assert_eq!((staged.status, staged.text.as_str()), (200, file.text), "{}", file.name);
    }
}

/// What the page leads to must be found from `/viewer` and from `/prod/viewer` alike.
#[test]
fn the_page_names_its_files_relative_to_itself() {
    let page = known("index.html").text;
    let mut scripts = 0;
    for attribute in ["src=", "href="] {
        for rest in page.split(attribute).skip(1) {
            let target = rest.trim_start_matches(['"', '\'']);
            let target = target.split(['"', '\'', '>', ' ']).next().unwrap();
            assert!(!target.starts_with('/') && !target.starts_with("http"), "{target}");
            if [".js", ".css"].iter().any(|end| target.ends_with(end)) {
                let name = target.trim_start_matches("./").strip_prefix("viewer/").unwrap();
                scripts += usize::from(known(name).kind == FileKind::Script);
            }
        }
    }
    assert!(scripts > 0, "{page}");
}

/// Who serves the files from elsewhere copies the policy, and leaves out what it says.
#[test]
fn the_operations_note_has_the_policy_and_names_all_that_is_the_functions() {
    let note = include_str!("../../docs/operations.md");
    assert!(note.contains(&format!("\"{POLICY}\"")));
    let left_out = note.split("### Leave the function out").nth(1).unwrap();
    let left_out = left_out.split("\n## ").next().unwrap();
    let template = template();
    for kind in ["Resources", "Outputs"] {
        for (name, resource) in template[kind].as_object().unwrap() {
            if name.starts_with("Viewer") || resource.to_string().contains("Viewer") {
                assert!(left_out.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_is_one_line_without_its_path_its_query_or_a_metric() {
    let fixture = Fixture::new();
    fixture.file("activity-log.js", &[("authorization", "Bearer secret")]).await;
    fixture.file("secret.js", &[]).await;
    fixture.send(|event| event["rawQueryString"] = "token=secret".into()).await;
    let lines = fixture.written.take();
    let expected = [
        (FILE_PATH, 200, Value::Null),
        (FILE_PATH, 404, json!("file_not_found")),
        (PAGE_PATH, 200, Value::Null),
    ];
    assert_eq!(lines.len(), expected.len());
    for (line, (route, status, code)) in lines.iter().zip(expected) {
        assert!(!line.contains("secret"), "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["function"], "viewer");
        assert_eq!(line["requestId"], "JKJaXmPLvHcESHA=");
        assert_eq!((&line["route"], &line["status"]), (&json!(route), &json!(status)));
        assert_eq!(line.get("code").unwrap_or(&Value::Null), &code);
        assert_eq!((&line["roundTrips"], &line["level"]), (&json!(0), &json!("INFO")));
        assert_eq!(line.get("_aws"), None, "{line}");
    }
}

#[tokio::test]
async fn an_event_whose_parts_make_no_url_is_answered() {
    let fixture = Fixture::new();
    for (member, value) in
        [("rawPath", "/viewer?<#"), ("rawQueryString", "a=<\"{}"), ("rawPath", "")]
    {
        assert_eq!(fixture.send(|event| event[member] = value.into()).await.status, 200, "{value}");
    }
    let odd_host = fixture.page("GET", &[("host", "a b<")]).await;
    assert_eq!(odd_host.status, 200);
}

proptest! {
    #[test]
    fn whatever_is_asked_for_is_a_file_or_a_problem(name in "\\PC{0,40}", method in "[A-Z]{1,8}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(async {
            let ask = |event: &mut Value| {
                to_file(event, &name);
                event["requestContext"]["http"]["method"] = method.as_str().into();
            };
            Fixture::new().send(ask).await
        });
        prop_assert!([200, 404, 405].contains(&response.status), "{:?}", response);
    }
}
