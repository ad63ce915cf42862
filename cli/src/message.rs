//! Lines on standard error. Nothing depends on whether anybody reads them: errors of writing them are passed over.

use std::fmt;
use std::io::Write;

/// What every line starts with.
const PREFIX: &[u8] = b"talaria-db: ";

/// Writes a line.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    say_bytes(&[text.to_string().as_bytes()]);
}

/// Writes a line of parts that may be any bytes, as names are.
pub(crate) fn say_bytes(parts: &[&[u8]]) {
    let line = [&[PREFIX], parts, &[b"\n"]].concat().concat();
    // In one call, so that lines of several processes do not mix.
    let _ = std::io::stderr().write_all(&line);
}
