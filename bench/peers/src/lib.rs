//! What Activity Logs is measured against: the same API, built in the ways that are usual.
//!
//! | peer | design |
//! |---|---|
//! | [`dynamodb`] | a table of entries with two indexes; the database filters, counts to the end and is skipped through; in Rust |
//! | [`node`] | the same design on the same tables, with the AWS SDK for JavaScript |
//! | [`postgresql`] | composite indexes, `count(*)`, `LIMIT` and `OFFSET`; in Rust |
//!
//! Each is written as those who would choose it would write it, and is a process of its own that
//! speaks Lambda's Runtime API and takes API Gateway's events, as our functions do. So the bench
//! measures all of them in one way. None of them can do all that Activity Logs can: there is no hash
//! chain, no cursor that survives a rewritten log, no other format than JSON. They answer what the
//! bench asks, with the same documents, so that every response can be compared field by field.
//!
//! A peer reads its configuration from its environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `JWT_SECRET` | the secret of HS256 tokens |
//! | `PEER_TABLE` | the table of entries, of the peers on DynamoDB |
//! | `PEER_DIRECTORY_TABLE` | the table of names, of the same |
//! | `PEER_DATABASE` | how to connect to PostgreSQL, as libpq writes it |

pub mod api;
pub mod document;
pub mod dynamodb;
pub mod node;
pub mod postgresql;

use std::error::Error;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Why a peer fails.
pub type Failure = Box<dyn Error + Send + Sync>;

/// One activity, with all that is stored of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id, 1 to 2^53 − 1; 0 in a message, which has none.
    #[serde(skip)]
    pub id: u64,
    /// When it was recorded, in milliseconds since 1970; 0 in a message.
    #[serde(skip)]
    pub created_at: i64,
    /// Whose it is.
    pub user_id: u64,
    /// The project that it was done in.
    pub project_id: Option<u64>,
    /// The environment that it was done in.
    pub environment_id: Option<u64>,
    /// What kind of thing it was done to.
    pub resource_type: Option<String>,
    /// The thing that it was done to.
    pub resource_id: Option<u64>,
    /// What was done.
    pub action: String,
    /// The same for people.
    pub description: Option<String>,
    /// What else is known, as a JSON object.
    pub metadata: Option<Box<RawValue>>,
    /// From where it was done.
    pub ip_address: Option<IpAddr>,
    /// With which program it was done.
    pub user_agent: Option<String>,
}

impl Record {
    /// The activity of a message, as the queue of Activity Logs takes it, under this id and recorded at
    /// this time.
    ///
    /// # Errors
    /// If it is no such message.
    pub fn parse(message: &str, id: u64, created_at: i64) -> Result<Self, serde_json::Error> {
        let record: Self = serde_json::from_str(message)?;
        Ok(Self { id, created_at, ..record })
    }
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A user.
    User {
        /// Its id.
        id: u64,
        /// What it is called.
        name: String,
        /// Where its picture is.
        profile_image: Option<String>,
    },
    /// A project.
    Project {
        /// Its id.
        id: u64,
        /// Whose it is.
        user_id: u64,
        /// What it is called in a URL; unique among the user's.
        slug: String,
        /// What it is called.
        name: String,
    },
    /// An environment of a project.
    Environment {
        /// Its id.
        id: u64,
        /// Whose it is.
        user_id: u64,
        /// The project that it is in.
        project_id: u64,
        /// What it is called in a URL; unique in the project.
        slug: String,
        /// What it is called.
        name: String,
    },
}
