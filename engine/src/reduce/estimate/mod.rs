//! What a reduction would take, told before anything runs: memory, temporary files, sorted runs and passes over them,
//! stage by stage.
//!
//! Every stage has a function beside the one that does it, which goes through the same steps on an account (`account`)
//! and asks the same functions how much memory each sort gets. Items are as many as there can be: words of a round as
//! if no record had joined another one, pairs two a word, and so on; so what is told of a container is never exceeded
//! by the run. Of FASTA the numbers of records and residues are guessed from its beginning, and said to be.
//!
//! Looks at a container's header, section table and column of lengths; no block is decoded, and nothing is written.

pub(crate) mod account;
mod known;

use std::path::PathBuf;

use self::account::Account;
pub(crate) use self::known::Known;
use super::{Method, Output, Reduction, choose, cluster, contain, exact, fasta, prefer, rewrite, taxa};
use crate::database::is_container;
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::read::blocks::blocks_memory;
use crate::reduce::groups::Groups;
use crate::threads::Workers;
use crate::write::assemble::Assembler;
use crate::write::check::room_for_length;

/// What a reduction would take.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// Records of the input.
    pub records: u64,
    /// Residues of all records.
    pub residues: u64,
    /// Whether records and residues are guessed, and with them all that follows: the input is FASTA.
    pub guessed: bool,
    /// The limit of the budget.
    pub limit: u64,
    /// The least limit that would do.
    pub least_memory: u64,
    /// Most bytes of the budget in use at any time: with a limit of `limit`, or of `least_memory` if that is more.
    pub memory: u64,
    /// Most bytes of temporary files at any time, as the limit of temporary files sees them.
    pub temporary: u64,
    /// Fewest bytes of temporary files, whatever the records are like.
    pub least_temporary: u64,
    /// Most bytes of containers that are made in the folder for the time of the reduction, which no limit counts.
    pub containers: u64,
    /// The limit of temporary files.
    pub temporary_limit: Option<u64>,
    /// Where temporary files go.
    pub folder: PathBuf,
    /// Bytes that are free there.
    pub free_space: u64,
    /// The stages, in their order.
    pub stages: Vec<StageEstimate>,
}

/// What a stage would take.
#[derive(Debug, Clone)]
pub struct StageEstimate {
    /// Its name.
    pub stage: &'static str,
    /// Which round of a clustering it belongs to, from 1.
    pub round: Option<u32>,
    /// Items at most.
    pub items: u64,
    /// What the items are.
    pub unit: &'static str,
    /// Most bytes of the budget in use at any time of it.
    pub memory: u64,
    /// Most bytes of temporary files at any time of it.
    pub temporary: u64,
    /// What is sorted.
    pub sorts: Vec<SortEstimate>,
}

/// What sorting would take.
#[derive(Debug, Clone, Copy)]
pub struct SortEstimate {
    /// What is sorted.
    pub what: &'static str,
    /// Records at most.
    pub records: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Sorted runs on disk at most; none if all fits into memory.
    pub runs: u64,
    /// Runs at most that others are merged into before the last merge.
    pub merges: u64,
    /// How often a record is read back from disk at most.
    pub passes: u64,
    /// Bytes on disk at most.
    pub temporary: u64,
}

impl Estimate {
    /// Sorted runs at most, those that others are merged into counted too.
    #[must_use]
    pub fn sorted_runs(&self) -> u64 {
        self.stages.iter().flat_map(|stage| &stage.sorts).map(|sort| sort.runs.saturating_add(sort.merges)).sum()
    }

    /// What would stop the reduction for certain: memory, or space for temporary files.
    ///
    /// # Errors
    /// [`Error::Space`]. Too little memory is told by [`Estimate::least_memory`] and [`Estimate::limit`].
    pub fn check_space(&self) -> Result<()> {
        let free = self.temporary_limit.map_or(self.free_space, |limit| limit.min(self.free_space));
        if self.least_temporary <= free {
            return Ok(());
        }
        Err(Error::Space { path: self.folder.clone(), need: self.least_temporary, free })
    }

    /// Whether there is room for all temporary files, however large they get.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.temporary.saturating_add(self.containers) <= self.free_space
            && self.temporary_limit.is_none_or(|limit| self.temporary <= limit)
    }
}

impl Reduction<'_> {
    /// What this reduction would take.
    ///
    /// If its limit is too little, all is told as for the least that would do.
    ///
    /// ```
    /// use talaria_db::memory::budget::Budget;
    /// use talaria_db::reduce::{Output, Reduction};
    /// # let folder = tempfile::tempdir()?;
    /// # let (input, output) = (folder.path().join("a.talaria"), folder.path().join("b.talaria"));
    /// # let records = [("one", "MKVL"), ("two", "GGA"), ("three", "MKVL")].map(|(id, text)| (id.into(), text.into()));
    /// # talaria_db::Builder::new(&input).add_records("example", records.into_iter()).finish()?;
    ///
    /// let budget = Budget::new(64 << 20);
    /// let reduction = Reduction::new(&input, Output::Container(output)).budget(budget).threads(1);
    /// let estimate = reduction.estimate()?;
    /// assert!(estimate.records == 3 && estimate.least_memory <= estimate.limit && estimate.sorted_runs() == 0);
    /// let report = reduction.run()?;
    /// assert!(report.peak_memory <= estimate.memory && report.peak_spill <= estimate.temporary);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with a container or with options; [`Error::Option`] for FASTA that does not come from a file, and
    /// for an update, whose records are in two files; [`Error::Io`].
    pub fn estimate(&self) -> Result<Estimate> {
        if self.old.is_some() {
            let reason = "an update cannot be told before it runs".to_owned();
            return Err(Error::Option { option: "--estimate", reason });
        }
        let (least, in_use) = (self.least_memory()?, self.budget.in_use());
        let least_memory = in_use.saturating_add(least);
        let limit = self.budget.limit().max(least_memory);
        // An account of its own, since the reduction's may be too little.
        let budget = Budget::new(limit);
        let _taken = budget.lease("what is in use", in_use)?;
        let workers = Workers::start(self.threads, &budget, &self.memory)?;
        let (known, account) = workers.install(|| self.plan(&budget, least))?;
        let (folder, stages) = (self.temporary(), account.stages);
        let free_space = fs2::available_space(&folder).map_err(Error::io(&folder, "read the free space"))?;
        let most = |of: fn(&StageEstimate) -> u64| stages.iter().map(of).max().unwrap_or(0);
        let table = match self.method {
            Method::Cluster(_) | Method::Select(_) if !known.guessed && self.memory.spill.enabled => {
                cluster::least_temporary(&known)
            }
            _ => 0,
        };
        let built = if known.guessed { known.container } else { 0 };
        Ok(Estimate {
            records: known.records,
            residues: known.residues,
            guessed: known.guessed,
            limit: self.budget.limit(),
            least_memory,
            memory: most(|stage| stage.memory),
            temporary: most(|stage| stage.temporary),
            least_temporary: table,
            containers: built,
            temporary_limit: self.spill_limit,
            folder,
            free_space,
            stages,
        })
    }

    fn plan(&self, budget: &Budget, least: u64) -> Result<(Known, Account)> {
        let threads = rayon::current_num_threads();
        let spills = self.memory.spill.enabled;
        let (known, mut account);
        if is_container(&self.input)? {
            let database = self.open(&self.input, budget)?;
            let longest = cluster::longest(&database)?;
            known = Known::of_container(&database, self.shape_of(&database), longest);
            account = Account::new(budget.limit(), budget.in_use(), threads, spills);
            account.optional = self.cache_capacity(known.container, budget, least);
        } else {
            known = Known::of_fasta(&self.input, self.usual_shape())?;
            account = Account::new(budget.limit(), budget.in_use(), threads, spills);
            self.plan_building(&mut account, &known)?;
            account.optional = self.cache_capacity(known.container, budget, least);
        }
        let reserve = self.reserve_for_writing(&known.shape, known.columns, known.records, threads);
        let groups = match self.method {
            Method::Exact => {
                let ranks = prefer::estimate_ranks(&mut account, &self.preference, known.records, known.nominal);
                let mut groups = exact::estimate(&mut account, &known, reserve);
                if !self.preference.is_empty() {
                    groups = choose::estimate_choice(&mut account, groups, known.records, reserve);
                }
                // The preferences stay until the groups are made.
                account.release(ranks);
                groups
            }
            Method::Cluster(clustering) => {
                let ranks = prefer::estimate_ranks(&mut account, &self.preference, known.records, known.nominal);
                let groups = cluster::estimate(&mut account, &known, &clustering, false, reserve);
                account.release(ranks);
                groups
            }
            Method::Select(selection) => {
                let ranks = prefer::estimate_ranks(&mut account, &self.preference, known.records, known.nominal);
                let taxa = match self.taxa {
                    // The names of taxa are beyond what is known.
                    Some(_) => account.hold(taxa::least_memory(known.records)),
                    None => account.hold(0),
                };
                let groups = cluster::estimate(&mut account, &known, &selection.clustering, true, reserve);
                account.release(ranks.into_iter().chain([taxa]));
                groups
            }
            Method::Contain(containment) => {
                let ranks = prefer::estimate_ranks(&mut account, &self.preference, known.records, known.nominal);
                let groups = contain::estimate(&mut account, &known, containment, reserve);
                account.release(ranks);
                groups
            }
            Method::Given => {
                account.begin("grouping", None, self.members.len() as u64, "pairs");
                let groups = Groups::estimate(&mut account, known.records, reserve);
                let pairs = account.hold((self.members.len() + self.unrepresented.len()) as u64 * 24);
                account.release([pairs]);
                groups
            }
        };
        if let Output::Fasta(..) = self.output {
            let writing = fasta::estimate(&mut account, &known);
            account.release(writing);
            account.release(groups);
        } else {
            rewrite::estimate(self, &mut account, &known, &groups);
            account.release(groups);
            self.plan_reading(&mut account, &known);
        }
        Ok((known, account))
    }

    /// Making a container from FASTA.
    fn plan_building(&self, account: &mut Account, known: &Known) -> Result<()> {
        account.begin("building", None, known.records, "records");
        let builder = account.hold(self.builder(std::path::Path::new(""))?.least_memory());
        let memory = Assembler::names_memory_within(account.available());
        let names = account.sort::<(u64, u64)>("names", memory, known.names);
        let waiting = account.store(0, known.waiting());
        account.release([builder, names, waiting]);
        Ok(())
    }

    /// Reading the result back.
    fn plan_reading(&self, account: &mut Account, known: &Known) {
        account.begin("verifying", None, known.records, "records");
        let available = account.available();
        let cache = room_for_length(known.container.saturating_mul(2), available / 2);
        let blocks = blocks_memory(known.nominal, account.threads);
        // Addresses of shared copies, or text that is made ahead.
        let beside = (available / 2).min(known.records.saturating_mul(64).max(64 << 20));
        let held = account.hold(cache.saturating_add(blocks).saturating_add(beside));
        account.release([held]);
    }
}
