//! The embedded DynamoDB.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use dynoxide::Database;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::template::{self, TemplateError};

/// A DynamoDB on this machine that is serving requests. Stops when it is dropped.
#[derive(Debug)]
pub struct Engine {
    endpoint: String,
    server: Server,
}

#[derive(Debug)]
enum Server {
    /// The embedded one.
    Embedded { stop: oneshot::Sender<()>, task: JoinHandle<Result<(), String>> },
    /// Another program.
    Process(Child),
}

/// The variable that names another server than the embedded one, for tests: a program that takes
/// the arguments of `moto_server` and says as it does where it runs, like `tools/serial_moto.py`.
const OTHER_SERVER: &str = "TEST_DYNAMODB_SERVER";

/// Whether [`Engine::in_memory`] is the embedded one.
#[must_use]
pub fn is_embedded() -> bool {
    std::env::var_os(OTHER_SERVER).is_none()
}

/// Why the embedded DynamoDB does not run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its port cannot be used.
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
    /// Another server does not start.
    #[error("{program}: {reason}")]
    Other {
        /// The program.
        program: String,
        /// What is wrong.
        reason: String,
    },
    /// Its tables cannot be made.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Engine {
    /// Starts an empty one in memory, at a port that is free, with the tables of `template`: the
    /// embedded one, or another program that `TEST_DYNAMODB_SERVER` names.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn in_memory(template: &str) -> Result<Self, EngineError> {
        if let Ok(program) = std::env::var(OTHER_SERVER) {
            return Self::other(&program, template).await;
        }
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
        let data = |error: dynoxide::DynoxideError| EngineError::Data(error.to_string());
        let database = database.map_err(data)?;
        // What follows a bulk load no longer waits for the disk at every commit: a crash of this
        // machine may take the last appends with it, a crash of this program takes none.
        database.enable_bulk_loading().map_err(data)?;
        database.disable_bulk_loading().map_err(data)?;
        Self::start(database, port, template).await
    }

    async fn start(database: Database, port: u16, template: &str) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Port { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
            // Either way it is time to stop: told to, or the engine was dropped.
            let _ = stopped.await;
        }));
        let endpoint = crate::endpoint(address.port());
        Self { endpoint, server: Server::Embedded { stop, task } }.with_tables(template).await
    }

    /// Starts another program, which says at which port it runs.
    async fn other(program: &str, template: &str) -> Result<Self, EngineError> {
        let failed = |reason: String| EngineError::Other { program: program.to_owned(), reason };
        let mut process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let stderr = process.stderr.take().ok_or_else(|| failed("it has no stderr".to_owned()))?;
        let mut lines = BufReader::new(stderr).lines();
        let mut said = String::new();
        let endpoint = loop {
            let line = lines.next_line().await.map_err(|error| failed(error.to_string()))?;
            let Some(line) = line else { return Err(failed(said)) };
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
            said.push_str(&line);
        };
        // What else it says goes nowhere, but it must be able to say it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { endpoint, server: Server::Process(process) }.with_tables(template).await
    }

    async fn with_tables(self, template: &str) -> Result<Self, EngineError> {
        template::create_tables(&crate::client(&self.endpoint), template).await?;
        Ok(self)
    }

    /// Where it is served.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Stops serving, once the requests under way are answered.
    pub async fn stop(self) {
        // A server that failed has stopped, too.
        match self.server {
            Server::Embedded { stop, task } => {
                drop(stop);
                let _ = task.await;
            }
            Server::Process(mut process) => {
                let _ = process.kill().await;
            }
        }
    }
}
