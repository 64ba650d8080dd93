//! How much memory a process has had.

use crate::Failure;

/// The most memory that a process has had so far, in bytes: what proc(5) calls `VmHWM`. `process` is
/// its id, or `self`.
///
/// # Errors
/// If there is no such process, or the system does not say.
pub fn peak(process: &str) -> Result<u64, Failure> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    high_water_mark(&status).ok_or_else(|| format!("{path} has no VmHWM").into())
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_a_process() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t  12345 kB\nVmRSS:\t  7 kB\n";
        assert_eq!(high_water_mark(status), Some(12_345 * 1_024));
        assert_eq!(high_water_mark("VmRSS:\t  7 kB\n"), None);
        assert!(peak("self").unwrap() > 100_000);
        assert!(peak("no-process").is_err());
    }
}
