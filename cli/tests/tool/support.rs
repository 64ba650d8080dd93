//! Runs the tool.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output};

use activity_log_local::engine::Engine;
use activity_log_local::folder::Folder;
use activity_log_local::kit::{self, TEMPLATE};

/// The root of the project.
pub(crate) const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The sample data of `activities dev`.
pub(crate) const SAMPLE: &str = include_str!("../../sample.ndjson");

/// The tool, to be run at the root of the project with nothing of this machine's AWS environment.
pub(crate) fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_activities"));
    command.args(arguments).current_dir(PROJECT);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("JWT_") || text.ends_with("_TABLE") {
            command.env_remove(name);
        }
    }
    command
}

/// The tool, for the log at `endpoint`.
pub(crate) fn tool_at(endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = tool(arguments);
    command.arg("--local").env("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
    command
}

/// Runs the tool against the log at `endpoint`.
pub(crate) fn run(endpoint: &str, arguments: &[&str], input: &str) -> Output {
    kit::run(&mut tool_at(endpoint, arguments), input)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An empty log.
pub(crate) async fn engine() -> Engine {
    Engine::in_memory(TEMPLATE).await.unwrap()
}

/// Two ports that are free at the moment.
pub(crate) fn free_ports() -> (u16, u16) {
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [first, second] = listeners.map(|listener| listener.local_addr().unwrap().port());
    (first, second)
}

/// What `activities dev` prints until it says how to stop it, or ends.
pub(crate) fn read_until_ready(dev: &mut Child) -> String {
    let mut printed = String::new();
    let mut output = BufReader::new(dev.stdout.take().unwrap());
    while !printed.lines().any(|line| line.starts_with("Ctrl-C")) {
        if output.read_line(&mut printed).unwrap() == 0 {
            break;
        }
    }
    printed
}

/// A program of the shell, `name` in `folder`.
pub(crate) fn script(folder: &Folder, name: &str, text: &str) {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// A folder of its own for a test; removed with it.
pub(crate) fn folder() -> Folder {
    Folder::new("activities-test").unwrap()
}
