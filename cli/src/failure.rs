//! Why a command gave up, and the exit code that goes with it.

use std::io;
use std::path::PathBuf;

use talaria_db::Error;

use crate::exit::Exit;

/// The result of a command's functions.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command gave up. Displays as one line that names what it is about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The engine refused or failed; also errors of the output, which have the same form.
    #[error(transparent)]
    Engine(#[from] Error),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file that was given as a container is FASTA.
    #[error("{}: this is FASTA, not a container; make one with `talaria-db build {} -o OUT.talaria`", .0.display(), .0.display())]
    Fasta(PathBuf),
}

impl Failure {
    /// An error of the operating system, with the file and what was tried, as in "cannot write".
    pub(crate) fn io(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Engine(Error::Io { path, action, source })
    }

    /// Whether the reader of the output has gone, which is no failure. Nothing else that is written to is a pipe.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Engine(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Fasta(_) => Exit::Damaged,
            Self::Engine(error) => match error {
                Error::Io { source, .. } => match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::Space,
                    io::ErrorKind::OutOfMemory => Exit::Memory,
                    _ => Exit::Failure,
                },
                Error::Input { .. } | Error::Compressed { .. } | Error::Index { .. } => Exit::Input,
                Error::Format { .. } | Error::Decode { .. } => Exit::Damaged,
                Error::Memory { .. } => Exit::Memory,
                Error::Space { .. } => Exit::Space,
                Error::OutOfRange { .. } | Error::Option { .. } => Exit::Usage,
                _ => Exit::Failure,
            },
        }
    }
}
