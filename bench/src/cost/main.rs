//! What the log costs on AWS: units and sizes measured on an embedded DynamoDB, times the prices
//! that AWS publishes, as the tables of docs/costs.md.

mod held;
mod measured;
mod viewer;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use activity_log::auth::TokenError;
use activity_log::store::INDEXES;
use activity_log_local::kit::Workload;
use bench::markdown::{Table, replaced};
use bench::sizes::{self, Sizes, Stored};
use bench::{Failure, activity, prices, real};
use clap::Parser;
use serde::Deserialize;

use measured::{Log, Taken};

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// Entries of the logs whose months are priced.
const MONTHS: [u64; 3] = [1_000_000, 10_000_000, 100_000_000];

/// What the log costs on AWS
#[derive(Parser)]
struct Arguments {
    /// Writes the tables into this file, in place of those that it has
    #[arg(long, conflicts_with = "check")]
    write: Option<PathBuf>,
    /// Fails unless this file has these tables
    #[arg(long)]
    check: Option<PathBuf>,
    /// Writes what ten requests consume into this file, and nothing else
    #[arg(long, conflicts_with_all = ["write", "check"])]
    write_costs: Option<PathBuf>,
    #[command(flatten)]
    assumed: Assumed,
}

/// How many entries a block holds.
const BLOCK: u64 = 64;

/// Read units of a page of 100 from the index of a user.
const PAGE_UNITS: f64 = 6.0;

/// Hours of a month.
const HOURS: f64 = 730.0;

/// What cannot be measured here.
#[derive(Clone, Copy, clap::Args)]
struct Assumed {
    /// Milliseconds of a round trip from Lambda to DynamoDB
    #[arg(long, default_value_t = 8.0)]
    trip_ms: f64,
    /// Milliseconds of everything else that a function does
    #[arg(long, default_value_t = 4.0)]
    own_ms: f64,
    /// Bytes of what API Gateway logs of a request
    #[arg(long, default_value_t = 350)]
    access_bytes: u64,
    /// Bytes of what Lambda itself logs of an invocation, with CloudWatch's addition to each line
    #[arg(long, default_value_t = 950)]
    platform_bytes: u64,
    /// Which part of the invocations X-Ray records
    #[arg(long, default_value_t = 0.05)]
    traced: f64,
    /// How old the log is, in months, if it grew by the same each month
    #[arg(long, default_value_t = 12)]
    months: u64,
    /// Pages read for each append
    #[arg(long, default_value_t = 0.1)]
    pages: f64,
    /// Entries read by id for each append
    #[arg(long, default_value_t = 0.01)]
    gets: f64,
    /// Bytes that PostgreSQL takes for an entry, with the indexes that the same lists need
    #[arg(long, default_value_t = 627)]
    postgres_bytes: u64,
}

/// What a million of something costs, in dollars.
#[derive(Clone, Copy, Default)]
struct Cost {
    dynamodb: f64,
    /// API Gateway or SQS.
    carried: f64,
    lambda: f64,
    watched: f64,
    sent: f64,
}

impl Cost {
    fn sum(&self) -> f64 {
        self.dynamodb + self.carried + self.lambda + self.watched + self.sent
    }
}

impl Assumed {
    /// A million requests through API Gateway.
    fn requests(&self, taken: &Taken, memory: f64) -> Cost {
        let access = real(self.access_bytes + prices::LINE_OVERHEAD) / prices::GB * 1e6;
        let invocations = self.invocations(taken, memory);
        Cost {
            carried: prices::REQUESTS,
            watched: invocations.watched + access * prices::LOGS,
            sent: taken.sent / prices::GB * 1e6 * prices::TRANSFER,
            ..invocations
        }
    }

    /// A million messages through the queue, `size` in a batch: each is sent by itself, and
    /// received and deleted with its batch.
    fn messages(&self, taken: &Taken, memory: f64, size: f64) -> Cost {
        let invocations = self.invocations(taken, memory);
        Cost {
            carried: prices::FIFO_REQUESTS * (1.0 + 2.0 / size),
            lambda: invocations.lambda / size,
            watched: invocations.watched / size,
            ..invocations
        }
    }

    /// A million invocations, and what they do in DynamoDB.
    fn invocations(&self, taken: &Taken, memory: f64) -> Cost {
        // Lambda counts whole milliseconds.
        let seconds = taken.trips.mul_add(self.trip_ms, self.own_ms).ceil() / 1e3;
        let lines = taken.line + real(prices::LINE_OVERHEAD + self.platform_bytes);
        Cost {
            dynamodb: dynamodb(taken),
            lambda: prices::INVOCATIONS + seconds * memory * prices::GB_SECOND * 1e6,
            watched: lines / prices::GB * 1e6 * prices::LOGS + self.traced * prices::TRACES,
            ..Cost::default()
        }
    }
}

/// What a million times what was taken costs in DynamoDB.
fn dynamodb(taken: &Taken) -> f64 {
    taken.read_units.mul_add(prices::READ_UNITS, taken.write_units * prices::WRITE_UNITS)
}

/// The parts of the template that cost something while nothing happens.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    globals: serde_json::Value,
    resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: String,
    #[serde(default)]
    properties: serde_json::Value,
}

impl Template {
    /// The memory of a function, in GB.
    fn memory(&self) -> Result<f64, Failure> {
        let megabytes = self.globals["Function"]["MemorySize"].as_f64().ok_or("no MemorySize")?;
        Ok(megabytes / 1_024.0)
    }

    /// How many metrics its alarms watch.
    fn alarm_metrics(&self) -> usize {
        let alarms = self.resources.values().filter(|one| one.r#type == "AWS::CloudWatch::Alarm");
        let metrics = |alarm: &Resource| match alarm.properties["Metrics"].as_array() {
            Some(all) => all.iter().filter(|one| one.get("MetricStat").is_some()).count(),
            None => 1,
        };
        alarms.map(metrics).sum()
    }
}

// On one thread, so that every run measures the same.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let Arguments { write, check, write_costs, assumed } = Arguments::parse();
    if let Some(path) = write_costs {
        held::write(&path, &held::measure().await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let tables = tables(&assumed).await?;
    if let Some(path) = check {
        let text = std::fs::read_to_string(&path)?;
        if replaced(&text, &tables)? != text {
            eprintln!("{}: its tables are not what is measured; run `make docs`", path.display());
            return Ok(ExitCode::FAILURE);
        }
    } else if let Some(path) = write {
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(path, replaced(&text, &tables)?)?;
    } else {
        for table in tables {
            println!("{}\n\n{}\n", table.name, table.lines.join("\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn tables(assumed: &Assumed) -> Result<Vec<Table>, Failure> {
    let template: Template = serde_saphyr::from_str(TEMPLATE)?;
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
            taken.trips.to_string(),
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
    let watching = watching(&template, &log)?;
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

/// What a million appends by a service write, item by item. The items must come to what DynamoDB
/// says that it has consumed.
fn parts(sizes: &Sizes, direct: &Taken) -> Result<Table, Failure> {
    let mut table = Table::new(
        "parts",
        "for each entry | items | bytes each | write units | a million appends",
    );
    let mut written = 0.0;
    let mut row = |name: &str, items: f64, stored: &Stored, units: f64| {
        written += units;
        let bytes = format!("{:.0}", real(stored.bytes) / real(stored.items));
        table.row(&[
            name.to_owned(),
            items.to_string(),
            bytes,
            format!("{units:.2}"),
            dollars(units * prices::WRITE_UNITS),
        ]);
    };
    // In a transaction, every unit counts twice; the indexes are written outside of it.
    row("the entry", 1.0, &sizes.entries, real(2 * sizes.entries.units()));
    let heads = "the heads of its user, project and environment";
    row(heads, 3.0, &sizes.heads, real(6 * sizes.heads.units()));
    // One of each a scope, whenever a block is full.
    let sealed = 3.0 / real(BLOCK);
    row("blocks", sealed, &sizes.blocks, 2.0 * sealed * real(sizes.blocks.units()));
    row("nodes", sealed, &sizes.nodes, 2.0 * sealed * real(sizes.nodes.units()));
    for index in &INDEXES {
        let stored = &sizes.indexes[index.name];
        row(&format!("the index `{}`", index.name), 1.0, stored, real(stored.units()));
    }
    if (written - direct.write_units).abs() > 1e-6 {
        return Err(
            format!("{written} write units by size, {} consumed", direct.write_units).into()
        );
    }
    Ok(table)
}

/// What each index costs.
fn indexes(sizes: &Sizes) -> Table {
    let mut table = Table::new(
        "indexes",
        "index | bytes stored for each entry | a million appends | a month, 10 million entries",
    );
    for index in &INDEXES {
        let stored = &sizes.indexes[index.name];
        let each = real(stored.billed()) / real(sizes.entries.items);
        table.row(&[
            format!("`{}`", index.name),
            format!("{each:.0}"),
            dollars(real(stored.units()) * prices::WRITE_UNITS),
            dollars(each * 1e7 / prices::GB * prices::STORAGE),
        ]);
    }
    table
}

/// What the table of entries and its indexes cost in each table class, and when the other class pays.
fn classes(sizes: &Sizes) -> Table {
    let mut table = Table::new(
        "classes",
        "class | a million appends | a million entries kept for a month | a million pages",
    );
    let indexes = || sizes.indexes.values();
    let units = real(2 * sizes.entries.units() + indexes().map(Stored::units).sum::<u64>());
    let bytes = sizes.entries.billed() + indexes().map(Stored::billed).sum::<u64>();
    let kept = real(bytes) / real(sizes.entries.items) * 1e6 / prices::GB;
    let cost = |class: &prices::Class| [units * class.write, kept * class.storage];
    for (name, class) in [("standard", prices::STANDARD), ("infrequent access", prices::INFREQUENT)]
    {
        let [append, keep] = cost(&class).map(dollars);
        table.row(&[name.to_owned(), append, keep, dollars(PAGE_UNITS * class.read)]);
    }
    let [standard, infrequent] = [cost(&prices::STANDARD), cost(&prices::INFREQUENT)];
    let months = (infrequent[0] - standard[0]) / (standard[1] - infrequent[1]);
    let months = format!("after {months:.1} months of what is new in one");
    table.row(&["infrequent access pays".to_owned(), months, String::new(), String::new()]);
    table
}

/// What a month costs on PostgreSQL, whatever is written and read as long as the server is up to it.
fn postgres(assumed: &Assumed) -> Table {
    let servers = prices::POSTGRES_HOURS.map(|(name, _)| format!("{name}, in two zones"));
    let columns = format!("entries | stored (GB) | {}", servers.join(" | "));
    let mut table = Table::new("postgres", &columns);
    for count in MONTHS {
        let stored = real(count * assumed.postgres_bytes) / prices::GB;
        let disk = 2.0 * stored.max(prices::POSTGRES_DISK) * prices::POSTGRES_STORAGE;
        let month = |(_, hour): (&str, f64)| dollars(2.0 * hour * HOURS + disk);
        let [small, large] = prices::POSTGRES_HOURS.map(month);
        table.row(&[thousands(count), format!("{stored:.1}"), small, large]);
    }
    table
}

/// What a month costs once a log has so many entries.
fn months(assumed: &Assumed, sizes: &Sizes, a_million: [f64; 3], watching: f64) -> Table {
    let [recorded, page, get] = a_million;
    let each = |stored: &Stored, of: u64| real(stored.billed()) / real(of);
    let entries = sizes.entries.items;
    let indexes: f64 = sizes.indexes.values().map(|stored| each(stored, entries)).sum();
    let in_tables =
        each(&sizes.entries, entries) + each(&sizes.blocks, entries) + each(&sizes.nodes, entries);
    let kept = in_tables + indexes;
    // Idempotency keys are kept for 14 days.
    let key = each(&sizes.keys, sizes.keys.items) * 14.0 / 30.0;
    let mut table = Table::new(
        "months",
        "entries | new in the month | recording | reading | stored (GB) | storage | recovery | \
         watching | the month | per million entries",
    );
    for count in MONTHS {
        let appends = count / assumed.months.max(1);
        let millions = real(appends) / 1e6;
        let recording = millions * recorded;
        let reading = millions * (assumed.pages * page + assumed.gets * get);
        let stored = (real(count) * kept + real(appends) * key) / prices::GB;
        let storage = stored * prices::STORAGE;
        let recovery =
            (real(count) * in_tables + real(appends) * key) / prices::GB * prices::RECOVERY;
        let all = recording + reading + storage + recovery + watching;
        let [recording, reading, storage, recovery, watching, month, share] =
            [recording, reading, storage, recovery, watching, all, all / (real(count) / 1e6)]
                .map(dollars);
        table.row(&[
            thousands(count),
            thousands(appends),
            recording,
            reading,
            format!("{stored:.1}"),
            storage,
            recovery,
            watching,
            month,
            share,
        ]);
    }
    table
}

/// What costs the same whatever happens.
struct Watching {
    metrics: usize,
    alarm_metrics: usize,
}

fn watching(template: &Template, log: &Log) -> Result<Watching, Failure> {
    // A token is refused for one of these reasons, each a metric of its own.
    let metrics = log.metrics.len() + TokenError::ALL.len();
    if !log.metrics.iter().all(|[dimension, ..]| dimension == "function") {
        return Err("a metric that is not a function's".into());
    }
    Ok(Watching { metrics, alarm_metrics: template.alarm_metrics() })
}

impl Watching {
    fn costs(&self) -> [f64; 3] {
        let [metrics, alarms] = [self.metrics, self.alarm_metrics].map(|count| real(count as u64));
        [metrics * prices::METRIC, alarms * prices::ALARM, prices::DASHBOARD]
    }

    fn sum(&self) -> f64 {
        self.costs().iter().sum()
    }

    fn table(&self) -> Table {
        let mut table = Table::new("watching", "what is watched | how many | a month");
        let [metrics, alarms, dashboard] = self.costs().map(dollars);
        table.row(&["metrics of the functions' own".to_owned(), self.metrics.to_string(), metrics]);
        table.row(&["metrics in alarms".to_owned(), self.alarm_metrics.to_string(), alarms]);
        table.row(&["dashboards".to_owned(), 1.to_string(), dashboard]);
        table
    }
}

fn dollars(amount: f64) -> String {
    // Half a cent counts as one.
    format!("${:.2}", amount + 1e-9)
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        let _ = write!(text, "{digit}");
    }
    text
}
