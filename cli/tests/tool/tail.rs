//! `tail`: a log as it grows.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use activity_log_local::engine::Engine;
use activity_log_local::folder::Folder;
use activity_log_local::kit::TEMPLATE;
use serde_json::{Value, json};

use crate::support::{SAMPLE, engine, folder, free_ports, run, text, tool_at};

/// A log of user 3 with `count` entries, numbered from 1 by their resource's id.
async fn log(count: u64) -> Engine {
    let engine = engine().await;
    record(&engine, 1, count);
    engine
}

/// The lines of entries, as `import` reads them.
fn lines(first: u64, last: u64) -> Vec<String> {
    let line = |number| {
        format!(
            r#"{{"type":"activity","id":{number},"userId":3,"projectId":4,"resourceType":"function","resourceId":{number},"action":"create","createdAt":"2024-01-15T10:30:00.000Z"}}"#
        )
    };
    (first..=last).map(line).collect()
}

fn record(engine: &Engine, first: u64, last: u64) {
    let imported = run(&engine.endpoint(), &["import"], &lines(first, last).join("\n"));
    assert!(imported.status.success(), "{}", text(&imported.stderr));
}

fn tail(engine: &Engine, arguments: &[&str]) -> Output {
    run(&engine.endpoint(), &[&["tail", "--user", "3"], arguments].concat(), "")
}

/// The same at `endpoint`, without waiting for its end.
fn spawn(endpoint: &str, arguments: &[&str]) -> Child {
    let mut command = tool_at(endpoint, &["tail", "--user", "3"]);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The numbers of the entries on whole lines.
fn numbers(output: &str) -> Vec<u64> {
    let whole = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let entries = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.map(|entry| entry["resourceId"].as_u64().unwrap()).collect()
}

/// The arguments that name a note in `folder`.
fn note(folder: &Folder) -> String {
    folder.path().join("note.json").to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tail_writes_is_the_log_as_export_has_it_without_names_and_end() {
    let engine = engine().await;
    run(&engine.endpoint(), &["import"], SAMPLE);
    let exported = text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout);
    let entries = exported.lines().filter(|line| line.contains(r#""type":"activity""#));
    let entries: Vec<&str> = entries.collect();
    assert!(entries.len() > 100);
    let tailed = tail(&engine, &["--batch", "7"]);
    assert!(tailed.status.success());
    assert_eq!(text(&tailed.stdout).lines().collect::<Vec<_>>(), entries);
    let since = serde_json::from_str::<Value>(entries[50]).unwrap()["createdAt"].clone();
    let tailed = tail(&engine, &["--since", since.as_str().unwrap()]);
    assert_eq!(text(&tailed.stdout).lines().collect::<Vec<_>>(), entries[50..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_one_of_cloudevents_1_0_with_the_entry_as_its_data() {
    let engine = log(1).await;
    let bare = r#"{"type":"activity","id":9,"userId":3,"action":"sign_in","createdAt":"2024-01-15T10:31:00.000Z"}"#;
    run(&engine.endpoint(), &["import"], bare);
    let entries = text(&tail(&engine, &[]).stdout);
    let entries: Vec<Value> =
        entries.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events = text(&tail(&engine, &["--format", "cloudevents"]).stdout);
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        json!({
            "specversion": "1.0",
            "id": "1",
            "source": "/users/3",
            "type": "activity.function.create",
            "subject": "function/1",
            "time": "2024-01-15T10:30:00.000Z",
            "datacontenttype": "application/json",
            "data": entries[0],
        }),
        json!({
            "specversion": "1.0",
            "id": "9",
            "source": "/users/3",
            "type": "activity.sign_in",
            "time": "2024-01-15T10:31:00.000Z",
            "datacontenttype": "application/json",
            "data": entries[1],
        }),
    ];
    assert_eq!(events, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_goes_on_where_the_last_one_ended() {
    let (engine, folder) = (log(0).await, folder());
    let note = note(&folder);
    let resumed = || {
        let output = tail(&engine, &["--resume", &note, "--batch", "10"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        numbers(&text(&output.stdout))
    };
    assert_eq!(resumed(), Vec::<u64>::new());
    let mut next = 1;
    for count in [25, 0, 64, 1, 130] {
        record(&engine, next, next + count - 1);
        assert_eq!(resumed(), (next..next + count).collect::<Vec<_>>());
        next += count;
    }
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_loses_nothing_and_repeats_at_most_a_batch() {
    const ENTRIES: u64 = 1_500;
    const BATCH: u64 = 20;
    let (engine, folder) = (log(ENTRIES).await, folder());
    let note = note(&folder);
    let mut random = fastrand::Rng::with_seed(1);
    // The last entry that was on a line of any run.
    let mut last = 0;
    let mut runs = 0;
    while last < ENTRIES {
        let mut child =
            spawn(&engine.endpoint(), &["--resume", &note, "--batch", &BATCH.to_string()]);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut read = String::new();
        for _ in 0..random.usize(..120) {
            output.read_line(&mut read).unwrap();
        }
        child.kill().unwrap();
        output.read_to_string(&mut read).unwrap();
        child.wait().unwrap();
        let numbers = numbers(&read);
        if let (Some(first), Some(end)) = (numbers.first(), numbers.last()) {
            assert!(numbers.is_sorted_by(|one, next| one + 1 == *next), "{numbers:?}");
            assert!(*first <= last + 1, "run {runs} began with {first}, and {last} was the last");
            assert!(last + 1 - first <= BATCH, "run {runs} repeated {first} to {last}");
            last = last.max(*end);
        }
        runs += 1;
        assert!(runs < 500, "{last} of {ENTRIES}");
    }
    // A pipe has no room for half of them.
    assert!(runs > 1, "it was never killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_a_batch_and_its_note_it_repeats_that_batch() {
    let (engine, folder) = (log(30).await, folder());
    let note = note(&folder);
    // Whoever opens a named pipe for writing waits for a reader, and here there is none.
    let new = format!("{note}.new");
    assert!(Command::new("mkfifo").arg(&new).status().unwrap().success());
    let arguments = ["--resume", &note, "--batch", "20"];
    let mut child = spawn(&engine.endpoint(), &arguments);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut read = String::new();
    for _ in 0..20 {
        output.read_line(&mut read).unwrap();
    }
    child.kill().unwrap();
    output.read_to_string(&mut read).unwrap();
    child.wait().unwrap();
    assert_eq!(numbers(&read), (1..=20).collect::<Vec<_>>());
    std::fs::remove_file(new).unwrap();
    let mut child = spawn(&engine.endpoint(), &arguments);
    let mut read = String::new();
    child.stdout.take().unwrap().read_to_string(&mut read).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(numbers(&read), (1..=30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_a_killed_run_left_half_written_in_a_file_takes_no_other_with_it() {
    let (engine, folder) = (log(3).await, folder());
    let (file, note) = (folder.path().join("activities.ndjson"), note(&folder));
    let append = |last: u64| {
        let arguments = ["tail", "--user", "3", "--resume", &note];
        let mut command = tool_at(&engine.endpoint(), &arguments);
        let output = std::fs::OpenOptions::new().append(true).create(true).open(&file).unwrap();
        assert!(command.stdout(output).status().unwrap().success());
        let text = std::fs::read_to_string(&file).unwrap();
        let read = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let read: Vec<u64> = read.map(|entry| entry["resourceId"].as_u64().unwrap()).collect();
        assert_eq!(read, (1..=last).collect::<Vec<_>>(), "{text}");
        text
    };
    assert_eq!(append(3).lines().count(), 3);
    record(&engine, 4, 4);
    assert_eq!(append(4).lines().count(), 4, "a whole line needs no end");
    let mut half = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
    std::io::Write::write_all(&mut half, b"{\"type\":\"act").unwrap();
    record(&engine, 5, 6);
    assert_eq!(append(6).lines().count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn following_it_waits_for_what_is_new() {
    let (engine, folder) = (log(3).await, folder());
    let note = note(&folder);
    let mut child = spawn(&engine.endpoint(), &["--follow", "--interval", "1", "--resume", &note]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut read = async |count: usize| {
        let mut lines = String::new();
        for _ in 0..count {
            output.read_line(&mut lines).unwrap();
        }
        numbers(&lines)
    };
    assert_eq!(read(3).await, [1, 2, 3]);
    record(&engine, 4, 5);
    assert_eq!(read(2).await, [4, 5]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_listens_only_who_follows_tries_again() {
    let (port, _) = free_ports();
    let nowhere = format!("http://127.0.0.1:{port}");
    let tries_again = |child: &mut Child| {
        let (mut errors, mut said) = (BufReader::new(child.stderr.take().unwrap()), String::new());
        errors.read_line(&mut said).unwrap();
        // Kept open: it may say more.
        (said.ends_with("; trying again\n"), errors)
    };
    let mut child = spawn(&nowhere, &[]);
    assert!(!tries_again(&mut child).0 && !child.wait().unwrap().success());
    let mut child = spawn(&nowhere, &["--follow"]);
    let (tries_again, _errors) = tries_again(&mut child);
    assert!(tries_again);
    let engine = Engine::open(None, port, TEMPLATE).await.unwrap();
    record(&engine, 1, 2);
    let mut lines = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    while lines.lines().count() < 2 {
        assert_ne!(output.read_line(&mut lines).unwrap(), 0, "{lines}");
    }
    assert_eq!(numbers(&lines), [1, 2]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rewritten_is_told_of_and_one_put_back_as_it_was_goes_on() {
    let (engine, folder) = (log(40).await, folder());
    let note = note(&folder);
    let resume = ["--resume", note.as_str()];
    assert_eq!(numbers(&text(&tail(&engine, &resume).stdout)).len(), 40);
    let erase = || {
        let erased = run(&engine.endpoint(), &["erase", "--user", "3", "--yes"], "");
        assert!(erased.status.success(), "{}", text(&erased.stderr));
    };
    let refused = || {
        let output = tail(&engine, &resume);
        assert!(!output.status.success());
        assert_eq!(text(&output.stdout), "");
        let said = text(&output.stderr);
        assert!(said.contains("was rewritten") && said.contains(&note), "{said}");
    };
    erase();
    refused();
    record(&engine, 1, 41);
    assert_eq!(numbers(&text(&tail(&engine, &resume).stdout)), [41]);
    erase();
    record(&engine, 2, 42);
    refused();
    std::fs::remove_file(&note).unwrap();
    assert_eq!(numbers(&text(&tail(&engine, &resume).stdout)).len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_is_none_is_named_and_kept() {
    let (engine, folder) = (log(1).await, folder());
    let note = note(&folder);
    for (content, reason) in [
        ("", "EOF"),
        ("{}", "version"),
        (r#"{"version":2,"place":7}"#, "unknown version 2"),
        (r#"{"version":1,"userId":8}"#, "it is of user 8"),
        (r#"{"version":1,"userId":3,"after":{"position":1}}"#, "missing field"),
    ] {
        std::fs::write(&note, content).unwrap();
        let output = tail(&engine, &["--resume", &note]);
        assert!(!output.status.success(), "{content}");
        let said = text(&output.stderr);
        assert!(said.contains(&note) && said.contains(reason), "{said}");
        assert_eq!(std::fs::read_to_string(Path::new(&note)).unwrap(), content);
        assert_eq!(text(&output.stdout), "");
    }
}
