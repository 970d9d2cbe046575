//! The `tidewaiter` command line.

fn main() {}
