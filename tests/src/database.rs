//! A fresh, migrated database of a private cluster.
//!
//! One cluster a process, started with the first database and stopped with the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use server::postgres::{EmbeddedPostgres, Options};
use sqlx::PgPool;

/// A database that no other test uses.
#[derive(Debug)]
pub struct Database {
    /// Connections to it.
    pub pool: PgPool,
    /// Its address, for programs that are started against it.
    pub url: String,
}

/// A fresh, migrated database.
///
/// # Panics
///
/// If Postgres is not installed: the tests need its binaries.
pub async fn database() -> Database {
    static CLUSTER: OnceLock<EmbeddedPostgres> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(|| {
        EmbeddedPostgres::start_temporary(&Options::default()).expect("Postgres is installed and starts")
    });
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let url = cluster
        .create_database(&name)
        .await
        .expect("a database can be made");
    // A pool belongs to the runtime that made it, and each test has its own.
    let pool = store::connect(&url, 8)
        .await
        .expect("the database takes connections");
    store::migrate(&pool).await.expect("the migrations apply");
    Database { pool, url }
}
