//! Writing names: an entity and the item of its slug, in one transaction.
//!
//! Each entity's item is written on condition that it is as it was read. So the slug that goes is the
//! one that the entity has until then, and of several writers of one entity none leaves a slug behind.
//! A writer that was not first reads again. Names are written rarely and by few, so one that keeps
//! meeting others is told so after some tries.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};

use super::plan::MAX_ACTIONS;
use super::transaction::{WRITE, was_refused_for_now};
use crate::directory::{Entity, EntityKey, InvalidName, NameChange};
use crate::store::call::{CAPACITY, pause, unbuildable};
use crate::store::item::attribute::Item;
use crate::store::item::{key, name};
use crate::store::{Store, StoreError, retried};

/// How often a transaction is tried that another writer keeps coming before.
const TRIES: u32 = 12;

/// Why names were not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// One breaks a limit. None was written.
    #[error("{entity}: {invalid}")]
    Invalid {
        /// Whose name it is.
        entity: EntityKey,
        /// The limit.
        invalid: InvalidName,
    },
    /// The Directory could not be read or written. Some may be written; to write all of them again is
    /// safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What becomes of an entity.
#[derive(Debug, PartialEq, Eq)]
struct Step<'a> {
    key: EntityKey,
    /// What was read; `None` if it was not there.
    read: Option<Entity>,
    /// What it is to be; `None` if it is to be gone.
    wanted: Option<&'a Entity>,
}

impl Store {
    /// Writes what the platform has changed. Of several changes of one entity the last counts. To
    /// delete what is not there, or to write what is there already, changes nothing and costs no
    /// write.
    ///
    /// An entity changes as a whole, together with where its slug leads: nobody finds it by the slug
    /// that it had before. It takes one consistent read unit, and 2 write units for each kilobyte of
    /// its item, for its new slug and for its old one.
    ///
    /// ```
    /// use activity_log::directory::{Entity, NameChange, Project};
    /// use activity_log::id::{ProjectId, UserId};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let store = log.store.clone();
    /// let (user_id, id) = (UserId::try_from(3)?, ProjectId::try_from(4)?);
    /// let named = |slug: &str, name: &str| {
    ///     let (slug, name) = (slug.to_owned(), name.to_owned());
    ///     Entity::Project(Project { id, user_id, slug, name })
    /// };
    /// store.write_names(&[NameChange::Set(named("shop", "My Shop"))]).await?;
    /// assert_eq!(store.project_by_slug(user_id, "shop").await?, Some(id));
    ///
    /// store.write_names(&[NameChange::Set(named("store", "My Store"))]).await?;
    /// assert_eq!(store.project_by_slug(user_id, "shop").await?, None);
    ///
    /// store.write_names(&[NameChange::Delete(named("store", "My Store").key())]).await?;
    /// assert_eq!(store.project_by_slug(user_id, "store").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NamesError::Invalid`] if a name breaks a limit; [`NamesError::Store`] if the table could not
    /// be read or written, or if others that write the same names were first at each of twelve tries.
    pub async fn write_names(&self, changes: &[NameChange]) -> Result<(), NamesError> {
        let mut pending: BTreeMap<EntityKey, Option<&Entity>> = BTreeMap::new();
        for change in changes {
            let wanted = match change {
                NameChange::Delete(_) => None,
                NameChange::Set(entity) => Some(entity),
            };
            if let Some(Err(invalid)) = wanted.map(Entity::validate) {
                return Err(NamesError::Invalid { entity: change.key(), invalid });
            }
            pending.insert(change.key(), wanted);
        }
        let mut tries = 0;
        loop {
            pause(tries).await;
            tries += 1;
            let mut read = self.entities(pending.keys().copied()).await?;
            pending.retain(|key, wanted| read.get(key) != *wanted);
            let steps = pending.iter().map(|(key, wanted)| Step {
                key: *key,
                read: read.remove(key),
                wanted: *wanted,
            });
            let mut refusal = None;
            for transaction in transactions(steps.collect()) {
                match self.write_steps(&transaction).await {
                    Ok(()) => transaction.iter().for_each(|step| {
                        pending.remove(&step.key);
                    }),
                    Err(error @ StoreError::Refused { .. }) => refusal = Some(error),
                    Err(error) => return Err(error.into()),
                }
            }
            match refusal {
                None => return Ok(()),
                Some(error) if tries == TRIES => return Err(error.into()),
                Some(_) => retried(),
            }
        }
    }

    /// Those of the entities that are there, read consistently.
    async fn entities(
        &self,
        keys: impl Iterator<Item = EntityKey>,
    ) -> Result<BTreeMap<EntityKey, Entity>, StoreError> {
        let keys = keys.map(key::entity).collect();
        let items = self.batch_get(&self.tables.directory, keys, true).await?;
        let entities = items.iter().map(|item| {
            let entity = name::decode(item)?;
            Ok((entity.key(), entity))
        });
        entities.collect()
    }

    /// Carries out all of these steps, in one transaction, or none.
    ///
    /// If the response is lost, the SDK sends it again with the same `ClientRequestToken`, so that a
    /// first one that comes late changes nothing (AWS: "`TransactWriteItems`").
    async fn write_steps(&self, steps: &[Step<'_>]) -> Result<(), StoreError> {
        let mut request = self.client.transact_write_items().return_consumed_capacity(CAPACITY);
        for step in steps {
            for action in self.actions(step)? {
                request = request.transact_items(action);
            }
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if was_refused_for_now(&error) => {
                Err(StoreError::Refused { operation: WRITE, source: Box::new(error) })
            }
            Err(error) => Err(StoreError::call(WRITE)(error)),
        }
    }

    /// The actions of a step, each on another item.
    fn actions(&self, step: &Step<'_>) -> Result<Vec<TransactWriteItem>, StoreError> {
        let table = &self.tables.directory;
        let condition = Condition::unchanged(step.read.as_ref());
        let action = TransactWriteItem::builder();
        let own = if let Some(entity) = step.wanted {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(name::encode(entity).into()))
                .condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names))
                .set_expression_attribute_values(condition.values);
            action.put(put.build().map_err(unbuildable(WRITE))?)
        } else {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key::entity(step.key).into()))
                .condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names))
                .set_expression_attribute_values(condition.values);
            action.delete(delete.build().map_err(unbuildable(WRITE))?)
        };
        let mut actions = vec![own.build()];
        let Slugs { old, new } = step.slugs();
        if let Some(key) = old {
            let delete = Delete::builder().table_name(table).set_key(Some(key.into())).build();
            let delete = delete.map_err(unbuildable(WRITE))?;
            actions.push(TransactWriteItem::builder().delete(delete).build());
        }
        if let Some(item) = new {
            let put = Put::builder().table_name(table).set_item(Some(item.into())).build();
            let put = put.map_err(unbuildable(WRITE))?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        Ok(actions)
    }
}

/// What becomes of the items of an entity's slugs.
#[derive(Debug, PartialEq)]
struct Slugs {
    /// The one to delete.
    old: Option<Item>,
    /// The one to put.
    new: Option<Item>,
}

impl Step<'_> {
    /// Nothing becomes of a slug that stays.
    fn slugs(&self) -> Slugs {
        let old = self.read.as_ref().and_then(name::slug_item);
        let new = self.wanted.and_then(name::slug_item);
        if old == new { Slugs { old: None, new: None } } else { Slugs { old, new } }
    }

    /// How many actions of a transaction it takes.
    fn length(&self) -> usize {
        let Slugs { old, new } = self.slugs();
        1 + usize::from(old.is_some()) + usize::from(new.is_some())
    }
}

/// Puts steps, in their order, into as few transactions as have room for them.
fn transactions(steps: Vec<Step<'_>>) -> Vec<Vec<Step<'_>>> {
    let mut transactions: Vec<Vec<Step<'_>>> = Vec::new();
    let mut length = MAX_ACTIONS;
    for step in steps {
        let added = step.length();
        match transactions.last_mut() {
            Some(last) if length + added <= MAX_ACTIONS => {
                length += added;
                last.push(step);
            }
            _ => {
                length = added;
                transactions.push(vec![step]);
            }
        }
    }
    transactions
}

/// A condition of a write, as DynamoDB takes it.
struct Condition {
    expression: String,
    names: HashMap<String, String>,
    values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// That an entity's item is as it was read, in every attribute: a write that was overtaken does
    /// not bring back an old name either.
    fn unchanged(read: Option<&Entity>) -> Self {
        let Some(read) = read else {
            return Self {
                expression: "attribute_not_exists(#entity)".to_owned(),
                names: [("#entity".to_owned(), "entity".to_owned())].into(),
                values: None,
            };
        };
        let item = name::encode(read);
        let mut terms = Vec::new();
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        for attribute in name::ATTRIBUTES {
            names.insert(format!("#{attribute}"), attribute.to_owned());
            if let Some(value) = item.get(attribute) {
                values.insert(format!(":{attribute}"), value.clone());
                terms.push(format!("#{attribute} = :{attribute}"));
            } else {
                terms.push(format!("attribute_not_exists(#{attribute})"));
            }
        }
        Self { expression: terms.join(" AND "), names, values: Some(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Environment, User};

    fn environment(id: u64, project: u64, slug: &str) -> Entity {
        Entity::Environment(Environment {
            id: id.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            project_id: project.try_into().unwrap(),
            slug: slug.to_owned(),
            name: "Name".to_owned(),
        })
    }

    fn step(read: Option<Entity>, wanted: Option<&Entity>) -> Step<'_> {
        let key = wanted.or(read.as_ref()).unwrap().key();
        Step { key, read, wanted }
    }

    #[test]
    fn a_slug_goes_where_its_entity_goes_and_one_that_stays_is_left_alone() {
        let before = environment(9, 4, "a");
        let renamed = environment(9, 4, "b");
        let moved = environment(9, 5, "a");
        let Entity::Environment(plain) = before.clone() else { unreachable!() };
        let retitled = Entity::Environment(Environment { name: "Other".into(), ..plain });
        for (read, wanted, slugs) in [
            (None, Some(&before), (None, Some(&before))),
            (Some(&before), Some(&renamed), (Some(&before), Some(&renamed))),
            (Some(&before), Some(&moved), (Some(&before), Some(&moved))),
            (Some(&before), Some(&retitled), (None, None)),
            (Some(&before), None, (Some(&before), None)),
        ] {
            let step = step(read.cloned(), wanted);
            let item = |entity: Option<&Entity>| entity.and_then(name::slug_item);
            assert_eq!(step.slugs(), Slugs { old: item(slugs.0), new: item(slugs.1) }, "{step:?}");
        }
        let user = Entity::User(User {
            id: 3.try_into().unwrap(),
            name: "Name".to_owned(),
            profile_image: None,
        });
        assert_eq!(step(None, Some(&user)).length(), 1);
    }

    #[test]
    fn no_transaction_has_more_than_a_hundred_actions() {
        let entities: Vec<_> = (1..=150).map(|id| environment(id, 4, "new")).collect();
        let read =
            |id| (id % 3 > 0).then(|| environment(id, 4, if id % 3 == 1 { "old" } else { "new" }));
        let steps = entities.iter().zip(1..).map(|(entity, id)| step(read(id), Some(entity)));
        let transactions = transactions(steps.collect());
        // Each three of them take three actions, one, and two.
        let lengths: Vec<usize> =
            transactions.iter().map(|steps| steps.iter().map(Step::length).sum()).collect();
        assert_eq!(lengths, [100, 98, 100, 2]);
        let keys = transactions.iter().flatten().map(|step| step.key);
        assert!(keys.eq(entities.iter().map(Entity::key)), "all of them, in order");
        assert_eq!(super::transactions(Vec::new()), Vec::<Vec<Step<'_>>>::new());
    }
}
