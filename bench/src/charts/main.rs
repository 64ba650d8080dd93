//! The pictures of docs/benchmarks.md and its tables of cold starts, made from `bench/results.json`: so
//! none shows what was not measured, and a test holds what is committed against the committed results.

mod cold;
mod lines;
mod pictures;
mod price_list;
mod scale;
mod svg;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bench::Failure;
use bench::markdown::{Table, replaced};
use bench::results::Results;
use clap::Parser;

use pictures::{Picture, cold_start, pictures};

/// Draws the pictures of docs/benchmarks.md, and writes its tables of cold starts
#[derive(Parser)]
struct Arguments {
    /// The results that they show
    #[arg(long, default_value = "bench/results.json")]
    results: PathBuf,
    /// The folder of the pictures
    #[arg(long, default_value = "docs/images")]
    images: PathBuf,
    /// The document with the tables
    #[arg(long, default_value = "docs/benchmarks.md")]
    document: PathBuf,
    /// Only fails if a picture or a table there is not what the results make
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let Arguments { results, images, document, check } = Arguments::parse();
    let places = Places { images, document };
    let made = Results::read(&results).and_then(|results| Made::of(&results));
    let outcome =
        made.and_then(|made| if check { made.held(&places) } else { made.write(&places) });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Where pictures and tables are.
struct Places {
    images: PathBuf,
    document: PathBuf,
}

impl Places {
    fn document(&self) -> Result<String, Failure> {
        read(&self.document)
    }
}

/// What the results make.
struct Made {
    pictures: Vec<Picture>,
    tables: Vec<Table>,
}

impl Made {
    /// # Errors
    /// If the results lack something.
    fn of(results: &Results) -> Result<Self, Failure> {
        Ok(Self { pictures: pictures(results)?, tables: cold_start(results)?.tables() })
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// If the document has no place for a table, or a file cannot be written.
    fn write(&self, places: &Places) -> Result<(), Failure> {
        std::fs::create_dir_all(&places.images)?;
        for picture in &self.pictures {
            std::fs::write(places.images.join(picture.name), &picture.svg)?;
        }
        let document = replaced(&places.document()?, &self.tables)?;
        Ok(std::fs::write(&places.document, document)?)
    }

    /// Holds the files against it.
    ///
    /// # Errors
    /// Names the first file that differs.
    fn held(&self, places: &Places) -> Result<(), Failure> {
        let differs = |path: &Path| {
            format!("{} is not what the results make: make charts", path.display()).into()
        };
        for picture in &self.pictures {
            let path = places.images.join(picture.name);
            if read(&path)? != picture.svg {
                return Err(differs(&path));
            }
        }
        let document = places.document()?;
        if replaced(&document, &self.tables)? != document {
            return Err(differs(&places.document));
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use activity_log_local::folder::Folder;
    use serde_json::{Value, json};

    use super::*;

    /// Invented results, with all that the pictures show.
    fn invented() -> Value {
        let reads = |ours: [f64; 4], usual: [f64; 4]| {
            let names = ["first page", "offset 10 %", "offset 50 %", "offset 99 %"];
            let read = |units: f64| json!({"read_units": units, "p50_ms": 1.0, "cpu_ms": 0.5, "samples": 5});
            let cases = names.iter().zip(ours.into_iter().zip(usual));
            let cases = cases.map(|(name, (ours, usual))| {
                json!({"name": name, "systems": {"ours": read(ours), "dynamodb": read(usual)}})
            });
            cases.collect::<Value>()
        };
        let stored = json!({"ours": 1_858.0, "dynamodb": 1_700.0, "postgresql": 627.0});
        let write = |ours: f64, usual: f64| {
            let write = |units: f64| json!({"write_units": units, "entries_a_second": 1_000.0});
            json!({"ours": write(ours), "dynamodb": write(usual)})
        };
        let host = json!({
            "processor": "p", "cores": 2, "memory_gib": 24, "kernel": "k", "rustc": "r",
        });
        let spread =
            |median: f64| json!({"least": median * 0.9, "median": median, "most": median * 1.3});
        let program = |name: &str, ready: f64, response: f64, peak: f64| {
            json!({
                "name": name, "starts": 20, "ready_ms": spread(ready),
                "response_ms": spread(response), "peak_mib": spread(peak),
            })
        };
        let warming = |function: &str, warmed: (f64, u64), reconnected: (f64, u64)| {
            let first = |(median, handshakes): (f64, u64)| json!({"response_ms": spread(median), "handshakes": handshakes});
            json!({
                "function": function, "starts": 20, "handshakes_before": 1,
                "warmed": first(warmed), "reconnected": first(reconnected),
            })
        };
        json!({
            "date": "2026-11-30",
            "host": host,
            "logs": [
                {"entries": 1_000, "stored": stored,
                 "reads": reads([7.5, 8.0, 8.0, 8.0], [62.0, 68.0, 92.0, 121.0])},
                {"entries": 100_000, "stored": stored,
                 "reads": reads([7.5, 8.0, 8.5, 8.0], [6_020.0, 6_620.0, 9_020.0, 12_000.0])},
                {"entries": 1_000_000, "stored": stored,
                 "reads": reads([7.5, 8.5, 8.5, 8.0], [60_020.0, 66_020.0, 90_020.0, 120_000.0])},
            ],
            "writes": [
                {"name": "one after another", "systems": write(11.19, 3.0)},
                {"name": "in batches of 25", "systems": write(5.1, 3.0)},
            ],
            "cold_start": {
                "date": "2026-11-30",
                "host": host,
                "entries": 1_000,
                "programs": [
                    program("Activity Logs, `list-activities`", 14.0, 21.0, 23.5),
                    program("Activity Logs, `get-activity`", 13.0, 18.0, 22.5),
                    program("Node.js, usual DynamoDB design", 240.0, 330.0, 105.0),
                ],
                "warming": [
                    warming("list-activities", (8.1, 5), (9.3, 6)),
                    warming("get-activity", (3.1, 1), (5.3, 2)),
                ],
            },
        })
    }

    /// What these results make.
    fn made(value: &Value) -> Result<Made, Failure> {
        Made::of(&serde_json::from_value(value.clone())?)
    }

    /// Places in a new folder, with a document without rows.
    fn places() -> (Folder, Places) {
        let folder = Folder::new("charts").unwrap();
        let document = folder.path().join("benchmarks.md");
        std::fs::write(&document, "# Starts\n\n<!-- cold-start -->\n\n<!-- warming -->\n").unwrap();
        let images = folder.path().join("images");
        (folder, Places { images, document })
    }

    #[test]
    fn what_is_committed_is_what_the_results_make() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let document = root.join("docs/benchmarks.md");
        let places = Places { images: root.join("docs/images"), document };
        let results = Results::read(&root.join("bench/results.json")).unwrap();
        Made::of(&results).unwrap().held(&places).unwrap();
    }

    #[test]
    fn a_picture_or_table_that_was_changed_is_found() {
        let (_folder, places) = places();
        let made = made(&invented()).unwrap();
        assert!(made.held(&places).is_err());
        made.write(&places).unwrap();
        made.held(&places).unwrap();
        for (path, before, after) in [
            (places.images.join("page-by-length.svg"), ">60k<", ">61k<"),
            (places.document.clone(), "| 14 (13–18) |", "| 13 (13–18) |"),
            (places.document.clone(), "| 1 | 2 | 5.3 (4.8–6.9) |", "| 1 | 1 | 5.3 (4.8–6.9) |"),
        ] {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(before), "{text}");
            std::fs::write(&path, text.replace(before, after)).unwrap();
            let error = made.held(&places).unwrap_err().to_string();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.contains(name) && error.contains("make charts"), "{error}");
            std::fs::write(&path, text).unwrap();
        }
        made.held(&places).unwrap();
    }

    #[test]
    fn what_was_not_measured_is_an_error_that_says_what_measures_it() {
        for (pointer, command) in [
            ("/cold_start", "make bench-cold"),
            ("/logs/2/reads/3/systems/dynamodb", "make bench ARGS"),
            ("/logs/0/reads/0/systems/ours", "make bench ARGS"),
            ("/logs/2/stored/postgresql", "make bench ARGS"),
            ("/writes/1/systems/ours", "make bench ARGS"),
        ] {
            let mut value = invented();
            let (parent, member) = pointer.rsplit_once('/').unwrap();
            value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(member).unwrap();
            let error = made(&value).err().unwrap().to_string();
            assert!(error.contains(command), "{pointer}: {error}");
        }
        let mut value = invented();
        value["logs"].as_array_mut().unwrap().truncate(1);
        let error = made(&value).err().unwrap().to_string();
        assert!(error.contains("several lengths"), "{error}");
    }

    #[test]
    fn every_picture_has_a_title_and_says_in_words_what_it_shows() {
        for Picture { name, svg } in made(&invented()).unwrap().pictures {
            let described = svg.split_once("<desc").unwrap().1.split_once("</desc>").unwrap().0;
            assert!(described.contains("Activity Logs"), "{described}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
            assert!(svg.contains("<title") && !svg.contains("<script"));
        }
    }
}
