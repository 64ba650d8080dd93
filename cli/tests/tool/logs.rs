//! `import`, `export`, `verify`, `erase` and `token`.

use activity_log_local::engine::Engine;

use crate::support::{run, text, tool};

const TEMPLATE: &str = include_str!("../../../template.yaml");
const SAMPLE: &str = include_str!("../../sample.ndjson");

async fn engine() -> Engine {
    Engine::in_memory(TEMPLATE).await.unwrap()
}

/// An activity of `user` in `second`, with whatever `more` says of it.
fn activity(user: u64, second: u64, more: &str) -> String {
    format!(
        r#"{{"type":"activity","userId":{user},"action":"create"{more},"createdAt":"2024-01-15T10:00:{second:02}.000Z"}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_export_writes_import_reads() {
    let (first, second) = (engine().await, engine().await);
    let imported = run(&first.endpoint(), &["import"], SAMPLE);
    assert_eq!(
        text(&imported.stdout),
        "imported: 153 activities, 9 names; 0 activities were there\n",
        "{}",
        text(&imported.stderr)
    );
    for user in ["3", "8"] {
        let exported = text(&run(&first.endpoint(), &["export", "--user", user], "").stdout);
        let mut lines: Vec<&str> = SAMPLE
            .lines()
            .filter(|line| {
                line.contains(&format!(r#""userId":{user},"#))
                    || line.contains(&format!(r#""type":"user","id":{user},"#))
            })
            .map(str::trim_end)
            .collect();
        // The sample leaves out what is null; the export does not.
        let null = |line: &str| {
            let line: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(line).unwrap();
            line.into_iter().filter(|(_, value)| !value.is_null()).collect::<Vec<_>>()
        };
        lines.sort_by_key(|line| line.contains(r#""type":"activity""#));
        assert_eq!(exported.lines().count(), lines.len());
        for (exported, given) in exported.lines().zip(lines) {
            assert_eq!(null(exported), null(given));
        }
        run(&second.endpoint(), &["import"], &exported);
        assert_eq!(
            text(&run(&second.endpoint(), &["export", "--user", user], "").stdout),
            exported
        );
    }
    for engine in [&first, &second] {
        let verified = run(&engine.endpoint(), &["verify"], "");
        let said = text(&verified.stdout);
        assert!(said.starts_with("verified: 2 users, 153 entries, "), "{said}");
        assert!(verified.status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_deletes_names_in_the_order_of_its_lines() {
    let engine = engine().await;
    let named = |id: u64| {
        format!(r#"{{"type":"project","id":{id},"userId":3,"slug":"s{id}","name":"n{id}"}}"#)
    };
    let deleted = |id: u64| format!(r#"{{"type":"delete","userId":3,"projectId":{id}}}"#);
    let user = r#"{"type":"user","id":3,"name":"n"}"#.to_owned();
    let lines = [user, named(4), deleted(4), named(5), deleted(6), named(6), deleted(5), named(4)];
    let imported = run(&engine.endpoint(), &["import"], &lines.join("\n"));
    assert_eq!(
        text(&imported.stdout),
        "imported: 0 activities, 8 names; 0 activities were there\n",
        "{}",
        text(&imported.stderr)
    );
    let user_3 = || text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout);
    assert!(user_3().contains("n4") && user_3().contains("n6") && !user_3().contains("n5"));
    let all = [deleted(4), deleted(6), r#"{"type":"delete","userId":3}"#.to_owned()];
    assert!(run(&engine.endpoint(), &["import"], &all.join("\n")).status.success());
    assert_eq!(user_3(), "");

    let refused = run(&engine.endpoint(), &["import"], &[deleted(4), "{}".to_owned()].join("\n"));
    assert!(!refused.status.success() && text(&refused.stderr).contains("line 2"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn erase_wants_to_be_sure_and_leaves_the_others() {
    let engine = engine().await;
    run(&engine.endpoint(), &["import"], SAMPLE);
    let refused = run(&engine.endpoint(), &["erase", "--user", "8"], "");
    assert!(!refused.status.success() && text(&refused.stderr).contains("--yes"));
    let erased = run(&engine.endpoint(), &["erase", "--user", "8", "--yes"], "");
    let said = text(&erased.stdout);
    assert!(said.starts_with("erased user 8: 3 entries, "), "{said}{}", text(&erased.stderr));
    let said = text(&run(&engine.endpoint(), &["verify"], "").stdout);
    assert!(said.starts_with("verified: 1 users, 150 entries, "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_exported_erased_and_imported_has_its_hash_again() {
    let engine = engine().await;
    let user_3 = |command: &str| run(&engine.endpoint(), &[command, "--user", "3"], "");
    run(&engine.endpoint(), &["import"], SAMPLE);
    let exported = text(&user_3("export").stdout);
    let verified = text(&user_3("verify").stdout);
    assert!(verified.contains(" 150 entries, ") && verified.contains(" has the hash "));
    run(&engine.endpoint(), &["erase", "--user", "3", "--yes"], "");
    assert_eq!(text(&user_3("export").stdout), "");
    run(&engine.endpoint(), &["import"], &exported);
    assert_eq!(text(&user_3("verify").stdout), verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_run_again_skips_what_is_there() {
    let engine = engine().await;
    // Without ids, some of them the same in the same millisecond, more than a transaction's worth.
    let lines: Vec<String> = (0..500)
        .map(|number| {
            let more = format!(r#","description":"{}""#, number % 7);
            activity(3 + number % 3, number / 20, &more)
        })
        .collect();
    let half = run(&engine.endpoint(), &["import"], &(lines[..250].join("\n") + "\n"));
    assert!(text(&half.stdout).starts_with("imported: 250 activities"), "{half:?}");
    let all = run(&engine.endpoint(), &["import"], &lines.join("\n"));
    assert_eq!(text(&all.stdout), "imported: 250 activities, 0 names; 250 activities were there\n");
    let again = run(&engine.endpoint(), &["import", "-"], &lines.join("\n"));
    assert_eq!(text(&again.stdout), "imported: 0 activities, 0 names; 500 activities were there\n");
    assert!(run(&engine.endpoint(), &["verify"], "").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_stops_the_import_with_its_number_and_reason() {
    let engine = engine().await;
    let cases = [
        (r#"{"type":"activity","userId":3}"#.to_owned(), "missing field `action`"),
        ("not JSON".to_owned(), "expected"),
        (activity(3, 5, r#","environmentId":4"#), "environmentId needs projectId"),
        (activity(3, 0, r#","description":"late""#), "is not after the user's newest entry"),
        (activity(3, 3, r#","id":7"#), "id 7 is there and says something else"),
        (r#"{"type":"user","id":3}"#.to_owned(), "missing field `name`"),
    ];
    let good = [activity(3, 1, ""), String::new(), activity(3, 3, r#","id":7,"description":"d""#)];
    for (number, (bad, reason)) in cases.iter().enumerate() {
        let later = activity(3, 9, "");
        let input = format!("{}\n{bad}\n{later}\n", good.join("\n"));
        let output = run(&engine.endpoint(), &["import"], &input);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("activities: line 4: ") && said.contains(reason), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        let (new, there) = if number == 0 { (2, 0) } else { (0, 2) };
        let summary = format!("imported: {new} activities, 0 names; {there} activities were there");
        assert!(said.contains(&summary), "{said}");
    }
    let exported = run(&engine.endpoint(), &["export", "--user", "3"], "");
    assert_eq!(text(&exported.stdout).lines().count(), 2, "nothing after the bad line");
    let mended = format!("{}\n{}\n", good.join("\n"), activity(3, 9, ""));
    let output = run(&engine.endpoint(), &["import"], &mended);
    assert!(text(&output.stdout).starts_with("imported: 1 activities"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_exits_1_with_the_first_contradiction() {
    let engine = engine().await;
    run(&engine.endpoint(), &["import"], SAMPLE);
    let client = activity_log_local::client(&engine.endpoint());
    client
        .delete_item()
        .table_name("ActivitiesTable")
        .key("id", aws_sdk_dynamodb::types::AttributeValue::N("77".into()))
        .send()
        .await
        .unwrap();
    for arguments in [&["verify"][..], &["verify", "--user", "3"]] {
        let output = run(&engine.endpoint(), arguments, "");
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with("activities: user 3: activity 78 of user 3: "), "{said}");
    }
    assert!(run(&engine.endpoint(), &["verify", "--user", "8"], "").status.success());
}

#[test]
fn a_token_is_printed_alone() {
    let output = tool(&["token", "--user", "3", "--local"]).output().unwrap();
    let token = text(&output.stdout);
    assert_eq!((token.lines().count(), token.matches('.').count()), (1, 2));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_missing_variable_is_named() {
    for (arguments, name) in [
        (&["token", "--user", "3"][..], "JWT_SECRET"),
        (&["verify"], "ACTIVITIES_TABLE"),
        (&["export", "--user", "3"], "ACTIVITIES_TABLE"),
    ] {
        let output = tool(arguments).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("activities: ") && said.contains(name), "{said}");
    }
}

#[test]
fn a_log_that_cannot_be_reached_is_one_line() {
    let output = run("http://127.0.0.1:1", &["verify", "--user", "3"], "");
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("DynamoDB GetItem failed"), "{said}");

    let line = r#"{"type":"user","id":3,"name":"John Doe"}"#;
    let output = run("http://127.0.0.1:1", &["import"], &format!("\n{line}\n{line}\n"));
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.starts_with("activities: line 2: DynamoDB BatchGetItem failed"), "{said}");
}
