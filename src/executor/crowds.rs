//! Executions that wait for room in their own workspace: a run of it that ends here lets the next one in.
//!
//! Only a memory of this process. Room made elsewhere is noticed by the sweeper, which tries the first of each line.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::id::{ExecutionId, WorkspaceId};

/// Who waits.
#[derive(Debug, Default)]
pub(super) struct Crowds(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    /// By workspace, first come first. Whoever left stands there still, and is passed over.
    lines: HashMap<WorkspaceId, VecDeque<ExecutionId>>,
    waiting: HashSet<ExecutionId>,
}

impl Crowds {
    /// Puts an execution at the end of its workspace's line, unless it stands there already.
    pub(super) fn wait(&self, workspace: WorkspaceId, id: ExecutionId) {
        let mut crowds = self.lines();
        if crowds.waiting.insert(id) {
            crowds.lines.entry(workspace).or_default().push_back(id);
        }
    }

    /// Takes an execution out of its line: it needs no room any more.
    pub(super) fn leave(&self, id: ExecutionId) {
        self.lines().waiting.remove(&id);
    }

    /// Does it stand in a line?
    pub(super) fn holds(&self, id: ExecutionId) -> bool {
        self.lines().waiting.contains(&id)
    }

    /// Takes the first of a workspace's line.
    pub(super) fn next(&self, workspace: WorkspaceId) -> Option<ExecutionId> {
        self.lines().next(workspace)
    }

    /// Takes the first of each line.
    pub(super) fn first_of_each(&self) -> Vec<ExecutionId> {
        let mut crowds = self.lines();
        let workspaces: Vec<_> = crowds.lines.keys().copied().collect();
        workspaces.into_iter().filter_map(|workspace| crowds.next(workspace)).collect()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn next(&mut self, workspace: WorkspaceId) -> Option<ExecutionId> {
        let line = self.lines.get_mut(&workspace)?;
        let next = std::iter::from_fn(|| line.pop_front()).find(|id| self.waiting.remove(id));
        if line.is_empty() {
            self.lines.remove(&workspace);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn each_workspace_has_a_line_of_its_own() {
        let crowds = Crowds::default();
        let [a, b] = std::array::from_fn(|_| WorkspaceId::fresh(&SystemClock));
        let [one, two, three] = std::array::from_fn(|_| ExecutionId::fresh(&SystemClock));
        for (workspace, id) in [(a, one), (b, two), (a, three), (a, one)] {
            crowds.wait(workspace, id);
        }
        assert!(crowds.holds(three));
        assert_eq!([crowds.next(a), crowds.next(a), crowds.next(a)], [Some(one), Some(three), None]);
        assert!(!crowds.holds(three));
        assert_eq!((crowds.first_of_each(), crowds.first_of_each()), (vec![two], vec![]));
        for id in [one, two, three] {
            crowds.wait(a, id);
        }
        crowds.leave(one);
        assert!(!crowds.holds(one));
        assert_eq!([crowds.next(a), crowds.next(a), crowds.next(a)], [Some(two), Some(three), None], "who left takes nobody's turn");
    }
}
