//! The tables of the peer.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

use super::items::SORT_KEY;
use crate::Failure;

/// The table of entries that [`create_tables`] makes, for `PEER_TABLE`.
pub const TABLE: &str = "PeerActivities";

/// The table of names that it makes, for `PEER_DIRECTORY_TABLE`.
pub const DIRECTORY_TABLE: &str = "PeerDirectory";

/// The variables that say so to the peers.
pub const VARIABLES: [(&str, &str); 2] =
    [("PEER_TABLE", TABLE), ("PEER_DIRECTORY_TABLE", DIRECTORY_TABLE)];

/// The index of a user's entries in time order.
pub(super) const USER_INDEX: &str = "byUser";

/// The index of what a user did in an environment.
pub(super) const ENVIRONMENT_INDEX: &str = "byEnvironment";

/// Makes the two tables.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn create_tables(client: &Client) -> Result<(), Failure> {
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
    };
    let key =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let index = |name: &str, partition: &str| {
        Ok::<_, Failure>(
            GlobalSecondaryIndex::builder()
                .index_name(name)
                .key_schema(key(partition, KeyType::Hash)?)
                .key_schema(key(SORT_KEY, KeyType::Range)?)
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()?,
        )
    };
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("id", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("userId", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("userProjectEnvironment", ScalarAttributeType::S)?)
        .attribute_definitions(attribute(SORT_KEY, ScalarAttributeType::S)?)
        .key_schema(key("id", KeyType::Hash)?)
        .global_secondary_indexes(index(USER_INDEX, "userId")?)
        .global_secondary_indexes(index(ENVIRONMENT_INDEX, "userProjectEnvironment")?)
        .send()
        .await?;
    client
        .create_table()
        .table_name(DIRECTORY_TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("key", ScalarAttributeType::S)?)
        .key_schema(key("key", KeyType::Hash)?)
        .send()
        .await?;
    Ok(())
}
