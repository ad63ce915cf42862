//! The container that is made for the time of a reduction, where the input is none.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Reduction;
use crate::error::{Error, Result};
use crate::write::beside::beside;
use crate::write::builder::Builder;
use crate::write::spill::Spill;

/// A container made from FASTA, or for an update, for the time of a reduction.
pub(super) struct Built {
    pub(super) path: PathBuf,
    /// Without a name, where the system can open such a file again.
    unnamed: Option<File>,
}

impl Built {
    pub(super) fn new(reduction: &Reduction<'_>, spill: &Spill) -> Result<Self> {
        Self::with(spill, reduction.output.path(), |path| reduction.builder(path))
    }

    /// What `builder` makes, for the time that `output` is written.
    pub(super) fn with<'b>(
        spill: &Spill,
        output: &Path,
        builder: impl FnOnce(&Path) -> Result<Builder<'b>>,
    ) -> Result<Self> {
        let built = match spill.unnamed()? {
            Some((file, path)) => Self { path, unnamed: Some(file) },
            None => Self { path: beside(spill.folder(), output, "input.talaria"), unnamed: None },
        };
        let mut builder = builder(&built.path)?;
        if let Some(file) = &built.unnamed {
            builder = builder.unnamed(file.try_clone().map_err(Error::io(spill.folder(), "write"))?);
        }
        builder.finish_on_these_workers()?;
        Ok(built)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        if self.unnamed.is_none() {
            // Nothing can be done about a failure here; the file is hidden and has this process's number in its name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
