use std::process::ExitCode;

/// What is freed goes back to the system; `.cargo/config.toml` has the settings.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    plimsoll::cli::main()
}
