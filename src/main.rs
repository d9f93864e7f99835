//! The `pagewise` command: see `pagewise --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pagewise::cli::main()
}
