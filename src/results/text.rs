//! Text that others wrote, made fit to be shown: nothing that a terminal obeys, that hides, or that
//! turns the order around.

use std::borrow::Cow;

/// `text` with each control character (ESC and newline among them), each that changes the direction
/// of writing, and each that has no width written as an escape: `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    changed(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The same where it differs from `text`.
pub fn changed(text: &str) -> Option<String> {
    escaped(text, is_hidden)
}

/// The same of several lines: newlines stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter != '\n' && is_hidden(letter)).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// `text` with each letter that `is_hidden` escaped; `None` where there is none.
fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Option<String> {
    if !text.chars().any(&is_hidden) {
        return None;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' | '\0' if is_hidden(letter) => shown.extend(letter.escape_debug()),
            _ if is_hidden(letter) => shown.extend(letter.escape_unicode()),
            _ => shown.push(letter),
        }
    }
    Some(shown)
}

/// Control characters; marks and overrides of direction (Unicode Bidirectional Algorithm, UAX #9,
/// 2), line and paragraph separators, and characters without width.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_escaped_and_the_rest_stays() {
        assert_eq!(printable("größer – ×1.05 µs"), "größer – ×1.05 µs");
        assert_eq!(printable("\u{1b}[2Ja\nb\0\u{9b}"), "\\u{1b}[2Ja\\nb\\0\\u{9b}");
        assert_eq!(printable("a\u{202e}b\u{200b}c\u{2066}"), "a\\u{202e}b\\u{200b}c\\u{2066}");
        assert_eq!(printable_lines("one\ntwo\u{7}"), "one\ntwo\\u{7}");
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
    }
}
