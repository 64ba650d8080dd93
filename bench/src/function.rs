//! The functions as processes of their own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use activity_log_local as local;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::emulator::{Emulator, FunctionResponse};
use crate::failure::Failure;
use crate::linux::processor_time;

/// A function, and the Runtime API that is served to it alone.
pub struct Function {
    // The process ends before the Runtime API that it asks for more.
    process: Child,
    emulator: Emulator,
    id: Pid,
}

impl Function {
    /// Starts `program` with `arguments`, DynamoDB at `endpoint` and more `variables`, and waits until the
    /// function asks for an event.
    ///
    /// # Errors
    /// If the function does not start.
    pub async fn start(
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
        let id = Pid::from_raw(process.id().ok_or("the function has ended")?.try_into()?);
        let mut function = Self { process, emulator, id };
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
    /// If the function fails or ends, or if this is not Linux.
    pub async fn invoke(&mut self, event: &str) -> Result<(FunctionResponse, Duration), Failure> {
        self.ready().await?;
        let before = processor_time(self.id)?;
        let response = tokio::select! {
            response = self.emulator.invoke(event) => response?,
            status = self.process.wait() => {
                return Err(format!("a function ends: {}", status?).into());
            }
        };
        self.ready().await?;
        Ok((response, processor_time(self.id)?.saturating_sub(before)))
    }

    /// Ends the process as Lambda does, and waits until it has ended.
    ///
    /// # Errors
    /// If it has ended before.
    pub async fn end(mut self) -> Result<(), Failure> {
        kill(self.id, Signal::SIGTERM)?;
        self.process.wait().await?;
        Ok(())
    }
}

/// The folder with the functions: the one given, else `release` beside the folder of this program.
///
/// # Errors
/// If this program is in no target folder.
pub fn folder(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given);
    }
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).ok_or("there is no target folder")?.join("release"))
}

/// Sets what `activities dev` sets for a function, and Lambda itself. Nothing else, so that the numbers
/// of two shells are the same. DynamoDB is at `endpoint`, the Runtime API at `runtime_api`.
pub fn set_environment(command: &mut Command, endpoint: &str, runtime_api: &str) {
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(local::variables(endpoint))
        .env("PATH_PARAMETERS", "encoded")
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "measured")
        // Lambda shows two processors, whatever the machine has.
        .env("TOKIO_WORKER_THREADS", "2");
}

/// The response of a function to API Gateway (AWS: "AWS Lambda proxy integrations for HTTP APIs",
/// payload format 2.0).
///
/// # Errors
/// If it is none, or its status is not 200, or it has no body.
pub fn response_of(response: &FunctionResponse) -> Result<Value, Failure> {
    let response: Value = serde_json::from_slice(&response.body)?;
    if response["statusCode"] != 200 || response["body"].as_str().is_none_or(str::is_empty) {
        return Err(format!("the response of the function is {response}").into());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_ends_is_no_function() {
        let error = Function::start(Path::new("true"), &[], "http://127.0.0.1:9", &[]).await;
        let error = error.err().unwrap().to_string();
        assert!(error.starts_with("a function ends"), "{error}");
    }
}
