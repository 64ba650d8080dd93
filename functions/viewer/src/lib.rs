//! The files of the viewer, in the binary: what is in `viewer/dist`, each with its gzip. `build.rs` writes
//! the list.

use activity_log::api::viewer::{File, FileKind};

/// All files, by name.
pub static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
