//! Appends of one user at the same time: they share transactions, and nothing else.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;

use activity_log::NewActivity;
use activity_log::logger::AppendError;
use activity_log::store::{Draft, Refusal, StoreError, measure};
use activity_log_local::faults::{Fault, Faults, Injection, WRITE};
use activity_log_local::kit::{Log, START, full, kept, ledger_key, millis, text, user};
use futures_util::future::join_all;

fn numbered(number: usize) -> NewActivity {
    NewActivity::new("sync").description(number.to_string())
}

/// What the log of user 3 says, oldest first.
async fn said(log: &Log) -> Vec<String> {
    let entries = log.entries(3).await;
    entries.into_iter().filter_map(|entry| entry.details.description).collect()
}

fn inject(faults: &Faults, fault: Fault, operation: &'static str, times: u64) {
    faults.inject(Some(Injection { fault, operation: Some(operation), after: 0, times }));
}

/// Waits until something is true.
async fn until(is_true: impl Fn() -> bool) {
    while !is_true() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Polls a future once: what it asks for is under way then.
fn begin<F: Future>(future: Pin<&mut F>) {
    let begun = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(begun.is_pending());
}

/// One whose time is kept: so many milliseconds after [`START`].
fn timed(number: usize, by: i64) -> Draft {
    kept(numbered(number), millis(START + by), None)
}

#[tokio::test]
async fn they_are_recorded_in_the_order_in_which_they_were_asked_for_in_few_transactions() {
    let (log, logger, faults) = Log::faulty().await;
    let appends = (0..300).map(|number| logger.append(user(3), numbered(number)));
    let recorded = join_all(appends).await;
    for (number, recorded) in recorded.into_iter().enumerate() {
        assert_eq!(recorded.unwrap().activity.details.description, Some(number.to_string()));
    }
    let expected: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    assert_eq!(said(&log).await, expected);
    // The head once; four transactions, each of as many entries as fit; the open node once in 64.
    assert!(faults.calls() <= 1 + 4 + 4, "{}", faults.calls());
    log.verify(3).await;
}

#[tokio::test]
async fn a_draft_that_is_refused_fails_alone() {
    let (log, logger, faults) = Log::faulty().await;
    let batches = [
        vec![timed(0, -50), timed(1, -40)],
        vec![timed(2, -30), timed(3, -60), timed(4, -10)],
        vec![timed(5, -20)],
        vec![numbered(6).into()],
    ];
    let appends = batches.iter().map(|batch| logger.append_drafts(user(3), batch.clone()));
    let mut recorded = join_all(appends).await;
    let refused = recorded.remove(1).unwrap_err();
    assert_eq!(refused.recorded.len(), 1);
    let error = &refused.error;
    assert!(matches!(error, AppendError::Refused(Refusal::OutOfOrder { .. })), "{error:?}");
    assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
    assert_eq!(said(&log).await, ["0", "1", "2", "5", "6"]);
    assert_eq!(faults.calls(), 2, "one read and one transaction for all of them");
}

#[tokio::test]
async fn an_id_that_is_taken_ends_the_batch_that_keeps_it_and_no_other() {
    let (log, logger, _) = Log::faulty().await;
    let of = |number: usize, id: u64| {
        kept(numbered(number), millis(START + i64::try_from(id).unwrap()), Some(id))
    };
    log.logger.append_drafts(user(4), [of(9, 12)]).await.unwrap();
    let batches = [vec![of(0, 10)], vec![of(1, 11), of(2, 12), of(3, 13)], vec![of(4, 14)]];
    let appends = batches.iter().map(|batch| logger.append_drafts(user(3), batch.clone()));
    let mut recorded = join_all(appends).await;
    let taken = recorded.remove(1).unwrap_err();
    assert_eq!(taken.recorded.len(), 1);
    let error = &taken.error;
    assert!(matches!(error, AppendError::Refused(Refusal::IdTaken { .. })), "{error:?}");
    assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
    assert_eq!(said(&log).await, ["0", "1", "4"]);
}

#[tokio::test]
async fn a_scope_that_cannot_be_read_fails_its_own_callers_alone() {
    let (log, logger, _) = Log::faulty().await;
    let at = |number: usize, project: u64| {
        numbered(number).environment(project.try_into().unwrap(), project.try_into().unwrap())
    };
    logger.append(user(3), at(0, 7)).await.unwrap();
    log.ledger().set(&ledger_key("user#3/project#7", "head"), "data", text("?")).await;
    let appends = [at(1, 4), at(2, 7), at(3, 4), at(4, 7), numbered(5)];
    let appends = appends.map(|activity| logger.append(user(3), activity));
    let recorded = join_all(appends).await;
    for (number, recorded) in recorded.iter().enumerate() {
        match recorded {
            Ok(_) => assert!(number % 2 == 0, "{number}"),
            Err(AppendError::Store(StoreError::Corrupt { item, .. })) => {
                assert!(number % 2 == 1 && item.contains("user#3/project#7"), "{number} {item}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(said(&log).await, ["0", "1", "3", "5"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_harms_nobody() {
    let (log, logger, faults) = Log::faulty().await;
    {
        let gone = pin!(logger.append(user(3), numbered(0)));
        begin(gone);
    }
    assert_eq!(faults.calls(), 0, "withdrawn before anything was sent");
    // One that goes while the state is read is not recorded; one that goes while its transaction is
    // under way may be.
    for round in 1..=30 {
        let stays = logger.append(user(3), numbered(round * 10));
        let goes = logger.append(user(3), numbered(round * 10 + 1));
        let patience = Duration::from_micros(150 * u64::try_from(round).unwrap());
        let goes = tokio::time::timeout(patience, goes);
        let (stays, _) = tokio::join!(stays, goes);
        stays.unwrap();
    }
    let said = said(&log).await;
    let stayed = said.iter().filter(|said| said.ends_with('0')).cloned().collect::<Vec<_>>();
    let expected: Vec<_> = (1..=30).map(|round| (round * 10).to_string()).collect();
    assert_eq!(stayed, expected);
    let mut once = said.clone();
    once.dedup();
    assert_eq!(once, said);
    log.verify(3).await;
}

#[tokio::test]
async fn a_response_that_is_lost_is_settled_for_all_who_shared_the_transaction() {
    for fault in [Fault::ResponseLost, Fault::TokenExpired, Fault::ResponseLate, Fault::InProgress]
    {
        let (log, logger, faults) = Log::faulty().await;
        inject(&faults, fault, WRITE, 1);
        let appends = (0..20).map(|number| logger.append(user(3), numbered(number)));
        let recorded = join_all(appends).await;
        let ids: Vec<_> = recorded.into_iter().map(|one| one.unwrap().activity.id).collect();
        let stored: Vec<_> = log.entries(3).await.into_iter().map(|entry| entry.id).collect();
        assert_eq!(stored, ids, "{fault:?}");
        assert_eq!(faults.calls(), 2 + 2, "{fault:?}: read, write; read again, look up");
    }
}

#[tokio::test]
async fn each_caller_is_answered_at_its_own_deadline_and_says_what_is_known() {
    for (fault, unsettled) in [(Fault::Conflict, false), (Fault::NotSent, true)] {
        let (log, logger, faults) = Log::faulty().await;
        inject(&faults, fault, WRITE, u64::MAX);
        // Longer than an attempt takes, also on a busy machine.
        let hasty = logger.clone().with_deadline(Duration::from_secs(2));
        let patient = logger.append(user(3), numbered(0));
        let hasty = async {
            let error = hasty.append(user(3), numbered(1)).await.unwrap_err();
            faults.inject(None);
            error
        };
        let (patient, error) = tokio::join!(patient, hasty);
        match error {
            AppendError::Deadline { may_be_recorded: said, .. } => {
                assert_eq!(said, unsettled, "{fault:?}");
            }
            other => panic!("{fault:?}: {other:?}"),
        }
        patient.unwrap();
        assert_eq!(said(&log).await, ["0"], "{fault:?}: nothing was sent of the other");
    }
}

#[tokio::test]
async fn what_was_not_sent_by_its_deadline_is_not_recorded_later() {
    let (log, logger, faults) = Log::faulty().await;
    // The heads come when the caller has given up.
    inject(&faults, Fault::ResponseLate, "BatchGetItem", 1);
    let hasty = logger.clone().with_deadline(Duration::from_millis(100));
    let error = hasty.append(user(3), numbered(0)).await.unwrap_err();
    assert!(matches!(error, AppendError::Deadline { may_be_recorded: false, .. }), "{error:?}");
    logger.append(user(3), numbered(1)).await.unwrap();
    assert_eq!(said(&log).await, ["1"]);
}

#[tokio::test]
async fn what_an_append_took_is_counted_once_among_those_who_shared_it() {
    let (_log, logger, faults) = Log::faulty().await;
    let appends = (0..10).map(|number| measure(logger.append(user(3), full(number))));
    let used = join_all(appends).await.into_iter().map(|(recorded, usage)| {
        recorded.unwrap();
        usage
    });
    let used: Vec<_> = used.collect();
    let calls: u32 = used.iter().map(|usage| usage.calls).sum();
    assert_eq!(u64::from(calls), faults.calls());
    assert!(used.iter().all(|usage| usage.round_trips == 2), "all waited as long: {used:?}");
    assert_eq!(used.iter().filter(|usage| usage.read_units > 0.0).count(), 1, "{used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_follow_each_other_closely_are_all_answered() {
    let log = Log::new().await;
    let callers = (0..8_u64).map(|caller| {
        let logger = log.logger.clone();
        tokio::spawn(async move {
            for number in 0..40 {
                logger.append(user(3), full(caller * 100 + number)).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert_eq!(log.verify(3).await.entries, 8 * 40);
}

#[tokio::test]
async fn a_transaction_that_is_late_is_not_forgotten_when_one_of_its_callers_goes() {
    let (log, logger, faults) = Log::faulty().await;
    let at = |number: usize, project: u64| {
        numbered(number).environment(project.try_into().unwrap(), project.try_into().unwrap())
    };
    logger.append(user(3), at(0, 7)).await.unwrap();
    inject(&faults, Fault::RequestLate, WRITE, 1);
    let goes = async {
        tokio::select! {
            recorded = logger.append(user(3), at(1, 7)) => panic!("{recorded:?}"),
            () = until(|| faults.counts().contains_key(&Fault::RequestLate)) => {}
        }
    };
    let ((), stays) = tokio::join!(goes, logger.append(user(3), numbered(2)));
    stays.unwrap();
    faults.wait_for_late().await;
    let said = said(&log).await;
    assert_eq!(said.iter().filter(|said| *said == "2").count(), 1, "{said:?}");
    log.verify(3).await;
}

#[tokio::test]
async fn a_refusal_beside_a_lost_response_holds_up_nobody() {
    let (log, logger, faults) = Log::faulty().await;
    // Nothing is written, and nobody knows.
    inject(&faults, Fault::ServerError, WRITE, 1);
    let batch = [timed(0, -50), timed(1, -60)];
    let other = logger.append(user(3), numbered(2));
    let (refused, other) = tokio::join!(logger.append_drafts(user(3), batch), other);
    let refused = refused.unwrap_err();
    assert_eq!(refused.recorded.len(), 1);
    assert!(matches!(refused.error, AppendError::Refused(_)), "{refused:?}");
    other.unwrap();
    assert_eq!(said(&log).await, ["0", "2"]);
}

#[tokio::test]
async fn a_patient_caller_is_not_held_up_by_those_who_give_up_while_the_state_is_read() {
    let (log, logger, faults) = Log::faulty().await;
    inject(&faults, Fault::ResponseLate, "BatchGetItem", 1);
    let hasty = logger.clone().with_deadline(Duration::from_millis(50));
    let appends = async {
        for number in 1..4 {
            hasty.append(user(3), numbered(number)).await.unwrap_err();
        }
    };
    let (patient, ()) = tokio::join!(logger.append(user(3), numbered(0)), appends);
    patient.unwrap();
    assert_eq!(said(&log).await, ["0"]);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn an_append_without_a_runtime_does_not_end_those_that_have_one() {
    let first = runtime();
    let log = first.block_on(Log::new());
    let outside = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        begin(pin!(log.logger.append(user(3), numbered(0))));
    }));
    assert!(outside.is_err(), "there is nothing to run it on");
    first.block_on(log.logger.append(user(3), numbered(1))).unwrap();
    assert_eq!(first.block_on(said(&log)), ["1"]);
}

#[test]
fn appends_go_on_when_the_runtime_ends_whose_task_was_at_them() {
    let (first, second) = (runtime(), runtime());
    let log = second.block_on(Log::new());
    let mut asked = Box::pin(log.logger.append(user(3), numbered(0)));
    // The task that this begins never gets to run.
    let within = first.enter();
    begin(asked.as_mut());
    drop(within);
    second.block_on(async {
        let mut waiting = pin!(log.logger.append(user(3), numbered(1)));
        begin(waiting.as_mut());
        first.shutdown_background();
        waiting.await.unwrap();
        assert_eq!(said(&log).await, ["0", "1"]);
    });
}

#[tokio::test]
async fn a_deadline_may_be_as_late_as_a_duration_can_say() {
    let log = Log::new().await;
    let patient = log.logger.clone().with_deadline(Duration::MAX);
    patient.append(user(3), numbered(0)).await.unwrap();
    assert_eq!(said(&log).await, ["0"]);
}
