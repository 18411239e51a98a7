//! Several ways at once, some of which may have to wait while the others go on.

use std::pin::pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::Value;

use super::{At, Flow, World};

/// Results in the order of their turns, or what ends or holds up all of them.
type Together = Result<Vec<Option<Arc<Value>>>, Flow>;

/// Goes `count` ways, so many at one time. A turn that has to wait is gone again when its time has come, as long as others
/// are under way; when none is, all wait together. After the first that ends the run none begins any more, and those
/// under way come to their own end: what a call did is better known than not.
pub(super) async fn together<'a, W: World, F>(
    world: &W,
    at: &At<'_>,
    (count, at_once): (usize, usize),
    turn: F,
) -> Result<Together, W::Fault>
where
    F: Fn(usize) -> BoxFuture<'a, Result<Flow, W::Fault>>,
{
    let mut turns = Turns { results: vec![None; count], fresh: 0..count, due: Vec::new(), parked: Vec::new(), end: None };
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < at_once {
            let Some(number) = turns.next() else { break };
            running.push(turn(number).map(move |flow| (number, flow)));
        }
        let sleep = match turns.wake_at() {
            Some(wake_at) => world.sleep_until(wake_at).left_future(),
            None => pending().right_future(),
        };
        match select(running.next(), pin!(sleep)).await {
            Either::Left((None, _)) => break,
            Either::Left((Some((number, flow)), _)) => turns.came_to(number, flow?),
            Either::Right(_) => turns.wake(world.now()),
        }
    }
    drop(running);
    let Turns { results, parked, end, .. } = turns;
    Ok(match (end, parked.into_iter().map(|(wake_at, _)| wake_at).min()) {
        (Some(flow), _) => {
            world.abandon(at);
            Err(flow)
        }
        (None, Some(wake_at)) => Err(Flow::Park(wake_at)),
        (None, None) => Ok(results),
    })
}

/// Where the turns stand.
struct Turns {
    results: Vec<Option<Arc<Value>>>,
    /// Not begun.
    fresh: std::ops::Range<usize>,
    /// Waited, and can go on.
    due: Vec<usize>,
    /// Wait.
    parked: Vec<(DateTime<Utc>, usize)>,
    /// What ends all.
    end: Option<Flow>,
}

impl Turns {
    fn next(&mut self) -> Option<usize> {
        if self.end.is_some() {
            return None;
        }
        self.due.pop().or_else(|| self.fresh.next())
    }

    fn wake_at(&self) -> Option<DateTime<Utc>> {
        if self.end.is_some() { None } else { self.parked.iter().map(|(wake_at, _)| *wake_at).min() }
    }

    fn wake(&mut self, now: DateTime<Utc>) {
        let due = self.parked.extract_if(.., |(wake_at, _)| *wake_at <= now).map(|(_, number)| number);
        self.due.extend(due);
    }

    fn came_to(&mut self, number: usize, flow: Flow) {
        match flow {
            Flow::Go(result) => {
                if let Some(place) = self.results.get_mut(number) {
                    *place = result;
                }
            }
            Flow::Park(wake_at) => self.parked.push((wake_at, number)),
            end @ Flow::End(_) => {
                self.end.get_or_insert(end);
            }
        }
    }
}
