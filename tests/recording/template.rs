//! The queue and the function as template.yaml declares them.

use std::time::Duration;

use activity_log::store::IDEMPOTENCY_KEY_SECONDS;
use activity_log_local::kit::template;
use record_activities::DEADLINE;
use serde_json::{Value, json};

use crate::queue::MAX_RECEIVE_COUNT;

fn resource(name: &str) -> Value {
    let resource = template()["Resources"][name].take();
    assert!(resource.is_object(), "template.yaml has no {name}");
    resource
}

#[test]
fn a_message_comes_again_when_the_function_has_long_given_up_and_ends_in_the_dead_letter_queue() {
    let queue = resource("RecordQueue")["Properties"].take();
    let function = resource("RecordActivitiesFunction")["Properties"].take();
    let timeout = function["Timeout"].as_u64().unwrap();
    assert!(DEADLINE < Duration::from_secs(timeout), "the function is stopped before it answers");
    // AWS: "Using Lambda with Amazon SQS", on the visibility timeout.
    assert!(queue["VisibilityTimeout"].as_u64().unwrap() >= 6 * timeout);
    assert_eq!(queue["FifoQueue"], true);
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], MAX_RECEIVE_COUNT);
    assert_eq!(resource("RecordDeadLetterQueue")["Properties"]["FifoQueue"], true);
    // A message that is delivered late finds its key.
    assert!(queue["MessageRetentionPeriod"].as_u64().unwrap() <= IDEMPOTENCY_KEY_SECONDS);
    // The queue counts as held up after more than two tries, and before any message is given up.
    let retried = queue["VisibilityTimeout"].as_u64().unwrap();
    let given_up = retried * u64::from(MAX_RECEIVE_COUNT);
    let held_up = resource("QueueAgeAlarm")["Properties"]["Threshold"].as_u64().unwrap();
    assert!((2 * retried + 1..given_up).contains(&held_up));
    let variables = &function["Environment"]["Variables"];
    assert_eq!(variables["DEAD_LETTER_QUEUE_URL"], "RecordDeadLetterQueue");
    let source = &function["Events"]["Messages"];
    assert_eq!(source["Type"], "SQS");
    assert_eq!(source["Properties"]["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    let concurrency = &source["Properties"]["ScalingConfig"]["MaximumConcurrency"];
    assert_eq!(concurrency, "RecordConcurrency", "a replay leaves something to the readers");
}
