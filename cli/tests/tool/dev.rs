//! `activities dev`, from end to end through `cargo lambda watch`.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use activity_log_local::http;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{PROJECT, folder, free_ports, read_until_ready, run, text, tool};

/// How long anything here may take: at most, the functions are built first.
const PATIENCE: Duration = Duration::from_mins(15);

/// The component, by the name under which it is embedded.
const COMPONENT: &str = "/viewer/activity-log.js";

/// All functions, in the order of their names.
const FUNCTIONS: [&str; 5] =
    ["get-activity", "list-activities", "list-project-activities", "record-activities", "viewer"];

struct Dev {
    child: Child,
    port: u16,
    dynamodb_port: u16,
    /// What it printed until it was ready.
    printed: String,
}

impl Dev {
    /// Starts it, and does not wait.
    fn spawn(arguments: &[&str]) -> Self {
        let (port, dynamodb_port) = free_ports();
        let child = tool(&["dev"])
            .args(["--port", &port.to_string(), "--dynamodb-port", &dynamodb_port.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, port, dynamodb_port, printed: String::new() }
    }

    /// Starts it and waits until it says that it is ready.
    fn start(arguments: &[&str]) -> Self {
        let mut dev = Self::spawn(arguments);
        dev.printed = read_until_ready(&mut dev.child);
        assert!(dev.printed.contains("Ctrl-C"), "it did not start: {:?}", dev.child.wait());
        dev
    }

    fn endpoint(&self) -> String {
        activity_log_local::endpoint(self.dynamodb_port)
    }

    /// The processes that it started, and those that they started, whoever their parents are now.
    fn processes(&self) -> Vec<Process> {
        processes_with(&format!("AWS_ENDPOINT_URL_DYNAMODB={}", self.endpoint()))
    }

    /// The first of its processes with `words` in its command line, once there is one.
    fn process(&self, words: &str) -> Process {
        let started = Instant::now();
        loop {
            let mut processes = self.processes().into_iter();
            if let Some(process) = processes.find(|process| process.command.contains(words)) {
                return process;
            }
            assert!(started.elapsed() < PATIENCE, "{words}");
            sleep(Duration::from_millis(1));
        }
    }

    /// What is left of it: its processes, and its ports that are in use.
    fn left(&self) -> (Vec<Process>, Vec<u16>) {
        let mut ports = vec![self.port, self.dynamodb_port];
        ports.retain(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err());
        (self.processes(), ports)
    }

    /// Ctrl-C, and what is left of it after that: nothing.
    fn stop(mut self) {
        interrupt(&self.child).unwrap();
        assert!(self.child.wait().unwrap().success());
        assert_eq!(self.processes(), []);
        self.until_nothing_is_left();
    }

    /// SIGKILL, and what is left of it after a while: nothing.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.until_nothing_is_left();
    }

    /// Another program may have a port for a moment.
    fn until_nothing_is_left(&self) {
        let ended = Instant::now();
        while self.left() != (vec![], vec![]) {
            assert!(ended.elapsed() < PATIENCE, "{:?}", self.left());
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Dev {
    /// Leaves nothing behind when a test has failed.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = interrupt(&self.child);
            let _ = self.child.wait();
        }
    }
}

/// Ctrl-C.
fn interrupt(child: &Child) -> nix::Result<()> {
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT)
}

/// A process as `/proc` shows it.
#[derive(Debug, PartialEq)]
struct Process {
    id: i32,
    command: String,
}

/// All processes that have `variable` in their environment.
fn processes_with(variable: &str) -> Vec<Process> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes()) {
            let id = process.file_name().to_str().unwrap().parse().unwrap();
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            found.push(Process { id, command });
        }
    }
    found
}

/// What `activities dev` says when it does not start with these ports.
fn refusal(port: u16, dynamodb_port: u16) -> String {
    let output = tool(&["dev", "--port", &port.to_string()])
        .args(["--dynamodb-port", &dynamodb_port.to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    text(&output.stderr)
}

async fn get(port: u16, path: &str, token: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let response = http::get(port, path, &[("authorization", &bearer)]).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// The requests of docs/api.md, as paths, with the responses that it shows.
fn documented_examples() -> Vec<(String, Value)> {
    let page = include_str!("../../../docs/api.md");
    let example = |block: &str| {
        let (command, rest) = block.split_once("\n```\n").unwrap();
        let path = command.split('\'').nth(1).unwrap();
        let path = path.strip_prefix("http://127.0.0.1:9000").unwrap().to_owned();
        let response = rest.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        (path, serde_json::from_str(response).unwrap())
    };
    page.split("```sh\ncurl ").skip(1).map(example).collect()
}

/// The address that is printed first is the viewer's. Its fragment has the token, and is not sent.
async fn see_the_viewer(dev: &Dev, token: &str) {
    let address = dev.printed.lines().find(|line| line.contains("http://")).unwrap().trim();
    let (address, fragment) = address.split_once('#').unwrap();
    assert_eq!(fragment, format!("token={token}"));
    let path = address.strip_prefix(&format!("http://127.0.0.1:{}", dev.port)).unwrap();
    assert_eq!(path, "/viewer");
    for (path, name) in
        [(path, "index.html"), ("/viewer/index.html", "index.html"), (COMPONENT, "activity-log.js")]
    {
        let response = http::get(dev.port, path, &[]).await.unwrap();
        let built = format!("{PROJECT}/viewer/dist/");
        assert_eq!(response.body(), &std::fs::read(format!("{built}{name}")).unwrap(), "{path}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    }
    for path in ["/viewer/none.js", "/viewer/..%2fCargo.toml", "/viewer/%2e%2e"] {
        let (status, problem) = get(dev.port, path, token).await;
        assert_eq!((status, &problem["code"]), (404, &"file_not_found".into()), "{path}");
    }
}

/// Of a function with several threads, `cargo lambda watch` loses a long response now and then.
fn see_that_functions_have_one_thread(dev: &Dev) {
    let mut functions = Vec::new();
    for Process { id, command } in dev.processes() {
        if let Some(function) = command.strip_prefix("target/debug/") {
            let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap().count();
            assert_eq!(threads, 1, "{function}");
            functions.push(function.trim().to_owned());
        }
    }
    functions.sort();
    assert_eq!(functions, FUNCTIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_gets_an_api_that_answers_and_can_be_written_to_and_stopped() {
    let folder = folder();
    let dev = Dev::start(&["--data-dir", folder.path().to_str().unwrap()]);

    // The curl line, pasted.
    let line = dev.printed.lines().find(|line| line.trim_start().starts_with("curl ")).unwrap();
    let mut words = line.split('\'').filter(|word| !word.trim().is_empty());
    let (_, header, url) = (words.next(), words.next().unwrap(), words.next().unwrap());
    let token = header.strip_prefix("Authorization: Bearer ").unwrap();
    let path = url.strip_prefix(&format!("http://127.0.0.1:{}", dev.port)).unwrap();
    let (status, page) = get(dev.port, path, token).await;
    assert_eq!((status, &page["pagination"]["total"]), (200, &150.into()), "{page}");
    assert_eq!(page["data"].as_array().unwrap().len(), 2);

    see_the_viewer(&dev, token).await;

    // The examples of docs/api.md.
    let examples = documented_examples();
    assert!(examples.len() >= 5);
    for (path, response) in examples {
        let (_, mut body) = get(dev.port, &path, token).await;
        if let Some(id) = body.get_mut("requestId") {
            *id = response["requestId"].clone();
        }
        assert_eq!(body, response, "{path}");
    }

    // The other routes, and what cargo lambda makes of slugs and ids in the path.
    for (path, status, member, value) in [
        ("/api/activities/1", 200, "/data/id", Value::from(1)),
        ("/api/activities/2", 200, "/data/metadata/statusCode", 200.into()),
        ("/api/activities/x", 400, "/message", "Invalid activity ID".into()),
        ("/api/activities/999", 404, "/message", "Activity entry not found".into()),
        ("/api/activities/151", 403, "/code", "not_your_activity".into()),
        ("/api/activities/codepanel/master?limit=1", 200, "/pagination/total", 38.into()),
        ("/api/activities/codepanel/none", 404, "/code", "project_or_environment_not_found".into()),
        ("/api/activities?projectSlug=codepanel", 200, "/pagination/total", 38.into()),
        ("/api/activities?limit=1&offset=149", 200, "/data/0/id", 1.into()),
        ("/api/activities?limit=-1", 400, "/parameter", "limit".into()),
    ] {
        let (answered, body) = get(dev.port, path, token).await;
        assert_eq!((answered, body.pointer(member)), (status, Some(&value)), "{path}: {body}");
    }
    let (status, problem) = get(dev.port, "/api/activities", "x").await;
    assert_eq!((status, &problem["code"]), (401, &"unauthenticated".into()));

    // What is imported while it runs is there at once, and a token of the tool is good for it.
    let lines = concat!(
        r#"{"type":"project","id":20,"userId":3,"slug":"a+b %2F é","name":"Odd"}"#,
        "\n",
        r#"{"type":"environment","id":21,"userId":3,"projectId":20,"slug":"x/y","name":"Odd"}"#,
        "\n",
        r#"{"type":"activity","userId":3,"projectId":20,"environmentId":21,"action":"sync","#,
        r#""createdAt":"2026-01-01T00:00:00Z"}"#
    );
    let output = run(&dev.endpoint(), &["import"], lines);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let token = text(&tool(&["token", "--user", "3", "--local"]).output().unwrap().stdout);
    let token = token.trim().to_owned();
    let (_, page) = get(dev.port, "/api/activities?limit=1", &token).await;
    assert_eq!(
        (&page["pagination"]["total"], &page["data"][0]["action"]),
        (&151.into(), &"sync".into())
    );
    assert!(run(&dev.endpoint(), &["verify"], "").status.success());

    let odd = "/api/activities/a+b%20%252F%20%C3%A9/x%2Fy";
    assert_eq!(get(dev.port, odd, &token).await.1["pagination"]["total"], 1, "decoded once");

    // The queue's function, by the command of docs/recording.md.
    let recorded = Command::new("cargo")
        .args(["lambda", "invoke", "--invoke-address", "127.0.0.1"])
        .args(["--invoke-port", &dev.port.to_string()])
        .args(["--data-file", "events/record-activities.json", "record-activities"])
        .current_dir(PROJECT)
        .output()
        .unwrap();
    assert_eq!(text(&recorded.stdout).trim(), r#"{"batchItemFailures":[]}"#, "{recorded:?}");
    let (_, page) = get(dev.port, "/api/activities?limit=2&resourceType=function", &token).await;
    assert_eq!(page["data"][0]["action"], "invoke");
    assert_eq!(page["data"][1]["metadata"]["codeSize"], 48_213);

    see_that_functions_have_one_thread(&dev);

    // A port in use is said in one line, with the process that uses it.
    let (free, dynamodb_free) = free_ports();
    assert_eq!(
        refusal(dev.port, dynamodb_free),
        format!(
            "activities: port {} is in use by cargo-lambda (process {}): stop it, or give another \
             port with --port\n",
            dev.port,
            dev.process("cargo-lambda").id
        )
    );
    assert_eq!(
        refusal(free, dev.dynamodb_port),
        format!(
            "activities: port {} is in use by activities (process {}): stop it, or give another \
             port with --dynamodb-port\n",
            dev.dynamodb_port,
            dev.child.id()
        )
    );
    assert_eq!(refusal(free, free), "activities: --port and --dynamodb-port must differ\n");

    dev.stop();

    // The data is kept, and the sample data is not loaded twice.
    let dev = Dev::start(&["--data-dir", folder.path().to_str().unwrap()]);
    let verified = text(&run(&dev.endpoint(), &["verify"], "").stdout);
    assert!(verified.starts_with("verified: 2 users, 157 entries"), "{verified}");
    dev.stop();
}

#[test]
fn a_sudden_end_leaves_no_process_behind() {
    // From the first process that it starts to the functions that respond.
    for moment in ["guard", "cargo-lambda", "cargo run"] {
        let dev = Dev::spawn(&["--empty"]);
        dev.process(moment);
        dev.kill();
    }
    let dev = Dev::start(&["--empty"]);
    dev.process("debug/list-activities");
    dev.kill();
}

/// The functions as `activities dev` built them, with its secret and another database.
#[test]
fn its_secret_is_refused_by_a_function_whose_database_is_elsewhere() {
    let dev = Dev::start(&["--empty"]);
    let function = dev.process("debug/list-activities").command;
    let started = |endpoint: &str| {
        Command::new(function.trim())
            .envs(activity_log_local::variables(endpoint))
            // Where Lambda's runtime would be: nothing listens there.
            .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
            .env("AWS_LAMBDA_FUNCTION_NAME", "list-activities")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .current_dir(PROJECT)
            .output()
            .unwrap()
    };
    for endpoint in ["", "https://dynamodb.us-east-1.amazonaws.com"] {
        let output = started(endpoint);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success() && said.contains("JWT_SECRET"), "{said}");
    }
    let output = started(&dev.endpoint());
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(!said.contains("JWT_SECRET"), "{said}");
    dev.stop();
}

#[test]
fn a_sudden_end_of_its_guard_ends_it_with_an_error() {
    let mut dev = Dev::start(&["--empty"]);
    kill(Pid::from_raw(dev.process(" guard ").id), Signal::SIGKILL).unwrap();
    assert_eq!(dev.child.wait().unwrap().code(), Some(1));
    dev.until_nothing_is_left();
}

/// `make test` installs schemathesis before it runs the tests.
#[test]
fn a_tester_that_knows_only_openapi_yaml_finds_no_difference() {
    let dev = Dev::start(&[]);
    let token = text(&tool(&["token", "--user", "3", "--local"]).output().unwrap().stdout);
    let output = Command::new(".tools/bin/schemathesis")
        .args(["--config-file", "tools/schemathesis.toml", "run", "openapi.yaml"])
        .args(["--url", &format!("http://127.0.0.1:{}", dev.port)])
        .args(["--header", &format!("Authorization: Bearer {}", token.trim())])
        .args(["--checks", "all", "--max-examples", "40", "--seed", "1", "--no-color"])
        .args(["--workers", "2"])
        .env("PYTHONPATH", ".tools")
        .current_dir(PROJECT)
        .output()
        .expect("schemathesis is not installed: run the tests with `make test`");
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("Tested: 3") && said.contains("No issues found"), "{said}");
    dev.stop();
}

#[test]
fn a_missing_tool_is_said_in_one_line() {
    let folder = folder();
    // A cargo that knows of no cargo-lambda.
    std::os::unix::fs::symlink("/bin/false", folder.path().join("cargo")).unwrap();
    let output = tool(&["dev"]).env("PATH", folder.path()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("cargo-lambda is not installed"), "{said}");
}
