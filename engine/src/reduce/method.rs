//! How records are brought together, and what is written of it.

use std::path::{Path, PathBuf};

use super::{Clustering, Containment, Selection};

/// How records are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Records with the same residues, byte for byte, join the first of them.
    Exact,
    /// Records join one that they are similar to, by a verified alignment.
    Cluster(Clustering),
    /// Records that occur wholly inside another one join it.
    Contain(Containment),
    /// References are chosen for what they cover, until that is enough.
    Select(Selection),
    /// Records join the ones that they were given ([`super::Reduction::members`]), and are told by what differs.
    Given,
}

impl Method {
    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Cluster(_) => "cluster",
            Self::Contain(_) => "contain",
            Self::Select(_) => "select",
            Self::Given => "given",
        }
    }

    /// Whether it goes on from an earlier result.
    pub(super) const fn goes_on(self) -> bool {
        matches!(self, Self::Exact | Self::Cluster(_))
    }

    /// Whether members differ from their representatives, and are told by what differs.
    pub(super) const fn tells_members(self) -> bool {
        !matches!(self, Self::Exact)
    }
}

/// What a reduction writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A container with all records, members as copies of their references.
    Container(PathBuf),
    /// FASTA of the references alone, in this many residues a line; 0 for one line. Compressed if the name ends in
    /// `.gz` or `.zst`.
    Fasta(PathBuf, u64),
}

impl Output {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Container(path) | Self::Fasta(path, _) => path,
        }
    }
}
