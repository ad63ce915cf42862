//! What records come from: a container, or a plain FASTA file. The rest of the command does not know which.

use std::ops::Range;

use talaria_db::fasta::mapped::{IndexOrigin, MappedFasta};
use talaria_db::memory::budget::Budget;
use talaria_db::read::filter::Filter;
use talaria_db::read::find_many::Matches;
use talaria_db::spec::alphabet::Alphabet;
use talaria_db::{Column, Columns, Database, Record, SharedSequence};

use crate::failure::{Failure, Result};
use crate::message::say;
use crate::monitor::Monitor;
use crate::open::DatabaseFlags;

/// A container or a FASTA file, open.
#[derive(Debug)]
pub(in crate::commands) enum Source {
    Container(Database),
    Fasta(Box<MappedFasta>),
}

impl Source {
    /// Opens what the flags name; of FASTA the index too, which is saved if `save` says so.
    pub(in crate::commands) fn open(flags: &DatabaseFlags, save: bool) -> Result<Self> {
        let fasta = match flags.open() {
            Ok(_) if save => {
                return Err(Failure::Usage("--save-index: a container has an index, it is for FASTA".to_owned()));
            }
            Ok(database) => return Ok(Self::Container(database)),
            Err(Failure::Fasta(_)) => flags.open_fasta()?,
            Err(failure) => return Err(failure),
        };
        if let (IndexOrigin::Remade(reason), false) = (fasta.index_origin(), save) {
            say(format_args!("{reason}; made the index anew, --save-index keeps it"));
        }
        // A folder that cannot be written to is no reason not to answer.
        if let Some(error) = save.then(|| fasta.save_index().err()).flatten() {
            say(format_args!("the index is not saved: {error}"));
        }
        Ok(Self::Fasta(Box::new(fasta)))
    }

    /// Has the monitor say what it saw. An error if the file changed meanwhile.
    pub(in crate::commands) fn finish(&self, monitor: Monitor) -> Result<()> {
        match self {
            Self::Container(database) => monitor.finish_reading(database),
            Self::Fasta(fasta) => {
                fasta.check_unchanged()?;
                monitor.finish()
            }
        }
    }

    /// The container, if it is one.
    pub(in crate::commands) fn container(&self) -> Option<&Database> {
        match self {
            Self::Container(database) => Some(database),
            Self::Fasta(_) => None,
        }
    }

    /// Whether what the filter looks at is there: of FASTA, lengths only.
    pub(in crate::commands) fn check_filter(&self, filter: &Filter) -> Result<()> {
        match self {
            Self::Container(database) => Ok(database.check_filter(filter)?),
            Self::Fasta { .. } if filter.gc_content.is_none() && filter.complexity.is_none() => Ok(()),
            Self::Fasta(fasta) => {
                let path = fasta.path().display();
                let (gc, complexity) = (filter.gc_content.as_ref(), filter.complexity.as_ref());
                let columns: Columns =
                    gc.map(|_| Column::GcContent).into_iter().chain(complexity.map(|_| Column::Complexity)).collect();
                Err(Failure::Usage(format!(
                    "{path}: FASTA has no columns of {columns}; make a container with \
                     `talaria-db build {path} -o OUT.talaria --columns {columns}`"
                )))
            }
        }
    }

    /// Whether a record matches a filter that has been checked.
    pub(in crate::commands) fn matches(&self, filter: &Filter, ordinal: u64) -> talaria_db::Result<bool> {
        match self {
            Self::Container(database) => database.matches(filter, ordinal),
            Self::Fasta(fasta) => Ok(filter.length.contains(&fasta.sequence_length(ordinal)?)),
        }
    }

    pub(in crate::commands) fn len(&self) -> u64 {
        match self {
            Self::Container(database) => database.len(),
            Self::Fasta(fasta) => fasta.len(),
        }
    }

    pub(in crate::commands) fn budget(&self) -> &Budget {
        match self {
            Self::Container(database) => database.budget(),
            Self::Fasta(fasta) => fasta.budget(),
        }
    }

    /// The records that bear a name.
    pub(in crate::commands) fn find(&self, name: &[u8]) -> talaria_db::Result<Vec<u64>> {
        match self {
            Self::Container(database) => database.find(name),
            Self::Fasta(fasta) => fasta.find(name),
        }
    }

    /// [`Source::find`] for many names, in parallel.
    pub(in crate::commands) fn find_many(&self, names: &[&[u8]]) -> talaria_db::Result<Matches> {
        match self {
            Self::Container(database) => database.find_many(names),
            Self::Fasta(fasta) => fasta.find_many(names),
        }
    }

    /// Bytes of a header line, about.
    pub(in crate::commands) fn header_length(&self, ordinal: u64) -> talaria_db::Result<u32> {
        match self {
            Self::Container(database) => Ok(database.header_entry(ordinal)?.text_length.get()),
            Self::Fasta(fasta) => fasta.header_length(ordinal),
        }
    }

    /// Residues of a record.
    pub(in crate::commands) fn sequence_length(&self, ordinal: u64) -> talaria_db::Result<u64> {
        match self {
            Self::Container(database) => database.sequence_length(ordinal),
            Self::Fasta(fasta) => fasta.sequence_length(ordinal),
        }
    }

    pub(in crate::commands) fn header(&self, ordinal: u64) -> talaria_db::Result<SharedSequence> {
        match self {
            Self::Container(database) => database.header(ordinal),
            Self::Fasta(fasta) => fasta.header(ordinal),
        }
    }

    /// What the residues of a record are; of all of them where that is not known of each.
    pub(in crate::commands) fn alphabet(&self, ordinal: u64) -> talaria_db::Result<Alphabet> {
        match self {
            Self::Container(database) => match Alphabet::from_byte(database.header_entry(ordinal)?.kind) {
                Ok(Alphabet::Unknown) | Err(_) => Ok(database.alphabet()),
                Ok(alphabet) => Ok(alphabet),
            },
            Self::Fasta(fasta) => fasta.alphabet(),
        }
    }

    /// Residues `range` of a record, piece by piece.
    pub(in crate::commands) fn for_each_residues(
        &self,
        ordinal: u64,
        range: Range<u64>,
        part: impl FnMut(&[u8]) -> talaria_db::Result<()>,
    ) -> talaria_db::Result<()> {
        match self {
            Self::Container(database) => database.for_each_residues(ordinal, range, part),
            Self::Fasta(fasta) => fasta.for_each_residues(ordinal, range, part),
        }
    }

    /// Records, in the order given.
    pub(in crate::commands) fn for_each_record(
        &self,
        ordinals: &[u64],
        visit: impl FnMut(&Record) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Container(database) => database.for_each_record(ordinals, visit),
            Self::Fasta(fasta) => fasta.for_each_record(ordinals, visit),
        }
    }
}
