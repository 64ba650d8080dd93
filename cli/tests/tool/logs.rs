//! `import`, `export`, `verify`, `erase` and `token`.

use std::process::Output;

use activity_log_local::kit::{Table, number};

use crate::support::{SAMPLE, engine, run, text, tool};

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
        let names = lines.iter().filter(|line| !line.contains(r#""type":"activity""#)).count();
        let activities = lines.len() - names;
        let end = format!(r#"{{"type":"end","activities":{activities},"names":{names}}}"#);
        assert_eq!(exported.lines().last(), Some(end.as_str()));
        assert_eq!(exported.lines().count(), lines.len() + 1);
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
    let user_3 = || {
        let exported = text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout);
        let (before_end, _) = exported.trim_end().rsplit_once('\n').unwrap_or_default();
        before_end.to_owned()
    };
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
    let nothing = r#"{"type":"end","activities":0,"names":0}"#;
    assert_eq!(text(&user_3("export").stdout).trim(), nothing);
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
        (
            r#"{"type":"activity","userId":3,"action":"sync"}"#.to_owned(),
            "missing field `createdAt`",
        ),
        (activity(3, 5, "").replace("action", "act"), "missing field `action`"),
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
    let exported = text(&exported.stdout);
    assert_eq!(exported.matches(r#""type":"activity""#).count(), 2, "nothing after the bad line");
    let corrected = format!("{}\n{}\n", good.join("\n"), activity(3, 9, ""));
    let output = run(&engine.endpoint(), &["import"], &corrected);
    assert!(text(&output.stdout).starts_with("imported: 1 activities"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_broke_off_is_not_taken_for_whole() {
    let engine = engine().await;
    run(&engine.endpoint(), &["import"], SAMPLE);
    let exported = text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout);
    let check = |text: &str| run("http://127.0.0.1:1", &["import", "--check"], text);
    let whole = check(&exported);
    assert!(whole.status.success(), "{whole:?}");
    assert!(text(&whole.stdout).starts_with("checked: 150 activities and "), "{whole:?}");
    let lines: Vec<&str> = exported.lines().collect();
    let without = |number: usize| [&lines[..number], &lines[number + 1..]].concat().join("\n");
    for (broken, said) in [
        (lines[..40].join("\n"), "it broke off"),
        (without(lines.len() - 1), "it broke off"),
        (without(20), "149 activities"),
        (exported[..exported.len() / 2].to_owned(), "EOF"),
        (format!("{exported}{}", lines[20]), "it broke off"),
    ] {
        let checked = check(&broken);
        assert_eq!(checked.status.code(), Some(1));
        assert!(text(&checked.stderr).contains(said), "{checked:?}");
    }
    // The import says so, too, of what it has imported.
    let imported = run(&engine.endpoint(), &["import"], &lines[..40].join("\n"));
    assert!(imported.status.success(), "{imported:?}");
    assert!(text(&imported.stderr).contains("it broke off"), "{imported:?}");
    let again = run(&engine.endpoint(), &["import"], &exported);
    assert!(again.status.success() && again.stderr.is_empty(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_strict_unless_repairs_are_asked_for() {
    let engine = engine().await;
    let line = |second: u64, more: &str| {
        format!(
            r#"{{"type":"activity","id":{},"userId":3,"action":"sync"{more},"createdAt":"2024-01-15T10:00:{second:02}Z"}}"#,
            second + 1
        )
    };
    let odd = [
        (r#","userAgent":"half \ud83d""#, "half of a surrogate pair"),
        (r#","ipAddress":"203.0.113.9:80""#, "IP address"),
        (r#","resourceType":"EC2 Instance""#, "resourceType must be"),
        (r#","resourceId":"5""#, "invalid type"),
        (r#","tenant":7"#, "unknown field `tenant`"),
        (r#","occurredAt":"2124-01-15T10:30:00Z""#, "occurredAt is later than now"),
        (r#","altered":{"secret":"x"}"#, "altered must have no members but"),
    ];
    for (more, reason) in odd {
        let output = run(&engine.endpoint(), &["import"], &line(0, more));
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{more}: {said}");
        assert!(said.starts_with("activities: line 1: "), "{said}");
    }
    let given: Vec<String> = (0..).zip(odd).map(|(second, (more, _))| line(second, more)).collect();
    for (recorded, there) in [(7, 0), (0, 7)] {
        let output = run(&engine.endpoint(), &["import", "--repair"], &given.join("\n"));
        let expected = format!(
            "imported: {recorded} activities, 0 names; {there} activities were there; 5 were repaired; \
             these members mean nothing: tenant\n"
        );
        assert_eq!(text(&output.stdout), expected, "{output:?}");
    }
    let exported = text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout);
    assert!(exported.contains(r#""ipAddress":"203.0.113.9","#), "{exported}");
    assert!(exported.contains(r#""altered":{"ipAddress":"203.0.113.9:80"}"#), "{exported}");
    // What was repaired needs no repair any more.
    for again in [&["import"][..], &["import", "--repair"]] {
        let output = run(&engine.endpoint(), again, &exported);
        let expected = "imported: 0 activities, 0 names; 7 activities were there\n";
        assert_eq!(text(&output.stdout), expected, "{output:?}");
    }
    for never in [
        r#"{"type":"activity","userId":3,"action":"sync","createdAt":"2124-01-15T10:30:00Z"}"#,
        r#"{"type":"activity","userId":3,"action":"","createdAt":"2024-01-15T10:30:00Z"}"#,
        r#"{"type":"activity","userId":3,"action":"sync"}"#,
    ] {
        let output = run(&engine.endpoint(), &["import", "--repair"], never);
        assert_eq!(output.status.code(), Some(1), "{never}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_came_with_line_breaks_is_exported_on_one_line() {
    let engine = engine().await;
    let store = activity_log_local::store(&engine.endpoint());
    let pretty = activity_log::Metadata::from_text("{\n  \"before\": 1.0\n}".to_owned()).unwrap();
    let activity = activity_log::NewActivity::new("sync").metadata(pretty);
    let logger = activity_log::ActivityLogger::new(store);
    logger.append(3.try_into().unwrap(), activity).await.unwrap();
    let exported = text(&run(&engine.endpoint(), &["export", "--user", "3"], "").stdout);
    assert!(exported.contains(r#""metadata":{"before":1.0}"#), "{exported}");
    assert!(run("http://127.0.0.1:1", &["import", "--check"], &exported).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_exits_1_with_the_first_inconsistency() {
    let engine = engine().await;
    run(&engine.endpoint(), &["import"], SAMPLE);
    Table::at(&engine.endpoint(), "ActivitiesTable").delete(&[("id", number(77))]).await;
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

/// What the tool prints as a token with these variables.
fn token(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = tool(&["token", "--user", "3"]);
    command.args(arguments).envs(variables.iter().copied()).output().unwrap()
}

#[tokio::test]
async fn a_token_is_one_that_the_functions_take() {
    let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
    let issuers = ("JWT_ISSUER", "https://id.example/, https://login.example");
    let audiences = ("JWT_AUDIENCE", "activities,console");
    let path = ("JWT_USER_ID_CLAIM", "app.user_id");
    let url = ("JWT_USER_ID_CLAIM", "https://example.com/user_id");
    let exact = ("JWT_LEEWAY_SECONDS", "0");
    let previous = ("JWT_SECRET_PREVIOUS", "fedcba9876543210fedcba9876543210");
    for set in [
        &[secret][..],
        &[secret, issuers],
        &[secret, audiences],
        &[secret, ("JWT_AUDIENCE", "none")],
        &[secret, path],
        &[secret, url],
        &[secret, previous, issuers, audiences, path, exact],
    ] {
        let output = token(set, &[]);
        assert!(output.status.success(), "{set:?} {}", text(&output.stderr));
        let printed = text(&output.stdout);
        let verifier = activity_log::config::verifier(&|name| {
            set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        });
        let header = format!("Bearer {}", printed.trim());
        let caller = verifier.unwrap().caller(Some(header.as_bytes())).await;
        assert_eq!(caller.unwrap().user_id.get(), 3, "{set:?}");
    }
}

#[test]
fn a_token_that_the_functions_would_refuse_is_not_printed() {
    let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
    let exact = ("JWT_LEEWAY_SECONDS", "0");
    let local = ("JWT_SECRET", activity_log_local::JWT_SECRET);
    for (set, arguments, reason) in [
        (
            &[secret, exact][..],
            &["--expires-in", "0"][..],
            "would refuse this token: the token has",
        ),
        (&[secret, ("JWT_USER_ID_CLAIM", "exp")], &[], "JWT_USER_ID_CLAIM must not be"),
        (
            &[secret, ("JWT_USER_ID_CLAIM", "iss"), ("JWT_ISSUER", "7")],
            &[],
            "JWT_USER_ID_CLAIM is a claim that has another meaning",
        ),
        (
            &[secret, ("JWT_USER_ID_CLAIM", "iss"), ("JWT_ISSUER", "https://id.example")],
            &[],
            "would refuse this token: the token does not name a user",
        ),
        (&[local], &[], "JWT_SECRET is the secret of `activities dev`"),
        (&[secret, ("JWT_AUDIENCE", "a,")], &[], "JWT_AUDIENCE must be"),
    ] {
        let output = token(set, arguments);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(reason), "{said}");
        assert!(output.stdout.is_empty());
    }
    let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000");
    assert!(token(&[local, endpoint], &[]).status.success());
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
