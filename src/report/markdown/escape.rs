//! Text within Markdown that stays text, whoever wrote it and whoever renders it.
//!
//! A backslash is not enough: mentions, issue references, links and emoji are looked for in what was rendered, when it is gone. Code is
//! left alone by all of them. So a word that is more than a word (an address, a name with a sign in it) is written as code, and the rest
//! as it is. Rules: CommonMark 0.31.2; GitHub Flavored Markdown 0.29; the shorthands of GitHub's and GitLab's comments.

use std::fmt::Write as _;

use crate::model::text::deceives;

/// Punctuation that may stand before a word, or after it, and means nothing there.
const BEFORE: &[char] = &['(', '"', '\''];
const AFTER: &[char] = &['.', ',', ';', '!', '?', ')', '"', '\'', '%'];
/// Punctuation within a word that means nothing there.
const WITHIN: &str = ".,-/'()\"+;?!";

/// Running text on one line; white space is one space.
pub(in crate::report) fn prose(text: &str) -> String {
    let shown = visible(text);
    let mut written = String::with_capacity(shown.len());
    for (number, word) in shown.split_whitespace().enumerate() {
        if number == 0 {
            written.push_str(&first(&self::word(word)));
        } else {
            written.push(' ');
            written.push_str(&self::word(word));
        }
    }
    written
}

/// Text as code within a line, also within a table's cell.
pub(in crate::report) fn code(text: &str) -> String {
    let shown = visible(text);
    // A backslash before a bar, and a bar, end a cell even within backticks; backticks end the code.
    if shown.contains(['`', '|', '\\']) || shown.trim() != shown {
        format!("<code>{}</code>", html(&shown))
    } else if shown.is_empty() {
        String::new()
    } else {
        format!("`{shown}`")
    }
}

/// Text within HTML: all signs that mean something as the numbers of their characters, which are never structure.
pub(in crate::report) fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut last = ' ';
    for c in visible(text).chars() {
        // The dot only where it makes a link.
        let harmless = matches!(c, '-' | ',') || c == '.' && !matches!(last, 'w' | 'W');
        if c.is_ascii_punctuation() && !harmless {
            // Writing to a string can't fail.
            let _ = write!(safe, "&#{};", u32::from(c));
        } else {
            safe.push(c);
        }
        last = c;
    }
    safe
}

/// A command to paste: one line, whatever stands in it.
pub(in crate::report) fn command(text: &str, indent: &str) -> String {
    block("sh", &visible(text), indent)
}

/// A block of code, each line behind an indentation; nothing in it ends it.
pub(in crate::report) fn block(language: &str, content: &str, indent: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let mut text = format!("{indent}{fence}{language}\n");
    for line in content.lines() {
        text.push_str(format!("{indent}{}", visible(line)).trim_end());
        text.push('\n');
    }
    text + indent + &fence + "\n"
}

/// What moves the cursor, turns or hides, written out.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) {
            // Writing to a string can't fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn word(text: &str) -> String {
    let begun = text.trim_start_matches(BEFORE);
    let mut core = begun.trim_end_matches(AFTER);
    // The colon after a word; one that ends an address belongs to it.
    if let Some(one) = core.strip_suffix(':').filter(|one| !one.contains(':')) {
        core = one;
    }
    if is_plain(core) {
        return text.to_owned();
    }
    let before = text.len() - begun.len();
    let after = before + core.len();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    format!(
        "{}{}{}",
        part(0..before),
        code(core),
        part(after..text.len())
    )
}

/// Whether a word is no more than that.
fn is_plain(word: &str) -> bool {
    let signs = word
        .chars()
        .all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || WITHIN.contains(c));
    // Links, slash commands, commits, tickets.
    let lower = word.to_ascii_lowercase();
    let commit = word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ticket = word.rsplit_once('-').is_some_and(|(name, number)| {
        let letters = name.chars().all(|c| c.is_ascii_alphabetic());
        let digits = number.chars().all(|c| c.is_ascii_digit());
        !name.is_empty() && !number.is_empty() && letters && digits
    });
    signs && !lower.contains("www.") && !word.starts_with('/') && !commit && !ticket
}

/// The first word of a block: it begins no list.
fn first(word: &str) -> String {
    // A dash of typography is a list's where only ASCII is used.
    if word.starts_with(|c: char| !c.is_ascii() && !c.is_alphanumeric()) {
        return code(word);
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = word.split_at(digits);
    if rest.starts_with(['-', '+']) && digits == 0 || digits > 0 && matches!(rest, "." | ")") {
        format!("{number}\\{rest}")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{block, code, html, prose};

    #[test]
    fn words_stay_as_they_are_and_the_rest_is_code() {
        for (text, written) in [
            (
                "10 of 10 probes to 10.4.9.20 (hop 3) failed: 100 %.",
                "10 of 10 probes to 10.4.9.20 (hop 3) failed: 100 %.",
            ),
            (
                "db.corp.example:5432 drops TCP/5432",
                "`db.corp.example:5432` drops TCP/5432",
            ),
            ("(2001:db8::1),", "(`2001:db8::1`),"),
            ("via fe80::", "via `fe80::`"),
            (
                "ask @team about #1, or GH-7",
                "ask `@team` about `#1`, or `GH-7`",
            ),
            ("at www.example now!", "at `www.example` now!"),
            (
                "see https://evil.example/?q=1.",
                "see `https://evil.example/?q=1`.",
            ),
            ("/close this", "`/close` this"),
            ("commit deadbeef0", "commit `deadbeef0`"),
            ("bücher → 中文", "bücher → 中文"),
        ] {
            assert_eq!(prose(text), written);
        }
    }

    #[test]
    fn no_text_begins_a_block() {
        for (text, written) in [
            ("- a", "\\- a"),
            ("+ a", "\\+ a"),
            ("---", "\\---"),
            ("1. a", "1\\. a"),
            ("12) a", "12\\) a"),
            ("1.5 ms", "1.5 ms"),
            ("    a", "a"),
            ("# a", "`#` a"),
            ("> a", "`>` a"),
            ("===", "`===`"),
        ] {
            assert_eq!(prose(text), written);
        }
    }

    #[test]
    fn nothing_breaks_out_of_code() {
        assert_eq!(code("a`b"), "<code>a&#96;b</code>");
        assert_eq!(code("a\\|b"), "<code>a&#92;&#124;b</code>");
        assert_eq!(code("a\nb"), "<code>a&#92;u&#123;a&#125;b</code>");
        assert_eq!(code(" "), "<code> </code>");
        assert_eq!(html("</code><b>"), "&#60;&#47;code&#62;&#60;b&#62;");
        assert_eq!(html("www.a-b.c"), "www&#46;a-b.c");
        assert_eq!(
            block("sh", "echo ```\n~~~", "  "),
            "  ````sh\n  echo ```\n  ~~~\n  ````\n"
        );
    }
}
