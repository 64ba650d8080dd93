//! A PostgreSQL server for a test or a run of the bench: a cluster of its own in a temporary folder,
//! reached by a socket in that folder alone, and gone when it is dropped.
//!
//! The server is Debian's, with the settings that it comes with. A cluster that the package made itself
//! is neither used nor touched. PostgreSQL refuses to run as root, so that root runs it as the user
//! `postgres`, whom the package makes.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{Json, ToSql, Type};

use super::Peer;
use super::row::system_time;
use crate::{Failure, Name, Record};

/// Where Debian has its servers, a folder for each version.
const SERVERS: &str = "/usr/lib/postgresql";

/// How the name of a folder begins; the id of the process that made it comes next.
const FOLDER: &str = "peer-postgresql-";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The columns of an entry, in the order in which [`Cluster::load`] writes them.
const COLUMNS: [Type; 12] = [
    Type::INT8,
    Type::INT8,
    Type::INT8,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::JSONB,
    Type::INET,
    Type::TEXT,
    Type::TIMESTAMPTZ,
];

/// The tables and indexes. The first index has a user's log, the next two its lists by one filter, the
/// last what the user did in an environment. There are no references from entries to names: an entry outlives them.
const SCHEMA: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, profile_image text);
    CREATE TABLE projects (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, slug text NOT NULL, name text NOT NULL,
        UNIQUE (user_id, slug)
    );
    CREATE TABLE environments (
        id bigint PRIMARY KEY, project_id bigint NOT NULL, slug text NOT NULL, name text NOT NULL,
        UNIQUE (project_id, slug)
    );
    CREATE TABLE activities (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, project_id bigint, environment_id bigint,
        resource_type text, resource_id bigint, action text NOT NULL, description text,
        metadata jsonb, ip_address inet, user_agent text, created_at timestamptz NOT NULL
    );
    CREATE INDEX ON activities (user_id, created_at DESC, id DESC);
    CREATE INDEX ON activities (user_id, resource_type, created_at DESC, id DESC);
    CREATE INDEX ON activities (user_id, action, created_at DESC, id DESC);
    CREATE INDEX ON activities (user_id, project_id, environment_id, created_at DESC, id DESC);
";

/// A server that is running, with the tables of the peer. Stops, and is removed, when it is dropped. What
/// a process that was killed has left behind is removed at the next start.
#[derive(Debug)]
pub struct Cluster {
    // Fields are dropped in this order: the connection ends before the server does.
    peer: Peer,
    server: Server,
}

impl Cluster {
    /// Starts one; `None`, with a word on stderr, if PostgreSQL is not installed.
    ///
    /// # Errors
    /// If it is installed and does not start.
    pub async fn start() -> Result<Option<Self>, Failure> {
        let Some(programs) = programs(Path::new(SERVERS))? else {
            // Not by a macro that prints, whose output a test that passes keeps to itself.
            let missing = "PostgreSQL is not installed; on Debian: apt-get install postgresql";
            writeln!(std::io::stderr(), "skipped: {missing}")?;
            return Ok(None);
        };
        remove_abandoned()?;
        let mut server = Server::start(&programs)?;
        let peer = server.connect().await?;
        peer.client.batch_execute(SCHEMA).await?;
        Ok(Some(Self { peer, server }))
    }

    /// How to connect to it, as `PEER_DATABASE` says it.
    #[must_use]
    pub fn connection_string(&self) -> String {
        self.server.connection_string()
    }

    /// The version of the server.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn version(&self) -> Result<String, Failure> {
        Ok(self.peer.client.query_one("SHOW server_version", &[]).await?.try_get(0)?)
    }

    /// Writes entries in bulk, by `COPY`, and lets the server look at them as it does itself in
    /// time: what is visible to all, and how often each value is there.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn load(&self, records: &[Record]) -> Result<(), Failure> {
        let sink = self.peer.client.copy_in("COPY activities FROM STDIN BINARY").await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &COLUMNS));
        let integer = |number: Option<u64>| number.map(i64::try_from).transpose();
        for record in records {
            let row: [&(dyn ToSql + Sync); 12] = [
                &integer(Some(record.id))?,
                &integer(Some(record.user_id))?,
                &integer(record.project_id)?,
                &integer(record.environment_id)?,
                &record.resource_type,
                &integer(record.resource_id)?,
                &record.action,
                &record.description,
                &record.metadata.as_ref().map(Json),
                &record.ip_address,
                &record.user_agent,
                &system_time(record.created_at),
            ];
            writer.as_mut().write(&row).await?;
        }
        writer.finish().await?;
        self.peer.client.batch_execute("VACUUM (ANALYZE) activities").await?;
        Ok(())
    }

    /// Writes names.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn load_names(&self, names: &[Name]) -> Result<(), Failure> {
        for name in names {
            let client = &self.peer.client;
            match name {
                Name::User { id, name, profile_image } => {
                    let id = i64::try_from(*id)?;
                    let text = "INSERT INTO users VALUES ($1, $2, $3)";
                    client.execute(text, &[&id, name, profile_image]).await?
                }
                Name::Project { id, user_id, slug, name } => {
                    let (id, user_id) = (i64::try_from(*id)?, i64::try_from(*user_id)?);
                    let text = "INSERT INTO projects VALUES ($1, $2, $3, $4)";
                    client.execute(text, &[&id, &user_id, slug, name]).await?
                }
                Name::Environment { id, project_id, slug, name, .. } => {
                    let (id, project_id) = (i64::try_from(*id)?, i64::try_from(*project_id)?);
                    let text = "INSERT INTO environments VALUES ($1, $2, $3, $4)";
                    client.execute(text, &[&id, &project_id, slug, name]).await?
                }
            };
        }
        Ok(())
    }

    /// Writes one entry, in a transaction of its own. Calls at once share a connection, one after
    /// another; for writers side by side, each needs a [`Peer`] of its own.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn record(&self, record: &Record) -> Result<(), Failure> {
        self.peer.record(record).await
    }

    /// The bytes that the entries take on disk, with their indexes.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn stored_bytes(&self) -> Result<u64, Failure> {
        let row =
            self.peer.client.query_one("SELECT pg_total_relation_size('activities')", &[]).await?;
        Ok(row.try_get::<_, i64>(0)?.try_into()?)
    }
}

/// The programs of the newest server among `servers`.
fn programs(servers: &Path) -> Result<Option<PathBuf>, Failure> {
    let versions = match std::fs::read_dir(servers) {
        Ok(versions) => versions,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut newest = None;
    for version in versions {
        let path = version?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        let programs = path.join("bin");
        if ["initdb", "postgres"].iter().all(|program| programs.join(program).is_file()) {
            newest = newest.max(number.map(|number| (number, programs)));
        }
    }
    Ok(newest.map(|(_, programs)| programs))
}

/// Removes the folders of processes that are no more. A server that still runs in one stops by itself
/// once its files are gone.
fn remove_abandoned() -> Result<(), Failure> {
    for folder in std::fs::read_dir(std::env::temp_dir())? {
        let path = folder?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.strip_prefix(FOLDER));
        let process = name.and_then(|name| name.split_once('-')?.0.parse::<i32>().ok());
        // Signal 0 is none: it only asks whether the process is there (POSIX: `kill`).
        if process.is_none_or(|id| kill(Pid::from_raw(id), None) != Err(Errno::ESRCH)) {
            continue;
        }
        match std::fs::remove_dir_all(&path) {
            // Another start was faster, or it is another user's.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
            done => done?,
        }
    }
    Ok(())
}

/// The process of a server, and its folder.
#[derive(Debug)]
struct Server {
    process: Option<Child>,
    folder: PathBuf,
}

impl Server {
    fn start(programs: &Path) -> Result<Self, Failure> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let user = if geteuid().is_root() { Some((id_of("-u")?, id_of("-g")?)) } else { None };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}-{number}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        // From here on, the folder is removed whatever happens.
        let mut server = Self { process: None, folder };
        let folder = &server.folder;
        let log = File::create(folder.join("log"))?;
        if let Some((uid, gid)) = user {
            chown(folder, Some(uid), Some(gid))?;
        }
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.arg("-D").arg(folder.join("data")).current_dir(folder).stdin(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = command("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-sync", "--no-instructions"])
            .output()?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let process = command("postgres")
            .arg("-k")
            .arg(folder)
            .args(["-c", "listen_addresses="])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        server.process = Some(process);
        Ok(server)
    }

    fn connection_string(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.folder.display())
    }

    /// Connects as soon as the server listens.
    async fn connect(&mut self) -> Result<Peer, Failure> {
        let started = Instant::now();
        loop {
            let error = match Peer::connect(&self.connection_string()).await {
                Ok(peer) => return Ok(peer),
                Err(error) => error,
            };
            let ended = self.process.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.join("log"))?;
                return Err(format!("PostgreSQL does not start: {error}: {log}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Ends at once, with all of its processes: nobody needs its data any more.
            let id = process.id().try_into().ok().map(Pid::from_raw);
            let told = id.map(|id| kill(id, Signal::SIGQUIT));
            if !matches!(told, Some(Ok(()))) {
                eprintln!("PostgreSQL cannot be told to stop");
            } else if let Err(error) = process.wait() {
                eprintln!("PostgreSQL does not stop: {error}");
            }
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} cannot be removed: {error}", self.folder.display());
        }
    }
}

/// The number of the user `postgres` (`-u`), or of its group (`-g`).
fn id_of(kind: &str) -> Result<u32, Failure> {
    let output = Command::new("id").args([kind, "postgres"]).output()?;
    if !output.status.success() {
        return Err("there is no user `postgres`, and PostgreSQL does not run as root".into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use activity_log_local::folder::Folder;

    use super::*;

    #[test]
    fn the_newest_whole_server_is_taken() {
        let folder = Folder::new("peer-servers").unwrap();
        let servers = folder.path();
        assert_eq!(programs(servers).unwrap(), None);
        assert_eq!(programs(&servers.join("none")).unwrap(), None);
        for (version, program) in [
            ("9", "initdb"),
            ("9", "postgres"),
            ("15", "initdb"),
            ("15", "postgres"),
            ("17", "initdb"),
        ] {
            let folder = servers.join(version).join("bin");
            std::fs::create_dir_all(&folder).unwrap();
            File::create(folder.join(program)).unwrap();
        }
        let found = programs(servers).unwrap();
        assert_eq!(found, Some(servers.join("15/bin")));
    }

    #[tokio::test]
    async fn a_server_and_its_folder_are_gone_when_it_is_dropped() {
        // No process has this id.
        let abandoned = std::env::temp_dir().join(format!("{FOLDER}{}-0", i32::MAX));
        std::fs::create_dir_all(abandoned.join("data")).unwrap();
        let cluster = Cluster::start().await.unwrap();
        let Some(cluster) = cluster else { return std::fs::remove_dir_all(abandoned).unwrap() };
        assert!(!abandoned.exists());
        assert!(!cluster.version().await.unwrap().is_empty());
        let (database, folder) = (cluster.connection_string(), cluster.server.folder.clone());
        Peer::connect(&database).await.unwrap();
        assert!(folder.is_dir());
        drop(cluster);
        assert!(Peer::connect(&database).await.is_err());
        assert!(!folder.exists());
    }
}
