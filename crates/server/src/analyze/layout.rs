//! Lines of text: a label, wrapped words, and nothing a dump could do to a terminal.

/// Columns of a line.
const WIDTH: usize = 100;

/// Columns of the labels.
const LABEL: usize = 14;

/// Longest text from a dump that is shown.
const LONGEST: usize = 300;

/// `text` without control characters (a dump's names are an attacker's text) and not longer than a few lines.
pub(super) fn clean(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .take(LONGEST)
        .map(|character| {
            if is_harmless(character) {
                character
            } else {
                '\u{fffd}'
            }
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        clean.push('…');
    }
    clean
}

/// Neither a control character nor one that turns the direction of the line.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `label` and `text`, wrapped, with the text's lines below each other.
pub(super) fn entry(label: &str, text: &str) -> String {
    let mut lines = wrapped(text, WIDTH - LABEL).into_iter();
    let first = lines.next().unwrap_or_default();
    let mut out = format!("{label:LABEL$}{first}\n");
    for line in lines {
        out.push_str(&format_args!("{:LABEL$}{line}\n", "").to_string());
    }
    out
}

/// `text` broken into lines of at most `width` columns, at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Seconds as people say them: `3 s`, `12 min`, `5 h 7 min`, `3 d 4 h`.
pub(super) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// `1 dump`, `2 dumps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_a_dump_cannot_steer_the_terminal() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\nd"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn long_text_is_wrapped_below_itself() {
        let text = entry("Why", &"word ".repeat(40));
        assert!(text.lines().count() > 1);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line:?}");
        }
        assert!(text.lines().nth(1).unwrap().starts_with(&" ".repeat(LABEL)));
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said: Vec<_> = [3, 61, 3_700, 200_000].into_iter().map(duration).collect();
        assert_eq!(said, ["3 s", "1 min", "1 h 1 min", "2 d 7 h"]);
    }
}
