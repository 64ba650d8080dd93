//! What a month costs.

use activity_log::auth::TokenError;
use bench::markdown::Table;
use bench::numbers::{dollars, thousands};
use bench::sizes::{Sizes, Stored};
use bench::{Failure, prices, real};

use crate::assumed::Assumed;
use crate::measured::Log;
use crate::template::Template;

/// Entries of the logs whose months are priced.
const MONTHS: [u64; 3] = [1_000_000, 10_000_000, 100_000_000];

/// Hours of a month.
const HOURS: f64 = 730.0;

/// What a month costs once a log has so many entries.
pub(crate) fn months(
    assumed: &Assumed,
    sizes: &Sizes,
    a_million: [f64; 3],
    watching: f64,
) -> Table {
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

/// What a month costs on PostgreSQL, whatever is written and read as long as the server is up to it.
pub(crate) fn postgres(assumed: &Assumed) -> Table {
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

/// What costs the same whatever happens.
pub(crate) struct Watching {
    metrics: usize,
    alarm_metrics: usize,
}

impl Watching {
    /// What watches this log, which has recorded and been read.
    ///
    /// # Errors
    /// If it has a metric that is not a function's.
    pub(crate) fn of(template: &Template, log: &Log) -> Result<Self, Failure> {
        // A token is refused for one of these reasons, each a metric of its own.
        let metrics = log.metrics.len() + TokenError::ALL.len();
        if !log.metrics.iter().all(|[dimension, ..]| dimension == "function") {
            return Err("a metric that is not a function's".into());
        }
        Ok(Self { metrics, alarm_metrics: template.alarm_metrics() })
    }

    fn costs(&self) -> [f64; 3] {
        let [metrics, alarms] = [self.metrics, self.alarm_metrics].map(|count| real(count as u64));
        [metrics * prices::METRIC, alarms * prices::ALARM, prices::DASHBOARD]
    }

    pub(crate) fn sum(&self) -> f64 {
        self.costs().iter().sum()
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new("watching", "what is watched | how many | a month");
        let [metrics, alarms, dashboard] = self.costs().map(dollars);
        table.row(&["metrics of the functions' own".to_owned(), self.metrics.to_string(), metrics]);
        table.row(&["metrics in alarms".to_owned(), self.alarm_metrics.to_string(), alarms]);
        table.row(&["dashboards".to_owned(), 1.to_string(), dashboard]);
        table
    }
}
