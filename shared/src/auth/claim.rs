//! Names of claims: the standard ones that are checked, and the one that holds the user id.

use serde_json::{Map, Value};

/// A claim of RFC 7519, section 4.1, or RFC 8693, section 4.3, that a token can fail by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `exp`: until when the token is good.
    Expiry,
    /// `nbf`: from when on it is good.
    NotBefore,
    /// `iss`: who issued it.
    Issuer,
    /// `aud`: for whom it is.
    Audience,
    /// `client_id`: for whom it is, where there is no `aud`.
    Client,
}

impl Claim {
    /// What it is called in a token.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expiry => "exp",
            Self::NotBefore => "nbf",
            Self::Issuer => "iss",
            Self::Audience => "aud",
            Self::Client => "client_id",
        }
    }

    /// Its value among `claims`; `null` counts as absent.
    pub(super) fn of(self, claims: &Map<String, Value>) -> Option<&Value> {
        claims.get(self.name()).filter(|value| !value.is_null())
    }
}

/// Where a token holds the user id: the name of a claim (`sub`, `https://id.example/user_id`), or a
/// path of names with dots between them (`app.user_id`, `https://id.example/app.user_id`).
///
/// Names that providers make collision-resistant (RFC 7519, section 4.2) are URLs, and so have dots
/// of their own. Hence no dot means anything by itself: a name that is there as it stands wins over
/// every way to divide it, in each object on the way.
///
/// ```
/// use activity_log::auth::ClaimPath;
///
/// assert_eq!(ClaimPath::new("app.user_id")?.as_str(), "app.user_id");
/// assert!(ClaimPath::new("app..user_id").is_err() && ClaimPath::new("exp").is_err());
/// # Ok::<_, &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// The claim of this name, or at this path.
    ///
    /// # Errors
    /// A reason if a step of the path has no name, or if it is a claim that holds a time: as an integer
    /// that would pass for a user id, one that another user may have.
    pub fn new(path: &str) -> Result<Self, &'static str> {
        if ["exp", "nbf", "iat"].contains(&path) {
            return Err("must not be a claim that holds a time");
        }
        if path.split('.').any(str::is_empty) {
            return Err("must be the name of a claim, or names with a dot between each two");
        }
        Ok(Self(path.to_owned()))
    }

    /// `sub`, the claim that RFC 7519, section 4.1.2, has for it.
    pub(super) fn sub() -> Self {
        Self("sub".to_owned())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value that stands there, if any does.
    pub(super) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        find(claims, &self.0)
    }

    /// Claims with `value` there, and nothing else. A URL is taken for the name of one claim.
    pub(super) fn holding(&self, value: Value) -> Map<String, Value> {
        if self.0.contains("://") {
            return Map::from_iter([(self.0.clone(), value)]);
        }
        let (mut steps, mut value) = (self.0.as_str(), value);
        while let Some((outer, name)) = steps.rsplit_once('.') {
            value = Value::Object(Map::from_iter([(name.to_owned(), value)]));
            steps = outer;
        }
        Map::from_iter([(steps.to_owned(), value)])
    }
}

fn find<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    object.get(path).or_else(|| {
        path.match_indices('.').find_map(|(dot, _)| {
            let inner = object.get(&path[..dot])?.as_object()?;
            find(inner, &path[dot + 1..])
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(path: &str, claims: &Value) -> Option<Value> {
        ClaimPath::new(path).unwrap().find(claims.as_object().unwrap()).cloned()
    }

    #[test]
    fn a_path_leads_through_objects_and_a_whole_name_wins() {
        for (path, claims, found) in [
            ("sub", json!({"sub": 3}), Some(3)),
            ("sub", json!({"app": {"sub": 3}}), None),
            ("app.user_id", json!({"app": {"user_id": 3}}), Some(3)),
            ("app.user_id", json!({"app.user_id": 3, "app": {"user_id": 4}}), Some(3)),
            ("app.user_id", json!({"app": {"user_id": 3, "id": 4}, "user_id": 5}), Some(3)),
            ("app.user_id", json!({"app": 3}), None),
            ("app.user_id", json!({"app": [{"user_id": 3}]}), None),
            ("a.b.c", json!({"a": {"b": {"c": 3}}}), Some(3)),
            ("a.b.c", json!({"a": {"b": {}}, "a.b": {"c": 3}}), Some(3)),
            ("a.b.c", json!({"a": {"b.c": 3}}), Some(3)),
            ("https://id.example/user_id", json!({"https://id.example/user_id": 3}), Some(3)),
            ("https://id.example/app.id", json!({"https://id.example/app": {"id": 3}}), Some(3)),
        ] {
            assert_eq!(at(path, &claims), found.map(Value::from), "{path} in {claims}");
        }
        assert_eq!(at("a.b", &json!({"a.b": null, "a": {"b": 3}})), Some(Value::Null));
    }

    #[test]
    fn what_holds_a_value_is_found_by_the_same_path() {
        for (path, claims) in [
            ("sub", json!({"sub": "3"})),
            ("app.user_id", json!({"app": {"user_id": "3"}})),
            ("a.b.c", json!({"a": {"b": {"c": "3"}}})),
            ("https://id.example/user_id", json!({"https://id.example/user_id": "3"})),
        ] {
            assert_eq!(Value::from(ClaimPath::new(path).unwrap().holding("3".into())), claims);
            assert_eq!(at(path, &claims), Some("3".into()), "{path}");
        }
    }

    #[test]
    fn every_step_has_a_name() {
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert!(ClaimPath::new(bad).is_err(), "{bad:?}");
        }
    }
}
