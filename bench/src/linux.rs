//! What Linux tells of its processes and its machine, and other systems do not in the same way. There,
//! each function here is an error that says so, and the benches that need one do not run.

use std::time::Duration;

use nix::unistd::Pid;

use crate::failure::Failure;

/// The error on another system.
const ELSEWHERE: &str = "this is measured on Linux alone";

/// The most memory that a process has had so far, in bytes: what proc(5) calls `VmHWM`. `process` is
/// its id, or `self`.
///
/// # Errors
/// If there is no such process, or the system does not say.
pub fn peak_memory(process: &str) -> Result<u64, Failure> {
    bytes(&read(&format!("/proc/{process}/status"))?, "VmHWM")
}

/// The processor time that a process has had, that of threads which have ended included (POSIX:
/// `clock_getcpuclockid`).
///
/// # Errors
/// If there is no such process, or the system does not say.
#[cfg(target_os = "linux")]
pub fn processor_time(process: Pid) -> Result<Duration, Failure> {
    use nix::time::{clock_getcpuclockid, clock_gettime};

    Ok(clock_gettime(clock_getcpuclockid(process)?)?.into())
}

/// The processor time that a process has had.
///
/// # Errors
/// On a system that is not Linux.
#[cfg(not(target_os = "linux"))]
pub fn processor_time(_: Pid) -> Result<Duration, Failure> {
    Err(ELSEWHERE.into())
}

/// What the system calls the processor.
///
/// # Errors
/// If the system does not say.
pub fn processor() -> Result<String, Failure> {
    Ok(value_of(&read("/proc/cpuinfo")?, "model name").unwrap_or("unknown").to_owned())
}

/// The memory of the machine in bytes.
///
/// # Errors
/// If the system does not say.
pub fn memory() -> Result<u64, Failure> {
    bytes(&read("/proc/meminfo")?, "MemTotal")
}

fn read(path: &str) -> Result<String, Failure> {
    if !cfg!(target_os = "linux") {
        return Err(ELSEWHERE.into());
    }
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

/// The value with this name, which is in kibibytes.
fn bytes(text: &str, name: &str) -> Result<u64, Failure> {
    let kibibytes = value_of(text, name).and_then(|value| value.strip_suffix(" kB"));
    let kibibytes = kibibytes.ok_or_else(|| format!("there is no {name}"))?;
    Ok(kibibytes.trim().parse::<u64>()? * 1_024)
}

/// The value of the first line of `text` with this name before its colon.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_the_line_with_its_name() {
        assert_eq!(value_of("a\t: 1\nb : 2 kB\n", "b"), Some("2 kB"));
        assert_eq!(value_of("a: 1\n", "b"), None);
        let status = "VmPeak:\t  9 kB\nVmHWM:\t  12345 kB\nVmRSS:\t  7 kB\n";
        assert_eq!(bytes(status, "VmHWM").unwrap(), 12_345 * 1_024);
        assert!(bytes("VmRSS:\t  7 kB\n", "VmHWM").is_err());
        assert!(bytes("VmHWM:\t  7\n", "VmHWM").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_has_memory_and_one_that_is_not_there_is_an_error() {
        assert!(peak_memory("self").unwrap() > 100_000);
        assert!(peak_memory("no-process").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_time_of_a_process_holds_that_of_threads_that_have_ended() {
        use nix::time::{ClockId, clock_gettime};

        const WORK: Duration = Duration::from_millis(5);
        let before = processor_time(Pid::this()).unwrap();
        let worker = std::thread::spawn(|| {
            while Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap()) < WORK {}
        });
        worker.join().unwrap();
        assert!(processor_time(Pid::this()).unwrap() >= before + WORK);
        // More than a process can have (Linux: `PID_MAX_LIMIT`).
        assert!(processor_time(Pid::from_raw(1 << 23)).is_err());
    }
}
