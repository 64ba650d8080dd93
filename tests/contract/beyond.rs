//! The rows of the second table of docs/contract.md, each by its name.

use activity_log::NewActivity;
use activity_log::activity::{FIELDS, Metadata};
use activity_log::logger::ActivityLogger;
use activity_log::time::{Clock, Timestamp};
use activity_log_local::kit::user;
use serde_json::{Value, json};

use crate::support::{Fixture, GET, LIST, PROJECT, Response, add_headers, bearer};

/// The reference's two examples were recorded at 10:30 and at 10:35.
const CASES_OF_TIME: [(&str, &[u64]); 18] = [
    ("since=2017-01-01T05:29:60%2B05:30", &[2, 1]),
    ("since=2024-01-15T10:30:00Z", &[2, 1]),
    ("since=2024-01-15T10:30:00.001Z", &[2]),
    ("since=2024-01-15T10:30:00.0000001Z", &[2]),
    ("until=2024-01-15T10:35:00Z", &[1]),
    ("until=2024-01-15T10:35:00.001Z", &[2, 1]),
    ("until=2024-01-15T10:35:00.0000001Z", &[2, 1]),
    ("since=2024-01-15T10:30:00Z&until=2024-01-15T10:35:00Z", &[1]),
    ("since=2024-01-15T12:31:00%2B02:00&until=2024-01-15T12:36:00%2B02:00", &[2]),
    ("since=2024-01-15T10:30:00Z&until=2024-01-15T10:30:00Z", &[]),
    ("since=2024-01-15T10:35:00Z&until=2024-01-15T10:30:00Z", &[]),
    ("since=2024-01-15T10:31:00Z&until=2024-01-15T10:34:00Z", &[]),
    ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", &[2, 1]),
    ("until=1969-12-31T23:59:59Z", &[]),
    ("since=9999-12-31T23:59:59Z", &[]),
    ("since=2024-01-15T10:30:00Z&action=invoke&order=asc", &[2]),
    ("since=2024-01-15T10:30:00Z&order=asc", &[1, 2]),
    ("since=2024-01-15T10:30:00Z&limit=0", &[]),
];

#[tokio::test]
async fn since_and_until_are_a_half_open_range_with_its_own_total() {
    let fixture = Fixture::new().await;
    for (query, ids) in CASES_OF_TIME {
        for response in fixture.both(query).await {
            assert_eq!(response.ids(), ids, "{query}");
            let total = if query.contains("limit=0") { 2 } else { ids.len() };
            assert_eq!(response.pagination()["total"], total, "{query}");
        }
    }
    for name in ["since", "until"] {
        for value in [
            "2024-01-15",
            "10:30",
            "1705314600",
            "2024-01-15T10:30:00+02:00",
            "2024-01-15T10:59:60Z",
            "now",
        ] {
            for response in fixture.both(&format!("{name}={value}")).await {
                assert_eq!(response.problem().1, "invalid_parameter", "{value}");
                assert_eq!(response.body["parameter"], name, "{value}");
            }
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let fixture = Fixture::new().await;
    fixture.record(100).await;
    let odd = |event: &mut Value| event["rawQueryString"] = "limit=x".into();
    let as_it_is = |_: &mut Value| ();
    let changes: [&dyn Fn(&mut Value); 2] = [&as_it_is, &odd];
    for event in [LIST, PROJECT, GET] {
        for change in changes {
            for encoding in ["identity", "gzip"] {
                let ask = async |method: &str| {
                    let ask = |event: &mut Value| {
                        change(event);
                        event["requestContext"]["http"]["method"] = method.into();
                        add_headers(event, &[("accept-encoding", encoding)]);
                    };
                    fixture.send(event, ask).await
                };
                let (get, head) = (ask("GET").await, ask("HEAD").await);
                assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{event}");
                assert!(head.text.is_empty() && !get.text.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn order_is_desc_or_asc() {
    let fixture = Fixture::new().await;
    fixture.record(60).await;
    let [newest_first, _] = fixture.both("limit=1000").await;
    let mut expected = newest_first.ids();
    assert_eq!(fixture.list("limit=1000&order=desc").await.ids(), expected);
    expected.reverse();
    for response in fixture.both("limit=1000&order=asc").await {
        assert_eq!(response.ids(), expected);
    }
    for response in fixture.both("limit=5&offset=40&order=asc").await {
        assert_eq!(response.ids(), expected[40..45]);
        assert_eq!(response.pagination()["hasMore"], true);
    }
    for value in ["ASC", "newest", "asc,desc", "-createdAt"] {
        assert_eq!(fixture.list(&format!("order={value}")).await.body["parameter"], "order");
    }
}

fn is_foreign(response: &Response) -> bool {
    response.status == 400
        && response.problem().1 == "invalid_parameter"
        && response.body["parameter"] == "cursor"
}

#[tokio::test]
async fn cursor_is_opaque_and_bound_to_the_list_it_was_made_for() {
    let fixture = Fixture::new().await;
    fixture.record(30).await;
    let query = "resourceType=function&since=2024-01-01T00:00:00Z&limit=10";
    let first = fixture.list(query).await;
    let cursor = first.next().unwrap();
    assert!(cursor.len() <= 512);
    assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));

    // Other pages, other formats of the same list.
    for same in [
        format!("{query}&cursor={cursor}"),
        format!("cursor={cursor}&limit=3&since=2024-01-01T00:00:00Z&resourceType=function"),
        format!("cursor={cursor}&since=2024-01-01T01:00:00%2B01:00&resourceType=function"),
        format!("{query}&cursor={cursor}&order=desc&include=client&action="),
    ] {
        let response = fixture.list(&same).await;
        assert_eq!(response.status, 200, "{same}: {response:?}");
        assert_eq!(response.pagination()["offset"], 10, "{same}");
    }
    // Other lists.
    let base = "since=2024-01-01T00:00:00Z";
    for other in [
        String::new(),
        base.to_owned(),
        format!("{base}&resourceType=database"),
        format!("{query}&action=invoke"),
        format!("{query}&order=asc"),
        format!("{query}&until=2030-01-01T00:00:00Z"),
        format!("{query}&projectSlug=my-project"),
        format!("{query}&projectSlug=nothing"),
        "resourceType=function&since=2024-01-01T00:00:00.001Z".to_owned(),
    ] {
        let response = fixture.list(&format!("{other}&cursor={cursor}")).await;
        assert!(is_foreign(&response), "{other} {response:?}");
    }
    let query = format!("{query}&cursor={cursor}");
    assert!(is_foreign(&fixture.project("my-project", "production", &query).await));
    // Even where there is nothing to be found: it is a 400 first.
    assert!(is_foreign(&fixture.project("no", "no", &query).await));
    let theirs = |event: &mut Value| {
        event["headers"]["authorization"] = bearer(8).into();
        event["rawQueryString"] = query.clone().into();
    };
    assert!(is_foreign(&fixture.send(crate::support::LIST, theirs).await));
    let both = fixture.list(&format!("{query}&offset=0")).await;
    assert!(is_foreign(&both) && both.body["detail"].as_str().unwrap().contains("offset"));
    assert!(is_foreign(&fixture.list(&format!("cursor={}", "x".repeat(600))).await));

    // The two ways to name one environment are one list.
    let cursor = fixture.project("my-project", "production", "limit=1").await.next().unwrap();
    let query = format!("projectSlug=my-project&environmentSlug=production&cursor={cursor}");
    assert_eq!(fixture.list(&query).await.status, 200);
}

#[tokio::test]
async fn cursor_that_was_changed_is_400_or_409_wherever_it_was_changed() {
    // The version and the list: so many letters.
    const LIST: usize = 12;
    let fixture = Fixture::new().await;
    fixture.record(30).await;
    let cursor = fixture.list("limit=10").await.next().unwrap();
    let mut rewritten = 0;
    for at in 0..cursor.len() {
        for letter in ['A', '_', '7'] {
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &letter.to_string());
            if changed == cursor {
                continue;
            }
            let response = fixture.list(&format!("cursor={changed}")).await;
            if at >= LIST && response.status == 409 {
                assert_eq!(response.problem().1, "log_rewritten");
                assert_eq!(response.body["title"], "Conflict");
                rewritten += 1;
            } else {
                assert!(is_foreign(&response), "{at} {response:?}");
            }
        }
    }
    assert!(rewritten > 50, "{rewritten}");
    for changed in [&cursor[..cursor.len() - 1], &format!("{cursor}A"), &format!("{cursor}=")] {
        assert!(is_foreign(&fixture.list(&format!("cursor={changed}")).await), "{changed}");
    }
}

#[tokio::test]
async fn next_cursor_and_link_are_absent_on_the_last_page_exactly() {
    let fixture = Fixture::new().await;
    fixture.record(8).await;
    for limit in 1..12 {
        for order in ["asc", "desc"] {
            let mut query = format!("order={order}&limit={limit}");
            for number in 1.. {
                let response = fixture.list(&query).await;
                let last = number * limit >= 10;
                assert_eq!(response.pagination()["hasMore"], !last, "{query}");
                assert_eq!(response.next().is_none(), last, "{query}");
                assert_eq!(response.header("link").is_none(), last, "{query}");
                let Some(cursor) = response.next() else { break };
                query = format!("order={order}&limit={limit}&cursor={cursor}");
            }
        }
    }
}

#[tokio::test]
async fn link_leads_to_the_next_page_relative_to_the_request() {
    let fixture = Fixture::new().await;
    let odd = NewActivity::new("sync").environment(7.try_into().unwrap(), 9.try_into().unwrap());
    fixture.logger.append_batch(user(3), [odd.clone(), odd]).await.unwrap();
    let response =
        fixture.list("action=sync&offset=0&limit=1&projectSlug=a%2Bb+%252F+%C3%A9").await;
    let expected = format!(
        "<?action=sync&limit=1&projectSlug=a%2Bb%20%252F%20%C3%A9&cursor={}>; rel=\"next\"",
        response.next().unwrap()
    );
    assert_eq!(response.header("link"), Some(expected.as_str()));

    // As API Gateway decodes it.
    let response = fixture
        .send(PROJECT, |event| {
            event["rawPath"] = "/api/activities/a+b %2F é/x/y?z#".into();
            event["rawQueryString"] = "limit=1".into();
            event["pathParameters"] =
                json!({"projectSlug": "a+b %2F é", "environmentSlug": "x/y?z#"});
        })
        .await;
    let expected = format!("<?limit=1&cursor={}>; rel=\"next\"", response.next().unwrap());
    assert_eq!(response.header("link"), Some(expected.as_str()));
}

#[tokio::test]
async fn filters_take_several_values_and_exclusions_on_both_routes() {
    let fixture = Fixture::new().await;
    let at = |action: &str| {
        NewActivity::new(action).environment(4.try_into().unwrap(), 4.try_into().unwrap())
    };
    let batch = (0..150_u64).map(|number| {
        let action = ["create", "invoke", "sync"][usize::try_from(number % 3).unwrap()];
        match number % 5 {
            0 => at(action),
            1 | 2 => at(action).resource("function", 5.try_into().unwrap()),
            _ => at(action).resource("database", 5.try_into().unwrap()),
        }
    });
    fixture.logger.append_batch(user(3), batch).await.unwrap();
    // With the two examples: 152 entries, of which 30 without a type, 62 functions, 60 databases;
    // 51 creations, 51 invocations, 50 synchronisations.
    for (query, total) in [
        ("resourceType=function,database", 122),
        ("resourceType=database,function,,database,", 122),
        ("resourceType=~", 30),
        ("resourceType=~,database", 90),
        ("excludeResourceType=function", 90),
        ("excludeResourceType=~", 122),
        ("excludeResourceType=~,database", 62),
        ("resourceType=function,database&excludeResourceType=database", 62),
        ("excludeAction=invoke", 101),
        ("excludeAction=invoke,sync,nothing", 51),
        ("action=create,sync&resourceType=~", 20),
        ("action=create&excludeAction=create", 0),
        ("resourceType=%7E&action=create%2Cinvoke", 20),
        ("resourceType=,&excludeAction=,", 152),
        ("action=~", 0),
        ("excludeAction=~", 152),
        ("resourceType=Function,function%20", 0),
    ] {
        for response in fixture.both(&format!("{query}&limit=1000")).await {
            let data = response.body["data"].as_array().unwrap();
            let counted = (response.pagination()["total"].as_u64(), data.len());
            assert_eq!(counted, (Some(total), usize::try_from(total).unwrap()), "{query}");
        }
    }
    // In every entry shown, what was asked for; and cursors lead through all of it, whatever the
    // order of the values.
    let first = fixture.list("resourceType=~,database&excludeAction=sync&limit=40").await;
    let more =
        format!("excludeAction=sync&resourceType=database,~&cursor={}", first.next().unwrap());
    let rest = fixture.list(&more).await;
    let all = [first.ids(), rest.ids()].concat();
    assert_eq!(all.len(), 60, "20 without a type, 40 databases");
    let expected = fixture.list("excludeResourceType=function&action=create,invoke").await.ids();
    assert_eq!(all, expected);
}

/// The fields that `include=client` adds.
fn of_client() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().filter(|field| field.is_of_client).map(|field| field.name)
}

#[tokio::test]
async fn include_client_adds_what_is_known_of_the_client_and_of_the_entry() {
    let fixture = Fixture::new().await;
    let without = fixture.list("").await;
    for response in fixture.both("include=client").await {
        for (with, without) in response.body["data"]
            .as_array()
            .unwrap()
            .iter()
            .zip(without.body["data"].as_array().unwrap())
        {
            let mut expected = without.clone();
            for name in of_client() {
                expected[name] = Value::Null;
            }
            expected["ipAddress"] = "203.0.113.10".into();
            expected["userAgent"] = "curl/8.7.1".into();
            assert_eq!(*with, expected);
        }
    }
    let get = |query: &str| {
        let query = query.to_owned();
        fixture.send(GET, move |event| event["rawQueryString"] = query.into())
    };
    assert_eq!(get("include=client").await.body["data"]["ipAddress"], "203.0.113.10");
    assert!(get("").await.body["data"].get("ipAddress").is_none());
    // Where nothing is known of it, it is null.
    fixture.logger.append(user(3), NewActivity::new("sync")).await.unwrap();
    let entry = &fixture.list("include=client&limit=1").await.body["data"][0];
    assert!(entry["ipAddress"].is_null() && entry["userAgent"].is_null());
    assert_eq!(entry.as_object().unwrap().len(), 13 + of_client().count());
    // Entered in the log later than it happened, because the log was there already.
    let earlier = "2024-01-01T00:00:00Z".parse().unwrap();
    let late = NewActivity::new("sync").occurred_at(earlier);
    fixture.logger.append(user(3), late).await.unwrap();
    let repeated = fixture.list("include=,client,client&limit=1").await;
    let entry = &fixture.list("include=client&limit=1").await.body["data"][0];
    assert_eq!(repeated.body["data"][0], *entry);
    assert_eq!(entry["occurredAt"], "2024-01-01T00:00:00.000Z");
    assert_ne!(entry["createdAt"], entry["occurredAt"]);
    for value in ["Client", "all", "client,ipAddress", "ipAddress"] {
        assert_eq!(fixture.list(&format!("include={value}")).await.body["parameter"], "include");
        assert_eq!(get(&format!("include={value}")).await.body["parameter"], "include");
    }
}

#[tokio::test]
async fn accept_chooses_json_ndjson_or_csv_and_anything_else_is_406() {
    let fixture = Fixture::new().await;
    fixture.record(10).await;
    let json = fixture.list("limit=5&include=client").await;
    let accept = async |accept: &str| {
        fixture.list_with("limit=5&include=client", &[("accept", accept)]).await
    };

    let ndjson = accept("application/x-ndjson").await;
    assert_eq!(ndjson.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> =
        ndjson.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(lines), json.body["data"]);

    let csv = accept("text/csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let saved = Some("attachment; filename=\"activities.csv\"");
    assert_eq!(csv.header("content-disposition"), saved);
    assert_eq!(
        (json.header("content-disposition"), ndjson.header("content-disposition")),
        (None, None)
    );
    let lines: Vec<&str> = csv.text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 6);
    let of_client = of_client().collect::<Vec<_>>().join(",");
    assert!(lines[0].starts_with("id,userId,") && lines[0].ends_with(&format!(",{of_client}")));
    let ids: Vec<u64> =
        lines[1..].iter().map(|line| line.split_once(',').unwrap().0.parse().unwrap()).collect();
    assert_eq!(ids, json.ids());

    // What the envelope says otherwise.
    for response in [&json, &ndjson, &csv] {
        assert_eq!(response.header("x-total-count"), Some("12"));
        assert_eq!(response.header("link"), json.header("link"));
        assert_eq!(response.header("vary"), Some("Accept, Accept-Encoding"));
    }
    // The second is Java's default; one that says how much it likes something in no known way likes it.
    for header in [
        "*/*",
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "*",
        "application/*",
        "text/html, application/json;q=0.1",
    ] {
        assert_eq!(accept(header).await.body, json.body, "{header}");
    }
    for name in ["application/ndjson", "application/jsonl", "application/JSONL;q=0.5"] {
        assert_eq!(accept(name).await.text, ndjson.text, "{name}");
    }
    for header in ["text/html", "application/xml", "application/json;q=0", "text/plain"] {
        let response = accept(header).await;
        assert_eq!(response.problem(), (406, "not_acceptable", "Not acceptable"), "{header}");
    }
    for (accept, status) in [("application/json", 200), ("text/csv", 406), ("*/*", 200)] {
        let response = fixture.send(GET, |event| add_headers(event, &[("accept", accept)])).await;
        assert_eq!(response.status, status, "{accept}");
    }
    let empty = fixture.list_with("limit=0", &[("accept", "application/x-ndjson")]).await;
    assert_eq!((empty.text.as_str(), empty.header("x-total-count")), ("", Some("12")));
}

#[tokio::test]
async fn etag_of_what_has_not_changed_is_answered_with_304() {
    let fixture = Fixture::new().await;
    let first = fixture.list("limit=1").await;
    let tag = first.header("etag").unwrap();
    let again = async || fixture.list_with("limit=1", &[("if-none-match", tag)]).await;
    let same = again().await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    for name in ["etag", "cache-control", "vary", "link", "x-total-count"] {
        assert_eq!(same.header(name), first.header(name), "{name}");
        assert!(first.header(name).is_some(), "{name}");
    }
    assert_eq!(same.header("content-type"), None);

    // Other documents are others.
    for (query, accept) in
        [("limit=2", "*/*"), ("limit=1&include=client", "*/*"), ("limit=1", "text/csv")]
    {
        let headers = [("accept", accept), ("if-none-match", tag)];
        assert_eq!(fixture.list_with(query, &headers).await.status, 200, "{query}");
    }
    fixture.record(1).await;
    assert_eq!(again().await.status, 200);

    let get = |tag: String| {
        fixture.send(GET, move |event| event["headers"]["if-none-match"] = tag.into())
    };
    let entry = get("\"x\"".to_owned()).await;
    assert_eq!(entry.status, 200);
    assert_eq!(get(entry.header("etag").unwrap().to_owned()).await.status, 304);
    // A tag makes no one's token good.
    let response = fixture
        .send(GET, |event| {
            event["headers"]["if-none-match"] = "*".into();
            event["headers"]["authorization"] = "Bearer x".into();
        })
        .await;
    assert_eq!(response.status, 401);
}

#[tokio::test]
async fn gzip_is_given_when_it_is_accepted_and_pays() {
    let fixture = Fixture::new().await;
    fixture.record(50).await;
    let plain = fixture.list("").await;
    let gzip = fixture.list_with("", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert_eq!(gzip.body, plain.body);
    assert_eq!(gzip.header("etag"), plain.header("etag"));
    for headers in [("accept-encoding", "br"), ("accept-encoding", "gzip;q=0"), ("x-none", "")] {
        assert_eq!(fixture.list_with("", &[headers]).await.header("content-encoding"), None);
    }
    let small = fixture.list_with("limit=0", &[("accept-encoding", "gzip")]).await;
    assert_eq!(small.header("content-encoding"), None);
}

#[tokio::test]
async fn cache_control_is_private_no_cache_on_every_answer() {
    let fixture = Fixture::new().await;
    for response in [
        fixture.list("").await,
        fixture.get("1").await,
        fixture.get("x").await,
        fixture.project("no", "no", "").await,
        fixture.list_with("", &[("authorization", "")]).await,
        fixture.list_with("", &[("if-none-match", "*")]).await,
    ] {
        assert_eq!(response.header("cache-control"), Some("private, no-cache"), "{response:?}");
    }
}

#[tokio::test]
async fn response_limit_cuts_a_page_at_an_entry_and_the_next_goes_on_there() {
    let fixture = Fixture::new().await;
    // Full of quotes, which take twice the room in what Lambda sends.
    let metadata = format!("{{\"k\":[{}\"\"]}}", "\"\",".repeat(1_300));
    let clock = Clock::new(|| "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let logger = ActivityLogger::new(fixture.api.store.clone()).with_clock(clock);
    let mut activity = NewActivity::new("sync").description("x".repeat(1_024));
    activity.details.metadata = Metadata::from_text(metadata).ok();
    logger.append_batch(user(3), std::iter::repeat_n(activity, 1_000)).await.unwrap();

    for (accept, order) in
        [("application/json", "desc"), ("application/json", "asc"), ("text/csv", "desc")]
    {
        let mut query = format!("action=sync&limit=1000&order={order}");
        let mut seen = std::collections::BTreeSet::new();
        let mut pages = 0;
        loop {
            let response = fixture.list_with(&query, &[("accept", accept)]).await;
            assert!(response.payload < 5_600_000, "{}", response.payload);
            let ids = if accept == "text/csv" {
                let lines = response.text.split_terminator("\r\n").skip(1);
                lines.map(|line| line.split_once(',').unwrap().0.parse().unwrap()).collect()
            } else {
                let cut = response.pagination()["hasMore"] == true;
                let limit = if cut { response.ids().len() } else { 1_000 };
                assert_eq!(response.pagination()["limit"], limit);
                response.ids()
            };
            pages += 1;
            for id in ids {
                assert!(seen.insert(id), "{id} twice");
            }
            let Some(link) = response.header("link") else { break };
            let (_, rest) = link.split_once('?').unwrap();
            query = rest.split_once('>').unwrap().0.to_owned();
        }
        assert_eq!(seen.len(), 1_000);
        assert!(pages > 1, "{accept} {order}");
    }
}

/// The most that Lambda takes back from a function, in bytes (AWS: "Lambda quotas", 6 MB and 100).
const LAMBDA_LIMIT: usize = 6_291_556;

#[tokio::test]
async fn the_largest_pages_of_every_format_are_within_what_lambda_takes() {
    let fixture = Fixture::new().await;
    let mut random = fastrand::Rng::with_seed(1);
    // All that an entry can hold: of letters; of quotes, which take two bytes in what Lambda sends; of
    // noise, which gzip cannot make shorter than base64 makes it longer.
    let mut noise = || -> String {
        let characters = std::iter::repeat_with(|| random.char('\u{80}'..='\u{7ff}'));
        characters.take(2_000).collect()
    };
    let fill: [(&str, &mut dyn FnMut() -> String); 3] = [
        ("letters", &mut || "x".repeat(4_000)),
        ("quotes", &mut || "\\\"".repeat(2_000)),
        ("noise", &mut noise),
    ];
    for (action, fill) in fill {
        let batch = (0..1_000).map(|_| {
            let text = fill();
            let metadata = Metadata::from_text(format!("{{\"text\":\"{text}\"}}")).unwrap();
            let text = text.replace('\\', "\"");
            let cut = |length| text[..text.floor_char_boundary(length)].to_owned();
            let mut activity = NewActivity::new(action)
                .environment(4.try_into().unwrap(), 4.try_into().unwrap())
                .description(cut(1_024))
                .client("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().unwrap(), cut(512));
            activity.details.metadata = Some(metadata);
            activity
        });
        fixture.logger.append_batch(user(3), batch).await.unwrap();
        for accept in ["application/json", "application/x-ndjson", "text/csv"] {
            for coding in ["identity", "gzip"] {
                let query = format!("action={action}&limit=1000&include=client");
                let headers = [("accept", accept), ("accept-encoding", coding)];
                let response = fixture.list_with(&query, &headers).await;
                let payload = response.payload;
                assert!(payload < LAMBDA_LIMIT, "{action} {accept} {coding}: {payload}");
                assert!(
                    response.header("link").is_some(),
                    "{action} {accept} {coding}: it was cut"
                );
                if response.header("content-encoding").is_none() {
                    assert!(payload > 5_400_000, "{action} {accept}: {payload}, cut too early");
                }
            }
        }
    }
}

#[tokio::test]
async fn preflight_is_answered_without_a_token_and_any_other_options_is_not() {
    let fixture = Fixture::new().await;
    for event in [LIST, PROJECT, GET] {
        let ask = |event: &mut Value| {
            event["requestContext"]["http"]["method"] = "OPTIONS".into();
            event["headers"].as_object_mut().unwrap().remove("authorization");
            event["headers"]["origin"] = "https://console.example.com".into();
        };
        let preflight = fixture.send(event, |event| {
            ask(event);
            event["headers"]["access-control-request-method"] = "GET".into();
        });
        let response = preflight.await;
        assert_eq!((response.status, response.text.as_str()), (204, ""));
        assert_eq!(fixture.send(event, ask).await.problem().0, 401);
    }
}
