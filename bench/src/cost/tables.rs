//! The tables of docs/costs.md, in their order; and those of requests and appends.

use activity_log_local::kit::Workload;
use bench::markdown::Table;
use bench::numbers::dollars;
use bench::{Failure, activity, sizes};

use crate::assumed::{Assumed, Cost, dynamodb};
use crate::measured::{Log, Taken};
use crate::months::{Watching, months, postgres};
use crate::stored::{classes, indexes, parts};
use crate::template::Template;
use crate::viewer;

/// Measures everything, always in the same order: what is measured first is in the log for what comes next.
pub(crate) async fn tables(assumed: &Assumed) -> Result<Vec<Table>, Failure> {
    let template = Template::read()?;
    let memory = template.memory()?;
    let mut log = Log::new().await?;

    let mut requests = Table::new(
        "requests",
        "a million | read units each | round trips | DynamoDB | API Gateway | Lambda | logs, traces | \
         transfer | all",
    );
    let mut request = |name: &str, taken: Taken| {
        let cost = assumed.requests(&taken, memory);
        let [dynamodb, carried, lambda, watched, sent, all] =
            [cost.dynamodb, cost.carried, cost.lambda, cost.watched, cost.sent, cost.sum()]
                .map(dollars);
        let units = taken.read_units.to_string();
        requests.row(&[
            name.to_owned(),
            units,
            taken.round_trips.to_string(),
            dynamodb,
            carried,
            lambda,
            watched,
            sent,
            all,
        ]);
        cost
    };
    let page = request("pages of 100, the newest entries", log.list("").await?);
    request("pages of 100, far in", log.list("offset=1007").await?);
    let one_kind = "resourceType=function&action=create";
    request("pages of 100 of one type and action, of four", log.list(one_kind).await?);
    request("pages of 100 of one environment", log.list_environment().await?);
    request("totals alone (`limit=0`)", log.list("limit=0").await?);
    let get = request("entries by id", log.get().await?);
    let poll = assumed.requests(&log.poll().await?, memory).sum();

    let mut appends = Table::new(
        "appends",
        "a million | read units each | write units each | DynamoDB | SQS | Lambda | \
         logs, traces | all",
    );
    let mut append = |name: &str, taken: &Taken, cost: Cost| {
        let [dynamodb, carried, lambda, watched, all] =
            [cost.dynamodb, cost.carried, cost.lambda, cost.watched, cost.sum()].map(dollars);
        let units = [taken.read_units, taken.write_units].map(|units| format!("{units:.2}"));
        let [read, written] = units;
        appends.row(&[name.to_owned(), read, written, dynamodb, carried, lambda, watched, all]);
        cost
    };
    let direct = log.append(activity, 1).await?;
    let by_service = |taken: &Taken| Cost { dynamodb: dynamodb(taken), ..Cost::default() };
    append("appends by a service, one by one", &direct, by_service(&direct));
    let batched = log.append(activity, 10).await?;
    append("ten of a user at a time", &batched, by_service(&batched));
    for (name, size) in
        [("in 60 environments and of 49 pairs, one by one", 1), ("the same, ten at a time", 10)]
    {
        let (log, mut workload) = (Log::new().await?, Workload::w3());
        let taken = log.append(|_| Ok(workload.next()), size).await?;
        append(name, &taken, by_service(&taken));
    }
    let single = log.record(1).await?;
    let recorded = append(
        "through the queue, one in a batch",
        &single,
        assumed.messages(&single, memory, 1.0),
    );
    let queued = log.record(10).await?;
    append(
        "through the queue, ten of a user in a batch",
        &queued,
        assumed.messages(&queued, memory, 10.0),
    );

    let sizes = sizes::measure(&log.endpoint()).await?;
    let watching = Watching::of(&template, &log)?;
    Ok(vec![
        requests,
        viewer::visits(assumed, memory).await?,
        viewer::following(poll),
        appends,
        parts(&sizes, &direct)?,
        indexes(&sizes),
        months(assumed, &sizes, [recorded.sum(), page.sum(), get.sum()], watching.sum()),
        classes(&sizes),
        postgres(assumed),
        watching.table(),
    ])
}
