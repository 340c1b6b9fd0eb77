//! What is said in sentences: two reports compared, a finding explained.

use std::path::PathBuf;

use super::super::Usage;
use super::super::args::{DiffArgs, ExplainArgs};
use super::shown::{charset, colour};
use super::{Charset, Colour};
use crate::report::Verbosity;

/// The form of what is said in sentences: a comparison, an explanation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ProseForm {
    /// For people.
    #[default]
    Text,
    /// For a ticket or a pull request.
    Markdown,
    /// One JSON document.
    Json,
}

/// What `nwcheck diff` needs to know from the command line.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The report that the other is held against; `-` is stdin.
    pub a: PathBuf,
    /// The other.
    pub b: PathBuf,
    /// The form of the result.
    pub form: ProseForm,
    /// How much is told.
    pub verbosity: Verbosity,
    /// When colour is used.
    pub colour: Colour,
    /// Which characters are used.
    pub charset: Charset,
}

/// What `nwcheck explain` needs to know from the command line.
#[derive(Debug, Clone, Default)]
pub struct Explain {
    /// Which finding; without it all.
    pub id: Option<String>,
    /// The form of the result.
    pub form: ProseForm,
    /// When colour is used.
    pub colour: Colour,
    /// Which characters are used.
    pub charset: Charset,
}

/// The form of what is said in sentences.
fn prose_form(typed: Option<&str>, what: &str) -> Result<ProseForm, Usage> {
    match typed {
        None | Some("text") => Ok(ProseForm::Text),
        Some("markdown") => Ok(ProseForm::Markdown),
        Some("json") => Ok(ProseForm::Json),
        Some(other) => Err(Usage::new(
            "--output",
            format!("{what} has no form `{other}`"),
            "text, markdown or json",
            "-o markdown",
        )),
    }
}

/// A finding, or all, explained.
pub(super) fn explain(typed: ExplainArgs) -> Result<Explain, Usage> {
    Ok(Explain {
        form: prose_form(typed.output.as_deref(), "an explanation")?,
        id: typed.id,
        colour: colour(typed.color.as_deref())?,
        charset: charset(typed.ascii),
    })
}

/// Two saved reports, compared.
pub(super) fn diff(typed: DiffArgs) -> Result<Diff, Usage> {
    if typed.a.as_os_str() == "-" && typed.b.as_os_str() == "-" {
        return Err(Usage::new(
            "diff - -",
            "stdin can be read only once",
            "it once",
            "nwcheck diff before.json -",
        ));
    }
    let form = prose_form(typed.output.as_deref(), "a comparison")?;
    Ok(Diff {
        a: typed.a,
        b: typed.b,
        form,
        verbosity: if typed.quiet {
            Verbosity::Quiet
        } else {
            Verbosity::Normal
        },
        colour: colour(typed.color.as_deref())?,
        charset: charset(typed.ascii),
    })
}
