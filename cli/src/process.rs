//! A program that is run with everything it starts, and stopped with everything it started.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

/// How long a program may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A program that leads a process group of its own.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts `command`.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let leader = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { leader, id })
    }

    /// Waits until the program itself has ended.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait().await
    }

    /// Asks the whole group to end, waits, and kills what is left of it.
    pub(crate) async fn stop(mut self) {
        let Some(id) = self.id else { return };
        // A signal to a group that has ended already fails, and that is as it should be.
        let _ = kill_process_group(id, Signal::TERM);
        let _ = tokio::time::timeout(GRACE, async {
            let _ = self.leader.wait().await;
            while test_kill_process_group(id).is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let _ = kill_process_group(id, Signal::KILL);
        let _ = self.leader.wait().await;
    }
}
