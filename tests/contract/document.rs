//! docs/contract.md, held against the tests that it names.

use std::collections::BTreeSet;

use activity_log::activity::FIELDS;

const CONTRACT: &str = include_str!("../../docs/contract.md");

/// The tests that the tables of the document name: one in the last cell of each row.
fn named() -> BTreeSet<&'static str> {
    let rows = CONTRACT.lines().filter(|line| line.starts_with("| ") && !line.contains("| test |"));
    rows.map(|row| {
        let last = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        let name = last.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        name.unwrap_or_else(|| panic!("a row without a test: {row}"))
    })
    .collect()
}

#[test]
fn every_row_of_the_contract_has_a_test_and_every_such_test_a_row() {
    let sources = [
        include_str!("table.rs"),
        include_str!("beyond.rs"),
        include_str!("tokens.rs"),
        include_str!("names.rs"),
        include_str!("odd.rs"),
        include_str!("resume.rs"),
        include_str!("summaries.rs"),
    ];
    let written: BTreeSet<&str> = sources
        .into_iter()
        .flat_map(|source| source.split("#[tokio::test]\nasync fn ").skip(1))
        .map(|test| test.split('(').next().unwrap())
        .collect();
    assert!(written.len() > 20);
    assert_eq!(named(), written);
}

#[test]
fn the_rows_of_include_name_every_field_that_client_adds() {
    let example = include_str!("../../docs/api.md");
    for (page, start) in [(CONTRACT, "| `include=client` |"), (example, "| `include` |")] {
        let row = page.lines().find(|line| line.starts_with(start)).unwrap();
        for field in FIELDS.iter().filter(|field| field.is_of_client) {
            assert!(row.contains(&format!("`{}`", field.name)), "{}: {row}", field.name);
        }
    }
}
