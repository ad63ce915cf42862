//! The records: columns, addresses, header texts, layout scripts.

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::columns::id_length_field;
use talaria_db_spec::layout::Script;

use super::{Findings, Verification};
use crate::database::{Database, Source};
use crate::error::Result;
use crate::read::columns::{ColumnView, TextItem};
use crate::read::delta::Resolver;
use crate::read::scan::LastBlock;
use crate::read::stream::{Item, Stream, StreamKind};

/// Records that one thread looks at together.
const GROUP: u64 = 4096;
/// The same where there are deltas: the more of them are made together, the fewer blocks are decoded more than once.
const DELTA_GROUP: u64 = 1 << 15;
/// Most ranges of unreadable records that are listed.
const MOST_RANGES: usize = 100;

/// What a group of records came to.
#[derive(Default)]
struct Sums {
    residues: u64,
    irregular: u64,
    unreadable: Vec<Range<u64>>,
    /// Addresses and ordinals of deltas.
    deltas: Vec<(u64, u64)>,
}

impl Database {
    pub(super) fn verify_records(&self, findings: &Findings, verification: &mut Verification) -> Result<()> {
        let each = if self.has_deltas() { DELTA_GROUP } else { GROUP };
        let groups = self.len().div_ceil(each);
        let damaged = &verification.damaged_blocks;
        // What is wrong with the sources has been noted already.
        let sources = self.sources().unwrap_or_default();
        let sums: Vec<Sums> = (0..groups)
            .into_par_iter()
            .map(|group| {
                self.verify_group(group * each..((group + 1) * each).min(self.len()), damaged, &sources, findings)
            })
            .collect();
        let (mut residues, mut irregular) = (0_u64, 0);
        for sum in sums {
            residues = residues.saturating_add(sum.residues);
            irregular += sum.irregular;
            for range in sum.unreadable {
                verification.unreadable_records += range.end - range.start;
                let ranges = &mut verification.unreadable_ranges;
                let room = ranges.len() < MOST_RANGES;
                match ranges.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ if room => ranges.push(range),
                    _ => {}
                }
            }
        }
        if verification.unreadable_records == 0 {
            findings.expect(self, ("header", "residue_count"), "C-5", self.residue_count(), residues);
            findings.expect(self, ("layout index", "item_count"), "C-4", self.layout_count(), irregular);
        }
        self.verify_layout_index(findings);
        self.verify_order(findings);
        Ok(())
    }

    fn verify_group(
        &self,
        ordinals: Range<u64>,
        damaged: &[(StreamKind, u64)],
        sources: &[Source],
        findings: &Findings,
    ) -> Sums {
        let mut sums = Sums::default();
        let mut text = LastBlock::default();
        let sections = self.sections();
        for section in [&sections.header_table, &sections.offsets, &sections.lengths] {
            self.expect_items(section, ordinals.clone());
        }
        // Where a page is damaged, each record says for itself whether it is.
        let columns = self.columns(ordinals.clone()).ok();
        let columns = self.column_view(columns.as_ref());
        for ordinal in ordinals {
            match self.verify_record(ordinal, columns, damaged, (sources, &mut text), &mut sums) {
                Ok(true) => {}
                Ok(false) => extend(&mut sums.unreadable, ordinal),
                Err(error) => {
                    findings.add(error);
                    extend(&mut sums.unreadable, ordinal);
                }
            }
        }
        if !sums.deltas.is_empty() {
            self.verify_deltas(&mut sums, findings);
        }
        sums
    }

    /// Makes the deltas of a group, in the order in which their items lie.
    fn verify_deltas(&self, sums: &mut Sums, findings: &Findings) {
        sums.deltas.sort_unstable();
        let mut resolver = Resolver::new(self);
        let mut unreadable: Vec<u64> = Vec::new();
        for (_, ordinal) in std::mem::take(&mut sums.deltas) {
            if findings.note(resolver.resolve(self, ordinal)).is_none() {
                unreadable.push(ordinal);
            }
        }
        if unreadable.is_empty() {
            return;
        }
        unreadable.extend(std::mem::take(&mut sums.unreadable).into_iter().flatten());
        unreadable.sort_unstable();
        unreadable.into_iter().for_each(|ordinal| extend(&mut sums.unreadable, ordinal));
    }

    /// `false` if the record lies in a block that is known to be damaged.
    fn verify_record(
        &self,
        ordinal: u64,
        columns: ColumnView<'_>,
        damaged: &[(StreamKind, u64)],
        (sources, text): (&[Source], &mut LastBlock),
        sums: &mut Sums,
    ) -> Result<bool> {
        let (entry, item) = (columns.header_entry(ordinal)?, columns.sequence_item(ordinal)?);
        sums.residues = sums.residues.saturating_add(item.length);
        sums.irregular += u64::from(entry.is_irregular());
        let header_item = entry.text_item();
        let stream = if entry.is_delta() { self.delta_stream()? } else { self.sequences() };
        // Of an item of the delta stream the length is not known; it lies in one block.
        let placed = if entry.is_delta() { Item { length: 0, ..item } } else { item };
        let is_damaged = |stream: &Stream, item: Item| {
            let (first, count) = (item.address.block(), item.length.div_ceil(stream.nominal.into()).max(1));
            let at = damaged.partition_point(|&(kind, block)| (kind.index(), block) < (stream.kind.index(), first));
            damaged.get(at).is_some_and(|&(kind, block)| kind == stream.kind && block < first.saturating_add(count))
        };
        if is_damaged(self.texts(), header_item) || is_damaged(stream, placed) {
            return Ok(false);
        }
        self.verify_address(stream, placed)?;
        self.verify_address(self.texts(), header_item)?;
        let header = text.item(self, self.texts(), header_item, false)?;
        let expected = id_length_field(&header);
        if entry.id_length.get() != expected {
            return Err(self.broken(
                "header table",
                "id_length",
                "C-2",
                ordinal,
                entry.id_length.get().into(),
                expected.into(),
            ));
        }
        if entry.is_irregular() {
            let index = self.layout_position(ordinal)?;
            let script = self.layout_script(index, ordinal)?;
            let byte_length = source_of(sources, ordinal);
            Script::parse(&script, item.length)
                .and_then(|script| script.check_source(byte_length))
                .map_err(crate::Error::format(self.path()))?;
        }
        if entry.is_delta() {
            sums.deltas.push((item.address.bits(), ordinal));
        }
        Ok(true)
    }

    /// Rules B-8 and B-9, from the directory alone.
    fn verify_address(&self, stream: &Stream, item: Item) -> Result<()> {
        let blocks = stream.directory.item_count;
        let (first, byte) = (item.address.block(), u64::from(item.address.byte()));
        let broken = |got, expected| Err(self.broken(stream.kind.name(), "address", "B-9", first, got, expected));
        if blocks == 0 {
            return if item.address.bits() == 0 && item.length == 0 { Ok(()) } else { broken(item.address.bits(), 0) };
        }
        if first >= blocks {
            return broken(first, blocks);
        }
        let decoded = u64::from(self.block_entry(stream, first)?.decoded_length.get());
        if byte > decoded {
            return broken(byte, decoded);
        }
        let nominal = u64::from(stream.nominal);
        let outside = |number, got, expected| {
            Err(self.broken(stream.kind.name(), "decoded_length", "B-8", number, got, expected))
        };
        if item.length <= nominal {
            let end = byte + item.length;
            return if end <= decoded { Ok(()) } else { outside(first, end, decoded) };
        }
        let mut left = item.length;
        for number in first..first.saturating_add(item.length.div_ceil(nominal)) {
            let decoded = u64::from(self.block_entry(stream, number)?.decoded_length.get());
            if byte != 0 || decoded != left.min(nominal) {
                return outside(number, decoded, left.min(nominal));
            }
            left -= decoded;
        }
        Ok(())
    }

    fn verify_layout_index(&self, findings: &Findings) {
        let mut least = 0;
        for index in 0..self.layout_count() {
            let Some(entry) = findings.note(self.layout_entry(index)) else { continue };
            let ordinal = entry.ordinal.get();
            if ordinal < least || ordinal >= self.len() {
                findings.add(self.broken("layout index", "ordinal", "L-1", index, ordinal, least));
            }
            least = ordinal.saturating_add(1);
        }
    }

    /// Slots ascend by address; as many records as slots and no address twice without `shared` make it a permutation.
    fn verify_order(&self, findings: &Findings) {
        if self.sections().physical_order.is_none() {
            return;
        }
        let mut before = None;
        for slot in 0..self.len() {
            let at = self.ordinal_in_slot(slot).and_then(|ordinal| Ok((self.sequence_address(ordinal)?, ordinal)));
            let Some(at) = findings.note(at) else { continue };
            if before.is_some_and(|before| at <= before) {
                findings.add(self.broken("physical order", "item", "C-6", slot, at.1, 0));
            }
            before = Some(at);
        }
    }
}

/// Bytes of the source that a record came from.
fn source_of(sources: &[Source], ordinal: u64) -> u64 {
    let at = sources.partition_point(|source| source.first_record <= ordinal);
    // A source without records starts where the next one does, so that the last one that starts here is the record's.
    at.checked_sub(1).and_then(|at| sources.get(at)).map_or(u64::MAX, |source| source.byte_length)
}

fn extend(ranges: &mut Vec<Range<u64>>, ordinal: u64) {
    match ranges.last_mut() {
        Some(last) if last.end == ordinal => last.end += 1,
        _ => ranges.push(ordinal..ordinal + 1),
    }
}
