//! Appends while the connection to DynamoDB fails.

use std::time::Duration;

use activity_log::NewActivity;
use activity_log::id::IdSource;
use activity_log::logger::{ActivityLogger, AppendError, DEFAULT_DEADLINE};
use activity_log::store::Store;
use activity_log_local::faults::{Fault, Faults, Injection, WRITE};
use activity_log_local::kit::{Log, full, user, whole};
use aws_sdk_dynamodb::Client;

/// A log, and a logger whose connection can be made to fail.
async fn faulty_log() -> (Log, ActivityLogger, Faults) {
    let log = Log::new().await;
    let faults = Faults::new(1);
    let logger = ActivityLogger::new(faults.store(&log.engine.endpoint()))
        .with_ids(IdSource::new(fastrand::Rng::with_seed(7)));
    (log, logger, faults)
}

/// Three activities, with idempotency keys that begin with `key` if there is one.
fn batch(key: Option<&str>) -> Vec<NewActivity> {
    let activity = |number| match key {
        None => full(number),
        Some(key) => full(number).idempotency_key(format!("{key} {number}")),
    };
    (0..3).map(activity).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_at_whatever_step_an_append_is_recorded_once() {
    let (log, logger, faults) = faulty_log().await;
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
                    faults.settle().await;
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
        let (log, logger, faults) = faulty_log().await;
        let logger = logger.with_deadline(Duration::from_millis(400));
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

/// Time passes only as fast as it is waited for: what takes ten seconds takes none here.
#[tokio::test(start_paused = true)]
async fn a_database_that_never_answers_holds_up_an_append_until_its_deadline_and_no_longer() {
    let faults = Faults::new(1);
    let injection = Injection { fault: Fault::Stalled, operation: None, after: 0, times: u64::MAX };
    faults.inject(Some(injection));
    let config = activity_log_local::client_config("http://127.0.0.1:1").http_client(faults);
    let store = Store::new(&Client::from_conf(config.build()), activity_log_local::tables());
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
