//! What AWS asks for: US dollars in us-east-1, before any free tier, discount or tax. Prices change
//! and differ by region; the pages named here have today's.

/// An HTTP API: a million requests of up to 512 KB. <https://aws.amazon.com/api-gateway/pricing/>
pub const REQUESTS: f64 = 1.00;

/// A million invocations. <https://aws.amazon.com/lambda/pricing/>
pub const INVOCATIONS: f64 = 0.20;

/// A GB-second of an `arm64` function. The same page; `x86_64` costs a quarter more.
pub const GB_SECOND: f64 = 0.000_013_333_4;

/// A million read request units. <https://aws.amazon.com/dynamodb/pricing/on-demand/>
pub const READ_UNITS: f64 = 0.125;

/// A million write request units. The same page.
pub const WRITE_UNITS: f64 = 0.625;

/// A GB stored for a month in a table or an index. The same page.
pub const STORAGE: f64 = 0.25;

/// A GB of a table, without its global indexes, for a month of point-in-time recovery. The same page.
pub const RECOVERY: f64 = 0.20;

/// The same three of a table of the class for infrequent access. The same page.
pub const INFREQUENT: Class = Class { read: 0.155, write: 0.78, storage: 0.10 };

/// The three of the standard class.
pub const STANDARD: Class = Class { read: READ_UNITS, write: WRITE_UNITS, storage: STORAGE };

/// What a table class costs.
pub struct Class {
    /// A million read request units.
    pub read: f64,
    /// A million write request units.
    pub write: f64,
    /// A GB stored for a month.
    pub storage: f64,
}

/// An hour of a small PostgreSQL server, `db.t4g.medium`, and of a larger one, `db.m7g.large`; of a
/// pair in two zones twice that. <https://aws.amazon.com/rds/postgresql/pricing/>
pub const POSTGRES_HOURS: [(&str, f64); 2] = [("db.t4g.medium", 0.065), ("db.m7g.large", 0.168)];

/// A GB of its disk for a month; of a pair in two zones twice that. The same page.
pub const POSTGRES_STORAGE: f64 = 0.115;

/// The smallest disk, in GB. The same page.
pub const POSTGRES_DISK: f64 = 20.0;

/// What DynamoDB adds to the size of an item when it counts what is stored, in bytes. The same
/// page.
pub const ITEM_OVERHEAD: u64 = 100;

/// A million requests to an SQS FIFO queue. <https://aws.amazon.com/sqs/pricing/>
pub const FIFO_REQUESTS: f64 = 0.50;

/// A GB of logs. <https://aws.amazon.com/cloudwatch/pricing/>
pub const LOGS: f64 = 0.50;

/// What CloudWatch adds to the size of a line, in bytes. The same page.
pub const LINE_OVERHEAD: u64 = 26;

/// A metric for a month. The same page.
pub const METRIC: f64 = 0.30;

/// A metric that an alarm watches, for a month. The same page.
pub const ALARM: f64 = 0.10;

/// A dashboard for a month. The same page.
pub const DASHBOARD: f64 = 3.00;

/// A million traces. <https://aws.amazon.com/xray/pricing/>
pub const TRACES: f64 = 5.00;

/// A GB sent to the internet. <https://aws.amazon.com/ec2/pricing/on-demand/>
pub const TRANSFER: f64 = 0.09;

/// Bytes in a GB.
pub const GB: f64 = 1e9;
