//! Text that came from the network, made safe to read.

use std::fmt::Write as _;

/// At most so many characters of a text from the network are shown.
pub const LONGEST: usize = 255;

/// Makes a text from the network safe for a terminal or a log: control characters, characters that change the direction of the text,
/// and characters of no width are written as `\u{…}`, and it is cut after [`LONGEST`] characters.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            safe.push('…');
            break;
        }
        if deceives(c) {
            // Writing to a string can't fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Whether a character could deceive a reader: it moves the cursor, turns the direction of the text, or can't be seen.
pub fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `1 probe`, `2 probes`.
pub fn count(number: impl Into<u64>, one: &str) -> String {
    let number = number.into();
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: std::fmt::Display>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

/// Bytes in hexadecimal, small letters.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that a text in hexadecimal stands for, small letters or large; none where it is no such text.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.chunks_exact(2).map(|pair| match *pair {
        [high, low] => high << 4 | low,
        _ => 0,
    });
    Some(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::{deceives, escape, list};

    #[test]
    fn what_could_deceive_a_reader_is_written_out() {
        assert_eq!(
            escape("a\x1b[31mb\u{202e}c\u{200b}d\r\n"),
            "a\\u{1b}[31mb\\u{202e}c\\u{200b}d\\u{d}\\u{a}"
        );
        assert!(!deceives('é') && !deceives('中') && !deceives(' '));
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
