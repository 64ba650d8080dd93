//! Runs the tool.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The tool, to be run at the root of the project with nothing of this machine's AWS environment.
pub(crate) fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_activities"));
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for name in [
        "AWS_ENDPOINT_URL_DYNAMODB",
        "ACTIVITIES_TABLE",
        "DIRECTORY_TABLE",
        "LEDGER_TABLE",
        "JWT_SECRET",
        "JWT_SECRET_PREVIOUS",
        "JWT_JWKS_URL",
        "JWT_USER_ID_CLAIM",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "JWT_LEEWAY_SECONDS",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the tool against the log at `endpoint`.
pub(crate) fn run(endpoint: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = tool(arguments)
        .arg("--local")
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // The tool may stop reading at a bad line; then the rest need not be written.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder of its own for a test; removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is under the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
