//! The only reader of time, and the only source of fresh identifiers and chance.
//!
//! Everything that needs "now", a new id or a random number takes a [`Clock`], so that a test can fix all three.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// Time, identifiers and chance.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant, UTC, whole milliseconds: the precision every engine stores.
    fn now(&self) -> DateTime<Utc>;

    /// A UUID version 7 (RFC 9562) that sorts after all earlier ones of this process.
    fn fresh_id(&self) -> Uuid;

    /// A number drawn evenly from `0.0..1.0`, for jitter.
    fn chance(&self) -> f64;
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

/// Keeps identifiers of one millisecond in order.
static CONTEXT: std::sync::LazyLock<std::sync::Mutex<ContextV7>> = std::sync::LazyLock::new(|| std::sync::Mutex::new(ContextV7::new()));

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    fn fresh_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let context = CONTEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, now.timestamp_subsec_nanos()))
    }

    fn chance(&self) -> f64 {
        let (_, low) = Uuid::new_v4().as_u64_pair();
        // The top two bits of the low half hold the variant; the 52 below them are random.
        let bits = (low >> 9) & ((1 << 52) - 1);
        #[expect(clippy::cast_precision_loss, reason = "52 bits fit a double exactly")]
        let share = bits as f64 / (1_u64 << 52) as f64;
        share
    }
}
