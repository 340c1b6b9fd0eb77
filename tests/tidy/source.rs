//! The files of `src`, read so that words in comments, texts and tests are not taken for code.

use std::fs;
use std::path::Path;

/// One file.
pub struct Source {
    /// From the repository's root: `src/plan/mod.rs`.
    pub path: String,
    /// Its module, from the crate's root: `["plan"]`; empty for `lib.rs` and `main.rs`.
    pub module: Vec<String>,
    /// As it stands.
    pub text: String,
    /// Without comments and the contents of texts; lines and columns stay.
    pub code: String,
    /// The same without what is compiled for tests alone; empty where that is the whole file.
    pub shipped: String,
}

impl Source {
    /// The module below the crate's root that it belongs to: `plan`.
    pub fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// The number of a place's line, and its text.
    pub fn line_at(&self, place: usize) -> (usize, &str) {
        let number = self.code[..place].matches('\n').count();
        (
            number + 1,
            self.text.lines().nth(number).unwrap_or("").trim(),
        )
    }
}

/// Every file below `src`, in the order of their paths.
pub fn all(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root.join("src"), &mut paths);
    paths.sort();
    let mut sources: Vec<Source> = paths.iter().map(|path| read(root, path)).collect();
    let for_tests: Vec<Vec<String>> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        if for_tests.iter().any(|test| source.module.starts_with(test)) {
            source.shipped.clear();
        }
    }
    sources
}

fn walk(directory: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path.to_str().unwrap().to_owned());
        }
    }
}

fn read(root: &Path, path: &str) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(root.to_str().unwrap()).unwrap();
    let path = path.trim_start_matches('/').to_owned();
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module = inner
        .split('/')
        .filter(|part| !matches!(*part, "mod" | "lib" | "main"))
        .map(str::to_owned)
        .collect();
    let code = blanked(&text);
    let shipped = without_tests(&code);
    Source {
        path,
        module,
        text,
        code,
        shipped,
    }
}

/// The code with a space for every character of a comment, a text or a character literal.
pub fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let starts_word = i == 0 || !(at(i - 1).is_alphanumeric() || at(i - 1) == '_');
        let end = match at(i) {
            '/' if at(i + 1) == '/' => (i..chars.len()).find(|&j| at(j) == '\n'),
            '/' if at(i + 1) == '*' => block_comment(&chars, i),
            '"' => quoted(&chars, i),
            'r' if starts_word => raw(&chars, i + 1),
            'b' | 'c' if starts_word && at(i + 1) == 'r' => raw(&chars, i + 2),
            '\'' if at(i + 1) == '\\' => {
                (i + 3..chars.len()).find(|&j| at(j) == '\'').map(|j| j + 1)
            }
            '\'' if at(i + 2) == '\'' => Some(i + 3),
            _ => {
                out.push(at(i));
                i += 1;
                continue;
            }
        };
        // A raw identifier, `r#loop`, is none of these.
        let Some(end) = end.or_else(|| (at(i) == '/').then_some(chars.len())) else {
            out.push(at(i));
            i += 1;
            continue;
        };
        for c in &chars[i..end] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
        i = end;
    }
    out
}

fn block_comment(chars: &[char], from: usize) -> Option<usize> {
    let mut depth = 0;
    let mut i = from;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

fn quoted(chars: &[char], from: usize) -> Option<usize> {
    let mut i = from + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return Some(i + 1),
            _ => i += 1,
        }
    }
    None
}

/// The end of a raw text whose `#` or `"` stands at `from`.
fn raw(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars.get(from..)?.iter().take_while(|c| **c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let closes = |i: &usize| {
        chars[*i] == '"'
            && chars
                .get(i + 1..=i + hashes)
                .is_some_and(|t| t.iter().all(|c| *c == '#'))
    };
    (from + hashes + 1..chars.len())
        .find(closes)
        .map(|i| i + hashes + 1)
}

const FOR_TESTS: &str = "#[cfg(test)]";

/// The code without the items that are compiled for tests alone.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(from) = out.find(FOR_TESTS) {
        let end = item_end(&out, from + FOR_TESTS.len());
        let blank: String = out[from..end]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(from..end, &blank);
    }
    out
}

/// The end of the item that begins at `from`: its `;`, or the brace that closes it.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (i, c) in code[from..].char_indices() {
        match c {
            ';' if depth == 0 => return from + i + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return from + i + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The modules with a file of their own that are compiled for tests alone.
fn test_modules(source: &Source) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = source.code.as_str();
    while let Some(from) = rest.find(FOR_TESTS) {
        let after = &rest[from + FOR_TESTS.len()..];
        let item = &after[..after.find(['{', ';']).unwrap_or(after.len())];
        let mut words = item.split_whitespace().skip_while(|word| *word != "mod");
        if let (Some(_), Some(name)) = (words.next(), words.next()) {
            let mut module = source.module.clone();
            module.push(name.to_owned());
            found.push(module);
        }
        rest = after;
    }
    found
}

/// Where a word stands by itself in code. `::`, `!` and `(` may be part of it.
pub fn places_of(code: &str, word: &str) -> Vec<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .map(|(place, _)| place)
        .filter(|place| !code[..*place].ends_with(part))
        .filter(|place| !word.ends_with(part) || !code[place + word.len()..].starts_with(part))
        .collect()
}

/// What is named directly below a path: of `crate::` in `use crate::{a, b::c}` and in `crate::d::e()` it is a, b, d. With the place.
pub fn named_below(code: &str, path: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for place in places_of(code, path) {
        let rest = &code[place + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push((place, first_word(rest)));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && depth == 0 && !c.is_whitespace() => {
                    found.push((place, first_word(&group[i..])));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn first_word(text: &str) -> String {
    text.trim_start_matches("r#")
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
