//! The queue of one user: who waits for what to be appended, and which transactions may yet turn out
//! to be written.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::error::{AppendError, Cause};
use super::recorded::Recorded;
use crate::id::{ActivityId, UserId};
use crate::store::{Draft, MAX_ACTIONS, Outcome, Plan, Usage, count_fitting};

/// The queues of all users who have appends under way.
#[derive(Clone, Default)]
pub(super) struct Queues(Arc<Shared>);

#[derive(Default)]
struct Shared {
    of_users: Mutex<HashMap<UserId, Queue>>,
    /// The number of the next request. No two requests ever have the same.
    next: AtomicU64,
}

/// What waits to be appended to a user's log.
#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    /// Transactions that were sent, and whose end is not known.
    flights: Vec<Arc<Flight>>,
    /// Whether a task is at it.
    is_working: bool,
    /// What the last attempt came to, if it did not succeed.
    failure: Option<Cause>,
}

/// One caller's drafts.
struct Request {
    number: u64,
    drafts: Arc<[Draft]>,
    /// What the first of them were recorded as.
    recorded: Vec<Recorded>,
    usage: Usage,
    events: UnboundedSender<Event>,
}

/// What a caller is told.
pub(super) enum Event {
    /// Some of its drafts were recorded.
    Progress,
    /// The task that was at the queue has ended before it was done.
    Abandoned,
    /// There is nothing more to wait for.
    Done(Reply),
}

/// What became of a caller's drafts.
pub(super) struct Reply {
    /// What the first of them were recorded as.
    pub(super) recorded: Vec<Recorded>,
    /// Why the next one was not.
    pub(super) error: Option<AppendError>,
    /// What it took.
    pub(super) usage: Usage,
}

/// A draft of a request.
#[derive(Clone)]
pub(super) struct Taken {
    /// The number of the request.
    pub(super) request: u64,
    drafts: Arc<[Draft]>,
    index: usize,
}

impl Taken {
    pub(super) fn draft(&self) -> &Draft {
        &self.drafts[self.index]
    }
}

/// A transaction, and whose drafts its plan is of, outcome by outcome.
pub(super) struct Flight {
    pub(super) plan: Plan,
    drafts: Vec<Taken>,
}

impl Flight {
    /// The transaction of a plan for the first of these drafts.
    pub(super) fn new(plan: Plan, drafts: &[Taken]) -> Self {
        let drafts = drafts.iter().take(plan.outcomes.len()).cloned().collect();
        Self { plan, drafts }
    }

    fn has(&self, request: u64) -> bool {
        self.drafts.iter().any(|taken| taken.request == request)
    }
}

/// A caller's place in a queue. Leaves it when dropped.
pub(super) struct Ticket {
    queues: Queues,
    user: UserId,
    number: u64,
    events: UnboundedReceiver<Event>,
}

impl Ticket {
    /// Waits for what the caller is told next.
    pub(super) async fn event(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => unreachable!("a request leaves its queue with an event or its ticket"),
        }
    }

    /// Leaves the queue at the deadline. What is in a transaction may be recorded all the same.
    pub(super) fn withdraw(&mut self, deadline: Duration, source: Cause) -> Reply {
        let withdrawn = self.queues.with(self.user, |queue| {
            let source = queue.failure.clone().unwrap_or(source);
            let request = queue.remove(self.number)?;
            let next = request.recorded.len();
            let is_next = |taken: &Taken| taken.request == self.number && taken.index >= next;
            let may_be_recorded =
                queue.flights.iter().any(|flight| flight.drafts.iter().any(is_next));
            let error = Some(AppendError::Deadline { deadline, may_be_recorded, source });
            Some(Reply { recorded: request.recorded, error, usage: request.usage })
        });
        match withdrawn {
            Some(reply) => reply,
            // It ended just now.
            None => loop {
                match self.events.try_recv() {
                    Ok(Event::Progress | Event::Abandoned) => {}
                    Ok(Event::Done(reply)) => return reply,
                    Err(_) => {
                        unreachable!("a request leaves its queue with an event or its ticket")
                    }
                }
            },
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queues.with(self.user, |queue| queue.remove(self.number));
    }
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Queue>> {
        self.0.of_users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a user's queue, and drops it if there is nothing left in it.
    fn with<T>(&self, user: UserId, act: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queues = self.lock();
        let queue = queues.entry(user).or_default();
        let done = act(queue);
        if queue.requests.is_empty() && !queue.is_working {
            queues.remove(&user);
        }
        done
    }

    /// Adds drafts to the queue. Returns the caller's ticket.
    pub(super) fn submit(&self, user: UserId, drafts: Arc<[Draft]>) -> Ticket {
        let (sender, events) = unbounded_channel();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.with(user, |queue| {
            queue.requests.push_back(Request {
                number,
                drafts,
                recorded: Vec::new(),
                usage: Usage::default(),
                events: sender,
            });
        });
        Ticket { queues: self.clone(), user, number, events }
    }

    /// Whether somebody waits and nobody works. Whoever is told so must begin to work.
    pub(super) fn claim(&self, user: UserId) -> bool {
        self.with(user, |queue| {
            let is_idle = !queue.requests.is_empty() && !queue.is_working;
            queue.is_working |= is_idle;
            is_idle
        })
    }

    /// The drafts to plan next, as many as may fit a transaction: those of all requests, or, if
    /// `is_alone`, of the first. None if nobody waits: the work is then over.
    pub(super) fn take(&self, user: UserId, is_alone: bool) -> Option<Vec<Taken>> {
        self.with(user, |queue| {
            let waiting: BTreeSet<u64> = queue.requests.iter().map(|one| one.number).collect();
            // Nobody asks any more what became of the others.
            queue.flights.retain(|flight| waiting.iter().any(|number| flight.has(*number)));
            let requests = queue.requests.iter().take(if is_alone { 1 } else { usize::MAX });
            let mut drafts = requests.flat_map(|request| {
                (request.recorded.len()..request.drafts.len()).map(|index| Taken {
                    request: request.number,
                    drafts: Arc::clone(&request.drafts),
                    index,
                })
            });
            let taken: Vec<Taken> = drafts.by_ref().take(MAX_ACTIONS).collect();
            let length = count_fitting(user, taken.iter().map(Taken::draft));
            queue.is_working = !taken.is_empty();
            queue.is_working.then(|| taken[..length].to_vec())
        })
    }

    /// Marks that nobody works at a queue any more, however that came, and tells those who wait.
    pub(super) fn leave(&self, user: UserId) {
        self.with(user, |queue| {
            queue.is_working = false;
            for request in &queue.requests {
                let _ = request.events.send(Event::Abandoned);
            }
        });
    }

    /// The transactions whose end is not known.
    pub(super) fn flights(&self, user: UserId) -> Vec<Arc<Flight>> {
        self.with(user, |queue| queue.flights.clone())
    }

    /// Notes a transaction that is about to be sent. Says `false`, and notes nothing, if one of its
    /// callers has gone meanwhile and was told that nothing of its drafts is under way.
    pub(super) fn send(&self, user: UserId, flight: &Arc<Flight>) -> bool {
        self.with(user, |queue| {
            let all_wait = flight.drafts.iter().all(|taken| queue.has(taken.request));
            if all_wait {
                queue.flights.push(Arc::clone(flight));
            }
            all_wait
        })
    }

    /// Leaves out the drafts of callers who have gone.
    pub(super) fn keep_waiting(&self, user: UserId, drafts: &mut Vec<Taken>) {
        self.with(user, |queue| drafts.retain(|taken| queue.has(taken.request)));
    }

    /// Forgets a transaction that was not written and will not be.
    pub(super) fn forget(&self, user: UserId, flight: &Arc<Flight>) {
        self.with(user, |queue| queue.forget(flight));
    }

    /// Whether a draft of a request may yet turn out to be recorded.
    pub(super) fn is_in_flight(&self, user: UserId, request: u64) -> bool {
        self.with(user, |queue| queue.flights.iter().any(|flight| flight.has(request)))
    }

    /// Tells the callers what a plan that is written, or needs not be, has made of their drafts.
    pub(super) fn deliver(&self, user: UserId, flight: &Arc<Flight>) {
        self.with(user, |queue| {
            queue.forget(flight);
            queue.failure = None;
            let mut refused: HashMap<u64, AppendError> = HashMap::new();
            let mut concerned = BTreeSet::new();
            let outcomes = flight.drafts.iter().zip(&flight.plan.outcomes).enumerate();
            for (number, (taken, outcome)) in outcomes {
                let of = |one: &&mut Request| one.number == taken.request;
                let Some(request) = queue.requests.iter_mut().find(of) else { continue };
                concerned.insert(request.number);
                if request.recorded.len() != taken.index {
                    continue;
                }
                let key_stands_for = flight.plan.reused.get(&number).copied();
                match result(&flight.plan, outcome, key_stands_for) {
                    Ok(recorded) => request.recorded.extend(recorded),
                    Err(error) => {
                        refused.insert(request.number, error);
                    }
                }
            }
            for number in concerned {
                queue.report(number, refused.remove(&number));
            }
        });
    }

    /// Ends a request with an error.
    pub(super) fn fail(&self, user: UserId, request: u64, error: AppendError) {
        self.with(user, |queue| queue.report(request, Some(error)));
    }

    /// Notes what an attempt came to, for callers whose deadline comes before the next.
    pub(super) fn note(&self, user: UserId, failure: Cause) {
        self.with(user, |queue| queue.failure = Some(failure));
    }

    /// Counts what an attempt for these drafts took: round trips for everyone who waited for them,
    /// calls and units once.
    pub(super) fn charge(&self, user: UserId, drafts: &[Taken], usage: Usage) {
        self.with(user, |queue| {
            let numbers: BTreeSet<u64> = drafts.iter().map(|taken| taken.request).collect();
            let mut is_first = true;
            for request in queue.requests.iter_mut().filter(|one| numbers.contains(&one.number)) {
                request.usage.round_trips += usage.round_trips;
                request.usage.retries += usage.retries;
                if std::mem::take(&mut is_first) {
                    request.usage.calls += usage.calls;
                    request.usage.read_units += usage.read_units;
                    request.usage.write_units += usage.write_units;
                }
            }
        });
    }
}

impl Queue {
    fn has(&self, number: u64) -> bool {
        self.requests.iter().any(|request| request.number == number)
    }

    fn remove(&mut self, number: u64) -> Option<Request> {
        let place = self.requests.iter().position(|request| request.number == number)?;
        self.requests.remove(place)
    }

    fn forget(&mut self, flight: &Arc<Flight>) {
        self.flights.retain(|other| !Arc::ptr_eq(other, flight));
    }

    /// Tells a caller that some of its drafts are recorded, or how it ends.
    fn report(&mut self, number: u64, error: Option<AppendError>) {
        let of = |request: &&Request| request.number == number;
        let Some(request) = self.requests.iter().find(of) else { return };
        // The caller may be gone; then nobody needs to know.
        if error.is_none() && request.recorded.len() < request.drafts.len() {
            let _ = request.events.send(Event::Progress);
        } else if let Some(Request { recorded, usage, events, .. }) = self.remove(number) {
            let _ = events.send(Event::Done(Reply { recorded, error, usage }));
        }
    }
}

/// What the outcome of a draft is to its caller; nothing if it was left.
fn result(
    plan: &Plan,
    outcome: &Outcome,
    key_stands_for: Option<ActivityId>,
) -> Result<Option<Recorded>, AppendError> {
    let entry = |subscript: usize| plan.entries[subscript].activity.clone();
    let (activity, is_repeated) = match outcome {
        Outcome::New(subscript) => (entry(*subscript), false),
        Outcome::Repeats(subscript) => (entry(*subscript), true),
        Outcome::Known(activity) => ((**activity).clone(), true),
        Outcome::Refused(refusal) => return Err(refusal.clone().into()),
        Outcome::Left => return Ok(None),
    };
    Ok(Some(Recorded { activity, is_repeated, key_stands_for }))
}
