//! Turns: the appends of one user, one after another within a process. They would only be in each
//! other's way at the user's head, and which of them comes through would be a matter of luck.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, MutexGuard as TurnGuard};

use crate::id::UserId;

/// Whose turn it is, for each user who has appends under way.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<UserId, Arc<Turn<()>>>>);

/// A place in the line of one user. Leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    turns: &'a Turns,
    user: UserId,
    turn: Arc<Turn<()>>,
}

impl Turns {
    /// Stands in line for `user`.
    pub(crate) fn line_up(&self, user: UserId) -> Place<'_> {
        let turn = Arc::clone(self.lines().entry(user).or_default());
        Place { turns: self, user, turn }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Turn<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Waits for those who came before, in the order in which they did.
    pub(crate) async fn wait(&self) -> TurnGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        // The map's and this one: nobody else is in line.
        if Arc::strong_count(&self.turn) == 2 {
            lines.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_user_is_served_in_order_and_others_do_not_wait() {
        let turns = Turns::default();
        let (one, other) = (UserId::try_from(1).unwrap(), UserId::try_from(2).unwrap());
        let served = Mutex::new(Vec::new());
        let serve = async |user, number| {
            let place = turns.line_up(user);
            let _turn = place.wait().await;
            tokio::task::yield_now().await;
            served.lock().unwrap().push(number);
        };
        let first = turns.line_up(one);
        let held = first.wait().await;
        let release = async {
            serve(other, 0).await;
            drop(held);
        };
        tokio::join!(serve(one, 1), serve(one, 2), serve(one, 3), release);
        assert_eq!(*served.lock().unwrap(), [0, 1, 2, 3]);
        drop(first);
        assert!(turns.lines().is_empty(), "nobody is left in line");
    }
}
