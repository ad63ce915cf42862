//! Exit codes: what a script can tell from how the program ended.

use std::process::ExitCode;

/// How the program ends. The numbers are part of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; also when whoever read the output closed the pipe early.
    Done,
    /// Input or output failed, or something else that has no code of its own.
    Failure,
    /// The command line makes no sense.
    Usage,
    /// An input is not FASTA, or is damaged or cut short.
    Input,
    /// A container is damaged, or the file is none.
    Damaged,
    /// Some names or numbers were not found; everything else was printed.
    NotFound,
    /// No space left: on a disk, or of `--max-spill`.
    Space,
    /// The memory limit is too small. In the range that nf-core pipelines answer with a second try and more memory.
    Memory,
}

impl Exit {
    /// The number that the system sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Damaged => 4,
            Self::NotFound => 5,
            Self::Space => 6,
            Self::Memory => 140,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The same for `--help` and the manual page.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    input, output or something else failed
  2    wrong usage
  3    an input is not FASTA, or is damaged
  4    a container is damaged, or the file is not one
  5    some ids were not found; all others were printed
  6    no space left
  140  the memory limit is too small";
