//! The commands of README.md are run, and the responses that the page shows are compared with what they print.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::support::{PROJECT, free_ports, read_until_ready, text};

const README: &str = include_str!("../../../README.md");

/// The fenced blocks of a page, each with its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fences = page.split("\n```").skip(1).step_by(2);
    fences.map(|block| block.split_once('\n').unwrap()).collect()
}

/// A terminal in which `make run` runs, as the first command of the README.
struct Terminal {
    make: Child,
    port: u16,
}

impl Terminal {
    /// Runs the command on free ports, and waits until it says how to end it.
    fn open(command: &str) -> Self {
        let (port, dynamodb_port) = free_ports();
        let ports = format!(" ARGS='--port {port} --dynamodb-port {dynamodb_port}'");
        let mut make = Command::new("sh")
            .args(["-c", &format!("exec {}{ports}", command.trim())])
            .current_dir(PROJECT)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let printed = read_until_ready(&mut make);
        let terminal = Self { make, port };
        assert!(printed.contains("Ctrl-C"), "`{command}` ended before the API was there");
        terminal
    }
}

impl Drop for Terminal {
    /// Ctrl-C, which the terminal sends to all processes of its foreground.
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.make.id().try_into().unwrap()), Signal::SIGINT);
        let _ = self.make.wait();
    }
}

/// Whether `shown` is `response`, but for white space and for what `…` stands for.
fn is_shown(shown: &str, response: &str) -> bool {
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    let (shown, response) = (without_space(shown), without_space(response));
    let Some((first, others)) = shown.split_once('…') else { return shown == response };
    let (between, last) = others.rsplit_once('…').unwrap_or(("", others));
    let inner = response.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = inner else { return false };
    between.split('…').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn what_is_cut_may_be_anything_and_what_is_shown_may_not() {
    for (shown, response) in
        [("{ \"a\": 1, … }", "{\"a\":1,\"b\":{}}"), ("[1, … 2 … 3]", "[1,1,2,2,3]"), ("[]", " [ ]")]
    {
        assert!(is_shown(shown, response), "{shown} {response}");
    }
    for (shown, response) in
        [("{ … }", "{1}]"), ("[1, … 3]", "[1,2]"), ("[… 3 … 2]", "[1,2]"), ("[1]", "[1,2]")]
    {
        assert!(!is_shown(shown, response), "{shown} {response}");
    }
}

#[test]
fn every_command_of_the_readme_prints_what_it_shows() {
    let all = blocks(README);
    let ((_, first), rest) = all.split_first().unwrap();
    let terminal = Terminal::open(first);
    // Variables that one block sets are there in the next.
    let mut typed = String::new();
    let mut compared = 0;
    for (at, (language, block)) in rest.iter().enumerate() {
        if *language != "sh" {
            continue;
        }
        let port = format!("127.0.0.1:{}", terminal.port);
        let block = block.replace("127.0.0.1:9000", &port);
        let (before, last) = block.trim().rsplit_once('\n').unwrap_or(("", block.trim()));
        assert!(last.starts_with("curl "), "nothing tests this command: {last}");
        typed = format!("{typed}{before}\n");
        let script = format!("set -e\n{typed}{last}");
        let output =
            Command::new("sh").args(["-c", &script]).current_dir(PROJECT).output().unwrap();
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        let (language, shown) = rest[at + 1];
        assert_eq!(language, "json", "{script}");
        let response = text(&output.stdout);
        assert!(is_shown(shown, &response), "{script}\nshows{shown}\nand is {response}");
        compared += 1;
    }
    assert!(compared >= 3, "{compared}");
}
