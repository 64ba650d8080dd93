//! The rows of docs/contract.md on going on later, each by its name.

use activity_log::activity::Activity;
use activity_log::directory::NameChange;
use activity_log_local::kit::{as_recorded, entries, user};

use crate::support::{Fixture, Response, write_names};

/// The cursor to come back with.
fn resume(response: &Response) -> String {
    let cursor = response.pagination()["resumeCursor"].as_str().unwrap();
    assert_eq!(response.header("x-resume-cursor"), Some(cursor));
    cursor.to_owned()
}

/// Puts `entries` into the log of user 3 instead of all that was there.
async fn restore(fixture: &Fixture, entries: &[Activity]) {
    fixture.api.store.erase(user(3)).await.unwrap();
    write_names(&fixture.api.store).await;
    // A logger of its own, which has nothing in its memory of what is erased.
    let logger = activity_log::ActivityLogger::new(fixture.api.store.clone());
    for batch in entries.chunks(20) {
        logger.append_drafts(user(3), batch.iter().map(as_recorded)).await.unwrap();
    }
}

#[tokio::test]
async fn resume_cursor_is_on_every_page_of_an_ascending_list_and_on_no_other() {
    let fixture = Fixture::new().await;
    fixture.record(30).await;
    for query in [
        "",
        "&limit=10",
        "&limit=0",
        "&offset=7&limit=5",
        "&offset=1000",
        "&action=update&limit=3",
        "&action=nothing",
        "&until=2024-01-15T10:32:00Z",
        "&since=2030-01-01T00:00:00Z",
        "&since=2024-01-02T00:00:00Z&until=2024-01-01T00:00:00Z",
    ] {
        let [whole, environment] = fixture.both(&format!("order=asc{query}")).await;
        let (_, query_without_offset) = query.split_once("&offset=7").unwrap_or(("", query));
        let again = |response: &Response| {
            let query = query_without_offset.replace("&offset=1000", "");
            format!("order=asc{query}&cursor={}", resume(response))
        };
        assert_eq!(fixture.list(&again(&whole)).await.status, 200, "{query}");
        let path = fixture.project("my-project", "production", &again(&environment)).await;
        assert_eq!(path.status, 200, "{query}");
        for response in fixture.both(&format!("order=desc{query}")).await {
            assert_eq!(response.pagination().get("resumeCursor"), None, "{query}");
            assert_eq!(response.header("x-resume-cursor"), None, "{query}");
        }
    }
    // In the other formats, and where there is no such project yet.
    for accept in ["application/x-ndjson", "text/csv"] {
        let response = fixture.list_with("order=asc&limit=5", &[("accept", accept)]).await;
        let json = fixture.list("order=asc&limit=5").await;
        assert_eq!(response.header("x-resume-cursor"), json.header("x-resume-cursor"));
    }
    let nothing = fixture.list("order=asc&projectSlug=nothing").await;
    let again = format!("order=asc&projectSlug=nothing&cursor={}", resume(&nothing));
    assert_eq!(fixture.list(&again).await.body, nothing.body);
}

#[tokio::test]
async fn resume_cursor_goes_on_where_the_list_ended_whatever_was_recorded_since() {
    let fixture = Fixture::new().await;
    let queries = [
        "",
        "&action=update",
        "&excludeAction=invoke",
        "&action=delete",
        "&projectSlug=my-project",
        "&projectSlug=my-project&environmentSlug=production&action=invoke",
        "&projectSlug=later",
        "&since=2024-02-01T00:00:00Z",
        "&until=2024-02-01T00:00:00Z",
    ];
    let mut cursors: Vec<Option<String>> = vec![None; queries.len()];
    let mut seen: Vec<Vec<u64>> = vec![Vec::new(); queries.len()];
    for round in 0..6_usize {
        for ((query, cursor), seen) in queries.iter().zip(&mut cursors).zip(&mut seen) {
            // Sometimes only a part of what there is, and sometimes nothing but the total.
            let limit = [3, 1_000, 0, 1, 1_000, 1_000][round];
            let start = cursor.as_ref().map(|cursor| format!("&cursor={cursor}"));
            let start = start.unwrap_or_default();
            let response = fixture.list(&format!("order=asc&limit={limit}{query}{start}")).await;
            assert_eq!(response.status, 200, "{query}: {response:?}");
            seen.extend(response.ids());
            *cursor = Some(resume(&response));
        }
        if round < 4 {
            fixture.record(5 + 61 * round).await;
        }
    }
    for ((query, cursor), seen) in queries.iter().zip(&cursors).zip(&seen) {
        let all = fixture.list(&format!("order=asc&limit=1000{query}")).await;
        assert_eq!(*seen, all.ids(), "{query}");
        // Nothing has come since, so nothing has changed.
        let cursor = cursor.as_ref().unwrap();
        let again = fixture.list(&format!("order=asc{query}&cursor={cursor}")).await;
        assert_eq!(again.ids(), Vec::<u64>::new(), "{query}");
        assert_eq!(resume(&again), *cursor, "{query}");
        assert_eq!(again.pagination()["offset"], all.ids().len(), "{query}");
        let tag = again.header("etag").unwrap();
        let query = format!("order=asc{query}&cursor={cursor}");
        let same = fixture.list_with(&query, &[("if-none-match", tag)]).await;
        assert_eq!(same.status, 304, "{query}");
    }
}

#[tokio::test]
async fn cursor_of_a_log_that_was_rewritten_is_409_and_of_one_put_back_as_it_was_goes_on() {
    let fixture = Fixture::new().await;
    fixture.record(100).await;
    let scopes = ["", "&projectSlug=my-project", "&action=update"];
    let pages = async |fixture: &Fixture| {
        let mut pages = Vec::new();
        for scope in scopes {
            for order in ["asc", "desc"] {
                let query = format!("order={order}&limit=20{scope}");
                let response = fixture.list(&query).await;
                pages.push(format!("{query}&cursor={}", response.next().unwrap()));
                if order == "asc" {
                    let last = fixture.list(&query.replace("limit=20", "limit=1000")).await;
                    pages.push(format!("{query}&cursor={}", resume(&last)));
                }
            }
        }
        pages
    };
    let pages = pages(&fixture).await;
    let whole = entries(&fixture.api.store, 3).await;
    assert_eq!(whole.len(), 102);
    let check = async |is_the_same: bool, what: &str| {
        for page in &pages {
            let response = fixture.list(page).await;
            if is_the_same {
                assert_eq!(response.status, 200, "{what}: {page}");
            } else {
                let expected = (409, "log_rewritten", "The log was rewritten");
                assert_eq!(response.problem(), expected, "{what}: {page}");
            }
        }
    };
    check(true, "as it was").await;
    restore(&fixture, &whole).await;
    check(true, "put back").await;
    restore(&fixture, &[]).await;
    check(false, "erased").await;
    restore(&fixture, &whole[..15]).await;
    check(false, "an earlier point").await;
    let mut changed = whole.clone();
    changed[0].details.description = Some("Something else".to_owned());
    restore(&fixture, &changed).await;
    check(false, "another first entry").await;
    restore(&fixture, &whole[1..]).await;
    check(false, "without its first entry").await;
    restore(&fixture, &whole).await;
    check(true, "put back again").await;
    // A slug that leads nowhere any more.
    let renamed = activity_log_local::kit::project(3, 4, "renamed", "My Project");
    fixture.api.store.write_names(&[NameChange::Set(renamed)]).await.unwrap();
    let of_project = pages.iter().find(|page| page.contains("projectSlug")).unwrap();
    assert_eq!(fixture.list(of_project).await.problem().0, 409);
    write_names(&fixture.api.store).await;
    assert_eq!(fixture.list(of_project).await.status, 200);
    // An earlier point that is later than the page goes on.
    restore(&fixture, &whole[..101]).await;
    assert_eq!(fixture.list(&pages[0]).await.status, 200);
    assert_eq!(fixture.list(&pages[1]).await.problem().0, 409);
}
