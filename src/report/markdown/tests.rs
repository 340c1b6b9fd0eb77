use super::render;
use crate::report::text::tests::compare_file;
use crate::report::{Document, Style, Verbosity, fixtures};

#[test]
fn markdown_is_what_was_looked_at() {
    let style = Style::default();
    for (name, report) in fixtures::all() {
        let text = render(Document::Report(&report), &style);
        compare_file(&format!("{name}.md"), &text);
    }
    let batch = fixtures::batch();
    compare_file("batch.md", &render(Document::Batch(&batch), &style));
    for (verbosity, name) in [
        (Verbosity::Quiet, "batch.quiet.md"),
        (Verbosity::Verbose, "batch.verbose.md"),
    ] {
        let style = Style { verbosity, ..style };
        compare_file(name, &render(Document::Batch(&batch), &style));
    }
}

#[test]
fn ascii_is_ascii() {
    let style = Style {
        ascii: true,
        ..Style::default()
    };
    for (name, report) in fixtures::all() {
        let text = render(Document::Report(&report), &style);
        assert!(text.is_ascii(), "{name}: {text}");
    }
}
