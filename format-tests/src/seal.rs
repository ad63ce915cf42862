//! Seals whatever can be found of a container in bytes that may be none: what is left to stand between them and the
//! reader are the rules.
//!
//! [`crate::image::Image`] seals what lies above one change and counts on the rest; this counts on nothing, and leaves
//! alone what it does not find.

use std::ops::Range;

use talaria_db::read::stream::StreamKind;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::forever::PAGE;
use talaria_db_spec::header::Header;
use talaria_db_spec::section::{CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionEntry, SectionKind};
use talaria_db_spec::trailer::Trailer;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, IntoBytes};

/// Makes all checksums fit, and lengths and counts of header and trailer.
pub fn seal(bytes: &mut [u8]) {
    let Ok((mut header, _)) = Header::read_from_prefix(bytes) else { return };
    let Some(end) = bytes.len().checked_sub(size_of::<Trailer>()) else { return };
    header.file_length = U64::new(bytes.len() as u64);
    let length = u64::from(header.section_count.get()) * size_of::<SectionEntry>() as u64;
    if let Some(table) = range(header.table_offset.get(), length, bytes.len()) {
        let mut entries = <[SectionEntry]>::ref_from_bytes(&bytes[table.clone()]).unwrap().to_vec();
        seal_sections(&mut entries, bytes);
        bytes[table.clone()].copy_from_slice(entries.as_bytes());
        header.table_checksum = U32::new(crc32(&bytes[table]));
    }
    header.header_checksum = U32::new(header.compute_checksum());
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bytes[end..].copy_from_slice(Trailer::for_header(&header).as_bytes());
}

/// From below: blocks in their directories, pages in the page checksums, sections in the table.
fn seal_sections(entries: &mut [SectionEntry], bytes: &mut [u8]) {
    let find = |entries: &[SectionEntry], kind: SectionKind, length: usize| {
        let entry = entries.iter().find(|entry| entry.kind.get() == kind.number())?;
        range(entry.offset.get(), entry.length.get(), length)
    };
    for stream in StreamKind::ALL {
        let (directory, blocks) = stream.sections();
        let (directory, blocks) = (find(entries, directory, bytes.len()), find(entries, blocks, bytes.len()));
        if let Some((directory, blocks)) = directory.zip(blocks) {
            seal_blocks(directory, blocks, bytes);
        }
    }
    let pages = find(entries, SectionKind::PageChecksums, bytes.len());
    for entry in entries.iter_mut() {
        let Some(section) = range(entry.offset.get(), entry.length.get(), bytes.len()) else { continue };
        if entry.checksum_kind.get() == CHECKSUM_PAGES {
            let sums = bytes[section].chunks(usize::try_from(PAGE).unwrap()).flat_map(|page| crc32(page).to_le_bytes());
            let run: Vec<u8> = sums.collect();
            let Some(pages) = pages.clone() else { continue };
            let first = entry.first_page.get().saturating_mul(4);
            let Some(place) = range(first, run.len() as u64, pages.len()) else { continue };
            bytes[pages][place].copy_from_slice(&run);
            entry.checksum = U32::new(crc32(&run));
        }
    }
    for entry in entries.iter_mut().filter(|entry| entry.checksum_kind.get() == CHECKSUM_WHOLE) {
        if let Some(section) = range(entry.offset.get(), entry.length.get(), bytes.len()) {
            entry.checksum = U32::new(crc32(&bytes[section]));
        }
    }
}

fn seal_blocks(directory: Range<usize>, blocks: Range<usize>, bytes: &mut [u8]) {
    let items = directory.step_by(size_of::<BlockEntry>());
    for at in items {
        let Ok((mut entry, _)) = BlockEntry::read_from_prefix(&bytes[at..]) else { return };
        if let Some(stored) = range(entry.offset.get(), entry.stored_length.get().into(), blocks.len()) {
            entry.checksum = U32::new(crc32(&bytes[blocks.clone()][stored]));
            bytes[at..at + size_of::<BlockEntry>()].copy_from_slice(entry.as_bytes());
        }
    }
}

/// Where it is, if it is inside of `all` bytes.
fn range(offset: u64, length: u64, all: usize) -> Option<Range<usize>> {
    let (start, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
    start.checked_add(length).filter(|end| *end <= all).map(|end| start..end)
}

#[cfg(test)]
mod tests {
    use talaria_db_spec::trailer::Trailer;

    use super::seal;
    use crate::ladder::RUNGS;

    #[test]
    fn a_sealed_file_is_what_it_was_and_a_broken_one_becomes_it() {
        for rung in RUNGS {
            let sound = rung.container();
            let mut sealed = sound.clone();
            seal(&mut sealed);
            assert!(sealed == sound, "{}: sealing changes a sound file", rung.name);
            let trailer = sealed.len() - size_of::<Trailer>();
            sealed[trailer..].fill(0);
            seal(&mut sealed);
            assert!(sealed == sound, "{}: a lost seal is not made anew", rung.name);
        }
        for length in 0..300 {
            seal(&mut vec![0xFF; length]);
        }
    }
}
