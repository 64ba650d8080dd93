//! Processes of this machine: a program that is run with everything it starts, and stopped with
//! everything it started.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};
use tokio::process::{Child, Command};

/// A program, which must keep no state that a sudden end would harm, and everything it starts. It
/// is all that this process has started.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Child,
    /// The process group of `root`.
    group: Option<Pid>,
}

impl Tree {
    /// Starts `command` in a process group of its own.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        adopt_orphans()?;
        let root = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = root.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Self { root, group })
    }

    /// Waits until the program itself has ended.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.root.wait().await
    }

    /// Ends the program and everything that it started, whatever group that is in. Returns the
    /// status of the program itself.
    pub(crate) async fn stop(mut self) -> io::Result<ExitStatus> {
        kill_all(&descendants());
        // Without /proc, the group is all that is known of what the program started.
        if let Some(group) = self.group {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let status = self.root.wait().await;
        end_descendants().await;
        status
    }
}

/// Ends everything that this process started, and what was started by that.
///
/// No [`Child`] may be waited for at the same time: this function takes the status of every one.
pub(crate) async fn end_descendants() {
    loop {
        let left = descendants();
        if left.is_empty() {
            return;
        }
        kill_all(&left);
        tokio::time::sleep(Duration::from_millis(5)).await;
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|of| of != WaitStatus::StillAlive)
        {
        }
    }
}

/// Kills `processes`, the last first.
fn kill_all(processes: &[Pid]) {
    // The leaves first, so that none lives to complain that its parent is gone.
    for process in processes.iter().rev() {
        // A signal to what has ended already fails, and that is as it should be.
        let _ = kill(*process, Signal::SIGKILL);
    }
}

/// Makes this process the parent of its descendants whose own parent ends.
#[cfg(target_os = "linux")]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// Elsewhere there is no such thing; a function ends by itself when the runtime that it asks for
/// requests has ended.
#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// All processes that this one started, and those that they started, parents before children.
fn descendants() -> Vec<Pid> {
    let processes: Vec<(Pid, Pid)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|process| {
            let id = process.file_name().to_str()?.parse().ok().map(Pid::from_raw)?;
            Some((id, parent(&process.path().join("stat"))?))
        })
        .collect();
    let mut found = vec![getpid()];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(processes.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

/// The parent that a `/proc/PID/stat` names.
fn parent(stat: &std::path::Path) -> Option<Pid> {
    let stat = std::fs::read_to_string(stat).ok()?;
    // The command, in parentheses, may hold anything; the parent is the second field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(Pid::from_raw(fields.split_whitespace().nth(1)?.parse().ok()?))
}
