//! The requests that all systems are asked, as API Gateway hands them over.

use activity_log::time::Timestamp;
use bench::Failure;
use serde_json::{Map, Value, json};

use crate::workload::{SLUGS, time};

const LIST: &str = include_str!("../../../events/list-activities.json");
const PROJECT: &str = include_str!("../../../events/list-project-activities.json");
const GET: &str = include_str!("../../../events/get-activity.json");

/// How many pages a walk by cursor has.
const WALK: u32 = 2;

/// A route of the API. Ours has a function for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/api/activities`
    List,
    /// `/api/activities/{projectSlug}/{environmentSlug}`
    Project,
    /// `/api/activities/{id}`
    Get,
}

impl Route {
    /// Our functions, in the order of the routes.
    pub(crate) const FUNCTIONS: [&str; 3] =
        ["list-activities", "list-project-activities", "get-activity"];
}

/// What is asked, and what must come back.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// What it is called in the results.
    pub(crate) name: String,
    /// Which function of ours answers.
    pub(crate) route: Route,
    /// The status of the response.
    pub(crate) status: u16,
    /// How many pages are read, each by the cursor of the one before.
    pub(crate) pages: u32,
    /// Whether the usual design refuses it.
    pub(crate) is_summary: bool,
    path: String,
    /// The parameters, written so that they stand in a URL as they are.
    query: Vec<(&'static str, String)>,
}

/// Entries that are asked for by id.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    /// One in the middle of the user's log.
    pub(crate) own: u64,
    /// One of another user.
    pub(crate) foreign: u64,
}

impl Request {
    fn list<const N: usize>(name: &str, query: [(&'static str, &str); N]) -> Self {
        Self {
            name: name.to_owned(),
            route: Route::List,
            status: 200,
            pages: 1,
            is_summary: query.iter().any(|(name, _)| *name == "include"),
            path: "/api/activities".to_owned(),
            query: query.map(|(name, value)| (name, value.to_owned())).to_vec(),
        }
    }

    fn project<const N: usize>(name: &str, query: [(&'static str, &str); N]) -> Self {
        let path = format!("/api/activities/{SLUGS}");
        Self { route: Route::Project, path, ..Self::list(name, query) }
    }

    fn get(name: &str, id: u64, status: u16) -> Self {
        let path = format!("/api/activities/{id}");
        Self { route: Route::Get, path, status, ..Self::list(name, []) }
    }

    /// The event of the request; with `cursor`, of the page after that.
    ///
    /// # Errors
    /// None.
    pub(crate) fn event(&self, cursor: Option<&str>) -> Result<String, Failure> {
        let mut event: Value = serde_json::from_str(match self.route {
            Route::List => LIST,
            Route::Project => PROJECT,
            Route::Get => GET,
        })?;
        let mut query: Vec<(&str, &str)> =
            self.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        event["rawQueryString"] = pairs.join("&").into();
        let parameters = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let parameters: Map<String, Value> = parameters.collect();
        if let Some(event) = event.as_object_mut() {
            // API Gateway leaves the member out where there is no parameter.
            event.remove("queryStringParameters");
            if !parameters.is_empty() {
                event.insert("queryStringParameters".to_owned(), parameters.into());
            }
        }
        if self.route == Route::Get {
            let id = self.path.rsplit('/').next().unwrap_or_default();
            event["pathParameters"] = json!({ "id": id });
        }
        event["rawPath"] = self.path.clone().into();
        event["requestContext"]["http"]["path"] = self.path.clone().into();
        Ok(event.to_string())
    }
}

/// What is measured on a log of this many entries.
///
/// # Errors
/// None.
pub(crate) fn requests(entries: u64, ids: Ids) -> Result<Vec<Request>, Failure> {
    let at = |percent: u64| (entries * percent / 100).to_string();
    let moment = |percent: u64| {
        Ok::<_, Failure>(
            Timestamp::from_millis(time(entries, entries * percent / 100))?.to_string(),
        )
    };
    let (since, until) = (moment(45)?, moment(55)?);
    let limit = ("limit", "100");
    let range = [("since", since.as_str()), ("until", until.as_str())];
    let type_is = |value| [limit, ("resourceType", value)];
    Ok(vec![
        Request::list("first page", [limit]),
        Request::list("offset 10 %", [limit, ("offset", &at(10))]),
        Request::list("offset 50 %", [limit, ("offset", &at(50))]),
        Request::list("offset 99 %", [limit, ("offset", &at(99))]),
        Request::list("offset past the end", [limit, ("offset", &at(110))]),
        Request::list("filter 50 %", type_is("function")),
        Request::list("filter 10 %", type_is("instance")),
        Request::list("filter 1 %", type_is("storage_bucket")),
        Request::list("filter 0.01 %", type_is("firewall")),
        Request::list("filter 0 %", type_is("cache_server")),
        Request::list(
            "several values",
            [limit, ("resourceType", "instance,storage_bucket"), ("action", "create,delete")],
        ),
        Request::list(
            "exclusions",
            [limit, ("excludeResourceType", "function,database"), ("excludeAction", "invoke")],
        ),
        Request::list("time range, a tenth", [limit, range[0], range[1]]),
        Request::list(
            "time range, filter 10 %",
            [limit, ("resourceType", "instance"), range[0], range[1]],
        ),
        Request::list("total (`limit=0`)", [("limit", "0")]),
        Request::list("page of 1,000", [("limit", "1000")]),
        Request::list("facets", [("limit", "0"), ("include", "facets")]),
        Request::list("histogram", [("limit", "0"), ("include", "histogram")]),
        Request { pages: WALK, ..Request::list("two pages by cursor", [limit]) },
        Request::project("project route", [limit]),
        Request::get("get, hit", ids.own, 200),
        // Ours are larger than this, and smaller than 2^53.
        Request::get("get, miss", 1, 404),
        Request::get("get, another user's", ids.foreign, 403),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_event_says_the_same_in_all_its_parts() {
        let ids = Ids { own: 7, foreign: 8 };
        let requests = requests(1_000, ids).unwrap();
        let named = |name: &str| {
            let request = requests.iter().find(|request| request.name == name).unwrap();
            serde_json::from_str::<Value>(&request.event(None).unwrap()).unwrap()
        };
        let event = named("several values");
        let expected = "limit=100&resourceType=instance,storage_bucket&action=create,delete";
        assert_eq!(event["rawQueryString"], expected);
        assert_eq!(event["queryStringParameters"]["action"], "create,delete");
        let event = named("get, hit");
        assert_eq!(event["rawPath"], "/api/activities/7");
        assert_eq!(event["pathParameters"], json!({"id": "7"}));
        assert_eq!(event.get("queryStringParameters"), None);
        assert_eq!(named("offset 99 %")["queryStringParameters"]["offset"], "990");
        let event = named("project route");
        assert_eq!(event["pathParameters"]["environmentSlug"], "production");

        let walk = requests.iter().find(|request| request.pages > 1).unwrap();
        let event: Value = serde_json::from_str(&walk.event(Some("abc")).unwrap()).unwrap();
        assert_eq!(event["queryStringParameters"], json!({"limit": "100", "cursor": "abc"}));
    }

    #[test]
    fn no_two_requests_have_one_name() {
        let requests = requests(1_000, Ids::default()).unwrap();
        let names: BTreeSet<_> = requests.iter().map(|request| &request.name).collect();
        assert_eq!(names.len(), requests.len());
    }
}
