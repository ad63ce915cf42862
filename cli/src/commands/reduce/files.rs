//! The files that a reduction reads and writes: which they are, and that none of them is written over another.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use talaria_db::reduce::Output;

use super::ReduceFlags;
use crate::failure::{Failure, Result};
use crate::target;

/// What is written, by the names that links lead to.
pub(super) struct Files {
    pub(super) output: Output,
    pub(super) clusters: PathBuf,
    pub(super) clstr: Option<PathBuf>,
    pub(super) report: Option<PathBuf>,
    /// These, and all that is read: what nothing else may be written over.
    pub(super) all: Vec<PathBuf>,
}

impl Files {
    /// Whether references are written as FASTA, and nothing else is kept.
    pub(super) fn is_fasta(&self) -> bool {
        matches!(self.output, Output::Fasta(..))
    }
}

impl ReduceFlags {
    /// Looks at the names.
    pub(super) fn files(&self) -> Result<Files> {
        let input = self.input.path();
        let path = target::check(&[input.to_path_buf()], &self.output)?;
        let output = match is_fasta_name(&path)? {
            true => Output::Fasta(path.clone(), self.line_width),
            false => Output::Container(path.clone()),
        };
        if let Some(old) = self.update.as_ref().filter(|_| matches!(output, Output::Fasta(..)) || self.no_deltas) {
            // Its members would be lost.
            target::check_not_input(old, &path)?;
        }
        let mut all = vec![input.to_path_buf(), path];
        all.extend(self.update.clone());
        let clusters = self.clusters.clone().unwrap_or_else(|| with_suffix(&self.output, ".clusters.tsv"));
        let clusters = another(&mut all, &clusters)?;
        for list in self.prefer_list.iter().chain(&self.selection.taxon_map) {
            all.iter().skip(1).try_for_each(|output| target::check_not_input(list, output))?;
            all.push(list.clone());
        }
        let clstr = self.clstr.as_ref().map(|path| another(&mut all, path)).transpose()?;
        let report = self.report.as_ref().map(|path| another(&mut all, path)).transpose()?;
        Ok(Files { output, clusters, clstr, report, all })
    }
}

/// One more file that is written.
fn another(files: &mut Vec<PathBuf>, path: &Path) -> Result<PathBuf> {
    let path = target::check(files, path)?;
    files.push(path.clone());
    Ok(path)
}

/// Whether a name is one of FASTA, plain or compressed with gzip or Zstandard. Other compressions are refused, rather
/// than given plain text.
pub(in crate::commands) fn is_fasta_name(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_fasta = |name: &str| [".fasta", ".fa", ".faa", ".fna", ".ffn"].iter().any(|ending| name.ends_with(ending));
    for ending in [".xz", ".bz2"] {
        if name.strip_suffix(ending).is_some_and(is_fasta) {
            let text = format!("{}: FASTA is written plain, or as .gz or .zst", path.display());
            return Err(Failure::Usage(text));
        }
    }
    Ok(["", ".gz", ".zst"].iter().any(|ending| name.strip_suffix(ending).is_some_and(is_fasta)))
}

pub(in crate::commands) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
