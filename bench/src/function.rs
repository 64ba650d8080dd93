//! The functions as processes of their own.

use activity_log_local as local;
use serde_json::Value;
use tokio::process::Command;

use crate::Failure;
use crate::emulator::Answer;

/// Sets what `activities dev` sets for a function, and Lambda itself. Nothing else, so that the numbers
/// of two shells are the same. DynamoDB is at `endpoint`, the Runtime API at `runtime_api`.
pub fn set_environment(command: &mut Command, endpoint: &str, runtime_api: &str) {
    let tables = local::tables();
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", local::REGION)
        .env("AWS_ACCESS_KEY_ID", local::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", local::ACCESS_KEY)
        .env("ACTIVITIES_TABLE", tables.activities)
        .env("DIRECTORY_TABLE", tables.directory)
        .env("LEDGER_TABLE", tables.ledger)
        .env("JWT_SECRET", local::JWT_SECRET)
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
pub fn answer_of(answer: &Answer) -> Result<Value, Failure> {
    let response: Value = serde_json::from_slice(&answer.body)?;
    if response["statusCode"] != 200 || response["body"].as_str().is_none_or(str::is_empty) {
        return Err(format!("the function answers {response}").into());
    }
    Ok(response)
}
