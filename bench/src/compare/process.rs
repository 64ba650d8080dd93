//! A system under test: the processes of its functions, and what a request to them takes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bench::Failure;
use bench::emulator::{Answer, Emulator};
use bench::function::set_environment;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::requests::Request;

/// A function, and the Runtime API that is served to it alone.
pub(crate) struct Function {
    emulator: Emulator,
    process: Child,
    id: u32,
}

impl Function {
    /// Starts `program` with `arguments`, DynamoDB at `endpoint` and more `variables`, and waits until the
    /// function asks for an event.
    ///
    /// # Errors
    /// If the function does not start.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[&Path],
        endpoint: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let emulator = Emulator::start().await?;
        let mut command = Command::new(program);
        command.args(arguments);
        set_environment(&mut command, endpoint, emulator.address());
        command.envs(variables.iter().copied());
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let id = process.id().ok_or("the function has ended")?;
        let mut function = Self { emulator, process, id };
        function.ready().await?;
        Ok(function)
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        tokio::select! {
            ready = self.emulator.ready() => ready,
            status = self.process.wait() => Err(format!("a function ends: {}", status?).into()),
        }
    }

    /// Hands over an event. Gives the response, and the processor time from there until the function asks
    /// for the next event.
    ///
    /// # Errors
    /// If the function fails or ends.
    pub(crate) async fn invoke(&mut self, event: &str) -> Result<(Answer, Duration), Failure> {
        self.ready().await?;
        let before = processor_time(self.id)?;
        let answer = tokio::select! {
            answer = self.emulator.invoke(event) => answer?,
            status = self.process.wait() => {
                return Err(format!("a function ends: {}", status?).into());
            }
        };
        self.ready().await?;
        // Threads that have ended in between take their time with them.
        Ok((answer, processor_time(self.id)?.saturating_sub(before)))
    }
}

/// The processor time of all threads of a process (Linux: `Documentation/scheduler/sched-stats.rst`).
fn processor_time(id: u32) -> Result<Duration, Failure> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
        match std::fs::read_to_string(thread?.path().join("schedstat")) {
            Ok(text) => {
                nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
            }
            // A thread that has just ended.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// What a request took, and what it showed.
#[derive(Debug)]
pub(crate) struct Performed {
    /// From the event handed out to the response taken; of a walk, the sum.
    pub(crate) elapsed: Duration,
    /// Processor time of the function.
    pub(crate) cpu: Duration,
    /// What the responses say, page after page.
    pub(crate) shown: Vec<Shown>,
}

/// What of a response must be the same in all systems.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) status: Value,
    pub(crate) total: Value,
    pub(crate) ids: Vec<Value>,
    pub(crate) facets: Value,
    pub(crate) histogram: Value,
}

/// Sends a request; if it is a walk, page after page.
///
/// # Errors
/// If the function fails, or answers with another status.
pub(crate) async fn perform(
    function: &mut Function,
    request: &Request,
) -> Result<Performed, Failure> {
    let mut performed =
        Performed { elapsed: Duration::ZERO, cpu: Duration::ZERO, shown: Vec::new() };
    let mut cursor: Option<String> = None;
    for _ in 0..request.pages {
        let event = request.event(cursor.as_deref())?;
        let (answer, cpu) = function.invoke(&event).await?;
        performed.elapsed += answer.elapsed;
        performed.cpu += cpu;
        let response: Value = serde_json::from_slice(&answer.body)?;
        if response["statusCode"] != request.status {
            return Err(format!("{}: {response}", request.name).into());
        }
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap_or_default())?;
        cursor = body["pagination"]["nextCursor"].as_str().map(str::to_owned);
        performed.shown.push(shown(&response, body));
        if cursor.is_none() {
            break;
        }
    }
    Ok(performed)
}

fn shown(response: &Value, mut body: Value) -> Shown {
    let ids = match &body["data"] {
        Value::Array(entries) => entries.iter().map(|entry| entry["id"].clone()).collect(),
        entry => vec![entry["id"].clone()],
    };
    Shown {
        status: response["statusCode"].clone(),
        total: body["pagination"]["total"].take(),
        ids,
        facets: body["facets"].take(),
        histogram: body["histogram"].take(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_time_of_this_process_grows_as_it_works() {
        let id = std::process::id();
        let before = processor_time(id).unwrap();
        let started = std::time::Instant::now();
        let mut sum = 0_u64;
        while started.elapsed() < Duration::from_millis(30) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let taken = processor_time(id).unwrap().saturating_sub(before);
        assert!(taken > Duration::from_millis(1), "{taken:?}");
        assert!(processor_time(u32::MAX).is_err());
    }

    #[test]
    fn a_list_and_an_entry_show_their_ids() {
        let response = json!({"statusCode": 200});
        let body = json!({"data": [{"id": 2}, {"id": 1}], "pagination": {"total": 9}});
        let list = shown(&response, body);
        assert_eq!((list.ids, list.total), (vec![json!(2), json!(1)], json!(9)));
        let entry = shown(&response, json!({"data": {"id": 7}}));
        assert_eq!((entry.ids, entry.total), (vec![json!(7)], Value::Null));
    }

    #[tokio::test]
    async fn a_program_that_ends_is_no_function() {
        let error = Function::start(Path::new("true"), &[], "http://127.0.0.1:9", &[]).await;
        let error = error.err().unwrap().to_string();
        assert!(error.starts_with("a function ends"), "{error}");
    }
}
