//! talaria-db.
fn main() {}
