//! A database of its own for each test.
//!
//! The server is named by the variable `TASKER_TEST_DATABASE_URL`: the URL of a superuser to any database of it. Tests
//! create their databases beside that one and drop them at the end.

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::str::FromStr;
use tasker_postgres::schema::{self, Shape};

/// Names the server on which tests create their databases.
pub const SERVER_VARIABLE: &str = "TASKER_TEST_DATABASE_URL";

/// Key of the advisory lock under which a template is made; the letters `tasktest`.
const TEMPLATE_LOCK: i64 = 0x7461_736b_7465_7374;

/// A database that exists for one test. It is dropped by [`TestDatabase::drop`], or else when the value goes out of
/// scope.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: PgConnectOptions,
    pool: PgPool,
    dropped: bool,
}

impl TestDatabase {
    /// An empty database.
    ///
    /// # Panics
    /// When [`SERVER_VARIABLE`] is not set, or the server cannot be used.
    pub async fn create() -> Self {
        Self::create_from("template0").await
    }

    /// A database with the whole schema in the lean shape, as a private cluster has it.
    ///
    /// # Panics
    /// As [`TestDatabase::create`], and when the schema cannot be made.
    pub async fn with_schema() -> Self {
        Self::with_shape(Shape::Lean).await
    }

    /// A database with the whole schema in this shape. It is copied from a template that the first test to need it makes.
    ///
    /// # Panics
    /// As [`TestDatabase::create`], and when the schema cannot be made.
    pub async fn with_shape(shape: Shape) -> Self {
        let template = ensure_template(&server_options(), shape).await;
        Self::create_from(&template).await
    }

    async fn create_from(template: &str) -> Self {
        let server = server_options();
        let mut connection = connect(&server).await;
        let name = unique_name(&mut connection).await;
        execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")).await;
        close(connection).await;
        let pool = PgPoolOptions::new().connect_lazy_with(server.clone().database(&name));
        Self { name, server, pool, dropped: false }
    }

    /// A pool of connections to the database.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How to connect to the database.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// Name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops the database, also when somebody is still connected to it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn drop(mut self) {
        self.dropped = true;
        self.pool.close().await;
        drop_database(&self.server, &self.name).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.dropped {
            return;
        }
        let (server, name) = (self.server.clone(), self.name.clone());
        // The test's own runtime cannot be waited for from here: a thread with a runtime of its own can.
        let dropping =
            std::thread::spawn(move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(drop_database(&server, &name)),
                Err(error) => panic!("no runtime to drop it in: {error}"),
            });
        if dropping.join().is_err() {
            eprintln!("the test database {} could not be dropped", self.name);
        }
    }
}

fn server_options() -> PgConnectOptions {
    let url = std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
        panic!("{SERVER_VARIABLE} is not set: run the tests with `cargo xtask test`, which starts a server for them")
    });
    PgConnectOptions::from_str(&url).unwrap_or_else(|error| panic!("{SERVER_VARIABLE} is not a URL: {error}"))
}

async fn connect(server: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(server)
        .await
        .unwrap_or_else(|error| panic!("the server that {SERVER_VARIABLE} names cannot be reached: {error}"))
}

async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        panic!("the connection to the test server broke: {error}");
    }
}

async fn execute(connection: &mut PgConnection, sql: String) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(connection).await {
        panic!("{sql}: {error}");
    }
}

async fn unique_name(connection: &mut PgConnection) -> String {
    sqlx::query_scalar("SELECT 'tasker_test_' || replace(gen_random_uuid()::text, '-', '')")
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("the test server made no name: {error}"))
}

async fn drop_database(server: &PgConnectOptions, name: &str) {
    let mut connection = connect(server).await;
    execute(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    close(connection).await;
}

/// The name of a database with the whole schema, made by the first process that needs it. Its name changes with the
/// schema, and it bears it only when it is complete.
async fn ensure_template(server: &PgConnectOptions, shape: Shape) -> String {
    let template = format!("tasker_template_{shape}_{}", schema::fingerprint(shape));
    let mut connection = connect(server).await;
    if database_exists(&mut connection, &template).await {
        close(connection).await;
        return template;
    }
    execute(&mut connection, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if !database_exists(&mut connection, &template).await {
        let unfinished = unique_name(&mut connection).await;
        execute(&mut connection, format!("CREATE DATABASE {unfinished} TEMPLATE template0 ENCODING 'UTF8'")).await;
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(server.clone().database(&unfinished));
        if let Err(error) = schema::bootstrap(&pool, shape).await {
            panic!("the schema could not be made: {error}");
        }
        pool.close().await;
        execute(&mut connection, format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await;
    }
    // The lock ends with the connection.
    close(connection).await;
    template
}

async fn database_exists(connection: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("the test server did not list its databases: {error}"))
}
