//! The rows of the last table of docs/contract.md, each by its name: the names that responses show,
//! and where slugs lead.

use activity_log::NewActivity;
use activity_log::directory::NameChange::{Delete, Set};
use activity_log::directory::{EntityKey, NameChange};
use activity_log_local::kit::{environment, person, project, user};
use serde_json::{Value, json};

use crate::support::{Fixture, Response};

/// How many environments the user has who has many.
const MANY: u64 = 10_000;

impl Fixture {
    async fn write_names(&self, changes: &[NameChange]) {
        self.api.store.write_names(changes).await.unwrap();
    }

    /// Records an entry of user 3 in an environment.
    async fn record_in(&self, project: u64, environment: u64) {
        let activity = NewActivity::new("sync")
            .environment(project.try_into().unwrap(), environment.try_into().unwrap());
        self.logger.append(user(3), activity).await.unwrap();
    }

    /// One request of each kind: its response, and the round trips and read units that it took.
    async fn request(&self, request: &str) -> (Response, u64, f64) {
        let response = match request.split_once('?') {
            Some(("list", query)) => self.list(query).await,
            Some((path, query)) => {
                let (project, environment) = path.split_once('/').unwrap();
                self.project(project, environment, query).await
            }
            None => self.get(request).await,
        };
        let line = self.line();
        (response, line["roundTrips"].as_u64().unwrap(), line["readUnits"].as_f64().unwrap())
    }
}

/// Requests, with the round trips and the read units of each. The log itself takes one round trip, and
/// one read unit: half a one for a total alone, or an entry.
const REQUESTS: [(&str, u64, f64); 11] = [
    ("list?", 2, 2.5),
    ("list?limit=1", 2, 2.5),
    ("list?limit=0", 1, 0.5),
    ("list?projectSlug=my-project", 3, 3.0),
    ("list?projectSlug=my-project&limit=0", 2, 1.0),
    ("list?projectSlug=my-project&environmentSlug=production", 3, 3.5),
    ("list?projectSlug=my-project&environmentSlug=nothing", 2, 1.0),
    ("list?projectSlug=nothing", 1, 0.5),
    ("my-project/production?", 3, 3.5),
    ("my-project/production?limit=0", 3, 1.5),
    ("1", 2, 2.0),
];

// On one thread, or a call might be answered before the one beside it is made.
#[tokio::test]
async fn a_request_costs_the_same_of_a_user_with_two_environments_and_with_ten_thousand() {
    let few = Fixture::new().await;
    let many = Fixture::new().await;
    let others = (0..MANY - 2).map(|number| {
        let (id, slug) = (1_000 + number, format!("environment-{number}"));
        Set(environment(3, 4 + number % 2 * 3, id, &slug, "Another"))
    });
    many.write_names(&others.collect::<Vec<_>>()).await;
    for (request, round_trips, units) in REQUESTS {
        let (response, round_trips_of_few, units_of_few) = few.request(request).await;
        let (same, round_trips_of_many, units_of_many) = many.request(request).await;
        assert_eq!((response.status, &response.text), (200, &same.text), "{request}");
        assert_eq!((round_trips_of_few, units_of_few), (round_trips, units), "{request}");
        assert_eq!((round_trips_of_many, units_of_many), (round_trips, units), "{request}");
    }
}

#[tokio::test]
async fn a_rename_shows_at_once_and_what_is_deleted_is_null_and_its_slug_leads_nowhere() {
    let fixture = Fixture::new().await;
    fixture
        .write_names(&[Set(project(3, 4, "renamed", "Renamed")), Set(person(3, "Jane Doe"))])
        .await;
    let shown = |response: &Response| {
        let entry = &response.body["data"];
        let entry = entry.get(0).unwrap_or(entry);
        ["user", "project", "environment"].map(|of| entry[of]["name"].clone())
    };
    let expected = [json!("Jane Doe"), json!("Renamed"), json!("Production")];
    for response in [
        fixture.list("").await,
        fixture.project("renamed", "production", "").await,
        fixture.get("1").await,
    ] {
        assert_eq!(shown(&response), expected);
    }
    assert_eq!(fixture.project("my-project", "production", "").await.status, 404);
    assert_eq!(fixture.list("projectSlug=my-project").await.ids(), [0; 0]);

    let id = 4.try_into().unwrap();
    fixture.write_names(&[Delete(EntityKey::Environment(user(3), id))]).await;
    assert_eq!(fixture.project("renamed", "production", "").await.status, 404);
    let id = 4.try_into().unwrap();
    let deleted = [EntityKey::Project(user(3), id), EntityKey::User(user(3))];
    fixture.write_names(&deleted.map(Delete)).await;
    for response in [fixture.list("").await, fixture.get("1").await] {
        assert_eq!(shown(&response), [Value::Null, Value::Null, Value::Null]);
    }
}

#[tokio::test]
async fn names_on_a_page_are_those_of_each_entry_s_project_and_environment() {
    let fixture = Fixture::new().await;
    // The second entry is in an environment that has since moved to the project of the first.
    fixture.record_in(4, 5).await;
    fixture.record_in(7, 5).await;
    fixture.record_in(7, 9).await;
    let named = |response: &Response| -> Vec<_> {
        let data = response.body["data"].as_array().unwrap();
        let names = data.iter().map(|entry| {
            ["project", "environment"].map(|of| entry[of]["slug"].as_str().unwrap().to_owned())
        });
        names.collect()
    };
    let response = fixture.list("limit=3").await;
    let expected = [["a+b %2F é", "x/y?z#"], ["a+b %2F é", "empty"], ["my-project", "empty"]];
    assert_eq!(named(&response), expected);
    fixture.line();
    let (response, round_trips, _) = fixture.request("my-project/empty?").await;
    assert_eq!(named(&response), expected[1..]);
    assert_eq!(round_trips, 4, "two slugs, the page, and the name of another project");
}

#[tokio::test]
async fn a_slug_used_again_leads_to_the_newest_that_has_it() {
    let fixture = Fixture::new().await;
    fixture.record_in(7, 9).await;
    let newest = fixture.list("limit=1").await.ids();
    let at_first = [2, 1];
    let led = async || {
        let responses = [
            fixture.list("projectSlug=my-project").await,
            fixture.list("projectSlug=my-project&environmentSlug=production").await,
            fixture.project("my-project", "production", "").await,
        ];
        responses.map(|response| response.ids())
    };
    assert_eq!(led().await, [at_first, at_first, at_first]);
    let again = [
        Set(project(3, 7, "my-project", "Again")),
        Set(environment(3, 7, 9, "production", "Again")),
    ];
    fixture.write_names(&again).await;
    assert_eq!(led().await, [&newest[..]; 3]);
    // Once the newest has it no more, it leads to the older one again.
    let id = 7.try_into().unwrap();
    fixture.write_names(&[Delete(EntityKey::Project(user(3), id))]).await;
    assert_eq!(led().await, [at_first, at_first, at_first]);
}
