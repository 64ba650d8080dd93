//! Tables in Markdown, and their place in a document.

/// A table, and what the document calls it.
pub struct Table {
    /// The name in the comment before it.
    pub name: String,
    /// Its lines, in Markdown.
    pub lines: Vec<String>,
}

impl Table {
    /// A table with these columns, divided by `|`. All but the first hold numbers.
    #[must_use]
    pub fn new(name: impl Into<String>, columns: &str) -> Self {
        let rule = "---: | ".repeat(columns.matches('|').count());
        let rule = format!("| --- | {}", rule.trim_end());
        Self { name: name.into(), lines: vec![format!("| {columns} |"), rule] }
    }

    /// Adds a row of these cells.
    pub fn row(&mut self, cells: &[String]) {
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }
}

/// The comment before the table with this name.
#[must_use]
pub fn mark(name: &str) -> String {
    format!("<!-- {name} -->")
}

/// `text` with these tables, each after the comment with its name.
///
/// # Errors
/// Names the first comment that `text` does not have.
pub fn replaced(text: &str, tables: &[Table]) -> Result<String, String> {
    let mut text = text.to_owned();
    for table in tables {
        let mark = mark(&table.name);
        let (before, after) =
            text.split_once(&mark).ok_or_else(|| format!("there is no {mark}"))?;
        let rest = after.lines().skip(1).skip_while(|line| line.starts_with('|'));
        let rest = rest.fold(String::new(), |rest, line| rest + line + "\n");
        text = format!("{before}{mark}\n{}\n{rest}", table.lines.join("\n"));
    }
    Ok(text)
}
