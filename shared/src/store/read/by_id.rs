//! Entries by id.

use std::collections::HashMap;

use crate::activity::Activity;
use crate::id::{ActivityId, UserId};
use crate::store::item::attribute::{Item, number};
use crate::store::item::entry::{self, Entry};
use crate::store::item::key::ACTIVITIES;
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};

impl Store {
    /// The activity with this id, whoever's it is; `None` if there is none. One round trip of half a
    /// read unit for an entry up to 4 KB; an absence is confirmed by a second, consistent one.
    ///
    /// ```
    /// use activity_log::NewActivity;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let recorded = logger.append(3.try_into()?, NewActivity::new("create")).await?;
    /// let id = recorded.activity.id;
    /// assert_eq!(store.activity(id).await?, Some(recorded.activity));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or decoded.
    pub async fn activity(&self, id: ActivityId) -> Result<Option<Activity>, StoreError> {
        let found = match self.entry(id, false).await? {
            Some(entry) => Some(entry),
            None => self.entry(id, true).await?,
        };
        Ok(found.map(|entry| entry.activity))
    }

    /// The entry with this id.
    pub(crate) async fn entry(
        &self,
        id: ActivityId,
        is_consistent: bool,
    ) -> Result<Option<Entry>, StoreError> {
        let item = self.get(&self.tables.activities, key(id), is_consistent).await?;
        item.as_ref().map(entry::decode).transpose()
    }

    /// The activities of `user` with these ids, in that order.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if one is not there, [`StoreError::Corrupt`] if it is another
    /// user's.
    pub(crate) async fn activities(
        &self,
        user: UserId,
        ids: &[ActivityId],
    ) -> Result<Vec<Activity>, StoreError> {
        let items = self.items(ids).await?;
        let activities = items.iter().map(|item| {
            let activity = entry::decode(item)?.activity;
            if activity.user_id == user {
                Ok(activity)
            } else {
                Err(Reader::new(item, ACTIVITIES).corrupt(format!("it is not of user {user}")))
            }
        });
        activities.collect()
    }

    /// The items of the Activities table with these ids, in that order. One that an eventually
    /// consistent read does not find is read again consistently.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if one is not there.
    pub(crate) async fn items(&self, ids: &[ActivityId]) -> Result<Vec<Item>, StoreError> {
        self.items_with(ids, &[]).await
    }

    /// The same with these attributes only, `id` among them, or with all if there are none here.
    pub(super) async fn items_with(
        &self,
        ids: &[ActivityId],
        attributes: &'static [&'static str],
    ) -> Result<Vec<Item>, StoreError> {
        let table = &self.tables.activities;
        let mut found: HashMap<ActivityId, Item> = HashMap::with_capacity(ids.len());
        for is_consistent in [false, true] {
            let wanted = ids.iter().filter(|id| !found.contains_key(id)).map(|id| key(*id));
            let wanted: Vec<Item> = wanted.collect();
            let read = self.batch_get_attributes(table, wanted, attributes, is_consistent);
            for item in read.await? {
                found.insert(Reader::new(&item, ACTIVITIES).number("id")?, item);
            }
        }
        let in_order = |id| found.remove(id).ok_or(StoreError::Missing { id: *id });
        ids.iter().map(in_order).collect()
    }
}

fn key(id: ActivityId) -> Item {
    Item::from([("id", number(id))])
}
