//! Why a command gave up, and the exit code that goes with it.

use std::io;
use std::path::PathBuf;

use talaria_db::Error;

use crate::config::layers::Problem;
use crate::config::value::short_size;
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
    /// The configuration is wrong; there is at least one problem.
    #[error("{}", summary(.0))]
    Configuration(Vec<Problem>),
    /// The memory limit is too little, which is known before the work begins.
    #[error("--max-memory {} is too little: {what} needs at least {}", short_size(*.limit), rounded_up(*.least))]
    Memory {
        /// The limit.
        limit: u64,
        /// What needs more.
        what: &'static str,
        /// The least limit that would do.
        least: u64,
    },
}

/// The first problem, and that there are more.
fn summary(problems: &[Problem]) -> String {
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        count => format!("{first} (and {} more; `talaria-db config check` lists those of a file)", count - 1),
    }
}

/// A size that `--max-memory` takes, and that is no less: in KiB.
fn rounded_up(bytes: u64) -> String {
    let kibibytes = bytes.div_ceil(1 << 10);
    format!("{kibibytes}K ({:.1} MiB)", (kibibytes as f64 / 102.4).ceil() / 10.0)
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
            Self::Usage(_) | Self::Configuration(_) => Exit::Usage,
            Self::Memory { .. } => Exit::Memory,
            Self::Fasta(_) => Exit::Damaged,
            Self::Engine(error) => match error {
                Error::Io { source, .. } => match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::Space,
                    io::ErrorKind::OutOfMemory => Exit::Memory,
                    _ => Exit::Failure,
                },
                Error::Input { .. } | Error::Compressed { .. } | Error::Index { .. } => Exit::Input,
                Error::Format { .. } | Error::Decode { .. } | Error::Stage { .. } => Exit::Damaged,
                Error::Memory { .. } | Error::SpillDisabled { .. } => Exit::Memory,
                Error::Space { .. } => Exit::Space,
                Error::OutOfRange { .. }
                | Error::Option { .. }
                | Error::NoColumn { .. }
                | Error::NotReduced { .. }
                | Error::StageFiles { .. } => Exit::Usage,
                _ => Exit::Failure,
            },
        }
    }
}
