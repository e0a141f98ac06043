//! A connection that reads as a dashboard does: in the role `stopcode_reporting`.

use serde_json::Value;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres};

/// A connection in the role of dashboards.
pub(crate) struct Reader {
    conn: PoolConnection<Postgres>,
}

impl Reader {
    pub(crate) async fn connect(pool: &PgPool) -> Self {
        let mut conn = pool.acquire().await.unwrap();
        sqlx::raw_sql("SET ROLE stopcode_reporting")
            .execute(&mut *conn)
            .await
            .unwrap();
        Reader { conn }
    }

    /// The rows that a query gives, as objects by column.
    pub(crate) async fn rows(&mut self, sql: &str) -> Vec<Value> {
        self.try_rows(sql)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }

    pub(crate) async fn try_rows(&mut self, sql: &str) -> Result<Vec<Value>, sqlx::Error> {
        let whole = format!("SELECT coalesce(jsonb_agg(to_jsonb(one)), '[]') FROM (\n{sql}\n) AS one");
        let rows: Value = sqlx::query_scalar(AssertSqlSafe(whole))
            .fetch_one(&mut *self.conn)
            .await?;
        Ok(rows.as_array().unwrap().clone())
    }

    /// The one row that a query gives.
    pub(crate) async fn row(&mut self, sql: &str) -> Value {
        let mut rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}");
        rows.remove(0)
    }

    /// Runs a statement and gives the state by which Postgres refused it, if it did.
    pub(crate) async fn refusal(&mut self, sql: &str) -> Option<String> {
        let error = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut *self.conn)
            .await
            .err()?;
        let code = error.as_database_error()?.code()?;
        Some(code.into_owned())
    }
}
