//! The clusters as text, in one or both of two forms.
//!
//! A table, tab-separated, no heading, a line a record: representative, member, identity, coverage. The first two
//! columns are the ones that `mmseqs createtsv` writes, with the whole first word of each header. Identity and coverage
//! have three decimals, rounded down. Records without a representative come last, in their order, with `-` in its place
//! and zeros.
//!
//! And the form of CD-HIT (`.clstr`), with whole ids, two decimals of a percentage and no strand. It has no records
//! without a representative.
//!
//! In both a cluster starts with its representative; clusters are in the order of their representatives.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::groups::Pairs;
use crate::reduce::similarity::{Pair, Similarity};
use crate::write::publish::Unpublished;

/// Lines that are written together, at least and at most. Their names are all over the header texts, nearly all of
/// which are decoded once for each so many lines.
const LEAST_TOGETHER: usize = 1 << 14;
const MOST_TOGETHER: usize = 1 << 16;
/// Bytes of what is free for a line, between the two.
const LINE: u64 = 4 << 10;

/// How clusters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Columns.
    Table,
    /// As CD-HIT writes them.
    Clstr,
}

/// Files on their way.
#[derive(Debug)]
pub(super) struct Listing {
    outputs: Vec<(Form, Unpublished)>,
}

/// What is written of a file, and how far it has come.
struct Sink<'l> {
    form: Form,
    path: &'l Path,
    out: BufWriter<&'l Unpublished>,
    /// Clusters begun, and records of the last one.
    clusters: u64,
    records: u64,
}

impl Listing {
    /// Files of these forms; no listing if there are none.
    pub(super) fn new<'p>(files: impl IntoIterator<Item = (Form, &'p Path)>) -> Result<Option<Self>> {
        let create = |(form, path)| Ok((form, Unpublished::create(path)?));
        let outputs: Vec<(Form, Unpublished)> = files.into_iter().map(create).collect::<Result<_>>()?;
        Ok((!outputs.is_empty()).then_some(Self { outputs }))
    }

    /// Writes the lines of all records, given the pairs of representatives and members that differ, and which records
    /// are no references.
    pub(super) fn write(&self, database: &Database, pairs: Pairs, joined: impl Fn(u64) -> Result<bool>) -> Result<()> {
        let mut sinks: Vec<Sink<'_>> = self.outputs.iter().map(Sink::new).collect();
        let room = usize::try_from(database.budget().free() / LINE).unwrap_or(usize::MAX);
        let together = room.clamp(LEAST_TOGETHER, MOST_TOGETHER);
        let mut lines: Vec<Pair> = Vec::with_capacity(together);
        let mut pairs = pairs.peekable();
        for ordinal in 0..database.len() {
            if joined(ordinal)? {
                continue;
            }
            lines.push(Pair { representative: ordinal, member: ordinal, similarity: Similarity::FULL });
            while let Some(pair) =
                pairs.next_if(|pair| pair.as_ref().map_or(true, |pair| pair.representative == ordinal))
            {
                lines.push(pair?);
                flush(database, &mut lines, &mut sinks, together)?;
            }
            flush(database, &mut lines, &mut sinks, together)?;
        }
        for pair in pairs {
            lines.push(pair?);
            flush(database, &mut lines, &mut sinks, together)?;
        }
        flush(database, &mut lines, &mut sinks, 1)?;
        sinks.iter_mut().try_for_each(|sink| sink.out.flush().map_err(Error::io(sink.path, "write")))
    }

    pub(super) fn publish(self) -> Result<()> {
        self.outputs.into_iter().try_for_each(|(_, output)| output.publish())
    }
}

/// Writes the lines once there are `from` of them.
fn flush(database: &Database, lines: &mut Vec<Pair>, sinks: &mut [Sink<'_>], from: usize) -> Result<()> {
    if lines.len() < from {
        return Ok(());
    }
    // Of a record without a representative its own header, twice.
    let above = |pair: &Pair| if pair.is_unrepresented() { pair.member } else { pair.representative };
    // Most lines are of records that stand for themselves.
    let other = |pair: &Pair| Some(pair.member).filter(|&member| member != above(pair));
    let ordinals: Vec<u64> = lines.iter().flat_map(|pair| std::iter::once(above(pair)).chain(other(pair))).collect();
    let (mut pairs, mut above_it) = (lines.drain(..).peekable(), None);
    database.for_each_id(&ordinals, |member| {
        let is_first = above_it.is_none();
        let Some(pair) = pairs.next_if(|pair| !is_first || other(pair).is_none()) else {
            above_it = Some(member.to_vec());
            return Ok(());
        };
        let representative = above_it.take();
        let representative = representative.as_deref().unwrap_or(member);
        for sink in &mut *sinks {
            let written = match sink.form {
                Form::Table if pair.is_unrepresented() => sink.row(&pair, b"-", member),
                Form::Clstr if pair.is_unrepresented() => Ok(()),
                Form::Table => sink.row(&pair, representative, member),
                Form::Clstr => {
                    let length = database.sequence_length(pair.member)?;
                    sink.entry(&pair, member, length, database.alphabet().is_nucleotide())
                }
            };
            written.map_err(Error::io(sink.path, "write"))?;
        }
        Ok(())
    })
}

impl<'l> Sink<'l> {
    fn new((form, output): &'l (Form, Unpublished)) -> Self {
        let out = BufWriter::with_capacity(1 << 16, output);
        Self { form: *form, path: output.temporary(), out, clusters: 0, records: 0 }
    }

    fn row(&mut self, pair: &Pair, representative: &[u8], member: &[u8]) -> std::io::Result<()> {
        self.out.write_all(representative)?;
        self.out.write_all(b"\t")?;
        self.out.write_all(member)?;
        self.out.write_all(b"\t")?;
        self.out.write_all(&pair.similarity.columns())?;
        self.out.write_all(b"\n")
    }

    fn entry(&mut self, pair: &Pair, member: &[u8], length: u64, nucleotides: bool) -> std::io::Result<()> {
        let own = pair.member == pair.representative;
        if own {
            writeln!(self.out, ">Cluster {}", self.clusters)?;
            self.clusters += 1;
            self.records = 0;
        }
        write!(self.out, "{}\t{length}{}, >", self.records, if nucleotides { "nt" } else { "aa" })?;
        self.records += 1;
        self.out.write_all(member)?;
        let identity = pair.similarity.identity();
        if own {
            writeln!(self.out, "... *")
        } else {
            writeln!(self.out, "... at {}.{:02}%", identity / 100, identity % 100)
        }
    }
}
