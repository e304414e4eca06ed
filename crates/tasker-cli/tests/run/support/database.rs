use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tasker_testing::TestDatabase;
use tasker_testing::database::SERVER_VARIABLE;

/// A database on the server of the tests, and its URL for the command line.
pub(crate) struct Database {
    inner: TestDatabase,
}

impl Database {
    /// With all tables.
    pub(crate) async fn new() -> Self {
        Self { inner: TestDatabase::with_schema().await }
    }

    /// Without any.
    pub(crate) async fn empty() -> Self {
        Self { inner: TestDatabase::create().await }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.inner.pool()
    }

    pub(crate) fn name(&self) -> &str {
        self.inner.name()
    }

    pub(crate) fn url(&self) -> String {
        self.url_with(|_| {})
    }

    /// The URL, changed.
    pub(crate) fn url_with(&self, change: impl FnOnce(&mut url::Url)) -> String {
        let mut url = url::Url::parse(&std::env::var(SERVER_VARIABLE).unwrap()).unwrap();
        url.set_path(self.name());
        change(&mut url);
        url.into()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("select count(*) from {table}")).await
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(self.pool()).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(self.pool()).await.unwrap();
    }

    /// Nothing of a task or of a definition stands in any table.
    pub(crate) async fn assert_nothing_written(&self) {
        for table in [
            "tasker_task_namespaces where name <> 'default'",
            "tasker_named_tasks",
            "tasker_named_steps",
            "tasker_tasks",
            "tasker_task_transitions",
            "tasker_workflow_steps",
            "tasker_workflow_step_edges",
            "tasker_workflow_step_transitions",
            "tasker_engine.definition",
            "tasker_engine.worker",
        ] {
            assert_eq!(self.count(table).await, 0, "{table}");
        }
    }

    /// Ends every connection and takes no new one.
    pub(crate) async fn close_doors(&self) {
        let name = self.name();
        self.on_server(&format!(
            "alter database {name} with allow_connections false;
             select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        ))
        .await;
    }

    /// Takes connections again.
    pub(crate) async fn open_doors(&self) {
        self.on_server(&format!("alter database {} with allow_connections true", self.name())).await;
    }

    async fn on_server(&self, sql: &str) {
        let mut connection = PgConnection::connect(&std::env::var(SERVER_VARIABLE).unwrap()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Ends every connection of others to this database.
    pub(crate) async fn cut_connections(&self) {
        self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .await;
    }
}
