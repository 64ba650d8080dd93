//! What a list asks for, as the condition of a statement.

use std::fmt::Write;

use tokio_postgres::types::ToSql;

use super::row::system_time;
use crate::api::{List, Values};

/// A parameter of a statement.
pub(super) type Parameter = Box<dyn ToSql + Send + Sync>;

/// Which part of the log a list is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) user: i64,
    pub(super) project: Option<i64>,
    pub(super) environment: Option<i64>,
}

/// A condition, and the parameters that it has so far.
#[derive(Default)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) parameters: Vec<Parameter>,
}

impl Condition {
    /// What of a scope is of the time of a list, without its filters.
    pub(super) fn new(list: &List, scope: Scope) -> Self {
        let mut condition = Self::default();
        condition.and("user_id =", scope.user);
        if let Some(project) = scope.project {
            condition.and("project_id =", project);
        }
        if let Some(environment) = scope.environment {
            condition.and("environment_id =", environment);
        }
        if let Some(since) = list.since {
            condition.and("created_at >=", system_time(since));
        }
        if let Some(until) = list.until {
            condition.and("created_at <", system_time(until));
        }
        condition
    }

    /// The same with both filters.
    pub(super) fn filtered(list: &List, scope: Scope) -> Self {
        let mut condition = Self::new(list, scope);
        condition.select("resource_type", &list.resource_type);
        condition.select("action", &list.action);
        condition
    }

    /// Adds a parameter, and gives its name.
    pub(super) fn parameter(&mut self, value: impl ToSql + Send + Sync + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("${}", self.parameters.len())
    }

    pub(super) fn and(&mut self, comparison: &str, value: impl ToSql + Send + Sync + 'static) {
        let parameter = self.parameter(value);
        self.and_text(&format!("{comparison} {parameter}"));
    }

    pub(super) fn and_text(&mut self, text: &str) {
        let conjunction = if self.text.is_empty() { "WHERE" } else { " AND" };
        // Writing to a text does not fail.
        let _ = write!(self.text, "{conjunction} {text}");
    }

    /// Selects by the values of a column.
    pub(super) fn select(&mut self, column: &str, values: &Values) {
        let with_value =
            |values: &[Option<String>]| values.iter().flatten().cloned().collect::<Vec<_>>();
        if !values.only.is_empty() {
            let some = with_value(&values.only);
            let is_null_selected = some.len() < values.only.len();
            // One value alone, so that an index has its entries in the order of time.
            let is_one = match <[_; 1]>::try_from(some) {
                Ok([one]) => format!("{column} = {}", self.parameter(one)),
                Err(several) => format!("{column} = ANY({})", self.parameter(several)),
            };
            let or_null =
                if is_null_selected { format!(" OR {column} IS NULL") } else { String::new() };
            self.and_text(&format!("({is_one}{or_null})"));
        }
        if !values.except.is_empty() {
            let some = with_value(&values.except);
            let keeps_null = some.len() == values.except.len();
            let parameter = self.parameter(some);
            let null = if keeps_null { "OR" } else { "AND NOT" };
            self.and_text(&format!("({column} <> ALL({parameter}) {null} {column} IS NULL)"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_what_it_selects() {
        let some = |value: &str| Some(value.to_owned());
        for (only, except, expected) in [
            (vec![], vec![], ""),
            (vec![some("a")], vec![], "WHERE (t = $1)"),
            (vec![some("a"), None], vec![], "WHERE (t = $1 OR t IS NULL)"),
            (vec![some("a"), some("b")], vec![], "WHERE (t = ANY($1))"),
            (vec![None], vec![], "WHERE (t = ANY($1) OR t IS NULL)"),
            (vec![], vec![some("a")], "WHERE (t <> ALL($1) OR t IS NULL)"),
            (vec![], vec![some("a"), None], "WHERE (t <> ALL($1) AND NOT t IS NULL)"),
        ] {
            let mut condition = Condition::default();
            condition.select("t", &Values { only, except });
            assert_eq!(condition.text, expected);
        }
    }
}
