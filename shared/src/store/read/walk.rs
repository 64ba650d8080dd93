//! A walk over a whole list, entry by entry.
//!
//! A walk goes from page to page by cursor, so that it shows every entry once, however many are added
//! meanwhile, and each page costs the same at every depth.

use futures_util::stream::{self, Stream, TryStreamExt};

use super::page::PageError;
use super::page_request::{Order, PageRequest, Start, TimeRange};
use crate::activity::Activity;
use crate::store::Store;
use crate::view::View;

/// How many entries are read at a time.
const PAGE: usize = 1_000;

impl Store {
    /// Every whole entry of a view in a range of time, in an order. A page of 1,000 is read whenever the
    /// stream is asked for more than it has; nothing is read ahead. Oldest first, the walk ends with the
    /// newest entry there is by then; newest first, it ends with the oldest.
    ///
    /// ```
    /// use activity_log::NewActivity;
    /// use activity_log::id::UserId;
    /// use activity_log::store::{Order, TimeRange};
    /// use activity_log::view::{Scope, View};
    /// use futures_util::TryStreamExt;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let user = UserId::try_from(3)?;
    /// logger.append_batch(user, ["create", "sync", "delete"].map(NewActivity::new)).await?;
    ///
    /// let whole = View::of(Scope::User(user));
    /// let entries = store.entries(whole, TimeRange::default(), Order::OldestFirst);
    /// let actions: Vec<String> = entries.map_ok(|entry| entry.details.action).try_collect().await?;
    /// assert_eq!(actions, ["create", "sync", "delete"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PageError`] in place of the entries that cannot be read; the stream then ends.
    pub fn entries(
        &self,
        view: View,
        range: TimeRange,
        order: Order,
    ) -> impl Stream<Item = Result<Activity, PageError>> {
        let request = PageRequest {
            view,
            range,
            order,
            start: Start::Offset(0),
            limit: PAGE,
            is_whole: true,
            facets: false,
            histogram: None,
        };
        let pages = stream::try_unfold((self.clone(), Some(request)), |(store, request)| async {
            let Some(request) = request else { return Ok::<_, PageError>(None) };
            let page = store.page(&request).await?;
            let next = page.next().map(|next| PageRequest { start: Start::After(next), ..request });
            let entries = stream::iter(page.activities.into_iter().map(Ok));
            Ok(Some((entries, (store, next))))
        });
        pages.try_flatten()
    }
}
