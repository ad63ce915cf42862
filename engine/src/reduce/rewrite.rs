//! Writing the reduced container: references as new copies, members as addresses of their reference's copy.
//!
//! Everything that gives the sources back goes over as it is: header texts, layout scripts, sources; and so do the optional columns. Addresses of members are joined
//! to their records by sorting, once the references have theirs, so that memory does not grow with the number of members.

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::varint;
use talaria_db_spec::version::OPTIONAL_REDUCED;

use crate::column::Columns;
use crate::database::Database;
use crate::error::Result;
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::window::{Window, Windows};
use crate::reduce::clusters::Listing;
use crate::reduce::delta::{self, Plan};
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY, sort_memory};
use crate::reduce::reference_text::ReferenceText;
use crate::reduce::similarity::Pair;
use crate::reduce::{Method, Reduction};
use crate::write::assemble::{Assembler, REMEMBERED_MEMORY, Residues, Shape};
use crate::write::measure::Measures;
use crate::write::membership::MembershipSections;
use crate::write::publish::Unpublished;
use crate::write::seal::Particulars;
use crate::write::spill::{Sorter, Spill};

/// Bytes of records that are loaded together.
const WINDOW: u64 = 2 << 20;
/// Most records that are loaded together.
const MOST: u64 = 1 << 13;
/// Bytes of memory that a loaded record takes beside its bytes.
const OVERHEAD: u64 = 256;
/// Of what is free, this part is for residues of an input where they lie in another order than the records.
const GATHERED_SHARE: u64 = 4;
/// Records that one thread loads.
const GROUP: usize = 256;

/// A record, loaded.
struct Loaded {
    header: SharedSequence,
    id_length: u16,
    /// Nothing for members and for records that are longer than a window.
    residues: Option<SharedSequence>,
    length: u64,
    script: Option<Vec<u8>>,
    measures: Measures,
}

/// Two windows, one being loaded and one being cut into blocks, the blocks before and after encoding, and what is remembered of them.
fn loading_memory(shape: &Shape, threads: usize) -> u64 {
    let encoding = shape.compression.memory(shape.sequence_block.max(shape.text_block), threads);
    4 * WINDOW + MOST * OVERHEAD + encoding + REMEMBERED_MEMORY
}

/// The least memory for writing a container of `records` records with these columns, beside their groups.
pub(super) fn least_memory(shape: &Shape, columns: Columns, records: u64, threads: usize, told: bool) -> u64 {
    let assembling = loading_memory(shape, threads) + Assembler::least_memory_beside_names(columns);
    // Coding is over when loading starts, but for what it found.
    let (kept, coding) = match told {
        true => (delta::kept_memory(records), delta::least_memory(shape.compression, threads)),
        false => (0, 0),
    };
    kept + Marks::memory(records) + assembling.max(coding) + MembershipSections::MEMORY + 4 * LEAST_SORT_MEMORY
}

/// What [`write()`] takes beside `groups`.
pub(super) fn estimate(reduction: &Reduction<'_>, account: &mut Account, known: &Known, groups: &[Held]) {
    let (records, only) = (known.records, reduction.leaves_members_out());
    // Two sorters for groups, and two for those under whoever has the residues.
    let named = groups.len() > 2 && !only;
    account.begin("writing", None, records, "records");
    let mut held = vec![account.hold(Marks::memory(records).saturating_mul(1 + u64::from(named)))];
    let memory = loading_memory(&known.shape, account.threads);
    let assembling = Assembler::least_memory_beside_names(known.columns);
    let reserve = assembling + MembershipSections::MEMORY;
    let told = reduction.method.tells_members();
    let all = least_memory(&known.shape, known.columns, records, account.threads, told);
    if reduction.writes_table() {
        let sort_memory = account.sort_memory(8, all);
        held.push(account.sort::<Pair>("lines of the cluster table", sort_memory, records));
    }
    if reduction.tells_membership(named) {
        let sort_memory = account.sort_memory(8, all);
        held.extend(MembershipSections::estimate(account, records, sort_memory));
    }
    if reduction.method.tells_members() && !only {
        let sort_memory = account.sort_memory(8, all);
        held.extend(delta::estimate(account, known, sort_memory));
    } else {
        let sort_memory = account.sort_memory(4, reserve + memory);
        held.push(account.sort::<(u64, u64)>("addresses of members", sort_memory, records));
    }
    held.push(account.hold(memory));
    let sort_memory = account.sort_memory(4, reserve);
    held.push(account.sort::<(u64, u64)>("names", sort_memory, known.names));
    held.push(account.store(assembling, known.waiting()));
    account.release(held);
}

pub(super) fn write(
    reduction: &Reduction<'_>,
    database: &Database,
    mut groups: Groups,
    output: Unpublished,
    spill: &Spill,
    clusters: Option<&Listing>,
) -> Result<Unpublished> {
    let (joined, (unrepresented, _)) = (groups.members(), groups.unrepresented());
    // Where members are left out, everybody has residues of their own.
    let mut named = None;
    if let Some(copies) = groups.take_copies().filter(|_| !reduction.leaves_members_out()) {
        let (by_member, by_representative) = groups.finish()?;
        let marks = Marks::new(database.len(), database)?;
        for pair in by_member {
            marks.set(pair?.0);
        }
        named = Some((marks, by_representative));
        groups = copies;
    }
    // Records that are no references; records without a representative are among them, which is why members have to be told then.
    let members = Marks::new(database.len(), database)?;
    let (by_member, by_representative) = groups.finish()?;
    for pair in by_member {
        members.set(pair?.0);
    }
    let (shape, columns) = (reduction.shape_of(database), database.columns_kept());
    let memory = loading_memory(&shape, rayon::current_num_threads());
    let reserve = Assembler::least_memory_beside_names(columns) + MembershipSections::MEMORY;
    // What is sorted from before deltas are coded leaves room for that.
    let (threads, told) = (rayon::current_num_threads(), reduction.method.tells_members());
    let all = least_memory(&shape, columns, database.len(), threads, told);
    let mut table = None;
    if clusters.is_some() {
        let sort_memory = sort_memory(spill, 8, all);
        table = Some(Sorter::new(spill, "lines of the cluster table", sort_memory)?);
    }
    let mut only = reduction.leaves_members_out().then(ReferenceText::default);
    let mut membership = None;
    if reduction.tells_membership(named.is_some()) {
        let sort_memory = sort_memory(spill, 8, all);
        membership = Some(MembershipSections::new(database.len(), spill, sort_memory)?);
    }
    let mut note = |pair: Pair| -> Result<()> {
        if let Some(membership) = &mut membership {
            membership.push(pair)?;
        }
        table.as_mut().map_or(Ok(()), |table| table.push(pair))
    };
    let (mut named_members, mut noted) = (None, |_| Ok(()));
    if let Some((marks, by_representative)) = named {
        for pair in by_representative {
            note(pair?)?;
        }
        named_members = Some(marks);
    }
    // Where members are named otherwise, they have been noted already.
    let note: &mut dyn FnMut(Pair) -> Result<()> = if named_members.is_some() { &mut noted } else { &mut note };
    // Whoever joins another one shares its copy, or it has been found out how each is told.
    let plan = if reduction.method.tells_members() && only.is_none() {
        let sort_memory = sort_memory(spill, 8, all);
        delta::plan(reduction, database, by_representative, note, sort_memory, spill)?
    } else {
        let sort_memory = sort_memory(spill, 4, reserve + memory);
        Plan::shared(by_representative, Sorter::new(spill, "addresses of members", sort_memory)?)
    };
    let Plan { told, pairs, mut addresses } = plan;
    let later = told.as_ref().map_or(&members, |told| &told.later);
    let _lease = spill.budget().lease("loading and encoding", memory)?;
    let sort_memory = sort_memory(spill, 4, reserve);
    let mut assembler = Assembler::new(output, shape, columns, spill, sort_memory)?;
    let mut pairs = pairs.peekable();
    let mut next = 0;
    let wants = |ordinals: Range<u64>| Ok(ordinals.map(|ordinal| !later.is_set(ordinal)).collect());
    let mut windows = Windows::new(database, database.len(), GATHERED_SHARE, &wants);
    while next < database.len() {
        let window = cut_window(database, next..windows.reach(next)?, later)?;
        let gathered = windows.window();
        let (encoded, loaded) = rayon::join(|| assembler.encode(), || load(database, window.clone(), later, gathered));
        encoded?;
        for (ordinal, record) in window.clone().zip(loaded?) {
            // What is left of the text has the same lines everywhere.
            let (script, measures) = (record.script.as_deref().filter(|_| only.is_none()), record.measures);
            let address = match &record.residues {
                _ if members.is_set(ordinal) && only.is_some() => continue,
                _ if later.is_set(ordinal) => {
                    let length = record.length;
                    let residues = match &told {
                        Some(told) if told.deltas.is_set(ordinal) => {
                            Residues::Delta { length, shared: told.shared.is_set(ordinal) }
                        }
                        _ => Residues::Later(length),
                    };
                    assembler.record(&record.header, record.id_length, residues, script, measures)?;
                    continue;
                }
                Some(residues) => {
                    if let Some(only) = &mut only {
                        only.begin(&record.header);
                        only.residues(residues);
                        only.end();
                    }
                    assembler.record(&record.header, record.id_length, Residues::New(residues), script, measures)?
                }
                None => copy_long(database, &mut assembler, ordinal, &record, &mut only)?,
            };
            while let Some(pair) =
                pairs.next_if(|pair| pair.as_ref().map_or(true, |pair| pair.representative == ordinal))
            {
                let pair = pair?;
                if only.is_none() {
                    addresses.push((pair.member, address.bits()))?;
                }
                // Members that are told have been noted already.
                if told.is_none() {
                    note(pair)?;
                }
            }
        }
        next = window.end;
        (reduction.progress)("writing", next, database.len());
    }
    // Records without a representative, unless they have been noted with those that are told.
    if told.is_none() {
        pairs.try_for_each(|pair| note(pair?))?;
    }
    assembler.membership = membership;
    if let (Some(clusters), Some(table)) = (clusters, table) {
        clusters.write(database, table.finish()?, |ordinal| {
            Ok(named_members.as_ref().unwrap_or(&members).is_set(ordinal))
        })?;
    }
    if let Some(stream) = told.and_then(|told| told.stream) {
        assembler.set_deltas(stream);
    }
    let mut provenance = database.provenance()?;
    provenance.retain(|(key, _)| key == "command");
    provenance.insert(0, ("writer".to_owned(), concat!("talaria-db ", env!("CARGO_PKG_VERSION")).to_owned()));
    let method = reduction.method.name();
    let flag = if only.is_some() { " --no-deltas" } else { "" };
    let preference = reduction.preference.options();
    let similar = match reduction.method {
        Method::Cluster(clustering) => clustering.options(),
        Method::Select(selection) => {
            let taxa = if reduction.taxa.is_some() { " --taxon-map" } else { "" };
            format!("{}{taxa}", selection.options())
        }
        Method::Contain(containment) => containment.options().to_owned(),
        Method::Exact | Method::Given => String::new(),
    };
    let update = if reduction.old.is_some() { " --update" } else { "" };
    let command =
        format!("reduce{update} --method {method}{similar}{preference}{flag} --codec {}", reduction.compression);
    provenance.push(("command".to_owned(), command));
    provenance.push(("method".to_owned(), method.to_owned()));
    if only.is_some() {
        let left_out = format!("{joined} of {} records, for which others stand", database.len());
        provenance.push(("left out".to_owned(), left_out));
        if unrepresented > 0 {
            let left_out = format!("{unrepresented} of {} records, for which none stands", database.len());
            provenance.push(("left out".to_owned(), left_out));
        }
    }
    let features = if only.is_some() { 0 } else { OPTIONAL_REDUCED };
    let particulars = Particulars {
        sources: match only {
            Some(only) => vec![only.source()],
            None => database.sources()?,
        },
        provenance,
        alphabet: Some(database.alphabet()),
        features,
    };
    assembler.seal(&particulars, Some(addresses.finish()?))
}

/// The first of `records` that are loaded together: at least one.
fn cut_window(database: &Database, records: Range<u64>, members: &Marks) -> Result<Range<u64>> {
    let next = records.start;
    let (mut end, mut bytes) = (next, 0);
    while end < records.end && end - next < MOST && bytes < WINDOW {
        bytes += u64::from(database.header_entry(end)?.text_length.get());
        let length = database.sequence_length(end)?;
        // Scripts are nearly always short; one that is not ends the window.
        if database.header_entry(end)?.is_irregular() {
            bytes += WINDOW / 64;
        }
        if length <= WINDOW && !members.is_set(end) {
            bytes += length;
        }
        end += 1;
    }
    Ok(next..end)
}

fn load(database: &Database, window: Range<u64>, members: &Marks, gathered: Option<&Window>) -> Result<Vec<Loaded>> {
    let ordinals: Vec<u64> = window.collect();
    let groups: Vec<Vec<Loaded>> = ordinals
        .par_chunks(GROUP)
        .map(|group| {
            let (mut texts, mut sequences, mut layout) = (LastBlock::default(), LastBlock::default(), None);
            let mut load_one = |&ordinal: &u64| {
                let entry = database.header_entry(ordinal)?;
                let item = database.sequence_item(ordinal)?;
                let wanted = item.length <= WINDOW && !members.is_set(ordinal);
                let mut script = None;
                if entry.is_irregular() {
                    let index = layout.map_or_else(|| database.layout_position(ordinal), Ok)?;
                    layout = Some(index + 1);
                    let bytes = database.layout_script(index, ordinal)?;
                    let mut whole = Vec::with_capacity(bytes.len() + varint::MAXIMUM_LENGTH);
                    varint::write(&mut whole, bytes.len() as u64);
                    whole.extend_from_slice(&bytes);
                    script = Some(whole);
                }
                Ok(Loaded {
                    header: texts.item(database, database.texts(), database.text_item(ordinal)?, false)?,
                    id_length: entry.id_length.get(),
                    residues: match gathered.and_then(|gathered| gathered.get(ordinal, item.length)) {
                        Some(residues) if wanted => Some(SharedSequence::from(residues.to_vec())),
                        _ if !wanted => None,
                        _ if entry.is_delta() => Some(database.region(ordinal, 0..item.length)?),
                        _ => Some(sequences.item(database, database.sequences(), item, false)?),
                    },
                    length: item.length,
                    script,
                    measures: Measures::read(database, ordinal)?,
                })
            };
            group.iter().map(&mut load_one).collect()
        })
        .collect::<Result<_>>()?;
    Ok(groups.into_iter().flatten().collect())
}

/// Copies a record that is longer than a window, and encodes as it goes.
fn copy_long(
    database: &Database,
    assembler: &mut Assembler,
    ordinal: u64,
    record: &Loaded,
    only: &mut Option<ReferenceText>,
) -> Result<talaria_db_spec::address::PackedAddress> {
    let address = assembler.begin_long(&record.header, record.id_length)?;
    let mut waiting = 0;
    if let Some(only) = only {
        only.begin(&record.header);
    }
    database.for_each_residues(ordinal, 0..record.length, |part| {
        assembler.push_long(part);
        if let Some(only) = only {
            only.residues(part);
        }
        waiting += part.len() as u64;
        if waiting >= WINDOW {
            waiting = 0;
            assembler.encode()?;
        }
        Ok(())
    })?;
    let script = record.script.as_deref().filter(|_| only.is_none());
    if let Some(only) = only {
        only.end();
    }
    assembler.end_long(script, record.measures)?;
    Ok(address)
}

/// A bit a record.
pub(super) struct Marks {
    words: Vec<std::sync::atomic::AtomicU64>,
    _lease: crate::memory::budget::Lease,
}

impl Marks {
    pub(super) const fn memory(records: u64) -> u64 {
        records.div_ceil(64) * 8
    }

    pub(super) fn new(records: u64, database: &Database) -> Result<Self> {
        let words = records.div_ceil(64);
        let lease = database.budget().lease("a mark a record", Self::memory(records))?;
        let mut marks = Vec::new();
        marks.resize_with(usize::try_from(words).unwrap_or(0), Default::default);
        Ok(Self { words: marks, _lease: lease })
    }

    pub(super) fn set(&self, record: u64) {
        if let Some(word) = self.words.get((record / 64) as usize) {
            word.fetch_or(1 << (record % 64), std::sync::atomic::Ordering::Relaxed);
        }
    }

    pub(super) fn is_set(&self, record: u64) -> bool {
        let word = self.words.get((record / 64) as usize);
        word.is_some_and(|word| word.load(std::sync::atomic::Ordering::Relaxed) >> (record % 64) & 1 == 1)
    }
}
