//! Tables from `template.yaml`: reads what CloudFormation would be told and tells DynamoDB.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, IndexStatus, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};
use serde::Deserialize;

/// Why the tables of a template cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not the YAML that is expected.
    #[error("template.yaml cannot be read: {0}")]
    Unreadable(String),
    /// A table cannot be described to DynamoDB.
    #[error("template.yaml: table {table}: {reason}")]
    Table {
        /// The table's logical id.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// DynamoDB refused.
    #[error("DynamoDB did not make table {table}: {reason}")]
    Refused {
        /// The table's logical id.
        table: String,
        /// Its response.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    resources: BTreeMap<String, serde_json::Value>,
}

/// A DynamoDB table as a template declares it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Table {
    /// The attributes of all keys, with their types.
    pub attribute_definitions: Vec<Attribute>,
    /// The table's own key.
    pub key_schema: Vec<Key>,
    /// Its indexes.
    #[serde(default)]
    pub global_secondary_indexes: Vec<Index>,
    /// Which attribute says when an item expires.
    pub time_to_live_specification: Option<TimeToLive>,
}

/// A key attribute and its type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

/// A part of a key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Key {
    /// The attribute.
    pub attribute_name: String,
    /// `HASH` or `RANGE`.
    pub key_type: String,
}

/// A global secondary index.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Index {
    /// Its name.
    pub index_name: String,
    /// Its key, up to four attributes of each kind.
    pub key_schema: Vec<Key>,
    /// What it holds besides its key and the table's.
    pub projection: IndexProjection,
}

/// What an index holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IndexProjection {
    /// `ALL`, `INCLUDE` or `KEYS_ONLY`.
    pub projection_type: String,
    /// The attributes that `INCLUDE` means.
    pub non_key_attributes: Option<Vec<String>>,
}

/// When items expire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

fn read(template: &str) -> Result<Template, TemplateError> {
    serde_saphyr::from_str(template).map_err(|error| TemplateError::Unreadable(error.to_string()))
}

/// The tables that a template declares, by logical id. Locally, that is also their name.
///
/// # Errors
/// [`TemplateError`] if it cannot be read.
pub fn tables(template: &str) -> Result<BTreeMap<String, Table>, TemplateError> {
    read(template)?
        .resources
        .into_iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::DynamoDB::Table")
        .map(|(id, mut resource)| match serde_json::from_value(resource["Properties"].take()) {
            Ok(table) => Ok((id, table)),
            Err(error) => Err(TemplateError::Table { table: id, reason: error.to_string() }),
        })
        .collect()
}

/// Makes the tables of `template` that are not there yet, and waits until all can be used.
///
/// # Errors
/// [`TemplateError`].
pub async fn create_tables(client: &Client, template: &str) -> Result<(), TemplateError> {
    let tables = tables(template)?;
    for (name, table) in &tables {
        create(client, name, table).await?;
    }
    for (name, table) in &tables {
        wait_until_active(client, name).await?;
        if let Some(expiry) = &table.time_to_live_specification {
            set_expiry(client, name, expiry).await?;
        }
    }
    Ok(())
}

async fn create(client: &Client, name: &str, table: &Table) -> Result<(), TemplateError> {
    let invalid = |error: aws_sdk_dynamodb::error::BuildError| TemplateError::Table {
        table: name.to_owned(),
        reason: error.to_string(),
    };
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys(&table.key_schema).map_err(invalid)?));
    for attribute in &table.attribute_definitions {
        let definition = AttributeDefinition::builder()
            .attribute_name(&attribute.attribute_name)
            .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
            .build()
            .map_err(invalid)?;
        request = request.attribute_definitions(definition);
    }
    for index in &table.global_secondary_indexes {
        let projection = Projection::builder()
            .projection_type(ProjectionType::from(index.projection.projection_type.as_str()))
            .set_non_key_attributes(index.projection.non_key_attributes.clone())
            .build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.index_name)
            .set_key_schema(Some(keys(&index.key_schema).map_err(invalid)?))
            .projection(projection)
            .build()
            .map_err(invalid)?;
        request = request.global_secondary_indexes(index);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error))
            if matches!(error.err(), CreateTableError::ResourceInUseException(_)) =>
        {
            Ok(())
        }
        Err(error) => Err(refused(name, &error)),
    }
}

fn keys(keys: &[Key]) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    keys.iter()
        .map(|key| {
            KeySchemaElement::builder()
                .attribute_name(&key.attribute_name)
                .key_type(KeyType::from(key.key_type.as_str()))
                .build()
        })
        .collect()
}

async fn wait_until_active(client: &Client, name: &str) -> Result<(), TemplateError> {
    for _ in 0..600 {
        let output = client
            .describe_table()
            .table_name(name)
            .send()
            .await
            .map_err(|error| refused(name, &error))?;
        let active = output.table.is_some_and(|table| {
            table.table_status == Some(TableStatus::Active)
                && table
                    .global_secondary_indexes()
                    .iter()
                    .all(|index| index.index_status == Some(IndexStatus::Active))
        });
        if active {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let reason = "it is not active after a minute".to_owned();
    Err(TemplateError::Refused { table: name.to_owned(), reason })
}

async fn set_expiry(client: &Client, name: &str, expiry: &TimeToLive) -> Result<(), TemplateError> {
    let described = client
        .describe_time_to_live()
        .table_name(name)
        .send()
        .await
        .map_err(|error| refused(name, &error))?;
    let current = described.time_to_live_description.and_then(|current| current.attribute_name);
    if current.as_deref() == Some(&expiry.attribute_name) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder()
        .attribute_name(&expiry.attribute_name)
        .enabled(expiry.enabled)
        .build()
        .map_err(|error| TemplateError::Table {
            table: name.to_owned(),
            reason: error.to_string(),
        })?;
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(specification)
        .send()
        .await
        .map_err(|error| refused(name, &error))?;
    Ok(())
}

fn refused<E>(table: &str, error: &SdkError<E>) -> TemplateError
where
    E: std::error::Error + Send + Sync + 'static,
{
    TemplateError::Refused {
        table: table.to_owned(),
        reason: DisplayErrorContext(error).to_string(),
    }
}
