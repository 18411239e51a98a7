//! How many sockets each subject holds.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

/// The count, shared by all sockets of the process.
#[derive(Debug, Clone, Default)]
pub struct Sockets(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// One counted socket; gives its place back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    sockets: Sockets,
    subject: Arc<str>,
}

impl Sockets {
    /// Counts one more socket of `subject`, unless it holds `most` already.
    pub(super) fn take(&self, subject: &str, most: usize) -> Option<Place> {
        let subject: Arc<str> = subject.into();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(Arc::clone(&subject)).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { sockets: self.clone(), subject })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sockets.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = counts.entry(Arc::clone(&self.subject)) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let sockets = Sockets::default();
        let held: Vec<_> = (0..2).filter_map(|_| sockets.take("ann", 2)).collect();
        assert_eq!(held.len(), 2);
        assert!(sockets.take("ann", 2).is_none());
        assert!(sockets.take("bob", 2).is_some(), "others are not concerned");
        drop(held);
        assert!(sockets.take("ann", 2).is_some());
        assert!(sockets.0.lock().unwrap().is_empty(), "nothing is kept of those who left");
    }
}
