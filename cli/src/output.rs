//! Standard output, buffered. `println!` would panic on a closed pipe, and buffers by the line.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;

use talaria_db::Error;

/// What errors call it.
const NAME: &str = "standard output";
/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// Standard output. [`Output::finish`] writes what is left and must be called, as a drop cannot report an error.
#[derive(Debug)]
pub(crate) struct Output {
    writer: BufWriter<File>,
}

impl Output {
    /// A second descriptor of standard output, past the line buffer of `std`.
    pub(crate) fn stdout() -> talaria_db::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        Ok(Self { writer: BufWriter::with_capacity(BUFFER, File::from(descriptor)) })
    }

    /// What `write!` and `writeln!` call.
    pub(crate) fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> talaria_db::Result<()> {
        self.writer.write_fmt(text).map_err(failed)
    }

    /// Writes bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> talaria_db::Result<()> {
        self.writer.write_all(bytes).map_err(failed)
    }

    /// The plain writer, whose errors have no name yet.
    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.writer
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> talaria_db::Result<()> {
        self.writer.flush().map_err(failed)
    }
}

fn failed(source: io::Error) -> Error {
    Error::Io { path: NAME.into(), action: "write", source }
}
