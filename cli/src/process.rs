//! A program that is run with everything it starts, and stopped with everything it started.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, wait};
use tokio::process::{Child, Command};

/// A program, which must keep no state that a sudden end would harm.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Child,
    /// Also the id of its process group.
    root_id: Option<Pid>,
}

impl Tree {
    /// Starts `command` in a process group of its own, so that a Ctrl-C at the terminal reaches
    /// this process alone.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        adopt_orphans()?;
        let root = command.process_group(0).kill_on_drop(true).spawn()?;
        let root_id = root.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { root, root_id })
    }

    /// Waits until the program itself has ended.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.root.wait().await
    }

    /// Ends the program and everything that it started, whatever group that is in.
    pub(crate) async fn stop(mut self) {
        // Signals to what has ended already fail, and that is as it should be.
        if let Some(root) = self.root_id {
            // The leaves first, so that none lives to complain that its parent is gone.
            for descendant in descendants(root).into_iter().rev() {
                let _ = kill_process(descendant, Signal::KILL);
            }
            let _ = kill_process_group(root, Signal::KILL);
        }
        let _ = self.root.wait().await;
        // With its parent gone, what the program started has become a child of this process.
        loop {
            let orphans = descendants(getpid());
            if orphans.is_empty() {
                return;
            }
            for orphan in orphans {
                let _ = kill_process(orphan, Signal::KILL);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        }
    }
}

/// Makes this process the parent of its descendants whose own parent ends.
#[cfg(target_os = "linux")]
fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(getpid()))?)
}

/// Elsewhere there is no such thing; a function ends by itself when the runtime that it asks for
/// requests has ended.
#[cfg(not(target_os = "linux"))]
fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// All processes that `ancestor` started, parents before children.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let processes: Vec<(Pid, Pid)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|process| {
            let id = process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
            Some((id, parent(&process.path().join("stat"))?))
        })
        .collect();
    let mut found = vec![ancestor];
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
    Pid::from_raw(fields.split_whitespace().nth(1)?.parse().ok()?)
}
