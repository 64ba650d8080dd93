//! An SQS FIFO queue, as far as a function sees it: groups in order, one consumer a group at a time,
//! everything delivered at least once, and again if it failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};

use aws_lambda_events::sqs::SqsMessage;

/// How many messages a batch has at most (AWS: "Configuring an Amazon SQS queue").
const BATCH: usize = 10;

/// How often a message fails before it goes to the dead-letter queue.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 5;

#[derive(Default)]
pub(crate) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    groups: BTreeMap<u64, VecDeque<Received>>,
    /// Groups whose messages a consumer has.
    locked: BTreeSet<u64>,
    dead: Vec<SqsMessage>,
}

struct Received {
    message: SqsMessage,
    count: u32,
}

/// Messages that a consumer has.
pub(crate) struct Batch(Vec<(u64, Received)>);

impl Batch {
    pub(crate) fn messages(&self) -> Vec<SqsMessage> {
        self.0.iter().map(|(_, received)| received.message.clone()).collect()
    }
}

impl Queue {
    pub(crate) fn send(&self, group: u64, message: SqsMessage) {
        let received = Received { message, count: 0 };
        self.state().groups.entry(group).or_default().push_back(received);
    }

    /// Some messages of groups that no one else has; `None` if there are none.
    pub(crate) fn receive(&self, random: &mut fastrand::Rng) -> Option<Batch> {
        let State { groups, locked, .. } = &mut *self.state();
        let mut free: Vec<_> = groups.iter_mut().filter(|(id, _)| !locked.contains(id)).collect();
        random.shuffle(&mut free);
        let mut batch = Vec::new();
        let size = random.usize(1..=BATCH);
        for (id, messages) in free {
            let count = random.usize(1..=BATCH).min(size - batch.len()).min(messages.len());
            batch.extend(messages.drain(..count).map(|mut received| {
                received.count += 1;
                (*id, received)
            }));
            if count > 0 {
                locked.insert(*id);
            }
        }
        (!batch.is_empty()).then_some(Batch(batch))
    }

    /// Takes a batch back: deletes what did not fail, and keeps what did in its place, unless it
    /// has failed too often.
    pub(crate) fn done(&self, batch: Batch, failed: &[String]) {
        let State { groups, locked, dead } = &mut *self.state();
        for (id, received) in batch.0.into_iter().rev() {
            locked.remove(&id);
            let message_id = received.message.message_id.as_ref();
            if !message_id.is_some_and(|id| failed.contains(id)) {
                continue;
            }
            if received.count >= MAX_RECEIVE_COUNT {
                dead.push(received.message);
            } else {
                groups.entry(id).or_default().push_front(received);
            }
        }
    }

    /// Takes a batch back of which nothing is known: all of it will be delivered again.
    pub(crate) fn lost(&self, mut batch: Batch) {
        // A crash is not the messages' fault; this keeps it from sending good ones to their end.
        batch.0.iter_mut().for_each(|(_, received)| received.count -= 1);
        let ids: Vec<_> = batch
            .0
            .iter()
            .filter_map(|(_, received)| received.message.message_id.clone())
            .collect();
        self.done(batch, &ids);
    }

    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.locked.is_empty() && state.groups.values().all(VecDeque::is_empty)
    }

    /// The ids in the dead-letter queue.
    pub(crate) fn dead(&self) -> BTreeSet<String> {
        self.state().dead.iter().filter_map(|message| message.message_id.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}
