//! Tables in Markdown, and their place in a document.

/// A table, and what the document calls it.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<String>,
}

impl Table {
    /// A table with these columns, divided by `|`. All but the first hold numbers.
    pub(crate) fn new(name: &'static str, columns: &str) -> Self {
        let rule = "---: | ".repeat(columns.matches('|').count());
        let rule = format!("| --- | {}", rule.trim_end());
        Self { name, lines: vec![format!("| {columns} |"), rule] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: &[String; N]) {
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }
}

/// `text` with these tables, each after the comment with its name.
pub(crate) fn replaced(text: &str, tables: &[Table]) -> Result<String, String> {
    let mut text = text.to_owned();
    for table in tables {
        let mark = format!("<!-- {} -->\n", table.name);
        let (before, after) =
            text.split_once(&mark).ok_or_else(|| format!("there is no {mark}"))?;
        let rest = after.lines().skip_while(|line| line.starts_with('|'));
        let rest = rest.fold(String::new(), |rest, line| rest + line + "\n");
        text = format!("{before}{mark}{}\n{rest}", table.lines.join("\n"));
    }
    Ok(text)
}
