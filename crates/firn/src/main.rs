//! The executable: what it does depends on the name that it is called by.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    firn_sys::helper::run_if_asked();
    let args = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    ExitCode::from(firn_cli::main(args))
}
