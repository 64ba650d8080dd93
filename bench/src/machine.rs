//! Where something was measured.

use std::process::Command;

use activity_log::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::linux;

/// What the number of instructions depends on beside our code. Valgrind and the GNU C library are Linux's.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    rustc: String,
    glibc: String,
    architecture: String,
    valgrind: String,
}

impl Machine {
    /// This one, with this version of valgrind.
    ///
    /// # Errors
    /// If a program that knows does not run.
    pub fn this(valgrind: String) -> Result<Self, Failure> {
        Ok(Self {
            rustc: said_by("rustc", &["--version"])?,
            glibc: said_by("getconf", &["GNU_LIBC_VERSION"])?,
            architecture: architecture(),
            valgrind,
        })
    }

    /// What of it is different there, for people; `None` if nothing is.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> Option<String> {
        let parts = [
            (&self.rustc, &other.rustc),
            (&self.glibc, &other.glibc),
            (&self.architecture, &other.architecture),
            (&self.valgrind, &other.valgrind),
        ];
        let different = parts.iter().find(|(here, there)| here != there);
        different.map(|(here, there)| format!("{here} here, {there} there"))
    }
}

/// The machine that times were taken on, as far as they depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// What the system calls the processor.
    pub processor: String,
    /// How many of its cores this system has.
    pub cores: u64,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// The system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
}

impl Host {
    /// This one.
    ///
    /// # Errors
    /// If this is not Linux, or a program that knows does not run.
    pub fn this() -> Result<Self, Failure> {
        Ok(Self {
            processor: linux::processor()?,
            cores: std::thread::available_parallelism()?.get() as u64,
            memory_gib: (linux::memory()? + (1 << 29)) >> 30,
            kernel: said_by("uname", &["-sr"])?,
            rustc: said_by("rustc", &["--version"])?,
        })
    }
}

/// The day that it is in UTC, as `2026-11-30`.
#[must_use]
pub fn today() -> String {
    let now = Timestamp::now().to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// The processor's kind. Libraries choose their code by what it can do; the widest vectors that
/// valgrind knows make most of that.
fn architecture() -> String {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "x86_64 with AVX2".to_owned();
    }
    std::env::consts::ARCH.to_owned()
}

/// The first line that `program` writes.
///
/// # Errors
/// If it does not run, or fails.
pub fn said_by(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let [rustc, glibc, architecture, valgrind] =
            ["rustc 1.95.0", "glibc 2.36", "x86_64", "valgrind-3.19.0"].map(str::to_owned);
        Machine { rustc, glibc, architecture, valgrind }
    }

    #[test]
    fn another_machine_is_told_by_its_first_difference() {
        assert_eq!(machine().differs_from(&machine()), None);
        let other = Machine { glibc: "glibc 2.41".to_owned(), ..machine() };
        assert_eq!(machine().differs_from(&other).unwrap(), "glibc 2.36 here, glibc 2.41 there");
        for other in [
            Machine { rustc: String::new(), ..machine() },
            Machine { architecture: String::new(), ..machine() },
            Machine { valgrind: String::new(), ..machine() },
        ] {
            assert!(machine().differs_from(&other).is_some(), "{other:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_host_has_cores_and_memory() {
        let host = Host::this().unwrap();
        assert!(host.cores > 0 && host.memory_gib > 0, "{host:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(said_by("no-such-program-anywhere", &[]).is_err());
        assert!(said_by("rustc", &["--version"]).unwrap().starts_with("rustc "));
    }
}
