//! Parse, run, exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(nwcheck::app::run(std::env::args_os()))
}
