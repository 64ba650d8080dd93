//! A platform that keeps the names of its projects up to date in the log.
//!
//! It hands over what it has *now*, after each transaction of its own: what a hook saw when it was
//! called may be old once it comes to write. A hook that fails is tried again; one that is lost is made
//! up for at night. This runs by itself, against an embedded DynamoDB:
//!
//! ```sh
//! cargo run --package activity-log --example keep_names
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use activity_log::directory::{Entity, EntityKey, NameChange, Project};
use activity_log::id::{ProjectId, UserId};
use activity_log::store::{NamesError, Store};
use activity_log_local::engine::Engine;

/// What the platform's own database has of one user's projects.
type Platform = BTreeMap<ProjectId, Project>;

/// To be called after a project of `user` was created, renamed or deleted.
async fn project_changed(
    store: &Store,
    platform: &Platform,
    user: UserId,
    id: ProjectId,
) -> Result<(), NamesError> {
    let change = match platform.get(&id) {
        Some(project) => NameChange::Set(Entity::Project(project.clone())),
        None => NameChange::Delete(EntityKey::Project(user, id)),
    };
    write(store, &[change]).await
}

/// To be called every night: writes what differs, and deletes what the platform has no more.
async fn every_night(store: &Store, platform: &Platform, user: UserId) -> Result<(), NamesError> {
    let there = store.directory(user).await?.projects.into_keys();
    let gone = there.filter(|id| !platform.contains_key(id)).map(|id| EntityKey::Project(user, id));
    let kept = platform.values().cloned().map(Entity::Project);
    let changes = gone.map(NameChange::Delete).chain(kept.map(NameChange::Set));
    write(store, &changes.collect::<Vec<_>>()).await
}

/// Writes, and tries again for some seconds. To write the same twice does no harm.
async fn write(store: &Store, changes: &[NameChange]) -> Result<(), NamesError> {
    for wait in [100, 1_000, 5_000].map(Duration::from_millis) {
        match store.write_names(changes).await {
            Err(NamesError::Store(error)) if error.is_transient() => tokio::time::sleep(wait).await,
            outcome => return outcome,
        }
    }
    store.write_names(changes).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service would call Store::connect.
    let engine = Engine::in_memory(include_str!("../../template.yaml")).await?;
    let store = activity_log_local::store(&engine.endpoint());
    let (user, id) = (UserId::try_from(3)?, ProjectId::try_from(4)?);
    let named = |slug: &str| Project {
        id,
        user_id: user,
        slug: slug.to_owned(),
        name: "My Project".to_owned(),
    };
    let mut platform = Platform::from([(id, named("my-project"))]);
    project_changed(&store, &platform, user, id).await?;
    println!("my-project is {:?}", store.project_by_slug(user, "my-project").await?);

    platform.insert(id, named("renamed"));
    project_changed(&store, &platform, user, id).await?;
    println!("my-project is {:?}", store.project_by_slug(user, "my-project").await?);
    println!("renamed is {:?}", store.project_by_slug(user, "renamed").await?);

    // The hook for this one is lost, and the night makes up for it.
    platform.remove(&id);
    every_night(&store, &platform, user).await?;
    println!("renamed is {:?}", store.project_by_slug(user, "renamed").await?);
    Ok(())
}
