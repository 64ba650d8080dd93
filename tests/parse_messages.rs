//! Reads messages of the queue, one a line, and writes what the recorder would make of each, one JSON
//! object a line: `{"ok":true,"altered":[…],"ignored":[…],"fields":{…}}`, or `{"ok":false,"error":"…"}`.
//!
//! The clients in other languages are tested against this program: what they send must come out with
//! nothing altered. Each line is answered before the next is read, so that one process serves a whole
//! run of tests.

use std::io::{self, BufRead, Write};

use activity_log::activity::Altered;
use activity_log::id::UserId;
use activity_log::message::Message;
use activity_log::{Details, NewActivity};
use serde::Serialize;

/// What is recorded of a message.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Recorded { ok: bool, altered: Vec<&'a str>, ignored: &'a [String], fields: Fields<'a> },
    Refused { ok: bool, error: String },
}

/// The fields of a message, by the names that they have there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    user_id: UserId,
    #[serde(flatten)]
    details: Box<Details>,
    idempotency_key: Option<&'a str>,
}

impl<'a> Outcome<'a> {
    fn of(message: &'a Message) -> Self {
        let NewActivity { details, idempotency_key } = &message.activity;
        let altered = details.altered.keys().map(String::as_str).collect();
        let fields = Fields {
            user_id: message.user_id,
            details: Box::new(Details { altered: Altered::new(), ..details.clone() }),
            idempotency_key: idempotency_key.as_deref(),
        };
        Self::Recorded { ok: true, altered, ignored: &message.ignored, fields }
    }
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let parsed = Message::parse(&line?);
        let outcome = match &parsed {
            Ok(message) => Outcome::of(message),
            Err(error) => Outcome::Refused { ok: false, error: error.to_string() },
        };
        serde_json::to_writer(&mut output, &outcome)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}
