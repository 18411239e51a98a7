//! Places at the workers of this process.
//!
//! Whoever starts an execution while a worker is free takes its seat first and has the execution stored as already
//! leased; handing it over then needs neither a ring nor a claim. Only this process can do so: for all others, and
//! whenever no worker is free, there is the queue. Losing what was handed over costs time, since the lease runs out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::domain::lease::{Claimed, LeaseRequest};

/// A worker's place, free again once dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held for what its drop does")] OwnedSemaphorePermit);

/// An execution that is leased already, and the place it has.
#[derive(Debug)]
pub struct Handed {
    /// What to run.
    pub claimed: Claimed,
    /// Where.
    pub place: Place,
}

/// The workers' side: places to take, and what is handed to places taken by others.
#[derive(Debug)]
pub struct Workplace {
    places: Arc<Semaphore>,
    /// Executions handed over. Closing it refuses those that come later.
    pub handed: mpsc::UnboundedReceiver<Handed>,
}

impl Workplace {
    /// A free place, as soon as there is one; `None` once the seats are closed.
    pub fn place(&self) -> impl Future<Output = Option<Place>> + Send + use<> {
        let places = Arc::clone(&self.places);
        async move { places.acquire_owned().await.ok().map(Place) }
    }
}

/// Where seats are taken; empty until workers open it.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<Option<Open>>);

#[derive(Debug, Clone)]
struct Open {
    owner: Arc<str>,
    lease: Duration,
    places: Arc<Semaphore>,
    handed: mpsc::UnboundedSender<Handed>,
}

impl Seats {
    pub(super) fn open(&self, owner: &Arc<str>, lease: Duration, places: usize) -> Workplace {
        let places = Arc::new(Semaphore::new(places));
        let (handed, taken) = mpsc::unbounded_channel();
        let open = Open { owner: Arc::clone(owner), lease, places: Arc::clone(&places), handed };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        Workplace { places, handed: taken }
    }

    pub(super) fn close(&self) {
        if let Some(open) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            open.places.close();
        }
    }

    pub(super) fn take(&self) -> Option<Seat> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref()?;
        // Whoever waits for a place is before us: the semaphore serves those first, and then there is none to be had.
        let place = Place(Arc::clone(&open.places).try_acquire_owned().ok()?);
        Some(Seat { owner: Arc::clone(&open.owner), lease: open.lease, place, handed: open.handed.clone() })
    }
}

/// The promise of a worker's place for an execution about to be stored. Dropping it frees the place.
#[derive(Debug)]
pub struct Seat {
    owner: Arc<str>,
    lease: Duration,
    place: Place,
    handed: mpsc::UnboundedSender<Handed>,
}

impl Seat {
    /// The lease to store the execution under, as of now.
    pub fn lease(&self, now: DateTime<Utc>) -> LeaseRequest {
        LeaseRequest { owner: Arc::clone(&self.owner), until: now + self.lease }
    }

    /// Hands over the stored execution. Workers that have left meanwhile do not take it: its lease then runs out.
    pub fn hand_over(self, claimed: Claimed) {
        drop(self.handed.send(Handed { claimed, place: self.place }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_seat_is_a_place_and_nobody_passes_those_who_wait() {
        let seats = Seats::default();
        assert!(seats.take().is_none(), "nobody works here yet");
        let workplace = seats.open(&"me".into(), LEASE, 2);
        let (seat, place) = (seats.take().unwrap(), workplace.place().await.unwrap());
        assert!(seats.take().is_none(), "both places are taken");
        let waiting = workplace.place();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(place);
        assert!(seats.take().is_none(), "the place is for the one who waited");
        let place = waiting.await.unwrap();
        drop((seat, place));
        assert!(seats.take().is_some());
    }

    #[tokio::test]
    async fn closed_seats_give_nothing() {
        let seats = Seats::default();
        let workplace = seats.open(&"me".into(), LEASE, 1);
        seats.close();
        assert!(seats.take().is_none());
        assert!(workplace.place().await.is_none());
    }
}
