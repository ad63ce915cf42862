//! What can be said of a reduction before it runs.

use std::path::Path;

use super::{Method, Output, Preference, Reduction};
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::write::encode::Compression;
use crate::write::place::Order;

impl<'p> Reduction<'p> {
    /// An exact reduction of `input`, a container or FASTA (told by content).
    #[must_use]
    pub fn new(input: impl AsRef<Path>, output: Output) -> Self {
        Self {
            input: input.as_ref().to_path_buf(),
            old: None,
            output,
            method: Method::Exact,
            clusters: None,
            clstr: None,
            references_only: false,
            membership: false,
            preference: Preference::default(),
            taxa: None,
            members: Vec::new(),
            unrepresented: Vec::new(),
            compression: None,
            order: None,
            threads: 0,
            memory: MemorySettings::default(),
            budget: Budget::new(u64::MAX),
            folder: None,
            resume: None,
            spill_limit: None,
            progress: Box::new(|_, _, _| {}),
        }
    }

    /// How records are brought together.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Goes on from an earlier result, a container: `input` has records that are to come to it. The output has all
    /// records of `old`, under the same numbers, and after them those of `input`, and gives all sources back.
    ///
    /// Representatives stay, and members stay with theirs, as alike as `old` says they are; all of its records stand
    /// for themselves if it is no result of a reduction. New records join these or each other by the method, which is
    /// to be the one that `old` was made by: of an exact reduction anything else is refused, and what is similar enough
    /// is for the caller to say. The output may have the name of `old`. All is written again, so that an update takes
    /// the time of that, and of comparing the new records alone.
    ///
    /// ```
    /// use talaria_db::reduce::{Output, Reduction};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let [first, more, path] = ["a.fa", "b.fa", "a.talaria"].map(|name| folder.path().join(name));
    /// std::fs::write(&first, ">one\nMKVL\n>two\nGGA\n")?;
    /// std::fs::write(&more, ">three\nGGA\n>four\nWYW\n")?;
    /// Reduction::new(&first, Output::Container(path.clone())).run()?;
    /// let report = Reduction::new(&more, Output::Container(path.clone())).update(&path).run()?;
    /// let update = report.update.ok_or("an update")?;
    /// assert_eq!((update.old_records, update.joined_old, update.new_references), (2, 1, 1));
    /// let membership = talaria_db::Database::open(&path)?.clusters()?.membership(2)?;
    /// assert_eq!(membership.map(|membership| membership.representative), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn update(mut self, old: impl AsRef<Path>) -> Self {
        self.old = Some(old.as_ref().to_path_buf());
        self
    }

    /// Clusters that another program found, as pairs of a representative and a member, by their numbers in the input.
    /// The method is [`Method::Given`] from now on.
    ///
    /// Members that are the same as their representative share its copy; others become deltas where that is shorter,
    /// whatever they look like, so that any clusters give every record back.
    ///
    /// ```
    /// use talaria_db::reduce::{Output, Reduction};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
    /// # let protein = "MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV".repeat(4);
    /// std::fs::write(&input, format!(">one\n{protein}\n>two\n{}\n", protein.replace('W', "F")))?;
    /// let report = Reduction::new(&input, Output::Container(output.clone())).members([(0, 1)]).run()?;
    /// assert_eq!((report.records, report.references), (2, 1));
    ///
    /// let database = talaria_db::Database::open(&output)?;
    /// assert_eq!(database.delta_of(1)?, Some((0, 1)));
    /// assert_eq!(database.record(1)?.sequence().as_bytes(), protein.replace('W', "F").as_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn members(mut self, pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        self.members = pairs.into_iter().collect();
        self.method = Method::Given;
        self
    }

    /// Records that no record stands for, themselves included, by their numbers in the input: they are in none of the
    /// clusters given, and no references. A container has them as they are; FASTA and [`Reduction::references_only`]
    /// leave them out. The method is [`Method::Given`] from now on.
    ///
    /// ```
    /// use talaria_db::reduce::{Output, Reduction};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
    /// std::fs::write(&input, ">one\nMKVL\n>two\nMKVI\n>three\nGG\n")?;
    /// let report = Reduction::new(&input, Output::Container(output.clone())).members([(0, 1)]).unrepresented([2]).run()?;
    /// assert_eq!((report.references, report.unrepresented), (1, 1));
    /// assert_eq!((report.covered_residues, report.residues), (8, 10));
    ///
    /// let database = talaria_db::Database::open(&output)?;
    /// assert_eq!(database.clusters()?.membership(2)?, None);
    /// assert_eq!(database.record(2)?.sequence().as_bytes(), b"GG");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unrepresented(mut self, ordinals: impl IntoIterator<Item = u64>) -> Self {
        self.unrepresented = ordinals.into_iter().collect();
        self.method = Method::Given;
        self
    }

    /// Writes a table of clusters: representative, member, identity and coverage, tab-separated, a line a record.
    /// Records without a representative come last, with `-` in its place.
    #[must_use]
    pub fn clusters(mut self, path: impl AsRef<Path>) -> Self {
        self.clusters = Some(path.as_ref().to_path_buf());
        self
    }

    /// Writes the clusters in the form of CD-HIT, which has no place for records without a representative.
    #[must_use]
    pub fn clstr(mut self, path: impl AsRef<Path>) -> Self {
        self.clstr = Some(path.as_ref().to_path_buf());
        self
    }

    /// Leaves all records that are no references out of the container: they cannot be given back from it, and it is one
    /// as if it was built from FASTA of the references. FASTA never has others.
    #[must_use]
    pub fn references_only(mut self, only: bool) -> Self {
        self.references_only = only;
        self
    }

    /// Writes into the container which record stands for which, even where that follows from shared copies (the exact
    /// method). Others always write it.
    #[must_use]
    pub fn membership(mut self, keep: bool) -> Self {
        self.membership = keep;
        self
    }

    /// Which records are to be representatives rather than others.
    #[must_use]
    pub fn prefer(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// Each taxon of a file gets a reference of its own, by [`Method::Select`]: a line a record, its name as
    /// [`crate::Database::find`] takes it, a tab, and the taxon.
    #[must_use]
    pub fn taxa(mut self, path: impl AsRef<Path>) -> Self {
        self.taxa = Some(path.as_ref().to_path_buf());
        self
    }

    /// Codec of the output's residues: that of the container which is reduced, and Zstandard at level 1 for FASTA,
    /// unless told otherwise.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// The order in which residues lie in the output: that of the container which is reduced, and that of the input for
    /// FASTA, unless told otherwise.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Threads; 0 for as many as there are processors. The output is the same whatever their number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Everything that can be set about memory.
    #[must_use]
    pub fn memory(mut self, settings: MemorySettings) -> Self {
        self.memory = settings;
        self
    }

    /// The budget that all memory is leased from. The output is the same whatever its limit.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Folder for temporary files; the output's unless told otherwise.
    #[must_use]
    pub fn temporary_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Keeps the state of a clustering in this folder after each round, and goes on after the rounds that an
    /// interrupted reduction of the same input with the same options has finished. The output is the same; what was
    /// kept is removed at the end. Other methods keep nothing, and an update is refused.
    ///
    /// The folder takes 20 bytes a record, twice while they are written, which the limit of temporary files does not
    /// count.
    #[must_use]
    pub fn resume(mut self, folder: impl AsRef<Path>) -> Self {
        self.resume = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Most bytes of temporary files.
    #[must_use]
    pub fn spill_limit(mut self, bytes: u64) -> Self {
        self.spill_limit = Some(bytes);
        self
    }

    /// Is called now and then with the stage, and how many of how many records it has seen.
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(&'static str, u64, u64) + Send + Sync + 'p) -> Self {
        self.progress = Box::new(progress);
        self
    }
}
