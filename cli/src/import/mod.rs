//! `activities import`: a log that comes from elsewhere.
//!
//! Activities keep their time and, where they have one, their id. What is there already is recognised and
//! skipped, so an import that was stopped can be run again.
//!
//! An operator imports, who can correct a file, and so an import is strict: what the log would have to
//! alter is an error that names the line and the field, unless repairs are asked for.

mod importer;
mod lines;
mod presence;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::line::{End, Record};
use crate::progress::progress_bar;
use crate::target::Target;

pub(crate) use importer::import;
pub(crate) use lines::Lines;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file to read; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Alter what is over a limit or makes no sense, as the queue does, instead of stopping there;
    /// the entry says what came
    #[arg(long)]
    repair: bool,
    /// Write nothing; say whether every line can be imported and the file is a whole export
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (input, size): (Box<dyn BufRead>, u64) = if arguments.file.as_os_str() == "-" {
        (Box::new(BufReader::new(std::io::stdin())), 0)
    } else {
        let name = arguments.file.display();
        let file = File::open(&arguments.file).map_err(|error| format!("{name}: {error}"))?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(BufReader::with_capacity(1 << 20, file)), size)
    };
    let mut lines = Lines::new(input, arguments.repair);
    if arguments.check {
        return check(&mut lines);
    }
    let store = arguments.target.store().await?;
    let bar = progress_bar(size, "{bar:40} {percent}% {msg}, {eta} left");
    let summary = import(&store, &mut lines, &bar).await?;
    println!("{summary}");
    if !lines.is_whole() {
        eprintln!("activities: {NOT_WHOLE}");
    }
    Ok(())
}

/// What is said of a file that may be cut.
const NOT_WHOLE: &str = "the file does not end as an export does, with how many lines there were: \
                         if it is one, it broke off";

/// Reads all lines, and writes nothing.
fn check(lines: &mut Lines<impl BufRead>) -> Result<(), Failure> {
    let mut found = End::default();
    while let Some(numbered) = lines.next()? {
        match numbered.record {
            Some(Record::Name(_)) => found.names += 1,
            Some(Record::Activity(_)) => found.activities += 1,
            None => {}
        }
    }
    if !lines.is_whole() {
        return Err(NOT_WHOLE.into());
    }
    println!("checked: {found}, a whole export");
    Ok(())
}
