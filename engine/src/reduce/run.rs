//! Running a reduction: grouping, writing, checking, publishing.

use std::path::{Path, PathBuf};

use talaria_db_spec::section::SectionKind;

use super::built::Built;
use super::report::{QUANTILES, Stages, reference_residues};
use super::{Method, Output, Reduction, ReductionReport, Resumed, choose, cluster, contain, exact, fasta, rewrite};
use crate::database::{Database, is_container};
use crate::error::{Error, Result};
use crate::memory::placement::PlacementReport;
use crate::read::verify::Level;
use crate::reduce::choose::Choice;
use crate::reduce::cluster::Wish;
use crate::reduce::clusters::{Form, Listing};
use crate::reduce::groups::Groups;
use crate::reduce::similarity::Similarity;
use crate::reduce::taxa::Taxa;
use crate::reduce::update::Old;
use crate::threads::Workers;
use crate::write::beside::folder_of;
use crate::write::check::check;
use crate::write::publish::Unpublished;
use crate::write::spill::Spill;

/// What was written.
pub(super) struct Written {
    pub(super) bytes: u64,
    /// Residues of the references.
    pub(super) reference_residues: u64,
    /// Bytes of blocks of residues and of deltas, in a container.
    pub(super) sequence_bytes: u64,
    pub(super) delta_bytes: u64,
}

impl Reduction<'_> {
    /// Reduces, checks the result and publishes it, the table of clusters last.
    ///
    /// # Errors
    /// Damage in the input, what is wrong with FASTA, [`Error::Io`], [`Error::Space`], [`Error::Memory`], or
    /// [`Error::Verification`] if the result does not give the input back. Nothing is published then, unless it is the
    /// table that could not be.
    pub fn run(&self) -> Result<ReductionReport> {
        self.budget.check("a reduction", self.least_memory()?)?;
        let workers = Workers::start(self.threads, &self.budget, &self.memory)?;
        let report = workers.install(|| self.reduce())?;
        Ok(ReductionReport { placement: workers.placement(), ..report })
    }

    fn reduce(&self) -> Result<ReductionReport> {
        if self.old.is_some() && !self.method.goes_on() {
            let reason = format!("an update goes on with method exact or cluster, not {}", self.method.name());
            return Err(Error::Option { option: "--update", reason });
        }
        if self.old.is_some() && self.resume.is_some() {
            let reason = "the state of an update is not kept".to_owned();
            return Err(Error::Option { option: "--resume", reason });
        }
        let mut stages = Stages::new(&self.budget);
        let spill =
            Spill::new(self.budget.clone(), self.temporary(), self.spill_limit).allowed(self.memory.spill.enabled);
        let built = if self.old.is_none() && is_container(&self.input)? {
            None
        } else {
            Some(stages.time("building", || Built::new(self, &spill))?)
        };
        let path = built.as_ref().map_or(self.input.as_path(), |built| built.path.as_path());
        let database = self.open(path, &self.budget)?;
        // It stays readable without its name, and is gone however the process ends.
        drop(built);
        let old = self.old.as_ref().map(|path| Old::open(path, &self.memory, &self.budget)).transpose()?;
        if let Some(old) = &old {
            old.check_within(&database)?;
        }
        let threads = rayon::current_num_threads();
        let (shape, columns) = (self.shape_of(&database), database.columns_kept());
        let reserve = self.reserve_for_writing(&shape, columns, database.len(), threads);
        let mut ranks = None;
        if !self.preference.is_empty() {
            ranks = Some(stages.time("preferring", || self.preference.ranks(&database))?);
        }
        let mut unknown_taxa = 0;
        let checkpoint = self.checkpoint(&database, ranks.as_ref())?;
        let nothing = Resumed::default();
        let (groups, rounds, resumed) = stages.time("grouping", || match self.method {
            Method::Exact => {
                let groups = exact::group(&database, &spill, reserve, &*self.progress)?;
                let choice = Choice { database: &database, ranks: ranks.as_ref(), old: old.as_ref() };
                let free = ranks.is_none() && old.is_none();
                let chosen = if free { groups } else { choose::choose(groups, choice, &spill, reserve)? };
                Ok((chosen, Vec::new(), nothing))
            }
            Method::Cluster(clustering) => {
                let (ranks, old) = (ranks.as_ref(), old.as_ref());
                let wish = Wish { clustering, selection: None, ranks, old, checkpoint: checkpoint.as_ref() };
                cluster::group(&database, &spill, reserve, &wish, &*self.progress)
            }
            Method::Select(selection) => {
                let taxa = self.taxa.as_ref().map(|path| Taxa::read(&database, path)).transpose()?;
                unknown_taxa = taxa.as_ref().map_or(0, |taxa| taxa.unknown);
                let (ranks, clustering) = (ranks.as_ref(), selection.clustering);
                let selection = Some((&selection, taxa.as_ref()));
                let wish = Wish { clustering, selection, ranks, old: None, checkpoint: None };
                cluster::group(&database, &spill, reserve, &wish, &*self.progress)
            }
            Method::Contain(containment) => {
                contain::group(&database, &spill, reserve, containment, ranks.as_ref(), &*self.progress)
                    .map(|groups| (groups, Vec::new(), nothing))
            }
            Method::Given => self.group_given(&database, &spill, reserve).map(|groups| (groups, Vec::new(), nothing)),
        })?;
        let (unknown_preferred, unplaced) = ranks.map_or((0, 0), |ranks| (ranks.unknown, ranks.unknown_taxa));
        let update = old.as_ref().map(|old| old.report(database.len(), &groups));
        let report = self.write(&database, groups, &spill, &mut stages)?;
        checkpoint.map_or(Ok(()), |checkpoint| checkpoint.remove())?;
        Ok(ReductionReport {
            update,
            stages: stages.reports,
            rounds,
            resumed,
            unknown_preferred,
            unknown_taxa: unknown_taxa.max(unplaced),
            peak_memory: self.budget.peak(),
            peak_spill: spill.peak_on_disk(),
            sorted_runs: spill.runs_written(),
            ..report
        })
    }

    pub(super) fn write(
        &self,
        database: &Database,
        groups: Groups,
        spill: &Spill,
        stages: &mut Stages,
    ) -> Result<ReductionReport> {
        let (records, sizes) = (database.len(), groups.sizes());
        let members = groups.members();
        let (unrepresented, unrepresented_residues) = groups.unrepresented();
        let identity_quantiles = groups.identity_quantiles(&QUANTILES);
        let table = self.clusters.as_deref().map(|path| (Form::Table, path));
        let clusters = Listing::new(table.into_iter().chain(self.clstr.as_deref().map(|path| (Form::Clstr, path))))?;
        let Written { bytes: output_bytes, reference_residues, sequence_bytes, delta_bytes } = match &self.output {
            Output::Container(path) => {
                self.write_container(database, groups, (path, clusters.as_ref()), spill, stages)?
            }
            Output::Fasta(path, width) => {
                let output = (path.as_path(), *width);
                stages.time("writing", || fasta::write(self, database, groups, clusters.as_ref(), output))?
            }
        };
        if let Some(clusters) = clusters {
            clusters.publish()?;
        }
        Ok(ReductionReport {
            method: self.method,
            records,
            references: records - members - unrepresented,
            residues: database.residue_count(),
            reference_residues,
            unrepresented,
            covered_residues: database.residue_count() - unrepresented_residues,
            sizes,
            identity_quantiles,
            references_only: self.leaves_members_out(),
            sequence_bytes,
            delta_bytes,
            input_bytes: database.container().header().file_length.get(),
            output_bytes,
            stages: Vec::new(),
            resumed: Resumed::default(),
            rounds: Vec::new(),
            update: None,
            unknown_preferred: 0,
            unknown_taxa: 0,
            peak_memory: 0,
            peak_spill: 0,
            sorted_runs: 0,
            placement: PlacementReport::default(),
        })
    }

    fn write_container(
        &self,
        database: &Database,
        groups: Groups,
        (path, clusters): (&Path, Option<&Listing>),
        spill: &Spill,
        stages: &mut Stages,
    ) -> Result<Written> {
        let target = Unpublished::create(path)?;
        let mut unpublished =
            stages.time("writing", || rewrite::write(self, database, groups, target, spill, clusters))?;
        // Nothing is read of it from here on, and the result is read whole.
        database.check_unchanged()?;
        database.release_pages();
        let reduced =
            stages.time("verifying", || check(&mut unpublished, Level::Everything, &self.budget, &self.memory))?;
        let section_bytes = |kind| reduced.container().section(kind).map_or(0, |section| section.length);
        let written = Written {
            bytes: reduced.container().header().file_length.get(),
            reference_residues: stages.time("counting", || reference_residues(&reduced))?,
            sequence_bytes: section_bytes(SectionKind::SequenceBlocks),
            delta_bytes: section_bytes(SectionKind::DeltaBlocks),
        };
        drop(reduced);
        unpublished.publish()?;
        Ok(written)
    }

    /// Whether the output says by itself who stands for whom; `named` if that is not who has the residues.
    pub(super) fn tells_membership(&self, named: bool) -> bool {
        !self.leaves_members_out() && (self.membership || self.method != Method::Exact || named)
    }

    /// Whether clusters are listed in files of their own.
    pub(super) fn writes_table(&self) -> bool {
        self.clusters.is_some() || self.clstr.is_some()
    }

    /// Whether only references are written.
    pub(super) fn leaves_members_out(&self) -> bool {
        self.references_only || matches!(self.output, Output::Fasta(..))
    }

    /// The groups that were given.
    fn group_given(&self, database: &Database, spill: &Spill, reserve: u64) -> Result<Groups> {
        let mut groups = Groups::new(database.len(), spill, reserve)?;
        let given = (self.members.len() + self.unrepresented.len()) as u64;
        let _lease = database.budget().lease("the clusters given", given * 24)?;
        let mut pairs = self.members.clone();
        pairs.retain(|(representative, member)| representative != member);
        pairs.sort_unstable();
        pairs.dedup();
        let refused = |reason: String| Err(Error::Option { option: "members", reason });
        let mut seen: Vec<u64> = pairs.iter().map(|&(_, member)| member).collect();
        seen.sort_unstable();
        if let Some(twice) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
            return refused(format!("record {} joins two others", twice[0]));
        }
        for cluster in pairs.chunk_by(|left, right| left.0 == right.0) {
            for &(representative, member) in cluster {
                for ordinal in [representative, member] {
                    database.check_ordinal(ordinal)?;
                }
                if seen.binary_search(&representative).is_ok() {
                    return refused(format!("record {representative} is a representative and a member"));
                }
                groups.join(representative, member, Similarity::new(0, 0))?;
            }
            groups.count(cluster.len() as u64 + 1);
        }
        let mut left = self.unrepresented.clone();
        left.sort_unstable();
        left.dedup();
        let is_left = |ordinal: &u64| left.binary_search(ordinal).is_ok();
        if let Some((representative, member)) =
            self.members.iter().find(|(representative, member)| is_left(representative) || is_left(member))
        {
            let reason =
                format!("record {member} joins record {representative}, and one of them is to be unrepresented");
            return Err(Error::Option { option: "unrepresented", reason });
        }
        for record in left {
            groups.leave(record, database.sequence_length(record)?)?;
        }
        Ok(groups)
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| folder_of(self.output.path()))
    }
}
