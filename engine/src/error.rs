//! What can go wrong, as a path: which file, where in it, what it is, and what would help.

use std::path::{Path, PathBuf};

use talaria_db_spec::SpecError;

/// The result of the engine's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that the engine refuses or fails at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system failed a call.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in "cannot read".
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file was written to, or cut short, after it was opened.
    #[error("{}: changed while it was read: what came of it may be wrong", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A FASTA input is not one, or is cut short or damaged.
    #[error("{}: line {line}{}: {reason}", path.display(), column.map(|column| format!(", column {column}")).unwrap_or_default())]
    Input {
        /// The input, `-` for standard input.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Byte in the line, from 1.
        column: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// A compressed input is damaged, cut short, or needs more memory than the budget has.
    #[error("{}: {format} data, after {decoded} decompressed bytes: {reason}", path.display())]
    Compressed {
        /// The input, `-` for standard input.
        path: PathBuf,
        /// `gzip`, `zstd`, `xz` or `bzip2`.
        format: &'static str,
        /// Bytes that came out before the damage.
        decoded: u64,
        /// What is wrong.
        reason: String,
    },
    /// A container breaks a rule of its format.
    #[error("{}: {violation}", path.display())]
    Format {
        /// The container.
        path: PathBuf,
        /// The rule, and where it is broken.
        violation: SpecError,
    },
    /// Stored bytes do not decode.
    #[error("{}: {stream} block {block}: {reason} [rule B-5]", path.display())]
    Decode {
        /// The container.
        path: PathBuf,
        /// `sequence`, `text` or `layout`.
        stream: &'static str,
        /// Number of the block.
        block: u64,
        /// What the codec said.
        reason: String,
    },
    /// The saved index of a FASTA file is damaged or of another state of the file; or the file changed under its index.
    #[error("{}: {reason}", path.display())]
    Index {
        /// The index or the FASTA file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The memory budget refused a lease.
    #[error("{what} needs {need} bytes of memory, {free} of the limit of {limit} are free; raise --max-memory")]
    Memory {
        /// What the memory is for.
        what: &'static str,
        /// Bytes asked for.
        need: u64,
        /// Bytes that were free.
        free: u64,
        /// The budget's limit.
        limit: u64,
    },
    /// Temporary data would go past the spill limit, or the disk is too small for it.
    #[error(
        "{}: {need} bytes of temporary space are needed, {free} are free; \
         free some, raise the limit or use another folder",
        path.display()
    )]
    Space {
        /// The folder of the temporary files.
        path: PathBuf,
        /// Bytes asked for.
        need: u64,
        /// Bytes that were free: of the limit, or on the disk if that has less.
        free: u64,
    },
    /// Something does not fit its memory, and may not go to temporary files.
    #[error(
        "{what} take more than {memory} bytes, the limit of {limit} has no more for them, and swap_to_disk is off: raise --max-memory, \
         or allow temporary files"
    )]
    SpillDisabled {
        /// What does not fit.
        what: &'static str,
        /// Bytes of memory that it had.
        memory: u64,
        /// The budget's limit.
        limit: u64,
    },
    /// An ordinal or a region is outside what there is.
    #[error("{what} {got} is out of range: there are {count}")]
    OutOfRange {
        /// `record` or `residue`.
        what: &'static str,
        /// What was asked for, counted as the caller counts.
        got: u64,
        /// How many there are.
        count: u64,
    },
    /// An option has a value that cannot be used.
    #[error("{option}: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// A filter needs an optional column that the container does not have.
    #[error("{}: it has no column of {column}; build it with --columns {column}", path.display())]
    NoColumn {
        /// The container.
        path: PathBuf,
        /// The column, as [`crate::Column::name`] has it.
        column: &'static str,
    },
    /// A question about clusters was put to a container that no reduction made.
    #[error("{}: it is not the result of a reduction, so no record stands for another; make one with `talaria-db reduce`", path.display())]
    NotReduced {
        /// The container.
        path: PathBuf,
    },
    /// A file that one stage of a clustering made for the next ones is damaged, cut short, of another version, or none.
    #[error("{}: {reason}", path.display())]
    Stage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Files of stages do not go together, or one of them is missing.
    #[error("{}{}: {reason}", path.display(), other.as_ref().map(|other| format!(" and {}", other.display())).unwrap_or_default())]
    StageFiles {
        /// A file that was given.
        path: PathBuf,
        /// One that it does not go with.
        other: Option<PathBuf>,
        /// Why.
        reason: String,
    },
    /// What was built does not give its source back; nothing was published.
    #[error("{}: the container does not give its source back: {reason}", path.display())]
    Verification {
        /// The source or the container.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

impl Error {
    /// Wraps an error of the operating system.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), action, source }
    }

    /// Wraps a broken rule.
    pub(crate) fn format(path: &Path) -> impl Fn(SpecError) -> Self {
        move |violation| Self::Format { path: path.to_path_buf(), violation }
    }
}
