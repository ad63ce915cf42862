//! Building containers: options, sources in memory, bytes in memory.

use std::fs;

use talaria_db::memory::budget::Budget;
use talaria_db::reduce::{Output, Reduction};
use talaria_db::{BuildReport, Builder, Column, Compression, Order};

/// The options of a build that shape the file, and those that must not.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Codec of the residues.
    pub compression: Compression,
    /// Nominal size of sequence blocks, if not the usual one.
    pub block_size: Option<u32>,
    /// Whether identical sequences share a copy.
    pub share: bool,
    /// Order of the residues.
    pub order: Order,
    /// Whether columns are packed.
    pub packed: bool,
    /// Optional columns.
    pub columns: &'static [Column],
    /// Representatives and members: what is built is then reduced, and members are told as deltas.
    pub members: &'static [(u64, u64)],
    /// Records that none stands for, in what is reduced.
    pub unrepresented: &'static [u64],
    /// Threads; the file is the same whatever their number.
    pub threads: usize,
    /// Limit of the budget; the file is the same whatever it is.
    pub memory: u64,
}

impl Recipe {
    /// Uncompressed, everything else as usual, one thread, no limit.
    pub const PLAIN: Self = Self {
        compression: Compression::None,
        block_size: None,
        share: true,
        order: Order::Input,
        packed: false,
        columns: &[],
        members: &[],
        unrepresented: &[],
        threads: 1,
        memory: u64::MAX,
    };

    /// Builds a container from sources, each a name and its bytes (which may be compressed), and reports.
    ///
    /// # Errors
    /// As [`Builder::finish`].
    pub fn try_build(&self, sources: &[(String, Vec<u8>)]) -> talaria_db::Result<(Vec<u8>, BuildReport)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("output.talaria");
        let mut builder = Builder::new(&output)
            .compression(self.compression)
            .share(self.share)
            .order(self.order)
            .packed_columns(self.packed)
            .columns(self.columns.iter().copied())
            .threads(self.threads)
            .budget(Budget::new(self.memory));
        if let Some(size) = self.block_size {
            builder = builder.block_size(size);
        }
        for (index, (name, bytes)) in sources.iter().enumerate() {
            // A folder for each, as names may repeat.
            let place = folder.path().join(index.to_string());
            fs::create_dir(&place).expect("a folder");
            fs::write(place.join(name), bytes).expect("a source");
            builder = builder.add_fasta(place.join(name));
        }
        let report = builder.finish()?;
        if !self.members.is_empty() {
            let reduced = folder.path().join("reduced.talaria");
            Reduction::new(&output, Output::Container(reduced.clone()))
                .members(self.members.iter().copied())
                .unrepresented(self.unrepresented.iter().copied())
                .compression(self.compression)
                .threads(self.threads)
                .run()?;
            fs::rename(reduced, &output).expect("a file in a folder of its own");
        }
        Ok((fs::read(&output).expect("the container that was built"), report))
    }

    /// [`Recipe::try_build`] of sources that are sound.
    #[must_use]
    pub fn build(&self, sources: &[(String, Vec<u8>)]) -> Vec<u8> {
        self.try_build(sources).unwrap_or_else(|error| panic!("the build fails: {error}")).0
    }

    /// Builds a container from one source that is sound.
    #[must_use]
    pub fn build_one(&self, name: &str, text: &[u8]) -> Vec<u8> {
        self.build(&[(name.to_owned(), text.to_vec())])
    }
}
