//! Telling idle workers of new jobs, in this process or another.
//!
//! NOTIFY takes a lock of the whole database at commit, so it is never part of an upload: a task of its own sends one at
//! most every 100 ms, however many jobs came. A wake-up may be lost; workers poll as well.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;

use crate::Error;

const CHANNEL: &str = "stopcode_jobs";
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Tells workers that there is something to do. Cheap to clone; its task ends with the last clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    wish: mpsc::Sender<()>,
}

impl Notifier {
    /// Starts the task that sends.
    pub fn start(pool: PgPool) -> Notifier {
        let (wish, mut wishes) = mpsc::channel(1);
        tokio::spawn(async move {
            while wishes.recv().await.is_some() {
                if let Err(error) = send(&pool).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "could not notify workers"
                    );
                }
                tokio::time::sleep(SHORTEST_PAUSE).await;
            }
        });
        Notifier { wish }
    }

    /// Wakes the workers soon. Never waits: a wish that is already waiting stands for this one too.
    pub fn wake(&self) {
        let _ = self.wish.try_send(());
    }
}

async fn send(pool: &PgPool) -> Result<(), Error> {
    sqlx::query!("SELECT pg_notify($1, '')", CHANNEL)
        .execute(pool)
        .await?;
    Ok(())
}

/// Hears the wake-ups of all replicas.
#[derive(Debug)]
pub struct Listener {
    listener: PgListener,
}

impl Listener {
    /// Starts to listen on a connection of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn connect(pool: &PgPool) -> Result<Listener, Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Listener { listener })
    }

    /// Waits for the next wake-up. Safe to drop while waiting.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if the connection is lost and cannot be made again.
    pub async fn heard(&mut self) -> Result<(), Error> {
        self.listener.recv().await?;
        Ok(())
    }
}
