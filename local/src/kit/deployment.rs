//! The template of the deployment, as a whole and as what its roles allow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::template::{Table, tables};

/// The template of the deployment, from which every log has its tables.
pub const TEMPLATE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));

/// The template, read.
#[must_use]
pub fn template() -> Value {
    serde_saphyr::from_str(TEMPLATE).unwrap()
}

/// What a role of the template may do with which table, or table and index, as
/// [`Faults::actions`](crate::faults::Faults::actions) writes it. Its policy must only allow, without
/// conditions.
#[must_use]
pub fn permissions(role: &str) -> BTreeSet<(String, String)> {
    let tables = tables(TEMPLATE).unwrap();
    let template = template();
    let role = &template["Resources"][role];
    let statements = &role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let mut permissions = BTreeSet::new();
    for statement in statements.as_array().unwrap() {
        assert!(statement["Effect"] == "Allow" && statement.get("Condition").is_none(), "{role}");
        let texts = |member: &str| {
            let all = statement[member].as_array().into_iter().flatten();
            all.filter_map(Value::as_str).collect::<Vec<_>>()
        };
        for action in texts("Action").iter().filter_map(|action| action.strip_prefix("dynamodb:")) {
            for resource in texts("Resource").into_iter().flat_map(|text| resources(text, &tables))
            {
                permissions.insert((action.to_owned(), resource));
            }
        }
    }
    permissions
}

/// The table, or the indexes of one, that a policy means: `ActivitiesTable.Arn` or
/// `${ActivitiesTable.Arn}/index/environment*`.
fn resources(resource: &str, tables: &BTreeMap<String, Table>) -> Vec<String> {
    if let Some(table) = resource.strip_suffix(".Arn") {
        return vec![table.to_owned()];
    }
    let index = resource.strip_prefix("${").and_then(|rest| rest.split_once(".Arn}/index/"));
    let Some((table, index)) = index else { panic!("{resource} is neither table nor index") };
    let is_meant = |name: &str| match index.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == index,
    };
    let names = tables[table].global_secondary_indexes.iter().map(|index| &index.index_name);
    names.filter(|name| is_meant(name)).map(|name| format!("{table}/index/{name}")).collect()
}
