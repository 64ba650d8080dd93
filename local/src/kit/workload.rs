//! Activities like those of a platform.

use activity_log::{Metadata, NewActivity};

use super::build::{START, millis};

/// The resource types of the reference.
const TYPES: [&str; 7] = [
    "function",
    "instance",
    "database",
    "storage_bucket",
    "static_website",
    "firewall",
    "cache_server",
];

/// The actions of the reference.
const ACTIONS: [&str; 7] =
    ["create", "update", "delete", "invoke", "sync", "connect", "disconnect"];

/// An activity in all three scopes, about 400 bytes when it is stored.
#[must_use]
pub fn full(number: u64) -> NewActivity {
    let types = ["function", "database"];
    let actions = ["create", "invoke"];
    let metadata = format!(r#"{{"runtime":"nodejs20.x","handler":"index.handler","n":{number}}}"#);
    NewActivity::new(actions[usize::from(number.is_multiple_of(10))])
        .resource(types[usize::from(number.is_multiple_of(2))], 5.try_into().unwrap())
        .environment(4.try_into().unwrap(), 9.try_into().unwrap())
        .description(format!("Did number {number} of the things that are done to functions"))
        .client("203.0.113.9".parse().unwrap(), "Mozilla/5.0 (X11; Linux x86_64)")
        .metadata(Metadata::from_text(metadata).unwrap())
}

/// So many of these activities, which occurred a millisecond apart from [`START`] on.
pub fn full_in_time(count: u64) -> impl Iterator<Item = NewActivity> {
    (START..).zip(0..count).map(|(time, number)| full(number).occurred_at(millis(time)))
}

/// A stream of activities like those of a platform, the same each time.
pub struct Workload {
    number: u64,
    make: Box<dyn FnMut(u64) -> NewActivity + Send>,
}

impl Workload {
    /// The activities that `make` makes of 0, 1, 2, …
    #[must_use]
    pub fn from_fn(make: impl FnMut(u64) -> NewActivity + Send + 'static) -> Self {
        Self { number: 0, make: Box::new(make) }
    }

    /// One project with one environment; two resource types and two actions.
    #[must_use]
    pub fn w1() -> Self {
        Self::of(1, 1, 2, 2)
    }

    /// Twenty projects with three environments each; seven resource types and seven actions.
    #[must_use]
    pub fn w3() -> Self {
        Self::of(20, 3, 7, 7)
    }

    fn of(projects: u64, environments: u64, types: usize, actions: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(1);
        Self::from_fn(move |_| {
            let project = 4 + random.u64(..projects);
            let environment =
                if projects == 1 { 4 } else { project * 100 + random.u64(..environments) };
            let (kind, action) = (TYPES[random.usize(..types)], ACTIONS[random.usize(..actions)]);
            Self::activity(kind, action, project, environment)
        })
    }

    /// An activity in all three scopes, about 420 bytes when it is stored.
    #[must_use]
    pub fn activity(kind: &str, action: &str, project: u64, environment: u64) -> NewActivity {
        const METADATA: &str = r#"{"runtime":"nodejs20.x","architecture":"arm64","handler":"index.handler","region":"us-east-1","memory":256}"#;
        NewActivity::new(action)
            .resource(kind, 5.try_into().unwrap())
            .environment(project.try_into().unwrap(), environment.try_into().unwrap())
            .description("Created function \"my-lambda-function\"")
            .metadata(Metadata::from_text(METADATA.to_owned()).unwrap())
            .client(
                "203.0.113.10".parse().unwrap(),
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )
    }

    /// The next activity.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> NewActivity {
        let activity = (self.make)(self.number);
        self.number += 1;
        activity
    }
}
