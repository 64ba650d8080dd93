//! A peer as a process, and the requests to it.

use std::path::Path;
use std::process::Stdio;

use bench::emulator::Emulator;
use bench::function::set_environment;
use bench::{START, body};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

pub(crate) const LIST: &str = include_str!("../../../../events/list-activities.json");
const PROJECT: &str = include_str!("../../../../events/list-project-activities.json");
const GET: &str = include_str!("../../../../events/get-activity.json");

/// A peer that is running.
pub(crate) struct Peer {
    emulator: Emulator,
    _process: Child,
}

impl Peer {
    pub(crate) async fn start(
        program: &Path,
        argument: Option<&Path>,
        endpoint: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let emulator = Emulator::start().await.unwrap();
        let mut command = Command::new(program);
        set_environment(&mut command, endpoint, emulator.address());
        command.args(argument).envs(variables.iter().copied()).stdin(Stdio::null());
        let process = command.kill_on_drop(true).spawn().unwrap();
        Self { emulator, _process: process }
    }

    /// The status and the document of the response to an event.
    pub(crate) async fn send(&mut self, event: &Value) -> (u64, Value) {
        let response = self.emulator.invoke(&event.to_string()).await.unwrap();
        let response: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response["headers"]["content-type"], "application/json", "{response}");
        let body = response["body"].as_str().unwrap();
        (response["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap())
    }

    pub(crate) async fn list(&mut self, query: &str) -> (u64, Value) {
        let mut event: Value = serde_json::from_str(LIST).unwrap();
        event["rawQueryString"] = query.into();
        self.send(&event).await
    }

    pub(crate) async fn list_project(
        &mut self,
        [project, environment]: [&str; 2],
        query: &str,
    ) -> (u64, Value) {
        let mut event: Value = serde_json::from_str(PROJECT).unwrap();
        event["rawPath"] = format!("/api/activities/{project}/{environment}").into();
        event["pathParameters"] = json!({"projectSlug": project, "environmentSlug": environment});
        event["rawQueryString"] = query.into();
        self.send(&event).await
    }

    pub(crate) async fn get(&mut self, id: u64) -> (u64, Value) {
        let mut event: Value = serde_json::from_str(GET).unwrap();
        event["rawPath"] = format!("/api/activities/{id}").into();
        event["pathParameters"] = json!({"id": id.to_string()});
        self.send(&event).await
    }

    /// Hands over messages of the queue.
    pub(crate) async fn record(&mut self, numbers: std::ops::Range<u64>) {
        let message = |number| {
            json!({
                "messageId": format!("059f36b4-87a3-44ab-83d2-{number:012}"),
                "body": body(number).to_string(),
                // After all entries that are there.
                "attributes": {"SentTimestamp": (START + 10_000_000 + i64::try_from(number).unwrap()).to_string()},
            })
        };
        let event = json!({"Records": numbers.map(message).collect::<Vec<_>>()});
        let response = self.emulator.invoke(&event.to_string()).await.unwrap();
        let response: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response, json!({"batchItemFailures": []}));
    }
}
