//! The binary: everything is in the library, so that tests and benchmarks use the same parts.

fn main() -> std::process::ExitCode {
    connectors::cli::main()
}
