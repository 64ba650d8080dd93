//! What the log costs on AWS: units and sizes measured on an embedded DynamoDB, times the prices
//! that AWS publishes, as the tables of docs/costs.md.

mod assumed;
mod held;
mod measured;
mod months;
mod stored;
mod tables;
mod template;
mod viewer;

use std::path::PathBuf;
use std::process::ExitCode;

use bench::Failure;
use bench::markdown::replaced;
use clap::Parser;

use assumed::Assumed;

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

// On one thread, so that every run measures the same.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let Arguments { write, check, write_costs, assumed } = Arguments::parse();
    if let Some(path) = write_costs {
        held::write(&path, &held::measure().await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let tables = tables::tables(&assumed).await?;
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
