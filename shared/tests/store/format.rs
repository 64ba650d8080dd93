//! The storage format as docs/format.md describes it: the page's program reads what the store writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

use activity_log::activity::FIELDS;
use activity_log::view::Scope;
use activity_log::{Activity, NewActivity};
use activity_log_local::kit::{
    Item, Log, START, Workload, as_printed, kept, millis, run, text, user,
};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/format.md"));

/// What the page has in fences of this kind, in order.
fn fenced(kind: &str) -> impl Iterator<Item = &'static str> {
    PAGE.split("```").filter_map(move |part| part.strip_prefix(kind)?.strip_prefix('\n'))
}

/// Runs the program of the page. What it prints if it finds everything right, or what is wrong.
fn second_reader(ledger: &[Item], entries: &[Item]) -> Result<String, String> {
    let printed = |items: &[Item]| items.iter().map(as_printed).collect::<Vec<Value>>();
    let input = json!({ "Ledger": printed(ledger), "Activities": printed(entries) });
    let program = fenced("python").next().unwrap();
    let output = run(Command::new("python3").args(["-c", program]), &input.to_string());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn scope_key(scope: Scope) -> String {
    match scope {
        Scope::User(user) => format!("user#{user}"),
        Scope::Project(user, project) => format!("user#{user}/project#{project}"),
        Scope::Environment(user, environment) => format!("user#{user}/environment#{environment}"),
    }
}

/// What the program must print of a log with these entries.
fn expected(recorded: &[Activity]) -> String {
    /// How many entries there are, and of which pairs.
    type Counted<'a> = (u64, BTreeSet<(Option<&'a str>, &'a str)>);
    let mut scopes: BTreeMap<String, Counted<'_>> = BTreeMap::new();
    for Activity { user_id, details, .. } in recorded {
        for scope in Scope::of(*user_id, details.project_id, details.environment_id) {
            let (entries, pairs) = scopes.entry(scope_key(scope)).or_default();
            *entries += 1;
            pairs.insert((details.resource_type.as_deref(), details.action.as_str()));
        }
    }
    let mut lines = String::new();
    for (scope, (entries, pairs)) in scopes {
        let children = (1..).map(|level| entries / 64_u64.pow(level)).take_while(|all| *all > 0);
        let nodes: u64 = children.map(|all| all.div_ceil(64)).sum();
        let (pairs, blocks) = (pairs.len(), entries / 64);
        writeln!(
            lines,
            "{scope}: {entries} entries, {pairs} pairs, {blocks} blocks, {nodes} nodes"
        )
        .unwrap();
    }
    lines
}

/// Records twelve batches of user 3: most in one environment, some in sixty others, one of each batch
/// in none. Nearly all have a time of their own.
async fn record(log: &Log) -> Vec<Activity> {
    let mut recorded = Vec::new();
    let (mut one, mut many) = (Workload::w1(), Workload::w3());
    for batch in 0..12_i64 {
        let workload = if batch % 4 == 3 { &mut many } else { &mut one };
        let mut activities: Vec<NewActivity> = (0..400_i64)
            .map(|number| {
                let time = START + batch * 61_001 + number / 3 * 450;
                workload.next().occurred_at(millis(time))
            })
            .collect();
        activities.push(NewActivity::new("sign_in").idempotency_key(format!("batch {batch}")));
        log.advance(61_001);
        let batch = log.logger.append_batch(user(3), activities).await.unwrap();
        recorded.extend(batch.into_iter().map(|recorded| recorded.activity));
    }
    recorded
}

#[tokio::test]
async fn the_reader_in_the_documentation_finds_what_was_recorded_and_names_what_was_changed() {
    let log = Log::new().await;
    let recorded = record(&log).await;
    let (ledger, entries) = (log.ledger().scan().await, log.activities().of_user(3).await);
    assert_eq!(entries.len(), recorded.len());
    let printed = second_reader(&ledger, &entries).unwrap();
    assert_eq!(printed, expected(&recorded));
    let whole = "user#3: 4812 entries, 50 pairs, 75 blocks, 3 nodes\n";
    assert!(printed.starts_with(whole), "{printed}");

    let subscript = |scope: &str, item: &str| {
        let is_it = |stored: &Item| stored["scope"] == text(scope) && stored["item"] == text(item);
        ledger.iter().position(is_it).unwrap()
    };
    let changed = |scope: &str, item: &str, change: fn(&mut Vec<u8>)| {
        let (mut ledger, at) = (ledger.clone(), subscript(scope, item));
        let mut bytes = ledger[at]["data"].as_b().unwrap().clone().into_inner();
        change(&mut bytes);
        ledger[at].insert("data".to_owned(), AttributeValue::B(Blob::new(bytes)));
        second_reader(&ledger, &entries).unwrap_err()
    };
    let block = changed("user#3", "block#0000000070", |bytes| *bytes.last_mut().unwrap() ^= 2);
    assert_eq!(block, "user#3: block#0000000070 is not what its entries make\n");
    let future = changed("user#3/project#4", "node#1#0000000000", |bytes| bytes[0] = 2);
    assert_eq!(future, "user#3/project#4: node#1#0000000000: unknown version 2\n");
    let short = changed("user#3/environment#4", "head", |bytes| bytes.truncate(9));
    assert_eq!(short, "user#3/environment#4: head: cut short\n");

    let mut unlike = entries.clone();
    unlike[7].insert("h".to_owned(), AttributeValue::B(Blob::new([0; 8])));
    let unlike = second_reader(&ledger, &unlike).unwrap_err();
    let start = "h is not the start of its hash\n";
    assert_eq!(unlike, format!("activity {}: {start}", recorded[7].id));

    let mut fewer = ledger.clone();
    fewer.remove(subscript("user#3", "node#2#0000000000"));
    let missing = second_reader(&fewer, &entries).unwrap_err();
    assert_eq!(missing, "user#3: node#2#0000000000 is missing\n");
    let mut more = ledger.clone();
    let mut superfluous = ledger[subscript("user#3", "block#0000000070")].clone();
    superfluous.insert("item".to_owned(), text("block#0000000075"));
    more.push(superfluous);
    let surplus = second_reader(&more, &entries).unwrap_err();
    assert_eq!(surplus, "user#3: block#0000000075 is superfluous\n");
}

#[test]
fn the_documentation_has_every_attribute_of_an_entry() {
    let section = PAGE.split("\n## ").find(|part| part.starts_with("Activities\n")).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    let others = ["v", "id", "userId", "createdAt", "u", "p", "e", "hash", "h"];
    let fields = FIELDS.iter().map(|field| field.name);
    assert_eq!(listed, fields.chain(others).collect());
}

#[tokio::test]
async fn the_example_in_the_documentation_is_what_is_stored() {
    let log = Log::new().await;
    let create = || NewActivity::new("create").resource("function", 5.try_into().unwrap());
    let drafts = [
        kept(create(), millis(1_705_314_600_000), Some(5_109_350_400_005)),
        kept(NewActivity::new("sync"), millis(1_705_314_601_500), Some(5_109_356_544_300)),
        kept(create(), millis(1_705_314_601_500), Some(5_109_356_544_301)),
    ];
    log.logger.append_drafts(user(3), drafts).await.unwrap();
    let ledger = log.ledger().scan().await;
    assert_eq!(ledger.len(), 1, "the head");
    let example = fenced("text").find(|block| block.contains("version 1")).unwrap();
    let written = example.lines().flat_map(|line| {
        let (bytes, _) = line.split_once("  ").unwrap();
        bytes.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap())
    });
    let stored = ledger[0]["data"].as_b().unwrap().clone().into_inner();
    assert_eq!(stored, written.collect::<Vec<u8>>());
    let lines = second_reader(&ledger, &log.activities().of_user(3).await);
    assert_eq!(lines.as_deref(), Ok("user#3: 3 entries, 2 pairs, 0 blocks, 0 nodes\n"));
}
