//! The options that say how the result looks and where it goes.

use std::path::{Path, PathBuf};

use super::{Charset, Colour, Config, Save};
use crate::cli::args::OutputArgs;
use crate::cli::{Usage, value};
use crate::model::options::Options;
use crate::report::{Form, Verbosity};

/// What is to be shown, and where.
pub(super) fn output(options: Options, typed: OutputArgs) -> Result<Config, Usage> {
    let form = match typed.output.as_deref() {
        None => Form::default(),
        Some(file) if file.contains(['.', '/']) => {
            let known = of_extension(Path::new(file)).map_or("report.json", |_| file);
            return Err(Usage::new(
                "--output",
                format!("`{file}` is a file, and a form is wanted"),
                "the form on stdout with -o, a file with --save",
                format!("--save {known}"),
            ));
        }
        Some(typed) => Form::ALL
            .iter()
            .find(|(name, ..)| *name == typed)
            .map(|(.., form)| *form)
            .ok_or_else(|| {
                value::wrong(
                    "--output",
                    format!("the form `{typed}` is not known to this version"),
                )
            })?,
    };
    let colour = colour(typed.color.as_deref())?;
    if typed.redact && typed.verbose > 1 {
        return Err(Usage::new(
            "--redact",
            "-vv tells of each probe with its real addresses",
            "one of the two",
            "-v --redact",
        ));
    }
    Ok(Config {
        targets: Vec::new(),
        options,
        output: form,
        saves: typed.save.into_iter().map(save).collect::<Result<_, _>>()?,
        verbosity: match (typed.quiet, typed.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, 1..) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
        each_probe: typed.verbose > 1,
        redact: typed.redact,
        colour,
        charset: charset(typed.ascii),
        baseline: None,
        as_database: None,
        inventories: Vec::new(),
        notes: Vec::new(),
    })
}

fn save(path: PathBuf) -> Result<Save, Usage> {
    match of_extension(&path) {
        Some(form) => Ok(Save { path, form }),
        None => Err(value::wrong(
            "--save",
            format!(
                "the extension of `{}` names no form of the report",
                path.display()
            ),
        )),
    }
}

/// The form that a file's extension names, in small letters or large.
fn of_extension(path: &Path) -> Option<Form> {
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    let known = Form::ALL
        .iter()
        .find(|(_, name, _)| *name == Some(extension.as_str()));
    known.map(|(.., form)| *form)
}

/// When colour is used.
pub(super) fn colour(typed: Option<&str>) -> Result<Colour, Usage> {
    match typed {
        None | Some("auto") => Ok(Colour::Auto),
        Some("always") => Ok(Colour::Always),
        Some("never") => Ok(Colour::Never),
        Some(other) => Err(value::wrong("--color", format!("`{other}` is not known"))),
    }
}

/// Which characters are used.
pub(super) const fn charset(ascii: bool) -> Charset {
    if ascii {
        Charset::Ascii
    } else {
        Charset::Locale
    }
}
