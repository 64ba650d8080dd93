//! The examples of docs/data-model.md: what five appends leave in the three tables, and how a page deep
//! in a filtered list is found.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use activity_log::directory::NameChange;
use activity_log::store::{Draft, Placement, Start, measure};
use activity_log::view::Scope;
use activity_log::{Metadata, NewActivity};
use activity_log_local::kit::{
    Log, START, environment, filtered, millis, person, project, request, user,
};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/data-model.md"));

/// The page whose program decodes what is packed.
const FORMAT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/format.md"));

/// Says in words what is packed in items of the Ledger; goes after the definitions of the program.
const WORDS: &str = r#"
def name(pair):
    return "/".join(part or "~" for part in pair)

for item in json.load(sys.stdin):
    scope, key = item["scope"]["S"], item["item"]["S"]
    if "data" not in item:
        continue
    pairs, counts, (created_at, id), tail, _ = read(key, item)
    n = sum(counts.values())
    print(f"{key} of {scope}: {n} entries, the newest of {created_at} with id {id}")
    for code, pair in enumerate(pairs):
        print(f"    code {code}: {name(pair)}, {counts[code]} of it")
    for position, (code, created_at, id) in enumerate(tail, n - len(tail) + 1):
        print(f"    position {position}: code {code}, createdAt {created_at}, id {id}")
"#;

/// Finds the page of a filter by action as a reader would, and prints what it reads; likewise.
const WALK: &str = r##"
given = json.load(sys.stdin)
items = {item["item"]["S"]: item for item in given["items"]}

def selected(counts):
    return sum(counts.get(code, 0) for code in codes)

pairs, counts, _, tail, _ = read("head", items["head"])
n = sum(counts.values())
codes = {code for code, pair in enumerate(pairs) if pair[1] == given["action"]}
print(f"head: {n} entries, of which the tail has {len(tail)} and {n // FANOUT} blocks the others")
for code, pair in enumerate(pairs):
    mark = ", selected" if code in codes else ""
    print(f"    code {code}: {'/'.join(pair)}, {counts[code]} of it{mark}")
total = selected(counts)
high = total - given["offset"]
low = high - given["limit"] + 1
print(f"    the total is {total}, so the page has the ranks {low} to {high}")

def descend(level, k):
    key = f"node#{level}#{k:010}"
    before, children = read(key, items[key])
    rank = start = selected(before)
    print(f"{key}: {start} selected before it, children {k * FANOUT} to {k * FANOUT + len(children) - 1}")
    wanted = []
    for number, child in enumerate(children, k * FANOUT):
        first, last = rank + 1, rank + selected(child)
        if first <= high and low <= last:
            if not wanted and rank > start:
                print(f"    ranks {start + 1} to {rank}: before child {number}")
            print(f"    ranks {first} to {last}: in child {number}")
            wanted.append((number, rank))
        rank = last
    for number, rank in wanted:
        if level > 1:
            descend(level - 1, number)
            continue
        key, start = f"block#{number:010}", number * FANOUT + 1
        print(f"{key}: positions {start} to {start + FANOUT - 1}")
        for position, (code, created_at, id) in enumerate(read(key, items[key]), start):
            rank += code in codes
            if code in codes and low <= rank <= high:
                print(f"    rank {rank}: position {position}, code {code}, "
                      f"createdAt {created_at}, id {id}")

descend(max(int(key.split("#")[1]) for key in items if key.startswith("node#")), 0)
"##;

/// Has Python run a script after the definitions of the program in docs/format.md.
fn python(script: &str, input: &Value) -> String {
    let program = FORMAT.split("```python\n").nth(1).unwrap();
    let (definitions, _) = program.split_once("given = json.load(sys.stdin)").unwrap();
    let mut child = Command::new("python3")
        .args(["-c", &format!("{definitions}{script}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed");
    String::from_utf8(output.stdout).unwrap()
}

/// What a table holds, as `aws dynamodb scan` prints it, in the order of `key`.
async fn items(log: &Log, table: &str, key: [&str; 2]) -> Vec<Value> {
    let scan = log.client.scan().table_name(table).into_paginator().items().send();
    let items: Vec<HashMap<_, _>> = scan.collect::<Result<_, _>>().await.unwrap();
    let attribute = |value: AttributeValue| match value {
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::B(bytes) => json!({ "B": BASE64_STANDARD.encode(bytes) }),
        other => panic!("{other:?}"),
    };
    let printed = |item: HashMap<String, AttributeValue>| {
        item.into_iter().map(|(name, value)| (name, attribute(value))).collect::<Map<_, _>>().into()
    };
    let mut items: Vec<Value> = items.into_iter().map(printed).collect();
    items.sort_by_key(|item| key.map(|name| item[name].to_string()));
    items
}

/// What the tables hold: Activities, Ledger, Directory.
async fn tables(log: &Log) -> [Vec<Value>; 3] {
    [
        items(log, "ActivitiesTable", ["id", "u"]).await,
        items(log, "LedgerTable", ["scope", "item"]).await,
        items(log, "DirectoryTable", ["userId", "entity"]).await,
    ]
}

/// What the page has in fences of this kind, in order.
fn fenced(kind: &str) -> impl Iterator<Item = &'static str> {
    PAGE.split("```").filter_map(move |part| part.strip_prefix(kind)?.strip_prefix('\n'))
}

/// Fails unless the page has this text in a fence of its own.
fn expect_in_page(text: &str) {
    assert!(fenced("text").any(|fence| fence == text), "docs/data-model.md lacks\n{text}");
}

/// An append of the example.
struct Append {
    /// What the clock says, in milliseconds from [`START`].
    now: i64,
    /// What `createdAt` comes to.
    created_at: i64,
    /// The id that is drawn in the example.
    id: u64,
    activity: NewActivity,
}

/// The five appends of the example.
fn appends() -> [Append; 5] {
    let function = |action: &str| {
        NewActivity::new(action)
            .resource("function", 5.try_into().unwrap())
            .environment(4.try_into().unwrap(), 9.try_into().unwrap())
    };
    let created = function("create")
        .description("Created function \"resize-images\"")
        .idempotency_key("deployment-7f3c");
    let metadata = Metadata::from_text(r#"{"statusCode":200}"#.to_owned()).unwrap();
    let signed_in = NewActivity::new("sign_in");
    let database = NewActivity::new("create")
        .resource("database", 8.try_into().unwrap())
        .project(4.try_into().unwrap())
        .occurred_at(millis(START + 1_250));
    let append = |now, created_at, id, activity| Append { now, created_at, id, activity };
    [
        append(0, 0, 258_696_806_402_071, created),
        append(2_500, 2_500, 258_696_816_640_412, function("invoke").metadata(metadata)),
        append(
            3_000,
            3_000,
            258_696_818_691_305,
            signed_in.client("203.0.113.9".parse().unwrap(), "curl/8.15.0"),
        ),
        append(3_500, 3_000, 258_696_820_736_970, database),
        append(4_000, 4_000, 258_696_822_786_048, function("Invoke")),
    ]
}

/// A log with the names of the example.
async fn log_with_names() -> Log {
    let log = Log::new().await;
    let names = [
        person(3, "Ada Lovelace"),
        project(3, 4, "shop", "Shop"),
        environment(3, 4, 9, "production", "Production"),
    ];
    log.store.write_names(&names.map(NameChange::Set)).await.unwrap();
    log
}

/// A log after the appends of the example, with the ids of the example.
async fn example() -> Log {
    let log = log_with_names().await;
    for Append { now, created_at, id, activity } in appends() {
        log.advance(START + now - log.now().as_millis());
        let created_at = millis(START + created_at);
        let placement = Placement::Kept { created_at, id: id.try_into().ok() };
        log.logger.append_drafts(user(3), [Draft { activity, placement }]).await.unwrap();
    }
    log
}

#[tokio::test]
async fn the_five_appends_of_the_documentation_leave_the_items_that_it_shows() {
    let log = example().await;
    let stored = tables(&log).await;
    let shown: Vec<Vec<Value>> =
        fenced("json").map(|items| serde_json::from_str(items).unwrap()).collect();
    assert_eq!(shown.len(), stored.len());
    for (shown, stored) in shown.iter().zip(&stored) {
        assert_eq!(shown, stored, "the table holds\n{}", json!(stored));
    }
    expect_in_page(&python(WORDS, &json!(stored[1])));
    assert_eq!(log.verify(3).await.entries, 5);
}

#[tokio::test]
async fn the_logger_leaves_those_items_but_for_the_ids_that_it_draws() {
    let log = log_with_names().await;
    let mut ids = Vec::new();
    for Append { now, id, activity, .. } in appends() {
        log.advance(START + now - log.now().as_millis());
        let recorded = log.logger.append(user(3), activity).await.unwrap();
        ids.push((recorded.activity.id.to_string(), id.to_string()));
    }
    let with_ids_of_example = |text: &str| {
        ids.iter().fold(text.to_owned(), |text, (drawn, id)| text.replace(drawn.as_str(), id))
    };
    let without_hashes = |items: &[Value]| -> Value {
        let mut items: Value =
            serde_json::from_str(&with_ids_of_example(&json!(items).to_string())).unwrap();
        for item in items.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            item.retain(|name, _| !["hash", "h", "data"].contains(&name.as_str()));
        }
        items
    };
    let (stored, expected) = (tables(&log).await, tables(&example().await).await);
    let words = with_ids_of_example(&python(WORDS, &json!(stored[1])));
    assert_eq!(words, python(WORDS, &json!(expected[1])));
    let [stored, expected] =
        [stored, expected].map(|tables| tables.map(|items| without_hashes(&items)));
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn the_reader_in_the_documentation_finds_a_page_deep_in_a_filtered_list() {
    let log = Log::new().await;
    let drafts = (1..=10_000_u64).map(|number| {
        let (resource_type, action) = match number % 20 {
            0 => ("function", "delete"),
            10 => ("database", "delete"),
            _ => ("function", "invoke"),
        };
        let activity = NewActivity::new(action).resource(resource_type, 5.try_into().unwrap());
        let created_at = millis(START + 1_000 * i64::try_from(number).unwrap());
        Draft { activity, placement: Placement::Kept { created_at, id: number.try_into().ok() } }
    });
    log.logger.append_drafts(user(3), drafts).await.unwrap();

    let (offset, limit) = (300, 5);
    let view = filtered(Scope::User(user(3)), None, Some("delete"));
    let asked = request(view, Start::Offset(offset), limit);
    let (page, usage) = measure(log.store.page(&asked)).await;
    let page = page.unwrap();
    let ids: Vec<u64> = page.activities.iter().map(|activity| activity.id.get()).collect();
    assert_eq!(ids, [7_000, 6_990, 6_980, 6_970, 6_960]);
    assert_eq!((page.total, page.offset, page.has_more), (1_000, offset, true));

    let ledger = items(&log, "LedgerTable", ["scope", "item"]).await;
    let asked = json!({ "items": ledger, "action": "delete", "offset": offset, "limit": limit });
    let walk = python(WALK, &asked);
    expect_in_page(&walk);
    for id in ids {
        let place = format!(": position {id}, ");
        assert!(walk.contains(&place), "{place}");
    }
    let units = usage.read_units;
    let cost =
        format!("{} round trips, {} calls and {units} read units", usage.round_trips, usage.calls);
    assert!(PAGE.contains(&cost), "docs/data-model.md does not say {cost}");
}
