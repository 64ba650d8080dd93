//! The lines of an import: bounded, numbered, and counted from one end line to the next.

use std::fmt;
use std::io::{BufRead, Read};

use activity_log::Report;

use crate::failure::Failure;
use crate::line::{End, Line, Record};

/// The most bytes of a line. An entry and its JSON are a tenth of that at the most.
const MAX_LINE: u64 = 1 << 20;

/// The byte order mark that some programs begin a file with.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The lines of an input.
pub(crate) struct Lines<R> {
    input: R,
    bytes: Vec<u8>,
    /// How many were read.
    number: u64,
    is_repairing: bool,
    /// What came since the last end line.
    since_end: End,
    /// Whether there was an end line.
    has_end: bool,
}

/// A line that was read.
pub(crate) struct Numbered {
    pub(crate) number: u64,
    /// Its length, with what ends it.
    pub(crate) bytes: u64,
    /// Nothing if it is blank, or an end line that is right.
    pub(crate) record: Option<Record>,
}

/// A line that could not be imported.
#[derive(Debug)]
pub(crate) struct BadLine {
    pub(crate) line: u64,
    pub(crate) reason: Failure,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, Report(self.reason.as_ref()))
    }
}

impl std::error::Error for BadLine {}

impl<R: BufRead> Lines<R> {
    /// The lines of `input`, each repaired before it is looked at if `is_repairing`.
    pub(crate) const fn new(input: R, is_repairing: bool) -> Self {
        let since_end = End { activities: 0, names: 0 };
        Self { input, bytes: Vec::new(), number: 0, is_repairing, since_end, has_end: false }
    }

    /// The next line; `None` at the end of the input.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub(crate) fn next(&mut self) -> Result<Option<Numbered>, BadLine> {
        self.number += 1;
        let line = self.number;
        self.read().map_err(|reason| BadLine { line, reason: reason.into() })
    }

    /// Whether everything was followed by an end line. If not, the file may be the beginning of an
    /// export that broke off.
    pub(crate) fn is_whole(&self) -> bool {
        self.has_end && self.since_end == End::default()
    }

    fn read(&mut self) -> Result<Option<Numbered>, String> {
        self.bytes.clear();
        let mut bounded = self.input.by_ref().take(MAX_LINE + 1);
        bounded.read_until(b'\n', &mut self.bytes).map_err(|error| error.to_string())?;
        let bytes = self.bytes.len() as u64;
        if bytes == 0 {
            return Ok(None);
        }
        if bytes > MAX_LINE {
            return Err(format!("is longer than {MAX_LINE} bytes"));
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|_| "is not UTF-8".to_owned())?;
        let first = if self.number == 1 { text.strip_prefix(BYTE_ORDER_MARK) } else { None };
        let text = first.unwrap_or(text).trim();
        let numbered = |record| Ok(Some(Numbered { number: self.number, bytes, record }));
        if text.is_empty() {
            return numbered(None);
        }
        match Line::parse(text, self.is_repairing)? {
            Line::End(end) => {
                let came = std::mem::take(&mut self.since_end);
                self.has_end = true;
                if end == came {
                    return numbered(None);
                }
                Err(format!("the export had {end}, and {came} came with it"))
            }
            Line::Record(record) => {
                match record {
                    Record::Name(_) => self.since_end.names += 1,
                    Record::Activity(_) => self.since_end.activities += 1,
                }
                numbered(Some(record))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = r#"{"type":"user","id":3,"name":"n"}"#;
    const ACTIVITY: &str =
        r#"{"type":"activity","userId":3,"action":"a","createdAt":"2024-01-15T10:30:00Z"}"#;
    const END: &str = r#"{"type":"end","activities":1,"names":1}"#;

    /// How many lines say something, and whether that is all; or what is wrong with which.
    fn read(text: &[u8]) -> Result<(u64, bool), (u64, String)> {
        let mut lines = Lines::new(text, false);
        let mut count = 0;
        loop {
            match lines.next() {
                Ok(Some(numbered)) => count += u64::from(numbered.record.is_some()),
                Ok(None) => return Ok((count, lines.is_whole())),
                Err(BadLine { line, reason }) => return Err((line, reason.to_string())),
            }
        }
    }

    #[test]
    fn a_file_is_whole_if_its_end_says_how_many_lines_there_were() {
        for (text, is_whole) in [
            (String::new(), false),
            (format!("{USER}\n{ACTIVITY}\n"), false),
            (format!("{USER}\r\n\n{ACTIVITY}\n{END}"), true),
            (format!("{USER}\n{ACTIVITY}\n{END}\n{ACTIVITY}\n"), false),
            (format!("{USER}\n{ACTIVITY}\n{END}\n{ACTIVITY}\n{USER}\n{END}\n\n"), true),
        ] {
            let count = text.matches(USER).count() + text.matches(ACTIVITY).count();
            assert_eq!(read(text.as_bytes()), Ok((count as u64, is_whole)), "{text}");
        }
        let (number, reason) = read(format!("{ACTIVITY}\n{END}\n").as_bytes()).unwrap_err();
        assert_eq!(number, 2);
        assert_eq!(
            reason,
            "the export had 1 activities and 1 names, and 1 activities and 0 names came with it"
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_beginning_only() {
        let marked = format!("\u{feff}{USER}\n{ACTIVITY}\n");
        assert_eq!(read(marked.as_bytes()), Ok((2, false)));
        assert_eq!(read(format!("{USER}\n{marked}").as_bytes()).unwrap_err().0, 2);
    }

    #[test]
    fn what_is_no_line_is_named_for_what_it_is() {
        let long = format!("{USER}\n{}", "x".repeat(3 << 20));
        for (text, number, reason) in [
            (format!("[{ACTIVITY}]").as_bytes(), 1, "is a JSON array"),
            (b"[\n", 1, "is a JSON array"),
            (format!("{USER}\n{ACTIVITY},\n").as_bytes(), 2, "ends with a comma"),
            (long.as_bytes(), 2, "is longer than 1048576 bytes"),
            (b"\xff\xfe{\0\n", 1, "is not UTF-8"),
        ] {
            let (at, said) = read(text).unwrap_err();
            assert!(at == number && said.starts_with(reason), "{said}");
        }
    }
}
