//! What can go wrong.

/// Something that goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is refused: too many calls.
    Throttled,
    /// It is refused: the table has no capacity left.
    CapacityExceeded,
    /// It fails inside DynamoDB, and nothing was done.
    ServerError,
    /// The transaction is refused: another one is at one of its items.
    Conflict,
    /// The transaction is said to be in progress, and is carried out.
    InProgress,
    /// The connection is reset before the request.
    NotSent,
    /// The call is carried out, and the connection is reset before the response.
    ResponseLost,
    /// The call is carried out, and the response comes when nobody waits for it any more.
    ResponseLate,
    /// The call is carried out when nobody waits for it any more.
    RequestLate,
    /// Some keys of the batch are read, and the others are returned as unprocessed.
    KeysUnprocessed,
    /// The transaction is carried out, its response is lost, and its `ClientRequestToken` is
    /// forgotten, as DynamoDB forgets it after ten minutes.
    TokenExpired,
    /// Nothing ever comes back.
    Stalled,
}

impl Fault {
    /// All that a caller can survive.
    pub const SURVIVABLE: [Self; 11] = [
        Self::Throttled,
        Self::CapacityExceeded,
        Self::ServerError,
        Self::Conflict,
        Self::InProgress,
        Self::NotSent,
        Self::ResponseLost,
        Self::ResponseLate,
        Self::RequestLate,
        Self::KeysUnprocessed,
        Self::TokenExpired,
    ];

    /// Whether a call of `operation` can meet it.
    #[must_use]
    pub fn can_meet(self, operation: &str) -> bool {
        match self {
            Self::Conflict | Self::InProgress | Self::TokenExpired => operation == WRITE,
            Self::KeysUnprocessed => operation == "BatchGetItem",
            _ => true,
        }
    }
}

/// The operation that appends.
pub const WRITE: &str = "TransactWriteItems";

/// A fault at certain calls.
#[derive(Clone, Copy, Debug)]
pub struct Injection {
    /// What goes wrong.
    pub fault: Fault,
    /// With calls of which operation; of any if absent.
    pub operation: Option<&'static str>,
    /// After how many of those calls.
    pub after: u64,
    /// How many times in a row.
    pub times: u64,
}

impl Injection {
    /// From the next call on, whatever it is, and without end.
    #[must_use]
    pub const fn always(fault: Fault) -> Self {
        Self { fault, operation: None, after: 0, times: u64::MAX }
    }
}
