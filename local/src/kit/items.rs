//! The items in the tables of a log, past the store.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// An item, or its key.
pub type Item = HashMap<String, AttributeValue>;

/// The attributes of a key.
pub type Key<'a> = [(&'a str, AttributeValue)];

/// A number as an attribute.
#[must_use]
pub fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A text as an attribute.
#[must_use]
pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// The key of an item of a user's ledger.
#[must_use]
pub fn ledger_key(scope: &str, item: &str) -> [(&'static str, AttributeValue); 2] {
    [("scope", text(scope)), ("item", text(item))]
}

/// A table, past the store.
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table of this name in the DynamoDB at `endpoint`.
    #[must_use]
    pub fn at(endpoint: &str, name: &str) -> Self {
        Self { client: crate::client(endpoint), name: name.to_owned() }
    }

    /// All items.
    pub async fn scan(&self) -> Vec<Item> {
        let items = self.client.scan().table_name(&self.name).into_paginator().items().send();
        items.collect::<Result<_, _>>().await.unwrap()
    }

    /// What the index `user` of the table of entries has of a user's log, oldest first.
    pub async fn of_user(&self, id: u64) -> Vec<Item> {
        let query = self.client.query().table_name(&self.name).index_name("user");
        let query = query.key_condition_expression("userId = :user");
        let query = query.expression_attribute_values(":user", number(id));
        query.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// An item, which must be there.
    pub async fn get(&self, key: &Key<'_>) -> Item {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(item(key)));
        request.send().await.unwrap().item.unwrap()
    }

    /// Writes an item, in the place of one with its key.
    pub async fn put(&self, item: Item) {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(item));
        request.send().await.unwrap();
    }

    /// Sets an attribute of an item.
    pub async fn set(&self, key: &Key<'_>, name: &str, value: AttributeValue) {
        let request = self.client.update_item().table_name(&self.name).set_key(Some(item(key)));
        let request = request.update_expression("SET #name = :value");
        let request = request.expression_attribute_names("#name", name);
        request.expression_attribute_values(":value", value).send().await.unwrap();
    }

    /// Removes an attribute of an item.
    pub async fn unset(&self, key: &Key<'_>, name: &str) {
        let request = self.client.update_item().table_name(&self.name).set_key(Some(item(key)));
        let request = request.update_expression("REMOVE #name");
        request.expression_attribute_names("#name", name).send().await.unwrap();
    }

    /// Deletes an item.
    pub async fn delete(&self, key: &Key<'_>) {
        let request = self.client.delete_item().table_name(&self.name).set_key(Some(item(key)));
        request.send().await.unwrap();
    }
}

/// The item of these attributes.
#[must_use]
pub fn item(attributes: &[(&str, AttributeValue)]) -> Item {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// An item as `aws dynamodb query` prints it.
#[must_use]
pub fn as_printed(item: &Item) -> Value {
    let attribute = |value: &AttributeValue| match value {
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::B(bytes) => json!({ "B": BASE64_STANDARD.encode(bytes) }),
        other => panic!("no item has {other:?}"),
    };
    item.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}
