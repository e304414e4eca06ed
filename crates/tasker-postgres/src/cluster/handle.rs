//! A cluster in use.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use super::initdb::ROLE;
use super::layout::PORT;
use super::locks::Server;
use super::version::PostgresVersion;

const DATABASE: &str = "tasker";
/// Connected to for creating ours; it is in every cluster.
const MAINTENANCE_DATABASE: &str = "postgres";

/// A private cluster in use: as long as this lives, the server stays.
#[derive(Debug)]
pub struct ClusterHandle {
    server: Server,
    /// Held, never looked at: the supervisor sees when it is let go.
    _use_lock: File,
}

impl ClusterHandle {
    pub(super) fn new(server: Server, use_lock: File) -> Self {
        Self { server, _use_lock: use_lock }
    }

    /// How to connect to the database.
    pub fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.server, DATABASE)
    }

    /// How to connect, as a URL that every client library reads.
    pub fn url(&self) -> String {
        url(&self.server.socket_dir)
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.server.data_dir
    }

    /// The folder of the server's binaries.
    pub fn bin_dir(&self) -> &Path {
        &self.server.bin_dir
    }

    /// The server's version.
    pub fn version(&self) -> PostgresVersion {
        self.server.version
    }

    /// The process of `postgres`.
    pub fn postgres_pid(&self) -> u32 {
        self.server.postgres_pid
    }

    /// The process of the server's supervisor.
    pub fn supervisor_pid(&self) -> u32 {
        self.server.supervisor_pid
    }
}

/// Every part is named: what is not, the driver would take from variables like `PGPORT`.
fn connect_options(server: &Server, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(&server.socket_dir)
        .port(PORT)
        .username(ROLE)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// The address of the database behind a socket's folder.
pub(super) fn url(socket_dir: &Path) -> String {
    let mut folder = String::new();
    for byte in socket_dir.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                folder.push(char::from(*byte))
            }
            // Writing to a string cannot fail.
            _ => _ = write!(folder, "%{byte:02X}"),
        }
    }
    format!("postgresql:///{DATABASE}?host={folder}&port={PORT}&user={ROLE}")
}

/// Connects once, and creates the database where it is not there yet.
pub(super) async fn reach_database(server: &Server) -> Result<(), sqlx::Error> {
    let wanted = connect_options(server, DATABASE);
    match PgConnection::connect_with(&wanted).await {
        Ok(connection) => return connection.close().await,
        // invalid_catalog_name
        Err(error) if has_code(&error, &["3D000"]) => {}
        Err(error) => return Err(error),
    }
    let mut connection = PgConnection::connect_with(&connect_options(server, MAINTENANCE_DATABASE)).await?;
    let created = sqlx::raw_sql(include_str!("../../sql/cluster/create_database.sql")).execute(&mut connection).await;
    match created {
        Ok(_) => {}
        // Another program was quicker: duplicate_database, or its unique index while both are at it.
        Err(error) if has_code(&error, &["42P04", "23505"]) => {}
        Err(error) => return Err(error),
    }
    connection.close().await?;
    PgConnection::connect_with(&wanted).await?.close().await
}

/// Whether the server may just have ended or be ending, so that another attempt finds or starts a new one.
pub(super) fn may_have_ended(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_)) || has_code(error, &["57P01", "57P02", "57P03"])
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| codes.contains(&&*code))
}
