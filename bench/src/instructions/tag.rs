//! What the entity tag of a page takes, in time: valgrind hides the instructions that a processor has
//! for SHA-256, and so counts what a page never takes where there are some.

use std::path::Path;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use bench::Failure;
use bench::function::{Function, response_of};
use serde_json::Value;

/// How many requests come before those that are measured.
const WARM_UP: u32 = 50;

/// How many are measured, and how often the body is hashed.
const REQUESTS: u32 = 300;

/// Prints how much of a request's processor time its entity tag takes.
///
/// # Errors
/// If the function does not run.
pub(crate) async fn print(function: &Path, endpoint: &str, event: &Value) -> Result<(), Failure> {
    let event = event.to_string();
    let mut function = Function::start(function, &[], endpoint, &[]).await?;
    let (mut whole, mut body) = (Duration::ZERO, String::new());
    for request in 0..WARM_UP + REQUESTS {
        let (response, cpu) = function.invoke(&event).await?;
        if request >= WARM_UP {
            whole += cpu;
        }
        response_of(&response)?["body"].as_str().unwrap_or_default().clone_into(&mut body);
    }
    let started = Instant::now();
    for _ in 0..REQUESTS {
        std::hint::black_box(digest(&SHA256, body.as_bytes()));
    }
    let hashing = started.elapsed();
    let each = |time: Duration| (time / REQUESTS).as_micros();
    println!(
        "without valgrind, a request takes {} µs of processor time; SHA-256 of its body of {} bytes takes \
         {} µs of them, {:.1} %",
        each(whole),
        body.len(),
        each(hashing),
        100.0 * hashing.as_secs_f64() / whole.as_secs_f64(),
    );
    Ok(())
}
