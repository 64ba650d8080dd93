//! The HTTP API.
//!
//! A request passes each of these once:
//!
//! 1. [`lambda`] makes a request of the event of API Gateway.
//! 2. The request's [`Route`] finds out who the caller is, calls its handler, and writes one line to the log.
//! 3. `request` reads what the caller asks for, into types that hold nothing invalid.
//! 4. The handler reads the [`Store`].
//! 5. `response` writes the document, or the problem.
//!
//! [`routes::ROUTES`] is the one list of routes: tests hold the template, the router of local development,
//! openapi.yaml and the metrics against it. [`viewer`] serves the page that shows the log.

mod error;
mod format;
pub mod lambda;
mod request;
mod response;
pub mod routes;
pub mod viewer;

pub use error::ApiError;
pub use format::Format;
pub use routes::{DEADLINE, Route};

use crate::Report;
use crate::auth::TokenVerifier;
use crate::config::{self, ConfigError, PathParameters};
use crate::function;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// What a read function needs for every request. Made once, before the first.
#[derive(Debug)]
pub struct Api {
    /// The log.
    pub store: Store,
    /// Who may read it.
    pub verifier: TokenVerifier,
    /// How the path comes.
    pub path_parameters: PathParameters,
    /// Where a line is written for each request.
    pub telemetry: Telemetry,
}

impl Api {
    /// Reads the configuration from the environment and connects, so that no request waits for it; to
    /// DynamoDB for so many calls side by side.
    ///
    /// # Errors
    /// [`ConfigError`] with the variable that is missing or invalid.
    pub async fn from_env(calls: usize) -> Result<Self, ConfigError> {
        let verifier = config::verifier(&config::environment)?;
        let path_parameters = config::path_parameters(&config::environment)?;
        let telemetry = config::telemetry(&config::environment);
        let store = function::store()?;
        let (database, keys) = tokio::join!(store.warm_up(calls), verifier.warm_up());
        // The first request tries again, and fails by itself.
        if let Err(error) = database {
            tracing::warn!(error = %Report(&error), "DynamoDB is unavailable");
        }
        if let Err(error) = keys {
            tracing::warn!(error = %Report(&error), "the JWKS is unavailable");
        }
        Ok(Self { store, verifier, path_parameters, telemetry })
    }
}
