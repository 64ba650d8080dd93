//! What a million of something costs, of what is measured here and of what can only be assumed.

use bench::{prices, real};

use crate::measured::Taken;

/// What cannot be measured here.
#[derive(Clone, Copy, clap::Args)]
pub(crate) struct Assumed {
    /// Milliseconds of a round trip from Lambda to DynamoDB
    #[arg(long, default_value_t = 8.0)]
    round_trip_ms: f64,
    /// Milliseconds of everything else that a function does
    #[arg(long, default_value_t = 4.0)]
    own_ms: f64,
    /// Bytes of what API Gateway logs of a request
    #[arg(long, default_value_t = 350)]
    access_bytes: u64,
    /// Bytes of what Lambda itself logs of an invocation, with CloudWatch's addition to each line
    #[arg(long, default_value_t = 950)]
    platform_bytes: u64,
    /// Which part of the invocations X-Ray records
    #[arg(long, default_value_t = 0.05)]
    pub(crate) traced: f64,
    /// How old the log is, in months, if it grew by the same each month
    #[arg(long, default_value_t = 12)]
    pub(crate) months: u64,
    /// Pages read for each append
    #[arg(long, default_value_t = 0.1)]
    pub(crate) pages: f64,
    /// Entries read by id for each append
    #[arg(long, default_value_t = 0.01)]
    pub(crate) gets: f64,
    /// Bytes that PostgreSQL takes for an entry, with the indexes that the same lists need
    #[arg(long, default_value_t = 627)]
    pub(crate) postgres_bytes: u64,
}

/// What a million of something costs, in dollars.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) dynamodb: f64,
    /// API Gateway or SQS.
    pub(crate) carried: f64,
    pub(crate) lambda: f64,
    pub(crate) watched: f64,
    pub(crate) sent: f64,
}

impl Cost {
    pub(crate) fn sum(&self) -> f64 {
        self.dynamodb + self.carried + self.lambda + self.watched + self.sent
    }
}

impl Assumed {
    /// A million requests through API Gateway.
    pub(crate) fn requests(&self, taken: &Taken, memory: f64) -> Cost {
        let access = real(self.access_bytes + prices::LINE_OVERHEAD) / prices::GB * 1e6;
        let invocations = self.invocations(taken, memory);
        Cost {
            carried: prices::REQUESTS,
            watched: invocations.watched + access * prices::LOGS,
            sent: taken.sent / prices::GB * 1e6 * prices::TRANSFER,
            ..invocations
        }
    }

    /// A million messages through the queue, `size` in a batch: each is sent by itself, and
    /// received and deleted with its batch.
    pub(crate) fn messages(&self, taken: &Taken, memory: f64, size: f64) -> Cost {
        let invocations = self.invocations(taken, memory);
        Cost {
            carried: prices::FIFO_REQUESTS * (1.0 + 2.0 / size),
            lambda: invocations.lambda / size,
            watched: invocations.watched / size,
            ..invocations
        }
    }

    /// A million invocations, and what they do in DynamoDB.
    fn invocations(&self, taken: &Taken, memory: f64) -> Cost {
        // Lambda counts whole milliseconds.
        let seconds = taken.round_trips.mul_add(self.round_trip_ms, self.own_ms).ceil() / 1e3;
        let lines = taken.line + real(prices::LINE_OVERHEAD + self.platform_bytes);
        Cost {
            dynamodb: dynamodb(taken),
            lambda: prices::INVOCATIONS + seconds * memory * prices::GB_SECOND * 1e6,
            watched: lines / prices::GB * 1e6 * prices::LOGS + self.traced * prices::TRACES,
            ..Cost::default()
        }
    }
}

/// What a million times what was taken costs in DynamoDB.
pub(crate) fn dynamodb(taken: &Taken) -> f64 {
    taken.read_units.mul_add(prices::READ_UNITS, taken.write_units * prices::WRITE_UNITS)
}
