//! What an entry costs by the sizes of what is stored of it.

use activity_log::store::INDEXES;
use bench::markdown::Table;
use bench::numbers::dollars;
use bench::sizes::{Sizes, Stored};
use bench::{Failure, prices, real};

use crate::measured::Taken;

/// How many entries a block holds.
const BLOCK: u64 = 64;

/// Read units of a page of 100 from the index of a user.
const PAGE_UNITS: f64 = 6.0;

/// What a million appends by a service write, item by item. The items must come to what DynamoDB
/// says that it has consumed.
pub(crate) fn parts(sizes: &Sizes, direct: &Taken) -> Result<Table, Failure> {
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
pub(crate) fn indexes(sizes: &Sizes) -> Table {
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
pub(crate) fn classes(sizes: &Sizes) -> Table {
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
