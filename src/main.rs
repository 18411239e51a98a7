//! The binary: everything is in the library, so that tests and benchmarks use the same parts.

/// A run is thousands of small values that live for a millisecond; the system's allocator takes a seventh of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    connectors::cli::main()
}
