//! Appends while the connection to DynamoDB fails.

use std::time::Duration;

use activity_log::NewActivity;
use activity_log::logger::{ActivityLogger, AppendError, DEFAULT_DEADLINE};
use activity_log_local::faults::{Fault, Injection, WRITE};
use activity_log_local::kit::{Log, full, item, ledger_key, silent_store, user, whole};
use activity_log_local::tables;

/// Three activities, with idempotency keys that begin with `key` if there is one.
fn batch(key: Option<&str>) -> Vec<NewActivity> {
    let activity = |number| match key {
        None => full(number),
        Some(key) => full(number).idempotency_key(format!("{key} {number}")),
    };
    (0..3).map(activity).collect()
}

#[tokio::test]
async fn a_fault_happens_after_so_many_calls_of_its_operation() {
    let (log, _, faults) = Log::faulty().await;
    let client = faults.client(&log.engine.endpoint());
    let (table, key) = (tables().ledger, item(&ledger_key("user#3", "head")));
    for after in 0..3 {
        // As often as the SDK tries a call.
        let (fault, operation) = (Fault::Throttled, Some("GetItem"));
        faults.inject(Some(Injection { fault, operation, after, times: 3 }));
        for call in 0..5 {
            client.list_tables().send().await.unwrap();
            let request = client.get_item().table_name(&table).set_key(Some(key.clone()));
            assert_eq!(request.send().await.is_err(), call == after, "{call} {after}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_at_whatever_step_an_append_is_recorded_once() {
    let (log, logger, faults) = Log::faulty().await;
    let mut expected = 0;
    // What an append and its repetition do, step by step: read the heads, write; read, look up.
    for fault in Fault::SURVIVABLE {
        for after in 0..2 {
            // Within the SDK's own retries, and beyond them.
            for times in [1, 5] {
                for key in [None, Some(format!("{fault:?} {after} {times}"))] {
                    let injection = Injection { fault, operation: None, after, times };
                    faults.inject(Some(injection));
                    let batch = batch(key.as_deref());
                    let recorded = logger.append_batch(user(3), batch.clone()).await.unwrap();
                    assert_eq!(recorded.len(), 3, "{injection:?}");
                    expected += 3;
                    if key.is_some() {
                        // Sent again, as a queue would.
                        faults.inject(Some(injection));
                        let again = logger.append_batch(user(3), batch).await.unwrap();
                        let same = recorded.iter().zip(&again).all(|(first, second)| {
                            second.is_repeated && first.activity == second.activity
                        });
                        assert!(same, "{injection:?}");
                    }
                    faults.inject(None);
                    faults.wait_for_late().await;
                    let total = log.page(whole(3), 0, 0).await.total;
                    assert_eq!(total, expected, "{injection:?} key {key:?}");
                }
            }
        }
    }
    log.verify(3).await;
    println!("faults survived: {:?}", faults.counts());
    for fault in Fault::SURVIVABLE {
        assert!(faults.counts().contains_key(&fault), "{fault:?} was never met");
    }
}

#[tokio::test]
async fn an_append_that_never_succeeds_ends_at_its_deadline_and_says_what_it_knows() {
    for (fault, unsettled) in
        [(Fault::Conflict, false), (Fault::Throttled, false), (Fault::NotSent, true)]
    {
        let (log, logger, faults) = Log::faulty().await;
        let logger = logger.with_deadline(Duration::from_secs(2));
        let times = u64::MAX;
        faults.inject(Some(Injection { fault, operation: Some(WRITE), after: 0, times }));
        let error = logger.append(user(3), full(1)).await.unwrap_err();
        match error {
            AppendError::Deadline { may_be_recorded: said, .. } => {
                assert_eq!(said, unsettled, "{fault:?}");
            }
            other => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(log.page(whole(3), 0, 0).await.total, 0);
    }
}

#[tokio::test]
async fn a_lost_transaction_that_another_has_overtaken_can_no_longer_be_recorded() {
    let (log, logger, faults) = Log::faulty().await;
    // Longer than it takes to be overtaken, and to notice that, also on a busy machine.
    let logger = logger.with_deadline(Duration::from_secs(2));
    let always = |fault| {
        faults.inject(Some(Injection { fault, operation: Some(WRITE), after: 0, times: u64::MAX }));
    };
    always(Fault::NotSent);
    let overtake = async {
        // As often as the SDK tries a call.
        while faults.counts().get(&Fault::NotSent).is_none_or(|times| *times < 3) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        always(Fault::Conflict);
        log.logger.append(user(3), full(2)).await.unwrap();
    };
    let (error, ()) = tokio::join!(logger.append(user(3), full(1)), overtake);
    let error = error.unwrap_err();
    assert!(matches!(error, AppendError::Deadline { may_be_recorded: false, .. }), "{error:?}");
    assert_eq!(log.page(whole(3), 0, 0).await.total, 1);
}

/// Time passes only as fast as it is waited for: what takes ten seconds takes none here.
#[tokio::test(start_paused = true)]
async fn a_database_that_never_answers_holds_up_an_append_until_its_deadline_and_no_longer() {
    let store = silent_store();
    for deadline in [Duration::from_millis(500), DEFAULT_DEADLINE] {
        let started = tokio::time::Instant::now();
        let logger = ActivityLogger::new(store.clone()).with_deadline(deadline);
        let error = logger.append(user(3), full(1)).await.unwrap_err();
        assert!(matches!(error, AppendError::Deadline { may_be_recorded: false, .. }), "{error:?}");
        assert!(
            started.elapsed() <= deadline + Duration::from_millis(1),
            "{:?}",
            started.elapsed()
        );
    }
}
