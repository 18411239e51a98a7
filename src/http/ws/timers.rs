//! When a socket must act by itself: a late init, the next ping, a missing pong, the end of the token.

use super::close::Close;
use crate::http::Options;
use std::time::Duration;
use tokio::time::Instant;

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Close(Close),
}

/// The deadlines of one socket.
#[derive(Debug)]
pub(super) struct Timers {
    init: Option<Instant>,
    ping: Instant,
    pong: Option<Instant>,
    expiry: Option<Instant>,
    interval: Duration,
    patience: Duration,
}

impl Timers {
    pub(super) fn new(options: &Options, now: Instant) -> Self {
        Self {
            init: Some(now + options.init_timeout),
            ping: now + options.ping_interval,
            pong: None,
            expiry: None,
            interval: options.ping_interval,
            patience: options.pong_timeout,
        }
    }

    /// The client has shown a token that is good for so long.
    pub(super) fn signed_in(&mut self, now: Instant, lifetime: Duration) {
        self.init = None;
        self.expiry = Some(now + lifetime);
    }

    /// Any frame shows that the client is there.
    pub(super) fn heard(&mut self) {
        self.pong = None;
    }

    /// The next instant at which something is due.
    pub(super) fn next(&self) -> Instant {
        [self.init, self.pong, self.expiry].into_iter().flatten().fold(self.ping, Instant::min)
    }

    /// What is due at `now`; a ping is counted as sent.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if passed(self.init) {
            Due::Close(Close::INIT_TIMEOUT)
        } else if passed(self.expiry) {
            Due::Close(Close::FORBIDDEN)
        } else if passed(self.pong) {
            Due::Close(Close::SILENT)
        } else if self.ping <= now {
            self.ping = now + self.interval;
            self.pong.get_or_insert(now + self.patience);
            Due::Ping
        } else {
            Due::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers() -> (Timers, Instant) {
        let now = Instant::now();
        (Timers::new(&Options::default(), now), now)
    }

    #[test]
    fn wss_2_a_late_init_closes() {
        let (mut timers, start) = timers();
        assert_eq!(timers.next(), start + Duration::from_secs(10));
        assert_eq!(timers.due(start + Duration::from_millis(9_999)), Due::Nothing);
        assert_eq!(timers.due(start + Duration::from_secs(10)), Due::Close(Close::INIT_TIMEOUT));
    }

    #[test]
    fn a_ping_must_be_answered() {
        let (mut timers, start) = timers();
        timers.signed_in(start, Duration::from_hours(1));
        let ping = start + Duration::from_secs(25);
        assert_eq!(timers.next(), ping);
        assert_eq!(timers.due(ping), Due::Ping);
        assert_eq!(timers.next(), ping + Duration::from_secs(10));
        timers.heard();
        assert_eq!(timers.due(ping + Duration::from_secs(10)), Due::Nothing);
        assert_eq!(timers.due(ping + Duration::from_secs(25)), Due::Ping);
        assert_eq!(timers.due(ping + Duration::from_secs(35)), Due::Close(Close::SILENT));
    }

    #[test]
    fn the_token_ends_the_socket() {
        let (mut timers, start) = timers();
        timers.signed_in(start, Duration::from_secs(5));
        assert_eq!(timers.due(start + Duration::from_secs(5)), Due::Close(Close::FORBIDDEN));
    }
}
