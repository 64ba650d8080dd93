//! What a package builds: the web stack where the API is served, and nowhere else.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates by which a web stack shows. Not `url`, nor an HTTP client: the AWS SDK has those, too.
const WEB_STACK: [&str; 5] = ["axum", "csv", "flate2", "jsonwebtoken", "lambda_http"];

/// The crates that `cargo tree` finds with these arguments, in what is built of a package.
fn crates(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn web_stack_of(arguments: &[&str]) -> Vec<String> {
    let crates = crates(arguments);
    assert!(crates.contains("aws-sdk-dynamodb"), "{arguments:?}: {crates:?}");
    crates.into_iter().filter(|name| WEB_STACK.contains(&name.as_str())).collect()
}

#[test]
fn whoever_only_records_builds_no_web_stack() {
    let nothing: [&str; 0] = [];
    let own = ["--package", "activity-log", "--no-default-features"];
    assert_eq!(web_stack_of(&own), nothing);
    assert_eq!(web_stack_of(&["--package", "activity-log"]), nothing);
    assert_eq!(web_stack_of(&["--package", "record-activities"]), nothing);
    let served = ["csv", "flate2", "jsonwebtoken", "lambda_http"];
    assert_eq!(web_stack_of(&["--package", "list-activities"]), served);
}

#[test]
fn what_only_the_api_needs_comes_with_its_feature() {
    let direct =
        |features| crates(&["--package", "activity-log", "--depth", "1", "--features", features]);
    let (plain, function, api) = (direct(""), direct("function"), direct("api"));
    assert_eq!(function.difference(&plain).collect::<Vec<_>>(), ["tracing-subscriber"]);
    assert!(function.is_subset(&api));
    assert_eq!(
        api.difference(&plain).collect::<Vec<_>>(),
        [
            "aws-smithy-http-client",
            "base64",
            "csv",
            "flate2",
            "http-body-util",
            "jsonwebtoken",
            "lambda_http",
            "percent-encoding",
            "tracing-subscriber",
            "url",
        ]
    );
}
