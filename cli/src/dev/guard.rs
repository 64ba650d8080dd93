//! `activities guard`: a program that ends when the process that wanted it ends, however that is.
//!
//! A process cannot clean up after its own SIGKILL. So `activities dev` does not start
//! `cargo lambda watch` itself: it starts this same executable as a guard, and the guard starts the
//! program. The guard's standard input is a pipe whose other end only `activities dev` holds. The
//! system closes that end when `activities dev` ends, and the guard then ends the program and
//! everything that the program started.
//!
//! Linux can also send a signal to a child when its parent ends, but not to the children of that
//! child, and other systems cannot. A pipe does the same everywhere.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus, Stdio};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, Command};

use super::process::{Tree, adopt_orphans, end_descendants};
use super::stop::Stop;
use crate::failure::Failure;

/// A command that runs `program` under a guard. Its arguments, environment and folder are those of
/// `program`.
pub(crate) fn command(program: &str) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["guard", program]);
    Ok(command)
}

/// A running guard, as the process that started it sees it. Dropping it stops the program, too.
#[derive(Debug)]
pub(crate) struct Guard {
    process: Child,
    /// The end of the pipe that must stay open. Nothing is ever written to it.
    pipe: ChildStdin,
}

impl Guard {
    /// Starts what [`command`] made, in a process group of its own, so that a Ctrl-C at the
    /// terminal reaches this process alone.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        // If the guard is killed, its program becomes a child of this process.
        adopt_orphans()?;
        let mut process = command.process_group(0).stdin(Stdio::piped()).spawn()?;
        let pipe = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { process, pipe })
    }

    /// Waits until the guard has ended, which it does with the status of its program.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Ends the program and everything that it started.
    pub(crate) async fn stop(mut self) {
        drop(self.pipe);
        // Even if the guard's status is lost, its program must end.
        let _ = self.process.wait().await;
        end_descendants().await;
    }
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Runs the program until it ends, the pipe is closed or a signal asks to stop. Returns the
/// program's exit code or, as a shell does, 128 and the number of the signal that ended it.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    // With a name of its own, the guard outlives `pkill -9 activities` and ends the program. Where
    // there is no /proc, the guard keeps the name that it has.
    let _ = std::fs::write("/proc/self/comm", "dev-guard");
    let mut stop = Stop::new()?;
    let mut pipe = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut words = arguments.command.into_iter();
    let mut command = Command::new(words.next().ok_or("there is no program to run")?);
    command.args(words).stdin(Stdio::null());
    let mut program = Tree::start(command)?;
    tokio::select! {
        _ = program.wait() => {}
        _ = pipe.read_u8() => {}
        () = stop.asked() => {}
    }
    let status = program.stop().await?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
