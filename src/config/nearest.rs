//! The key that was probably meant.

/// The candidate with the fewest changes of a letter, if they are few enough to be a slip.
pub(super) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>, most: usize) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(written, candidate), candidate))
        .min_by_key(|(count, _)| *count)
        .and_then(|(count, candidate)| (count <= most).then_some(candidate))
}

/// Letters to insert, delete or replace to make one text the other (Levenshtein), one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut corner = line;
        let mut last = line + 1;
        let mut next = vec![last];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            last = if letter == *other { corner } else { 1 + corner.min(*above).min(last) };
            corner = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_letters_that_differ() {
        for (left, right, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("bnid", "bind", 2)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn what_is_far_is_not_offered() {
        assert_eq!(nearest("server.bnid", ["server.bind", "log.level"], 3), Some("server.bind"));
        assert_eq!(nearest("colour", ["server.bind", "log.level"], 3), None);
    }
}
