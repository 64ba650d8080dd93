//! The embedded DynamoDB.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::template::{self, TemplateError};

/// An embedded DynamoDB that is serving requests. Stops when it is dropped.
#[derive(Debug)]
pub struct Engine {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<(), String>>,
}

/// Why the embedded DynamoDB does not run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its port cannot be had.
    #[error("port {port} of this machine cannot be used: {source}")]
    Port {
        /// The port.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Its data cannot be opened.
    #[error("the data of the embedded DynamoDB cannot be opened: {0}")]
    Data(String),
    /// Its tables cannot be made.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Engine {
    /// Starts an empty one in memory, at a port that is free, with the tables of `template`.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn in_memory(template: &str) -> Result<Self, EngineError> {
        let database = Database::memory().map_err(|error| EngineError::Data(error.to_string()))?;
        Self::start(database, 0, template).await
    }

    /// Starts one at `port`, with the data in `directory` or, without one, in memory, and makes
    /// those tables of `template` that are not there yet.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn open(
        directory: Option<&Path>,
        port: u16,
        template: &str,
    ) -> Result<Self, EngineError> {
        let database = match directory {
            None => Database::memory(),
            Some(directory) => {
                std::fs::create_dir_all(directory).map_err(|error| {
                    EngineError::Data(format!("{}: {error}", directory.display()))
                })?;
                Database::new(&directory.join("dynamodb.sqlite").to_string_lossy())
            }
        };
        let database = database.map_err(|error| EngineError::Data(error.to_string()))?;
        Self::start(database, port, template).await
    }

    async fn start(database: Database, port: u16, template: &str) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Port { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let server =
            tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
                // Either way it is time to stop: told to, or the engine was dropped.
                let _ = stopped.await;
            }));
        let engine = Self { address, stop: Some(stop), server };
        template::create_tables(&crate::client(&engine.endpoint()), template).await?;
        Ok(engine)
    }

    /// Where it is served.
    #[must_use]
    pub fn endpoint(&self) -> String {
        crate::endpoint(self.address.port())
    }

    /// Stops serving, once the requests under way are answered.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // A server that failed has stopped, too.
        let _ = (&mut self.server).await;
    }
}
