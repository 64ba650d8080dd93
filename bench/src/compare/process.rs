//! What a request to a function takes, and what it shows.

use std::time::Duration;

use bench::Failure;
use bench::function::Function;
use serde_json::Value;

use crate::requests::Request;

/// What a request took, and what it showed.
#[derive(Debug)]
pub(crate) struct Performed {
    /// From the event handed out to the response taken; of a walk, the sum.
    pub(crate) elapsed: Duration,
    /// Processor time of the function.
    pub(crate) cpu: Duration,
    /// What the responses say, page after page.
    pub(crate) shown: Vec<Shown>,
}

/// What of a response must be the same in all systems.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) status: Value,
    pub(crate) total: Value,
    pub(crate) ids: Vec<Value>,
    pub(crate) facets: Value,
    pub(crate) histogram: Value,
}

/// Sends a request; if it is a walk, page after page.
///
/// # Errors
/// If the function fails, or answers with another status.
pub(crate) async fn perform(
    function: &mut Function,
    request: &Request,
) -> Result<Performed, Failure> {
    let mut performed =
        Performed { elapsed: Duration::ZERO, cpu: Duration::ZERO, shown: Vec::new() };
    let mut cursor: Option<String> = None;
    for _ in 0..request.pages {
        let event = request.event(cursor.as_deref())?;
        let (response, cpu) = function.invoke(&event).await?;
        performed.elapsed += response.elapsed;
        performed.cpu += cpu;
        let response: Value = serde_json::from_slice(&response.body)?;
        if response["statusCode"] != request.status {
            return Err(format!("{}: {response}", request.name).into());
        }
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap_or_default())?;
        cursor = body["pagination"]["nextCursor"].as_str().map(str::to_owned);
        performed.shown.push(shown(&response, body));
        if cursor.is_none() {
            break;
        }
    }
    Ok(performed)
}

fn shown(response: &Value, mut body: Value) -> Shown {
    let ids = match &body["data"] {
        Value::Array(entries) => entries.iter().map(|entry| entry["id"].clone()).collect(),
        entry => vec![entry["id"].clone()],
    };
    Shown {
        status: response["statusCode"].clone(),
        total: body["pagination"]["total"].take(),
        ids,
        facets: body["facets"].take(),
        histogram: body["histogram"].take(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_and_an_entry_show_their_ids() {
        let response = json!({"statusCode": 200});
        let body = json!({"data": [{"id": 2}, {"id": 1}], "pagination": {"total": 9}});
        let list = shown(&response, body);
        assert_eq!((list.ids, list.total), (vec![json!(2), json!(1)], json!(9)));
        let entry = shown(&response, json!({"data": {"id": 7}}));
        assert_eq!((entry.ids, entry.total), (vec![json!(7)], Value::Null));
    }
}
