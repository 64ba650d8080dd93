//! The peer in JavaScript, and the log that it reads: the same as ours.

use bench::{Failure, START, body, peer_names};
use peers::Record;
use peers::dynamodb::{create_tables, load, load_names};

/// Makes the peer's tables in the DynamoDB at `endpoint`, and writes a log of so many entries.
///
/// # Errors
/// If DynamoDB refuses.
pub(crate) async fn fill(endpoint: &str, entries: u64) -> Result<(), Failure> {
    let client = activity_log_local::client(endpoint);
    create_tables(&client).await?;
    load_names(&client, &peer_names()).await?;
    let records = (0..entries).map(|number| {
        let created_at = START + 60_000 * i64::try_from(number)?;
        Ok(Record::parse(&body(number).to_string(), number + 1, created_at)?)
    });
    load(&client, &records.collect::<Result<Vec<_>, Failure>>()?).await
}
