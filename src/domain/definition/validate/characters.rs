//! Characters that cannot be seen, or that change how what stands beside them is seen.

/// The first character of a text that does not belong in a name, with its place.
///
/// In a text for people the two joiners are allowed: scripts and emoji need them.
pub(super) fn odd_character(text: &str, for_people: bool) -> Option<(usize, char)> {
    text.chars().enumerate().find(|(_, letter)| is_odd(*letter) && !(for_people && matches!(letter, '\u{200c}' | '\u{200d}')))
}

fn is_odd(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::odd_character;

    #[test]
    fn finds_what_cannot_be_seen() {
        let check = |text: &str, for_people: bool, expected: Option<usize>| {
            assert_eq!(odd_character(text, for_people).map(|(at, _)| at), expected, "{text:?}");
        };
        check("plain", false, None);
        check("Zürich 東京 🏢", true, None);
        check("é\u{200b}", false, Some(1));
        check("a\u{202e}b", true, Some(1));
        check("a\nb", true, Some(1));
        check("\u{1f469}\u{200d}\u{1f4bb}", true, None);
        check("a\u{200d}b", false, Some(1));
    }
}
