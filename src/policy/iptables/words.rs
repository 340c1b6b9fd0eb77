//! The words of a line: separated by spaces, in double quotes where they have some, a backslash before a quote or a backslash.

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// It stood in quotes: then it is no option.
    pub(super) quoted: bool,
}

/// Splits a line; none where a quote is not closed.
pub(super) fn words(line: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut inside = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if matches!(letter, ' ' | '\t') && !inside {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert(Word {
            text: String::new(),
            quoted: false,
        });
        match letter {
            '"' => {
                inside = !inside;
                word.quoted = true;
            }
            '\\' if inside => word.text.push(letters.next()?),
            _ => word.text.push(letter),
        }
    }
    words.extend(word);
    (!inside).then_some(words)
}

/// A number: decimal, or hexadecimal with `0x`.
pub(super) fn number(word: &str) -> Option<u128> {
    match word.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

/// `VALUE/MASK`, all bits where there is no mask.
pub(super) fn masked(word: &str) -> Option<(u32, u32)> {
    let (value, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
    Some((
        u32::try_from(number(value)?).ok()?,
        u32::try_from(number(mask)?).ok()?,
    ))
}
