//! Parse, run, exit status.

use std::process::ExitCode;

use nwcheck::cli::{self, output, terminal::Terminal};
use nwcheck::diagnose::rules::RULES;
use nwcheck::model::ExitStatus;

fn main() -> ExitCode {
    let status = match cli::parse(std::env::args_os()) {
        Ok(invocation) => match cli::run_static(&invocation, RULES, &Terminal::read()) {
            Some(Ok(done)) => match output::print(&done.text) {
                Ok(_) => done.status,
                Err(error) => {
                    output::complain(&format!("nwcheck: {error}"));
                    ExitStatus::CouldNotTell
                }
            },
            Some(Err(usage)) => wrong(&usage),
            None => {
                output::complain("nwcheck: the checks are not part of this build");
                ExitStatus::CouldNotTell
            }
        },
        Err(usage) => wrong(&usage),
    };
    ExitCode::from(status.code())
}

fn wrong(usage: &cli::Usage) -> ExitStatus {
    output::complain(&usage.to_string());
    ExitStatus::Usage
}
