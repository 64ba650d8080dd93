//! Lists the files of `viewer/dist` for the binary, and compresses each once, as small as it gets.
//!
//! The folder is committed, so that this needs no Node. A file that the function could not serve is an
//! error here, where whoever adds it sees that, and not a 404 later.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Where the files are, from the folder of the package.
const FOLDER: &str = "../../viewer/dist";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}");
    let out = env::var("OUT_DIR")?;
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(FOLDER);
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let name = file?.file_name().into_string();
        names.push(name.map_err(|name| format!("{}?", name.display()))?);
    }
    names.sort();
    let mut list = "&[\n".to_owned();
    for name in &names {
        let kind = kind(name)?;
        let text =
            fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        let compressed = gzip(text.as_bytes())?;
        fs::write(Path::new(&out).join(format!("{name}.gz")), &compressed)?;
        let gzip = if compressed.len() < text.len() {
            format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")))")
        } else {
            "None".to_owned()
        };
        writeln!(
            list,
            "    File {{ name: \"{name}\", kind: FileKind::{kind}, gzip: {gzip}, text: include_str!(\
             concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{FOLDER}/{name}\")) }},"
        )?;
    }
    list.push(']');
    fs::write(Path::new(&out).join("files.rs"), list)?;
    Ok(())
}

/// What a file is, by the end of its name.
fn kind(name: &str) -> Result<&'static str, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        || !name.chars().all(is_plain)
    {
        return Err(format!("viewer/dist: {name} has characters that a path must encode"));
    }
    match name.rsplit_once('.') {
        Some((_, "html")) => Ok("Html"),
        Some((_, "js")) => Ok("Script"),
        Some((_, "css")) => Ok("Style"),
        _ => Err(format!("viewer/dist: {name} is of no kind that is served")),
    }
}

fn gzip(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text)?;
    encoder.finish()
}
