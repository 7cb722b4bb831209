//! Talk beside the data: it goes to standard error, and that nobody listens ends no transfer.

/// A line on standard error. Unlike `eprintln!` it does not panic when the reader of a pipe went away.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($line)*);
    }};
}
