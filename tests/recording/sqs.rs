//! The dead-letter queue, as far as the function sees it: it takes what it is sent, or refuses it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use activity_log_local::{ACCESS_KEY, REGION};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use record_activities::DeadLetters;
use serde_json::{Value, json};

/// A dead-letter queue, which a clone shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeadLetterQueue(Arc<State>);

#[derive(Debug, Default)]
struct State {
    sent: Mutex<Vec<Value>>,
    refuses: AtomicBool,
}

/// The configuration of a client for the SQS at `endpoint` on this machine.
pub(crate) fn client_config(endpoint: &str) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "local"))
        .endpoint_url(endpoint)
}

impl DeadLetterQueue {
    /// The function's way to it.
    pub(crate) fn dead_letters(&self) -> DeadLetters {
        let config = client_config("http://127.0.0.1:1").http_client(self.clone());
        DeadLetters::new(Client::from_conf(config.build()), "http://127.0.0.1:1/1/dead".to_owned())
    }

    /// Whether it refuses from now on.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.0.refuses.store(refuses, Ordering::SeqCst);
    }

    /// What it was sent, by deduplication id: SQS keeps one of each.
    pub(crate) fn messages(&self) -> BTreeMap<String, Value> {
        let sent = self.0.sent.lock().unwrap();
        let id = |message: &Value| message["MessageDeduplicationId"].as_str().unwrap().to_owned();
        sent.iter().rev().map(|message| (id(message), message.clone())).collect()
    }
}

impl HttpClient for DeadLetterQueue {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for DeadLetterQueue {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (status, response) = if self.0.refuses.load(Ordering::SeqCst) {
            (400, json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist" }))
        } else {
            let body = request.body().bytes().unwrap_or_default();
            self.0.sent.lock().unwrap().push(serde_json::from_slice(body).unwrap());
            (200, json!({ "MessageId": "m" }))
        };
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            status,
            SdkBody::from(response.to_string()),
        )))
    }
}
