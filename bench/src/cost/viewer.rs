//! What looking at the log costs: the viewer's files, and the polls of a page that follows the log.

use std::sync::{Arc, Mutex};

use ::viewer::FILES;
use activity_log::api::lambda;
use activity_log::api::viewer::{File, Viewer};
use activity_log::telemetry::Telemetry;
use bench::markdown::Table;
use bench::numbers::{dollars, thousands};
use bench::{Failure, real};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use crate::assumed::{Assumed, Cost};
use crate::measured::{Taken, expect_status, sent};

const EVENT: &str = include_str!("../../../events/viewer.json");

/// Seconds from one poll to the next, after input or news and at the most.
const POLL_SECONDS: [u32; 2] = [3, 30];

/// For how many seconds after input or news the interval stays short. Then each is twice the last.
const ATTENTIVE_SECONDS: u32 = 60;

/// The seconds of an hour.
const HOUR: u32 = 3_600;

/// What a million visits of the page cost, the first of a browser and later ones.
///
/// A language's messages are asked for in one language out of many, and left out.
///
/// # Errors
/// If a file is not served.
pub(crate) async fn visits(assumed: &Assumed, memory: f64) -> Result<Table, Failure> {
    let mut table = Table::new(
        "viewer",
        "a million | requests each | KB each | API Gateway | Lambda | logs | transfer | all",
    );
    // The function is not traced.
    let mut assumed = *assumed;
    assumed.traced = 0.0;
    let files: Vec<_> = FILES.iter().filter(|file| !file.name.starts_with("texts.")).collect();
    let first: Vec<_> = files.iter().map(|file| (*file, None)).collect();
    let stable = files.iter().filter(|file| !file.is_hashed());
    let again: Vec<_> = stable.map(|file| (*file, Some("*"))).collect();
    for (name, requests) in
        [("first visits of the page", first), ("later visits, of the same version", again)]
    {
        let mut bytes = 0.0;
        let mut cost = Cost::default();
        for (file, held) in &requests {
            let taken = request(file, *held).await?;
            bytes += taken.sent;
            let Cost { carried, lambda, watched, .. } = assumed.requests(&taken, memory);
            cost.carried += carried;
            cost.lambda += lambda;
            cost.watched += watched;
        }
        // Whole kilobytes, so that a word in a file changes no price.
        let kilobytes = (bytes / 1e3).ceil();
        cost.sent = kilobytes * 1e3 * 1e6 / bench::prices::GB * bench::prices::TRANSFER;
        let [carried, lambda, watched, sent, all] =
            [cost.carried, cost.lambda, cost.watched, cost.sent, cost.sum()].map(dollars);
        table.row(&[
            name.to_owned(),
            requests.len().to_string(),
            kilobytes.to_string(),
            carried,
            lambda,
            watched,
            sent,
            all,
        ]);
    }
    Ok(table)
}

/// A request of a browser for `file`, which it has already if `held` is the `If-None-Match` for it.
async fn request(file: &'static File, held: Option<&str>) -> Result<Taken, Failure> {
    let line = Arc::new(Mutex::new(Value::Null));
    let telemetry = Telemetry::with(None, {
        let line = Arc::clone(&line);
        move |text| {
            if let (Ok(mut line), Ok(told)) = (line.lock(), serde_json::from_str(text)) {
                *line = told;
            }
        }
    });
    let mut event: Value = serde_json::from_str(EVENT)?;
    event["pathParameters"] = json!({ "file": file.name });
    if let Some(tag) = held {
        event["headers"]["if-none-match"] = tag.into();
    }
    let event = LambdaEvent::new(serde_json::from_value(event)?, Context::default());
    let viewer = Viewer::new(FILES, telemetry);
    let response = serde_json::to_value(lambda::invoke_viewer(&viewer, event).await?)?;
    expect_status(&response, if held.is_some() { 304 } else { 200 })?;
    let line = line.lock().map_err(|_| "a line was lost")?.take();
    Ok(Taken { sent: sent(&response), ..Taken::of_line(line)? })
}

/// What an hour of following costs, of the whole log, where a million polls cost `poll`.
pub(crate) fn following(poll: f64) -> Table {
    let mut table = Table::new("following", "an hour of following | polls | a thousand such hours");
    for (name, every) in [
        ("nothing happens", HOUR),
        ("input or news every ten minutes", 600),
        ("input or news every minute", ATTENTIVE_SECONDS),
    ] {
        let polls = polls(every);
        let price = real(polls.into()) * 1e3 / 1e6 * poll;
        table.row(&[name.to_owned(), thousands(polls.into()), dollars(price)]);
    }
    table
}

/// How many polls a page makes in an hour in which there is input or news at the beginning and after
/// each `every` seconds.
fn polls(every: u32) -> u32 {
    let [shortest, longest] = POLL_SECONDS;
    let (mut at, mut wait, mut polls) = (0, shortest, 0);
    loop {
        wait = if at % every < ATTENTIVE_SECONDS { shortest } else { longest.min(2 * wait) };
        at += wait;
        if at > HOUR {
            return polls;
        }
        polls += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_polls_like_this() {
        let source = include_str!("../../../viewer/src/poll.ts");
        let source = source.replace('_', "");
        let [first, last] = POLL_SECONDS.map(|seconds| seconds * 1_000);
        assert!(source.contains(&format!("const PAUSE = {{ first: {first}, last: {last} }};")));
        assert!(source.contains(&format!("const LIVELY = {};", ATTENTIVE_SECONDS * 1_000)));
    }

    #[test]
    fn polls_are_frequent_for_a_minute_and_then_rarer() {
        // 20 in the first minute, after 66, 78 and 102 seconds, and 116 more until the hour is over.
        assert_eq!(polls(HOUR), 139);
        assert_eq!(polls(ATTENTIVE_SECONDS), 1_200);
        assert_eq!(polls(1), 1_200);
    }
}
