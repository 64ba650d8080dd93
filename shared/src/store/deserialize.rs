//! The items of DynamoDB's responses, decoded once, straight from their JSON.
//!
//! The SDK would make a hash map of every item, with a text of its own for each name, at nearly twice
//! the instructions. So it hands over the bytes of a response that succeeded. Signing, retries,
//! time-outs, and responses that are errors stay the SDK's.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors;
use aws_smithy_runtime_api::client::interceptors::context::{Output, OutputOrError};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::base64;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::item::attribute::{Item, Name};
use super::item::entry::known_name;

/// What a read has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The items.
    pub(super) items: Vec<Item>,
    /// Where the next items of a query start, if there may be any.
    pub(super) next: Option<Item>,
    /// The keys that a batch did not come to.
    pub(super) unprocessed: Vec<Item>,
}

/// A response of DynamoDB that succeeded (AWS: "Amazon DynamoDB API Reference").
pub(super) trait Response: DeserializeOwned + 'static {
    /// The SDK's operation, which knows how to read an error.
    type Operation: Default + RuntimePlugin;

    /// What the SDK makes of it.
    type Output: fmt::Debug + Send + Sync + 'static;

    /// What it has found, and the rest for the SDK: what was consumed.
    fn split(self) -> (Found, Self::Output);
}

/// Takes the items of one call's response: as an interceptor of that call, it puts itself in the place
/// of the SDK's deserializer.
pub(super) struct Items<R> {
    found: Arc<Mutex<Found>>,
    response: PhantomData<fn() -> R>,
}

impl<R> Items<R> {
    pub(super) fn new() -> Self {
        Self { found: Arc::default(), response: PhantomData }
    }

    /// What the call has found, once it has succeeded.
    pub(super) fn take(&self) -> Found {
        std::mem::take(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<R> Clone for Items<R> {
    fn clone(&self) -> Self {
        Self { found: Arc::clone(&self.found), response: PhantomData }
    }
}

impl<R> fmt::Debug for Items<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items")
    }
}

impl<R: Response> Intercept for Items<R> {
    fn name(&self) -> &'static str {
        "Items"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl<R: Response> DeserializeResponse for Items<R> {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        bag: &ConfigBag,
    ) -> OutputOrError {
        let body = response.body().bytes().filter(|_| response.status().as_u16() == 200);
        let Some(body) = body else {
            let sdk = R::Operation::default().config().ok_or_else(missing)?;
            let sdk = sdk.load::<SharedResponseDeserializer>().ok_or_else(missing)?;
            return sdk.deserialize_nonstreaming_with_config(response, bag);
        };
        // As a text, it is validated at once and not string by string.
        let body = std::str::from_utf8(body).map_err(OrchestratorError::other)?;
        let response: R = serde_json::from_str(body).map_err(OrchestratorError::other)?;
        let (found, output) = response.split();
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(Output::erase(output))
    }
}

fn missing() -> OrchestratorError<interceptors::context::Error> {
    OrchestratorError::other("the operation has no deserializer")
}

/// What a call has consumed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: Option<f64>,
}

impl From<Capacity> for ConsumedCapacity {
    fn from(Capacity { capacity_units }: Capacity) -> Self {
        Self::builder().set_capacity_units(capacity_units).build()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueryResponse {
    items: Option<Vec<Item>>,
    last_evaluated_key: Option<Item>,
    consumed_capacity: Option<Capacity>,
}

impl Response for QueryResponse {
    type Operation = operation::query::Query;
    type Output = QueryOutput;

    fn split(self) -> (Found, QueryOutput) {
        let capacity = self.consumed_capacity.map(ConsumedCapacity::from);
        let items = self.items.unwrap_or_default();
        let found = Found { items, next: self.last_evaluated_key, unprocessed: Vec::new() };
        (found, QueryOutput::builder().set_consumed_capacity(capacity).build())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetItemResponse {
    item: Option<Item>,
    consumed_capacity: Option<Capacity>,
}

impl Response for GetItemResponse {
    type Operation = operation::get_item::GetItem;
    type Output = GetItemOutput;

    fn split(self) -> (Found, GetItemOutput) {
        let capacity = self.consumed_capacity.map(ConsumedCapacity::from);
        let found = Found { items: self.item.into_iter().collect(), ..Found::default() };
        (found, GetItemOutput::builder().set_consumed_capacity(capacity).build())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchGetItemResponse {
    responses: Option<HashMap<String, Vec<Item>>>,
    unprocessed_keys: Option<HashMap<String, UnprocessedKeys>>,
    consumed_capacity: Option<Vec<Capacity>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UnprocessedKeys {
    keys: Vec<Item>,
}

impl Response for BatchGetItemResponse {
    type Operation = operation::batch_get_item::BatchGetItem;
    type Output = BatchGetItemOutput;

    /// A batch is always of one table.
    fn split(self) -> (Found, BatchGetItemOutput) {
        let capacity = self.consumed_capacity;
        let capacity = capacity.map(|all| all.into_iter().map(ConsumedCapacity::from).collect());
        let items = self.responses.into_iter().flatten().flat_map(|(_, items)| items).collect();
        let left = self.unprocessed_keys.into_iter().flatten();
        let unprocessed = left.flat_map(|(_, left)| left.keys).collect();
        let found = Found { items, next: None, unprocessed };
        (found, BatchGetItemOutput::builder().set_consumed_capacity(capacity).build())
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;

        impl<'de> Visitor<'de> for Attributes {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let mut attributes = Vec::with_capacity(16);
                while let Some((Known(name), Value(value))) = map.next_entry()? {
                    attributes.push((name, value));
                }
                Ok(attributes.into())
            }
        }

        deserializer.deserialize_map(Attributes)
    }
}

/// The name of an attribute; one that a page has on every entry takes no memory.
struct Known(Name);

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Known;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an attribute")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Known, E> {
                Ok(Known(known_name(name).map_or_else(|| name.to_owned().into(), Name::Borrowed)))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A value as DynamoDB writes it: an object of one member, whose name is its kind (AWS:
/// "`AttributeValue`").
struct Value(AttributeValue);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKind;

        impl<'de> Visitor<'de> for OfKind {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the value of an attribute")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let kind = map.next_key()?.ok_or_else(|| A::Error::custom("it has no kind"))?;
                let value = match kind {
                    Kind::S => AttributeValue::S(map.next_value()?),
                    Kind::N => AttributeValue::N(map.next_value()?),
                    Kind::B => AttributeValue::B(map.next_value::<Bytes>()?.0),
                    Kind::Bool => AttributeValue::Bool(map.next_value()?),
                    Kind::Null => AttributeValue::Null(map.next_value()?),
                    Kind::Ss => AttributeValue::Ss(map.next_value()?),
                    Kind::Ns => AttributeValue::Ns(map.next_value()?),
                    Kind::Bs => {
                        let all: Vec<Bytes> = map.next_value()?;
                        AttributeValue::Bs(all.into_iter().map(|Bytes(bytes)| bytes).collect())
                    }
                    Kind::L => {
                        let all: Vec<Value> = map.next_value()?;
                        AttributeValue::L(all.into_iter().map(|Value(value)| value).collect())
                    }
                    Kind::M => AttributeValue::M(map.next_value::<Item>()?.into()),
                };
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(Value(value)),
                    Some(_) => Err(A::Error::custom("it has two kinds")),
                }
            }
        }

        deserializer.deserialize_map(OfKind)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    S,
    N,
    B,
    Bool,
    Null,
    Ss,
    Ns,
    Bs,
    L,
    M,
}

/// Bytes, which JSON has as base64 (RFC 4648, section 4).
struct Bytes(Blob);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;

        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                base64::decode(text).map(|bytes| Bytes(Blob::new(bytes))).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Base64)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::query::QueryError;
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    use super::*;

    fn found<R: Response>(body: &serde_json::Value) -> (Found, R::Output) {
        serde_json::from_str::<R>(&body.to_string()).unwrap().split()
    }

    fn number(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    #[test]
    fn attributes_of_every_kind_are_what_was_written() {
        let item: Item = serde_json::from_value(json!({
            "id": {"N": "7"},
            "other\u{1f600}": {"S": "a\"\u{e9}\n"},
            "data": {"B": "AAEC/w=="},
            "is": {"BOOL": true},
            "none": {"NULL": true},
            "texts": {"SS": ["a", "b"]},
            "numbers": {"NS": ["1"]},
            "bytes": {"BS": ["AA=="]},
            "list": {"L": [{"N": "1"}, {"S": "x"}]},
            "map": {"M": {"id": {"N": "8"}}},
        }))
        .unwrap();
        let expected: Item = [
            ("id", number("7")),
            ("other\u{1f600}", AttributeValue::S("a\"\u{e9}\n".to_owned())),
            ("data", AttributeValue::B(Blob::new([0, 1, 2, 255]))),
            ("is", AttributeValue::Bool(true)),
            ("none", AttributeValue::Null(true)),
            ("texts", AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()])),
            ("numbers", AttributeValue::Ns(vec!["1".to_owned()])),
            ("bytes", AttributeValue::Bs(vec![Blob::new([0])])),
            ("list", AttributeValue::L(vec![number("1"), AttributeValue::S("x".to_owned())])),
            ("map", AttributeValue::M(Item::from([("id", number("8"))]).into())),
        ]
        .into();
        assert_eq!(item, expected);
    }

    #[test]
    fn what_is_no_attribute_is_an_error() {
        for item in [
            json!({"id": {}}),
            json!({"id": {"N": 7}}),
            json!({"id": {"X": "7"}}),
            json!({"id": {"N": "7", "S": "7"}}),
            json!({"id": "7"}),
            json!({"id": {"B": "A"}}),
            json!([]),
        ] {
            assert!(serde_json::from_str::<Item>(&item.to_string()).is_err(), "{item}");
        }
    }

    fn deserialize(status: u16, body: &'static str) -> (Found, OutputOrError) {
        let status = status.try_into().unwrap();
        let response = HttpResponse::new(status, SdkBody::from(body));
        let items = Items::<QueryResponse>::new();
        let outcome = items.deserialize_nonstreaming_with_config(&response, &ConfigBag::base());
        (items.take(), outcome)
    }

    #[test]
    fn an_error_is_what_the_sdk_says_and_what_is_no_json_is_an_error() {
        let (found, outcome) = deserialize(200, r#"{"Items":[{"id":{"N":"7"}}]}"#);
        assert!(outcome.unwrap().downcast_ref::<QueryOutput>().is_some());
        assert_eq!(found.items.len(), 1);

        let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
        let (found, outcome) = deserialize(400, throttled);
        let error = outcome.unwrap_err();
        let error = error.as_operation_error().unwrap().downcast_ref::<QueryError>().unwrap();
        assert!(matches!(error, QueryError::ThrottlingException(_)), "{error:?}");
        assert!(found.items.is_empty());

        for body in ["", "{", r#"{"Items":[{"id":{"N":7}}]}"#, "\"\u{0}\""] {
            assert!(deserialize(200, body).1.unwrap_err().as_operation_error().is_none(), "{body}");
        }
    }

    #[test]
    fn a_response_has_what_was_found_and_what_it_took() {
        let capacity = json!({"TableName": "t", "CapacityUnits": 2.5});
        let (read, output) = found::<QueryResponse>(&json!({
            "Count": 2,
            "Items": [{"id": {"N": "7"}}, {"id": {"N": "8"}}],
            "LastEvaluatedKey": {"id": {"N": "8"}},
            "ConsumedCapacity": capacity,
        }));
        let items = ["7", "8"].map(|id| Item::from([("id", number(id))]));
        assert_eq!(read.items, items);
        assert_eq!(read.next.as_ref(), Some(&items[1]));
        assert_eq!(output.consumed_capacity().unwrap().capacity_units(), Some(2.5));
        let (read, _) = found::<QueryResponse>(&json!({"Items": null, "LastEvaluatedKey": null}));
        assert!(read.items.is_empty() && read.next.is_none());

        let (read, output) = found::<GetItemResponse>(
            &json!({"Item": {"id": {"N": "7"}}, "ConsumedCapacity": capacity}),
        );
        assert_eq!(read.items, items[..1]);
        assert_eq!(output.consumed_capacity().unwrap().capacity_units(), Some(2.5));
        assert!(found::<GetItemResponse>(&json!({})).0.items.is_empty());

        let (read, output) = found::<BatchGetItemResponse>(&json!({
            "Responses": {"t": [{"id": {"N": "7"}}]},
            "UnprocessedKeys": {"t": {"Keys": [{"id": {"N": "8"}}], "ConsistentRead": true}},
            "ConsumedCapacity": [capacity],
        }));
        assert_eq!(read.items, items[..1]);
        assert_eq!(read.unprocessed, items[1..]);
        assert_eq!(output.consumed_capacity()[0].capacity_units(), Some(2.5));
        let (read, _) =
            found::<BatchGetItemResponse>(&json!({"Responses": {"t": []}, "UnprocessedKeys": {}}));
        assert!(read.items.is_empty() && read.unprocessed.is_empty());
    }
}
