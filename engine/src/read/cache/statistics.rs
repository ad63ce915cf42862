//! What a cache did so far.

/// Counts of a cache since it was made, and what it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Entries that were asked for and were here.
    pub hits: u64,
    /// Entries that were asked for and had to be decoded, or were not kept by the one who asked.
    pub misses: u64,
    /// Entries that somebody else was decoding when they were asked for.
    pub waits: u64,
    /// Entries that were found in the second tier, compressed.
    pub second_tier_hits: u64,
    /// Entries that left the first tier for others, or because memory was wanted back.
    pub evictions: u64,
    /// Entries now, in both tiers.
    pub entries: u64,
    /// Bytes of memory now, in both tiers, without blocks that are evicted and still used by somebody.
    pub bytes: u64,
}

impl CacheStatistics {
    /// The share of what was asked for that did not have to be decoded, from 0 to 1; 0 if nothing was asked for.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let database = talaria_db::Database::open(&path)?;
    /// for _ in 0..4 {
    ///     database.header(0)?;
    /// }
    /// let statistics = database.cache_statistics();
    /// assert_eq!((statistics.hits, statistics.misses), (3, 1));
    /// assert_eq!(statistics.hit_rate(), 0.75);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let found = self.hits + self.waits + self.second_tier_hits;
        if found == 0 { 0.0 } else { found as f64 / (found + self.misses) as f64 }
    }
}
