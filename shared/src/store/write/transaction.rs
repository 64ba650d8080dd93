//! Transactions: why DynamoDB did not carry one out, and whether to try again makes sense. Nothing here
//! does I/O.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;

use crate::store::error::is_throttling;

/// The DynamoDB operation, in errors.
pub(super) const WRITE: &str = "TransactWriteItems";

/// Why DynamoDB cancelled a transaction, if trying again makes sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancellation {
    /// Another writer was first, or is at it now.
    Race,
    /// DynamoDB has too much to do.
    Throttled,
    /// The id of the entry with this subscript is taken, and another writer was not first.
    IdTaken(usize),
}

/// What DynamoDB says of an action that did not fail.
const NO_REASON: &str = "None";

/// What it says of one whose condition does not hold.
const CONDITION: &str = "ConditionalCheckFailed";

/// What it says of one on an item that another transaction is at.
const CONFLICT: &str = "TransactionConflict";

/// Whether a transaction that was cancelled for this reason may succeed once it is planned anew.
fn is_passing(code: &str) -> bool {
    [NO_REASON, CONDITION, CONFLICT].contains(&code) || is_throttling(code)
}

/// What DynamoDB says of each action of a transaction that it cancelled.
pub(super) fn codes(canceled: &TransactionCanceledException) -> Vec<&str> {
    let reasons = canceled.cancellation_reasons().iter();
    reasons.map(|reason| reason.code().unwrap_or(NO_REASON)).collect()
}

/// Whether a failed transaction was not carried out, and may be once it is planned anew: another
/// writer was first or is at it now, or DynamoDB has too much to do.
pub(super) fn was_refused_for_now(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            codes(canceled).into_iter().all(is_passing)
        }
        _ => false,
    }
}

impl Cancellation {
    /// What the reasons mean that DynamoDB gives for each action in turn: heads, entries,
    /// idempotency keys, then blocks and nodes.
    ///
    /// A head that is not as it was read explains every other failed condition. Without one, an
    /// entry's condition says that its id is taken; a key's, that it was read from before another
    /// writer's transaction and the head from after it. A block or node alone should not be there:
    /// nobody writes one without its head.
    pub(super) fn of(heads: usize, entries: usize, keys: usize, codes: &[&str]) -> Option<Self> {
        if !codes.iter().all(|code| is_passing(code)) {
            return None;
        }
        if codes.iter().any(|code| is_throttling(code)) {
            return Some(Self::Throttled);
        }
        let first = codes.iter().position(|code| *code != NO_REASON)?;
        match first.checked_sub(heads) {
            None => Some(Self::Race),
            Some(_) if codes.contains(&CONFLICT) => Some(Self::Race),
            Some(entry) if entry < entries => Some(Self::IdTaken(entry)),
            Some(key) if key < entries + keys => Some(Self::Race),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failed_action_says_what_a_cancellation_means() {
        const OK: &str = NO_REASON;
        let of = |codes: &[&str]| Cancellation::of(2, 2, 1, codes);
        for (codes, meaning) in [
            ([CONDITION, OK, OK, OK, OK, OK], Some(Cancellation::Race)),
            ([OK, CONDITION, CONDITION, CONDITION, CONDITION, CONDITION], Some(Cancellation::Race)),
            ([OK, OK, CONDITION, OK, OK, OK], Some(Cancellation::IdTaken(0))),
            ([OK, OK, OK, CONDITION, CONDITION, OK], Some(Cancellation::IdTaken(1))),
            ([OK, OK, OK, OK, CONDITION, OK], Some(Cancellation::Race)),
            ([OK, CONFLICT, OK, OK, OK, OK], Some(Cancellation::Race)),
            ([OK, OK, OK, OK, OK, CONFLICT], Some(Cancellation::Race)),
            ([OK, OK, CONDITION, CONFLICT, OK, OK], Some(Cancellation::Race)),
            ([CONDITION, OK, OK, OK, OK, "ThrottlingError"], Some(Cancellation::Throttled)),
            ([OK, OK, "ProvisionedThroughputExceeded", OK, OK, OK], Some(Cancellation::Throttled)),
            ([OK, OK, OK, OK, OK, CONDITION], None),
            ([CONDITION, OK, "ValidationError", OK, OK, OK], None),
            ([OK, OK, OK, OK, OK, "ItemCollectionSizeLimitExceeded"], None),
            ([OK; 6], None),
        ] {
            assert_eq!(of(&codes), meaning, "{codes:?}");
        }
        assert_eq!(of(&[]), None);
    }
}
