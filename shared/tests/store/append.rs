//! What an append promises.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use activity_log::id::{ActivityId, IdSource};
use activity_log::logger::{ActivityLogger, AppendError};
use activity_log::store::{Draft, Placement, Refusal};
use activity_log::time::Clock;
use activity_log::{Metadata, NewActivity};
use activity_log_local::kit::{Log, START, full, millis, user, whole};

#[tokio::test]
async fn an_entry_can_be_read_back_as_it_was_recorded() {
    let log = Log::new().await;
    let recorded = log.logger.append(user(3), full(1)).await.unwrap();
    assert!(!recorded.is_repeated);
    assert_eq!(recorded.activity.created_at, millis(START));
    let read = log.store.activity(recorded.activity.id).await.unwrap();
    assert_eq!(read, Some(recorded.activity.clone()));
    assert_eq!(log.entries(3).await, [recorded.activity]);
}

#[tokio::test]
async fn the_same_idempotency_key_returns_the_entry_first_recorded() {
    let log = Log::new().await;
    let first = log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap();
    log.advance(1_000);
    let again = log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap();
    assert!(again.is_repeated);
    assert_eq!(again.key_stands_for, None);
    assert_eq!(again.activity, first.activity);
    let other_user = log.logger.append(user(4), full(1).idempotency_key("k")).await.unwrap();
    assert!(!other_user.is_repeated, "keys are a user's own");
    assert_eq!(log.page(whole(3), 0, 10).await.total, 1);
}

#[tokio::test]
async fn a_key_that_stands_twice_in_a_batch_is_recorded_once() {
    let log = Log::new().await;
    let batch = (0..60).map(|number| full(number % 30).idempotency_key(format!("{}", number % 30)));
    let recorded = log.logger.append_batch(user(3), batch).await.unwrap();
    assert_eq!(recorded.len(), 60);
    for number in 30..60 {
        assert!(recorded[number].is_repeated);
        assert_eq!(recorded[number].activity, recorded[number - 30].activity);
    }
    assert_eq!(log.page(whole(3), 0, 1).await.total, 30);
}

#[tokio::test]
async fn an_idempotency_key_is_forgotten_after_fourteen_days_even_if_it_is_still_stored() {
    let log = Log::new().await;
    let day = 24 * 60 * 60 * 1_000;
    log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap();
    log.advance(14 * day - 1_000);
    assert!(log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap().is_repeated);
    log.advance(1_000);
    assert!(!log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap().is_repeated);
    assert!(log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap().is_repeated);
}

#[tokio::test]
async fn times_are_kept_between_the_newest_entry_and_now() {
    let log = Log::new().await;
    let at = |by: i64| full(1).occurred_at(millis(START + by));
    let record = async |activity| {
        log.logger.append(user(3), activity).await.unwrap().activity.created_at.as_millis() - START
    };
    assert_eq!(record(at(-5_000)).await, -5_000, "when it happened");
    assert_eq!(record(at(-9_000)).await, -5_000, "but not before the newest entry");
    assert_eq!(record(at(9_000)).await, 0, "and not in the future");
    log.advance(-60_000);
    assert_eq!(record(full(1)).await, 0, "even if the clock goes back");
}

#[tokio::test]
async fn a_key_that_comes_again_with_something_else_records_that_too_and_tells() {
    let log = Log::new().await;
    let keyed = |action: &str| NewActivity::new(action).idempotency_key("k");
    let first = log.logger.append(user(3), keyed("create")).await.unwrap().activity;
    let batch = || [keyed("delete"), keyed("create"), keyed("update"), keyed("delete")];
    for is_again in [false, true] {
        let recorded = log.logger.append_batch(user(3), batch()).await.unwrap();
        let repeated: Vec<_> = recorded.iter().map(|recorded| recorded.is_repeated).collect();
        assert_eq!(repeated, [is_again, true, is_again, true]);
        let stands_for = recorded.iter().map(|recorded| recorded.key_stands_for);
        assert!(stands_for.eq([Some(first.id), None, Some(first.id), Some(first.id)]));
        let altered = &recorded[0].activity.details.altered;
        assert_eq!(*altered, [("idempotencyKey".to_owned(), Some("k".to_owned()))].into());
        assert_eq!(recorded[3].activity, recorded[0].activity);
    }
    let actions = log.entries(3).await.into_iter().map(|entry| entry.details.action);
    assert!(actions.eq(["create", "delete", "update"]));
    log.verify(3).await;
}

#[tokio::test]
async fn two_of_one_key_that_differ_only_in_what_was_altered_are_both_recorded() {
    let log = Log::new().await;
    let deep = |inner: &str| {
        let text = format!("{{\"a\":{}{inner}{}}}", "[".repeat(32), "]".repeat(32));
        NewActivity::new("sync").metadata(Metadata::from_text(text).unwrap())
    };
    for (key, first, second) in [
        // What the second would be recorded as if the log had no room for it is what the first is.
        ("other", NewActivity::new("other"), NewActivity::new("delete").resource_type("function")),
        ("name", NewActivity::new("Create It"), NewActivity::new("create/it")),
        ("metadata", deep("1"), deep("2")),
    ] {
        for is_again in [false, true] {
            for activity in [&first, &second] {
                let keyed = activity.clone().idempotency_key(key);
                let recorded = log.logger.append(user(3), keyed).await.unwrap();
                assert_eq!(recorded.is_repeated, is_again, "{key}");
            }
        }
    }
    assert_eq!(log.page(whole(3), 0, 0).await.total, 6);
}

#[tokio::test]
async fn two_of_one_key_in_a_batch_that_differ_are_both_recorded() {
    let log = Log::new().await;
    // More than one transaction's worth, each key with two contents and each content twice.
    let batch = || {
        (0..120).map(|number: u64| {
            let key = format!("{}", number % 30);
            NewActivity::new(format!("action{}", number / 30 % 2)).idempotency_key(key)
        })
    };
    for _ in 0..2 {
        let recorded = log.logger.append_batch(user(3), batch()).await.unwrap();
        assert_eq!(recorded.len(), 120);
        for number in 60..120 {
            assert!(recorded[number].is_repeated, "{number}");
            assert_eq!(recorded[number].activity, recorded[number - 60].activity);
        }
        assert_eq!(log.page(whole(3), 0, 1).await.total, 60);
    }
    log.verify(3).await;
}

#[tokio::test]
async fn a_key_of_another_content_is_forgotten_with_its_time_too() {
    let log = Log::new().await;
    let keyed = |action: &str| NewActivity::new(action).idempotency_key("k");
    log.logger.append(user(3), keyed("create")).await.unwrap();
    log.advance(1_000);
    log.logger.append(user(3), keyed("delete")).await.unwrap();
    log.advance(14 * 24 * 60 * 60 * 1_000 - 1_000);
    assert!(!log.logger.append(user(3), keyed("create")).await.unwrap().is_repeated);
    assert!(log.logger.append(user(3), keyed("delete")).await.unwrap().is_repeated);
    log.advance(1_000);
    assert!(!log.logger.append(user(3), keyed("delete")).await.unwrap().is_repeated);
}

#[tokio::test]
async fn a_strict_logger_refuses_what_breaks_a_limit_and_records_what_comes_before_it() {
    let log = Log::new().await;
    let batch = || [full(1), full(2), NewActivity::new("Not A Name"), full(4)];
    let error = log.logger.clone().strict().append_batch(user(3), batch()).await.unwrap_err();
    assert_eq!(error.to_string(), "activity 3 of the batch");
    let recorded: Vec<_> = error.recorded.into_iter().map(|recorded| recorded.activity).collect();
    assert_eq!(log.entries(3).await, recorded);
    assert_eq!(recorded.len(), 2);
    assert!(matches!(error.error, AppendError::Invalid(invalid) if invalid.field == "action"));
    let recorded = log.logger.append_batch(user(3), batch()).await.unwrap();
    assert_eq!(recorded[2].activity.details.action, "not_a_name");
    let altered = &recorded[2].activity.details.altered;
    assert_eq!(*altered, [("action".to_owned(), Some("Not A Name".to_owned()))].into());
}

#[tokio::test]
async fn an_activity_without_an_action_ends_its_batch_in_the_middle() {
    let log = Log::new().await;
    let batch = [full(1), NewActivity::new(""), full(3)];
    let error = log.logger.append_batch(user(3), batch).await.unwrap_err();
    assert_eq!(error.recorded.len(), 1);
    assert!(error.error.is_final() && error.error.to_string() == "action must not be empty");
    assert_eq!(log.page(whole(3), 0, 1).await.total, 1);
}

#[tokio::test]
async fn a_batch_of_any_size_and_shape_is_recorded_in_order() {
    let log = Log::new().await;
    // Each of its own project and environment: three heads, an entry and a key apiece.
    let batch = (1..=250_u64).map(|number| {
        full(number)
            .idempotency_key(format!("k{number}"))
            .environment(number.try_into().unwrap(), number.try_into().unwrap())
    });
    let recorded = log.logger.append_batch(user(3), batch).await.unwrap();
    assert_eq!(recorded.len(), 250);
    assert!(recorded.is_sorted_by_key(|one| (one.activity.created_at, one.activity.id)));
    log.verify(3).await;
}

#[tokio::test]
async fn an_id_that_is_taken_is_drawn_again() {
    let log = Log::new().await;
    // Two loggers that draw the same numbers at the same time, for two users.
    let logger = |log: &Log| {
        ActivityLogger::new(log.store.clone())
            .with_clock(Clock::new(|| millis(START)))
            .with_ids(IdSource::new(fastrand::Rng::with_seed(1)))
    };
    let first = logger(&log).append(user(3), full(1)).await.unwrap().activity;
    let second = logger(&log).append(user(4), full(2)).await.unwrap().activity;
    assert_ne!(first.id, second.id);
    assert_eq!(log.store.activity(first.id).await.unwrap(), Some(first));
    assert_eq!(log.store.activity(second.id).await.unwrap(), Some(second));
}

#[tokio::test]
async fn ids_that_collide_again_and_again_overwrite_nothing() {
    let log = Log::new().await;
    let mut recorded = Vec::new();
    // Each process draws what all the others draw, and time stands still.
    for process in 1..=12 {
        let logger = ActivityLogger::new(log.store.clone())
            .with_clock(Clock::new(|| millis(START)))
            .with_ids(IdSource::new(fastrand::Rng::with_seed(1)));
        let one = logger.append(user(process), full(process)).await.unwrap();
        let batch = logger.append_batch(user(process), (0..20).map(full)).await.unwrap();
        recorded.extend([one].into_iter().chain(batch).map(|recorded| recorded.activity));
    }
    let ids: BTreeSet<_> = recorded.iter().map(|activity| activity.id).collect();
    assert_eq!(ids.len(), recorded.len());
    for activity in recorded {
        let read = log.store.activity(activity.id).await.unwrap();
        assert_eq!(read, Some(activity));
    }
    for process in 1..=12 {
        log.verify(process).await;
    }
}

/// The time that an entry gets: when it occurred, no later than now, no earlier than the newest.
fn honest(newest: Option<i64>, occurred: Option<i64>, now: i64) -> i64 {
    occurred.unwrap_or(now).min(now).max(newest.unwrap_or(0))
}

#[tokio::test]
async fn the_log_stays_in_order_whatever_clocks_and_callers_say() {
    const HOUR: i64 = 3_600_000;
    let log = Log::new().await;
    let mut random = fastrand::Rng::with_seed(3);
    let in_2099 = 4_070_908_800_000;
    let now = Arc::new(AtomicI64::new(0));
    let logger = {
        let now = Arc::clone(&now);
        ActivityLogger::new(log.store.clone())
            .with_clock(Clock::new(move || millis(now.load(Ordering::SeqCst))))
    };
    let mut newest = None;
    let mut last = None;
    for step in 0..300 {
        // Two writers an hour apart; now and then a clock jumps by up to a day.
        let jump = if random.u8(..10) == 0 { random.i64(-24 * HOUR..=24 * HOUR) } else { 0 };
        let time = START + step * 1_000 + HOUR * i64::from(random.bool()) + jump;
        now.store(time, Ordering::SeqCst);
        let occurred = random.choice([None, None, Some(0), Some(in_2099), Some(time - 500)]);
        let occurred = occurred.flatten();
        let activity = occurred.map_or(full(1), |time| full(1).occurred_at(millis(time)));
        let recorded = logger.append(user(3), activity).await.unwrap().activity;
        let at = recorded.created_at.as_millis();
        assert_eq!(at, honest(newest, occurred, time), "step {step}");
        assert!(Some((at, recorded.id)) > last, "step {step}");
        (newest, last) = (Some(at), Some((at, recorded.id)));
    }
    log.verify(3).await;
}

#[tokio::test]
async fn one_activity_from_the_future_does_not_date_those_after_it() {
    let log = Log::new().await;
    let record = async |occurred_at: Option<&str>| {
        let time = occurred_at.map(|time| time.parse().unwrap());
        let activity = time.map_or(full(1), |time| full(1).occurred_at(time));
        log.logger.append(user(3), activity).await.unwrap().activity.created_at.as_millis() - START
    };
    assert_eq!(record(Some("2099-01-01T00:00:00Z")).await, 0);
    log.advance(1_000);
    assert_eq!(record(None).await, 1_000);
    assert_eq!(record(Some("1970-01-01T00:00:00Z")).await, 1_000);
    // A writer whose clock is an hour fast, then those that are right.
    log.advance(3_600_000);
    assert_eq!(record(None).await, 3_601_000);
    log.advance(-3_600_000 + 1_000);
    assert_eq!(record(None).await, 3_601_000, "in order");
    log.advance(3_600_000);
    assert_eq!(record(None).await, 3_602_000, "and honest as soon as that time has come");
}

#[tokio::test]
async fn kept_entries_keep_their_time_and_id_or_are_refused() {
    let log = Log::new().await;
    let kept = |id: Option<u64>, by: i64| Draft {
        activity: full(1),
        placement: Placement::Kept {
            created_at: millis(START + by),
            id: id.map(|id| ActivityId::try_from(id).unwrap()),
        },
    };
    let append = async |draft| log.logger.append_drafts(user(3), [draft]).await;
    let first = append(kept(Some(7), -100)).await.unwrap().pop().unwrap().activity;
    assert_eq!((first.id.get(), first.created_at.as_millis()), (7, START - 100));
    for (id, by) in [(Some(8), -101), (Some(6), -100), (None, -101)] {
        let error = append(kept(id, by)).await.unwrap_err().error;
        let refused = matches!(error, AppendError::Refused(Refusal::OutOfOrder { .. }));
        assert!(refused, "{error:?}");
    }
    let error = append(kept(Some(7), -50)).await.unwrap_err().error;
    assert!(
        matches!(error, AppendError::Refused(Refusal::IdTaken { id }) if id.get() == 7),
        "{error:?}"
    );
    let tied = append(kept(None, -100)).await.unwrap().pop().unwrap().activity;
    assert!(tied.id > first.id);
}

#[tokio::test]
async fn a_kept_id_that_is_taken_stops_a_batch_just_before_it() {
    let log = Log::new().await;
    let kept = |id: u64, by: i64| Draft {
        activity: full(id),
        placement: Placement::Kept { created_at: millis(START + by), id: id.try_into().ok() },
    };
    log.logger.append_drafts(user(4), [kept(3, 0)]).await.unwrap();
    for (id, batch) in [
        (3, [kept(1, 1), kept(2, 2), kept(3, 3), kept(4, 4)]),
        (5, [kept(5, 5), kept(6, 6), kept(5, 7), kept(8, 8)]),
    ] {
        let stopped = log.logger.append_drafts(user(3), batch).await.unwrap_err();
        assert_eq!(stopped.recorded.len(), 2);
        assert!(
            matches!(stopped.error, AppendError::Refused(Refusal::IdTaken { id: taken }) if taken.get() == id)
        );
    }
    assert_eq!(log.page(whole(3), 0, 0).await.total, 4);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_an_error_at_the_deadline() {
    let log = Log::new().await;
    let store = log.store.clone();
    log.engine.stop().await;
    let logger = ActivityLogger::new(store).with_deadline(Duration::from_millis(300));
    let error = logger.append(user(3), full(1)).await.unwrap_err();
    assert!(matches!(error, AppendError::Deadline { may_be_recorded: false, .. }), "{error:?}");
}
