//! The procedure of docs/operations.md that puts a user's log back, run as it stands there, with a
//! failure at each of its steps.

use std::process::{Command, Output};

use activity_log_local::engine::Engine;
use activity_log_local::folder::Folder;

use crate::support::{SAMPLE, engine, folder, run, script, text};

const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// How many commands of the tool the procedure has.
const STEPS: usize = 7;

/// Which of them erases.
const ERASE: usize = 5;

/// `activities`, as it is found on the path: counts its calls, and fails at one of them. An export that
/// breaks off writes half of its lines, and may even say that all is well.
const TOOL: &str = r#"#!/bin/sh
echo >> calls
if [ "$(wc -l < calls)" = "$FAIL_AT" ]; then
  [ "$1" = export ] && "$TOOL" "$@" --local | head -n 20
  exit "$FAIL_WITH"
fi
exec "$TOOL" "$@" --local
"#;

/// The commands of the section on one user's log.
fn procedure() -> &'static str {
    let (_, section) = OPERATIONS.split_once("**One user's log**").unwrap();
    let (_, commands) = section.split_once("```sh\n").unwrap();
    commands.split_once("```").unwrap().0
}

/// Two logs: the one that is to be put back, and the one that it was.
struct Logs {
    now: Engine,
    then: Engine,
}

impl Logs {
    async fn new() -> Self {
        let (now, then) = (engine().await, engine().await);
        let later =
            r#"{"type":"activity","userId":3,"action":"later","createdAt":"2024-06-01T00:00:00Z"}"#;
        run(&then.endpoint(), &["import"], SAMPLE);
        run(&now.endpoint(), &["import"], &format!("{SAMPLE}\n{later}\n"));
        Self { now, then }
    }

    /// Runs the procedure, of which one call of the tool fails.
    fn restore(&self, folder: &Folder, fail_at: usize, fail_with: u8) -> Output {
        script(folder, "activities", TOOL);
        let _ = std::fs::remove_file(folder.path().join("calls"));
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let restored = format!(
            "restored() {{ AWS_ENDPOINT_URL_DYNAMODB={} \"$@\"; }}\n",
            self.then.endpoint()
        );
        Command::new("sh")
            .args(["-c", &(restored + procedure())])
            .current_dir(folder.path())
            .env("PATH", path)
            .env("TOOL", env!("CARGO_BIN_EXE_activities"))
            .env("FAIL_AT", fail_at.to_string())
            .env("FAIL_WITH", fail_with.to_string())
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.now.endpoint())
            .output()
            .unwrap()
    }

    fn exported(engine: &Engine) -> String {
        text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_log_is_put_back_as_the_operations_page_says() {
    let (logs, folder) = (Logs::new().await, folder());
    let was = Logs::exported(&logs.now);
    let output = logs.restore(&folder, 0, 0);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(Logs::exported(&logs.now), Logs::exported(&logs.then));
    let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), STEPS);
    assert_eq!(std::fs::read_to_string(folder.path().join("now.ndjson")).unwrap(), was);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_at_the_first_failure_and_erases_nothing_after_an_export_that_broke_off() {
    let logs = Logs::new().await;
    let (was, wanted) = (Logs::exported(&logs.now), Logs::exported(&logs.then));
    // A failing export may even end without an error, as when only its pipe is broken.
    let failures = (1..=STEPS).map(|step| (step, 1)).chain([(1, 0), (2, 0)]);
    for (step, status) in failures {
        let folder = folder();
        let output = logs.restore(&folder, step, status);
        assert!(!output.status.success(), "step {step}: {output:?}");
        let is_stopped = std::fs::read_to_string(folder.path().join("calls")).unwrap();
        let calls = is_stopped.lines().count();
        assert!(if status > 0 { calls == step } else { calls < ERASE }, "step {step}: {calls}");
        let now = Logs::exported(&logs.now);
        if step <= ERASE {
            assert_eq!(now, was, "step {step}");
            continue;
        }
        // The rest of the procedure, by hand; and then the log as it was, for the next step.
        let file = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(run(&logs.now.endpoint(), &["import"], &file("then.ndjson")).status.success());
        assert_eq!(Logs::exported(&logs.now), wanted, "step {step}");
        run(&logs.now.endpoint(), &["erase", "--user", "3", "--yes"], "");
        run(&logs.now.endpoint(), &["import"], &file("now.ndjson"));
        assert_eq!(Logs::exported(&logs.now), was);
    }
}
