//! Who may read what: the role of dashboards reads the views, and nothing else.

use server::postgres::{EmbeddedPostgres, Options};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::document;
use crate::reader::Reader;

/// `insufficient_privilege`.
const NOT_ALLOWED: &str = "42501";

async fn relations(pool: &PgPool, schema: &str) -> Vec<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1",
    )
    .bind(schema)
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(names.len() > 10, "{names:?}");
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_dashboards_reads_each_view() {
    let database = tests::database().await;
    let mut reader = Reader::connect(&database.pool).await;
    for view in relations(&database.pool, "reporting").await {
        reader.rows(&format!("SELECT * FROM reporting.{view}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_dashboards_reads_no_table() {
    let database = tests::database().await;
    let mut reader = Reader::connect(&database.pool).await;
    for table in relations(&database.pool, "public").await {
        let sql = format!("SELECT * FROM public.\"{table}\"");
        assert_eq!(reader.refusal(&sql).await.as_deref(), Some(NOT_ALLOWED), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_dashboards_writes_nothing() {
    let database = tests::database().await;
    let mut reader = Reader::connect(&database.pool).await;
    let mut statements = vec![
        "CREATE TABLE public.mine (one int)".to_owned(),
        "CREATE TABLE reporting.mine (one int)".to_owned(),
        "SELECT nextval('public.fleet_news')".to_owned(),
        "DROP VIEW reporting.crashes".to_owned(),
    ];
    for view in relations(&database.pool, "reporting").await {
        statements.push(format!("DELETE FROM reporting.{view}"));
        statements.push(format!("INSERT INTO reporting.{view} DEFAULT VALUES"));
    }
    for sql in statements {
        assert!(reader.refusal(&sql).await.is_some(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_dashboards_cannot_log_in_nor_become_another() {
    let database = tests::database().await;
    let harmless: bool = sqlx::query_scalar(
        "SELECT NOT (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)
            AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)
        FROM pg_roles WHERE rolname = 'stopcode_reporting'",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert!(harmless);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_view_and_column_is_explained_in_the_database() {
    let database = tests::database().await;
    let silent: Vec<String> = sqlx::query_scalar(
        "SELECT relation.relname || coalesce('.' || attribute.attname, '')
        FROM pg_class AS relation
        LEFT JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum > 0
        WHERE relation.relnamespace = 'reporting'::regnamespace
            AND (
                coalesce(obj_description(relation.oid, 'pg_class'), '') = ''
                OR coalesce(col_description(relation.oid, attribute.attnum), '') = ''
            )",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    assert_eq!(silent, Vec::<String>::new());
}

/// A managed Postgres gives a login that owns its database and may make no roles.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_make_roles_migrates_and_an_administrator_makes_the_role_later() {
    // A cluster of its own: in that of the other tests the role is there.
    let cluster = EmbeddedPostgres::start_temporary(&Options::default()).unwrap();
    let url = cluster.create_database("managed").await.unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    for sql in [
        "CREATE ROLE owner_of_managed NOSUPERUSER NOCREATEROLE",
        "ALTER DATABASE managed OWNER TO owner_of_managed",
        "ALTER SCHEMA public OWNER TO owner_of_managed",
    ] {
        sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    }
    let mut owner = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("SET ROLE owner_of_managed")
        .execute(&mut owner)
        .await
        .unwrap();

    store::MIGRATOR.run(&mut owner).await.unwrap();

    let count = "SELECT count(*) FROM pg_roles WHERE rolname = 'stopcode_reporting'";
    let roles: i64 = sqlx::query_scalar(count).fetch_one(&mut admin).await.unwrap();
    assert_eq!(roles, 0);
    let by_hand = document::code_blocks("### The role by hand", "sql").remove(0);
    sqlx::raw_sql(AssertSqlSafe(by_hand))
        .execute(&mut admin)
        .await
        .unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    let mut reader = Reader::connect(&pool).await;
    reader.row("SELECT count(*) FROM reporting.crashes").await;
    assert_eq!(
        reader.refusal("SELECT * FROM public.crash").await.as_deref(),
        Some(NOT_ALLOWED)
    );
}
