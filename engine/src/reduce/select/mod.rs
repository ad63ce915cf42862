//! References that are chosen for what they cover: as many as cover everything, or as have so many residues.

use super::cluster::Clustering;

/// References are chosen greedily by the residues that they newly cover: their own, and those of records that a
/// verified alignment finds similar.
///
/// The choice ends when nothing more can be covered, or when no further reference fits into the residues that there may
/// be of them. What is not covered then belongs to no reference; a container keeps it all the same. With taxa, each of
/// them gets a reference before anything else is chosen, whatever that takes.
///
/// ```
/// use talaria_db::reduce::{Method, Output, Reduction, Selection};
///
/// # let folder = tempfile::tempdir()?;
/// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
/// let protein = "MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV";
/// std::fs::write(&input, format!(">one\n{protein}\n>two\n{protein}\n>three\nMKVIWYGGA\n"))?;
/// let half = Selection { ratio: Some(5_000), ..Selection::default() };
/// let report = Reduction::new(&input, Output::Container(output.clone())).method(Method::Select(half)).run()?;
/// assert_eq!((report.references, report.unrepresented), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// What a reference covers.
    pub clustering: Clustering,
    /// The residues that references may have, in ten-thousandths of those of all records; none for as many as cover
    /// everything.
    pub ratio: Option<u16>,
}

impl Selection {
    /// As a command line has it.
    pub(super) fn options(&self) -> String {
        let ratio = self.ratio.map_or("auto".to_owned(), |ratio| (f64::from(ratio) / 1e4).to_string());
        format!("{} --ratio {ratio}", self.clustering.options())
    }
}

#[cfg(test)]
mod tests;
