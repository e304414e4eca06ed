//! Where it is measured: a cluster that is thrown away, or a database of the user's.

use tasker_postgres::cluster::{self, ThrowawayCluster};
use tasker_postgres::connection::{self, PgConnectOptions};
use tasker_postgres::cost::{ServerSettings, server_settings};
use tasker_postgres::schema::{self, Policy, Shape};
use tasker_postgres::{PgPool, floor};

use super::arguments::Layout;
use super::unavailable;
use crate::arguments::DatabaseArguments;
use crate::database::cluster_options;
use crate::failure::Failure;

/// One connection beside those of the programs that are measured: all others are theirs.
const CONNECTIONS: u32 = 1;

pub(super) struct Place {
    pub(super) pool: PgPool,
    pub(super) options: PgConnectOptions,
    pub(super) shape: Shape,
    pub(super) server: ServerSettings,
    cluster: Option<ThrowawayCluster>,
}

impl Place {
    /// Connects to a database in which the tables stand in this layout.
    pub(super) async fn open(database: &DatabaseArguments, layout: Option<Layout>) -> Result<Self, Failure> {
        let (options, cluster) = match &database.database_url {
            Some(url) => (connection::parse_url(url).map_err(unavailable)?, None),
            None => {
                let cluster = cluster::throwaway(&cluster_options(database)).await.map_err(unavailable)?;
                (cluster.handle().connect_options(), Some(cluster))
            }
        };
        let pool = connection::connect(options.clone(), CONNECTIONS).await.map_err(unavailable)?;
        let made = match (&cluster, layout) {
            (Some(_), layout) => schema::bootstrap(&pool, layout.unwrap_or(Layout::Lean).into()).await,
            (None, _) => schema::ensure(&pool, Policy::External).await,
        };
        let shape = made.map_err(unavailable)?.shape;
        if let Some(wanted) = layout.map(Shape::from)
            && wanted != shape
        {
            return Err(Failure::data(format!("the database has the layout {shape}, not {wanted}"))
                .advise(format!("to change it: tasker db {wanted}; to measure it as it is: leave --layout out")));
        }
        let server = server_settings(&pool).await.map_err(unavailable)?;
        Ok(Self { pool, options, shape, server, cluster })
    }

    /// The process of the server, where it is ours.
    pub(super) fn server_pid(&self) -> Option<u32> {
        self.cluster.as_ref().map(|cluster| cluster.handle().postgres_pid())
    }

    /// Leaves nothing behind but, in a database of the user's, the tasks.
    pub(super) async fn close(self, had_floor: bool) -> Result<(), Failure> {
        if had_floor && self.cluster.is_none() {
            floor::forget(&self.pool).await.map_err(unavailable)?;
        }
        self.pool.close().await;
        match self.cluster {
            Some(cluster) => cluster.stop().await.map_err(unavailable),
            None => Ok(()),
        }
    }
}
