//! The peer in JavaScript, and whether it can run here.
//!
//! Its handler is written as AWS's examples are. The loop that hands events to it is our own: AWS's
//! client of the Runtime API for Node.js compiles native code when it is installed. So what Lambda's
//! own runtime takes to start is not part of what is measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program that runs the handler, and its argument. Its environment is the caller's to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Node.js.
    pub program: &'static str,
    /// The loop, which runs the handler.
    pub script: PathBuf,
}

/// The peer, if it can run.
///
/// # Errors
/// What is missing, for people.
pub fn find() -> Result<Peer, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    let version =
        Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        return Err("Node.js is not installed".to_owned());
    }
    if !folder.join("node_modules").is_dir() {
        return Err("the modules of the Node.js peer are not installed: make peers".to_owned());
    }
    Ok(Peer { program: "node", script: folder.join("runtime.mjs") })
}
