//! A reader of the Markdown that the report is allowed to use: it fails at every sign that it does not know.

use nwcheck::report::Form;

/// What each line is. Code is taken out, and what is left must mean nothing.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut lines = text.lines();
    let mut columns = 0;
    while let Some(line) = lines.next() {
        let inner = line.trim_start();
        if inner.starts_with("```") {
            let fence: String = inner.chars().take_while(|c| *c == '`').collect();
            let language = inner.trim_start_matches('`');
            let content: Vec<&str> = lines
                .by_ref()
                .take_while(|line| {
                    let line = line.trim();
                    !(line.len() >= fence.len() && line.chars().all(|c| c == '`'))
                })
                .collect();
            // A command is one line; a chart's arrows are its own.
            assert!(language == "sh" || language == "mermaid", "{line}");
            parts.push(format!("{language} {}", content.len()));
            continue;
        }
        let left = without_code(line);
        let mut left = left.as_str();
        let mut kind = "text".to_owned();
        if let Some(cells) = left.strip_prefix('|') {
            let count = cells.matches('|').count();
            if columns > 0 {
                assert_eq!(count, columns, "{line}");
            }
            columns = count;
            kind = format!("row of {count}");
        } else {
            columns = 0;
            assert!(!left.contains('|'), "{line}");
            for (prefix, name) in [
                ("#### ", "heading"),
                ("### ", "heading"),
                ("  - ", "point below"),
                ("- ", "point"),
            ] {
                if let Some(rest) = left.strip_prefix(prefix) {
                    (left, kind) = (rest, name.to_owned());
                    assert!(!rest.starts_with(['-', '+', ' ']), "{line}");
                    break;
                }
            }
            let digits = left.bytes().take_while(u8::is_ascii_digit).count();
            if let Some(rest) = left[digits..].strip_prefix(". ").filter(|_| digits > 0) {
                (left, kind) = (rest, "step".to_owned());
            }
            if kind == "text" && left.is_empty() {
                "blank".clone_into(&mut kind);
            }
            assert!(!left.starts_with(['-', '+', ' ', '/', '=']), "{line}");
        }
        parts.push(kind);
        inert(left, line);
    }
    parts
}

/// Takes code out.
fn without_code(line: &str) -> String {
    let mut left = String::new();
    let mut rest = line;
    loop {
        let next = ["`", "<code>"]
            .iter()
            .filter_map(|sign| rest.find(sign))
            .min();
        let Some(at) = next else { break };
        left.push_str(&rest[..at]);
        rest = &rest[at..];
        let (open, close) = if rest.starts_with('`') {
            ("`", "`")
        } else {
            ("<code>", "</code>")
        };
        let inner = &rest[open.len()..];
        let end = inner
            .find(close)
            .unwrap_or_else(|| panic!("code without an end: {line}"));
        let code = &inner[..end];
        assert!(!code.is_empty() && !code.contains('|'), "{line}");
        if open == "`" {
            assert!(!code.contains('\\'), "{line}");
        } else {
            entities_alone(code, line);
        }
        left.push('c');
        rest = &inner[end + close.len()..];
    }
    left.push_str(rest);
    left
}

/// No sign in it but harmless ones and the numbers of characters.
fn entities_alone(code: &str, line: &str) {
    let mut rest = code;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        assert!(
            before
                .chars()
                .all(|c| !c.is_ascii_punctuation() || ".,-".contains(c)),
            "{line}"
        );
        let (number, after) = entity.split_once(';').unwrap();
        assert!(
            number.strip_prefix("&#").unwrap().parse::<u32>().is_ok(),
            "{line}"
        );
        rest = after;
    }
    assert!(
        rest.chars()
            .all(|c| !c.is_ascii_punctuation() || ".,-".contains(c)),
        "{line}"
    );
}

/// Nothing in it is markup, a link, a mention or a reference.
fn inert(text: &str, line: &str) {
    let mut text = text.to_owned();
    for own in [
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<sub>",
        "</sub>",
        "**",
    ] {
        text = text.replace(own, "");
    }
    for escaped in ["\\-", "\\+", "\\.", "\\)"] {
        text = text.replace(escaped, "");
    }
    let bad = "<>@#[]$~{}&_\\`*^=";
    assert!(!text.contains(|c| bad.contains(c)), "{line}\n{text}");
    let lower = text.to_lowercase();
    for bad in ["://", "www.", "gh-7", "deadbeef"] {
        assert!(!lower.contains(bad), "{line}");
    }
    assert!(!text.chars().any(nwcheck::model::text::deceives), "{line}");
}

#[test]
fn every_report_is_markdown_that_is_known() {
    super::each(Form::Markdown, |text, _| {
        parts(text);
    });
}

#[test]
fn hostile_texts_stay_texts() {
    super::hostile_texts_change_no_part(Form::Markdown, parts);
}
