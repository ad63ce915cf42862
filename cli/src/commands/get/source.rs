//! What records come from: a container, or a plain FASTA file. The rest of the command does not know which.

use std::ops::Range;

use talaria_db::fasta::mapped::{IndexOrigin, MappedFasta};
use talaria_db::memory::budget::Budget;
use talaria_db::read::fetch::Size;
use talaria_db::read::filter::Filter;
use talaria_db::read::find_many::Matches;
use talaria_db::read::scan::RecordView;
use talaria_db::spec::alphabet::Alphabet;
use talaria_db::{Column, Columns, Database, SharedSequence};

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

    /// How long records are.
    pub(in crate::commands) fn sizes(&self, ordinals: &[u64]) -> talaria_db::Result<Vec<Size>> {
        match self {
            Self::Container(database) => database.sizes(ordinals),
            Self::Fasta(fasta) => {
                let size = |&ordinal: &u64| {
                    let header = fasta.header_length(ordinal)?;
                    Ok(Size { header, residues: fasta.sequence_length(ordinal)? })
                };
                ordinals.iter().map(size).collect()
            }
        }
    }

    /// Has `write` write records, given by their indexes too, and calls `take` with what was written, in the order
    /// given; of a container from all threads.
    pub(in crate::commands) fn write_records(
        &self,
        ordinals: &[u64],
        write: impl Fn(usize, RecordView<'_>, &mut Vec<u8>) + Sync,
        mut take: impl FnMut(&[u8]) -> talaria_db::Result<()>,
    ) -> talaria_db::Result<()> {
        let database = match self {
            Self::Container(database) => database,
            Self::Fasta(fasta) => {
                let (mut written, mut index) = (Vec::new(), 0);
                return fasta.for_each_record(ordinals, |record| {
                    let (ordinal, header, residues) = (record.ordinal(), record.header(), record.sequence());
                    written.clear();
                    write(index, RecordView { ordinal, header, residues, shared: false }, &mut written);
                    index += 1;
                    take(&written)
                });
            }
        };
        let write = |index: usize, record: RecordView<'_>, out: &mut Vec<u8>| {
            write(index, record, out);
            Ok(())
        };
        database.write_records(ordinals, write, take)
    }
}
