//! The dead-letter queue, as the function writes to it.
//!
//! SQS moves a message there by itself once it has failed often enough, which takes a quarter of an
//! hour in which its user's other messages wait behind it. A message that can never be recorded need not
//! be tried again to know that, so the function moves it there at once.

use activity_log::config;
use activity_log::function;
use activity_log::time::Timestamp;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_sdk_sqs::types::MessageAttributeValue;

/// The attribute that says why a message can never be recorded.
const REASON: &str = "reason";

/// The attribute with the id that the message had when it was first received.
const MESSAGE_ID: &str = "originalMessageId";

/// The attribute that says when the message was first sent, in milliseconds since 1970.
const SENT: &str = "originalSentTimestamp";

/// The system attribute that says when SQS took a message, in milliseconds since 1970.
const SENT_TIMESTAMP: &str = "SentTimestamp";

/// Where messages go that can never be recorded.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: Client,
    queue_url: String,
}

/// A message that has no id, so that nothing could be said of it.
#[derive(Debug, thiserror::Error)]
#[error("a message has no messageId")]
pub(crate) struct NoMessageId;

/// What the queue knows of a message: what it was sent as before it was a dead letter, if it was one.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The id that it has now, by which its failure is reported.
    pub(crate) message_id: String,
    /// The id that it was first received with.
    pub(crate) first_id: String,
    /// When it was first sent.
    pub(crate) sent: Option<Timestamp>,
}

impl Origin {
    pub(crate) fn of(message: &SqsMessage) -> Result<Self, NoMessageId> {
        let message_id = message.message_id.clone().ok_or(NoMessageId)?;
        let given = |name| message.message_attributes.get(name)?.string_value.as_deref();
        let time = |millis: &str| Timestamp::from_millis(millis.parse().ok()?).ok();
        let sent_now = message.attributes.get(SENT_TIMESTAMP);
        Ok(Self {
            first_id: given(MESSAGE_ID).unwrap_or(&message_id).to_owned(),
            sent: given(SENT).and_then(time).or_else(|| time(sent_now?)),
            message_id,
        })
    }
}

impl DeadLetters {
    /// The queue at `queue_url`.
    #[must_use]
    pub const fn new(client: Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }

    /// The queue that the environment names, if it names one; see
    /// [`activity_log::config`] for the variable.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        let queue_url = config::dead_letter_queue(&config::environment)?;
        Some(Self::new(Client::new(&function::sdk_config("AWS_ENDPOINT_URL_SQS")), queue_url))
    }

    /// Sends a message there: its body and group as they are, and `reason`, which shows nothing of its
    /// values. It is sent under the id that it has now, so that a second try within five minutes
    /// changes nothing (AWS: "Exactly-once processing in Amazon SQS").
    pub(crate) async fn send(
        &self,
        message: &SqsMessage,
        origin: &Origin,
        reason: &str,
    ) -> Result<(), SdkError<SendMessageError>> {
        let text = |value: &str| {
            MessageAttributeValue::builder().data_type("String").string_value(value).build()
        };
        let sent = origin.sent.map(|time| time.as_millis().to_string());
        let attributes = [
            (REASON, Some(reason)),
            (MESSAGE_ID, Some(origin.first_id.as_str())),
            (SENT, sent.as_deref()),
        ];
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .set_message_body(message.body.clone())
            .set_message_group_id(message.attributes.get("MessageGroupId").cloned())
            .message_deduplication_id(&origin.message_id);
        for (name, value) in attributes {
            if let Some(value) = value {
                let value = text(value).map_err(SdkError::construction_failure)?;
                request = request.message_attributes(name, value);
            }
        }
        request.send().await?;
        Ok(())
    }
}
