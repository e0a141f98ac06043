//! Watching each stop code's own rate for jumps.

use store::Error;
use store::alerts;
use wire::StopCodeNumber;
use wire::webhook::News;

use crate::pool::{Pool, log};

/// Looks at the rates of all stop codes once, and puts jumps that were not told yet into the outbox.
pub(crate) async fn watch(pool: &Pool) -> Result<(), Error> {
    let now = pool.config.clock.now();
    let mut conn = pool.database.acquire().await?;
    for stop_code in alerts::codes_to_watch(&mut conn, now.date()).await? {
        let Some(jump) = alerts::rate_jump(&mut conn, stop_code, now.date()).await? else {
            continue;
        };
        let body = match serde_json::to_value(news(stop_code, &jump)) {
            Ok(body) => body,
            Err(error) => {
                log(&error, "a jump cannot be written as JSON");
                continue;
            }
        };
        let mut transaction = pool.database.begin().await?;
        let told = alerts::rate_jumped(&mut transaction, stop_code, &jump, &body, now).await?;
        transaction.commit().await?;
        if told.is_some() {
            tracing::info!(stop_code, since = %jump.since, "a stop code's rate jumped");
        }
    }
    Ok(())
}

fn news(stop_code: u32, jump: &alerts::cusum::Jump) -> News {
    let stop_code = StopCodeNumber::from_raw(stop_code);
    News::RateJump {
        stop_code,
        text: format!(
            "{stop_code} comes more often since {}: {:.3} crashing machines per 1,000 machine-days, {:.3} before.",
            jump.since, jump.rate_after, jump.rate_before
        ),
        rate_before: jump.rate_before,
        rate_since: jump.rate_after,
        since: jump.since,
        path: format!("/stop-codes/{stop_code}"),
    }
}
