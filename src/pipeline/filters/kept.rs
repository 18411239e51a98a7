//! The last few things that were compiled from texts; each thread keeps its own.

/// How many are kept.
const MOST: usize = 64;

/// Compiled things by their texts, the latest used last.
pub(super) struct Kept<T>(Vec<(String, T)>);

impl<T> Kept<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Uses what is compiled from a text, which is compiled unless it is kept.
    pub(super) fn with<R>(
        &mut self,
        text: &str,
        compiled: impl FnOnce() -> Result<T, String>,
        used: impl FnOnce(&T) -> R,
    ) -> Result<R, String> {
        let kept = self.0.iter().position(|(known, _)| known == text);
        let one = match kept {
            Some(place) => self.0.remove(place),
            None => (text.to_owned(), compiled()?),
        };
        let result = used(&one.1);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(one);
        Ok(result)
    }
}
