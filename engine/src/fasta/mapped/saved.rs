//! The index in a file beside the FASTA: `x.fasta.talaria-index`.
//!
//! A header, a CRC-32 of each chunk, the items of the records, those of the names; little-endian. It is no part of the
//! container format and may change with any version of this crate: whoever does not know its version makes the index
//! anew. Its header says which FASTA it belongs to: by length, modification time, and a checksum of samples of the
//! text. A file that is rewritten with all three as they were is noticed where it is read, if its lines are not as the
//! index says.
//!
//! Opening reads the header and the CRCs, a thousandth of the file; a chunk is compared with its CRC when it is first
//! touched (every time, where the file is not mapped), so a damaged index gives an error.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::checksum::crc32;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::memory::settings::MemorySettings;
use crate::read::storage::Storage;
use crate::write::publish::Unpublished;

use super::entry::{Entry, MOST_RECORDS};
use super::make::Made;

/// The first bytes; what text-mode copies change is among them.
const MAGIC: [u8; 16] = *b"\x89talaria-index\r\n";
/// Of this layout.
const VERSION: u32 = 1;
/// Bytes of an entry.
const ENTRY: usize = size_of::<Entry>();
/// Bytes of the item of a name.
const NAME: usize = size_of::<u64>();
/// Bytes with a CRC of their own: whole items of both kinds.
const CHUNK: usize = 6144;
/// Bytes of the header.
const HEADER: usize = size_of::<Header>();
/// Samples of the text, and bytes of each.
const SAMPLES: (u64, u64) = (8, 512);

/// The start of the file.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    magic: [u8; 16],
    version: U32,
    /// The byte that ends lines of the FASTA.
    last_byte: u8,
    /// [`Alphabet`].
    alphabet: u8,
    reserved: [u8; 2],
    stamp: Stamp,
    records: U64,
    names: U64,
    residues: U64,
    /// CRC-32 of the CRCs.
    table: U32,
    /// CRC-32 of the header before this field.
    checksum: U32,
}

/// What tells one state of a FASTA file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Stamp {
    length: U64,
    seconds: U64,
    nanoseconds: U32,
    samples: U32,
}

impl Stamp {
    /// Of the file that is open as `storage`.
    pub(super) fn new(path: &Path, storage: &Storage) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(Error::io(path, "look at"))?;
        let (count, size) = SAMPLES;
        let mut samples = Vec::new();
        for sample in 0..count {
            let last = storage.len().saturating_sub(size);
            let offset = u64::try_from(u128::from(last) * u128::from(sample) / u128::from(count - 1)).unwrap_or(last);
            let length = usize::try_from(size.min(storage.len())).unwrap_or(0);
            samples.extend_from_slice(&storage.bytes(offset, length).map_err(Error::io(path, "read"))?);
        }
        Ok(Self {
            length: U64::new(storage.len()),
            seconds: U64::new(metadata.mtime().cast_unsigned()),
            nanoseconds: U32::new(u32::try_from(metadata.mtime_nsec()).unwrap_or(0)),
            samples: U32::new(crc32(&samples)),
        })
    }
}

/// The file of a FASTA file's index.
pub(super) fn path_of(fasta: &Path) -> PathBuf {
    let mut name = OsString::from(fasta);
    name.push(".talaria-index");
    name.into()
}

/// A saved index, open.
#[derive(Debug)]
pub(super) struct SavedIndex {
    path: PathBuf,
    storage: Storage,
    header: Header,
    /// A bit for each chunk that has been compared with its CRC, if the file is mapped.
    compared: Vec<AtomicU64>,
    _lease: Lease,
}

impl SavedIndex {
    /// Opens the index of `fasta`, if there is one.
    ///
    /// # Errors
    /// [`Error::Index`] if it is damaged or belongs to another state of the file; [`Error::Io`].
    pub(super) fn open(
        fasta: &Path,
        stamp: &Stamp,
        settings: &MemorySettings,
        budget: &Budget,
    ) -> Result<Option<Self>> {
        let path = path_of(fasta);
        if !path.exists() {
            return Ok(None);
        }
        let storage = Storage::open(&path, settings)?;
        let unfit = |reason: &str| Error::Index { path: path.clone(), reason: reason.into() };
        let read = |offset, length| storage.bytes(offset, length).map_err(Error::io(&path, "read"));
        if storage.len() < HEADER as u64 {
            return Err(unfit("is damaged: it is too short"));
        }
        let bytes = read(0, HEADER)?;
        let header = Header::read_from_bytes(&bytes).map_err(|_| unfit("is damaged: it is too short"))?;
        if header.magic != MAGIC {
            return Err(unfit("is not an index"));
        }
        if header.version.get() != VERSION {
            return Err(unfit("is of another version"));
        }
        if crc32(bytes.get(..HEADER - 4).unwrap_or_default()) != header.checksum.get() {
            return Err(unfit("is damaged: the checksum of its header is wrong"));
        }
        if header.stamp != *stamp {
            return Err(unfit("belongs to an earlier state of the FASTA file"));
        }
        let sane = header.records.get() <= MOST_RECORDS
            && header.names.get() <= stamp.length.get()
            && header.residues.get() <= stamp.length.get()
            && matches!(header.last_byte, b'\n' | b'\r');
        let (table, length) =
            sane.then(|| layout(&header)).ok_or_else(|| unfit("is damaged: its header makes no sense"))?;
        if storage.len() != length {
            return Err(unfit("is damaged: it has the wrong length"));
        }
        let _lease = budget.lease("the checksums of a saved index", if storage.borrows() { 0 } else { table })?;
        if crc32(&read(HEADER as u64, usize::try_from(table).unwrap_or(usize::MAX))?) != header.table.get() {
            return Err(unfit("is damaged: the checksum of its checksums is wrong"));
        }
        let marks = if storage.borrows() { (table / 4).div_ceil(64) } else { 0 };
        let lease = budget.lease("the marks of a saved index", marks * 8)?;
        let compared = (0..marks).map(|_| AtomicU64::new(0)).collect();
        Ok(Some(Self { storage, header, path, compared, _lease: lease }))
    }

    /// Records.
    pub(super) fn records(&self) -> u64 {
        self.header.records.get()
    }

    /// Items of names.
    pub(super) fn names(&self) -> u64 {
        self.header.names.get()
    }

    /// Residues of all records.
    pub(super) fn residues(&self) -> u64 {
        self.header.residues.get()
    }

    /// The byte that ends lines.
    pub(super) fn last_byte(&self) -> u8 {
        self.header.last_byte
    }

    /// What the residues are.
    pub(super) fn alphabet(&self) -> Alphabet {
        Alphabet::from_byte(self.header.alphabet).unwrap_or_default()
    }

    /// A record's entry.
    pub(super) fn entry(&self, ordinal: u64) -> Result<Entry> {
        let bytes: [u8; ENTRY] = self.item(0, self.records(), ordinal)?;
        Ok(zerocopy::transmute!(bytes))
    }

    /// A name's item.
    pub(super) fn name(&self, index: u64) -> Result<u64> {
        self.item(chunks(self.records(), ENTRY), self.names(), index).map(u64::from_le_bytes)
    }

    /// Item `index` of `count` in the section that starts with chunk `first`; its chunk is compared with its CRC.
    fn item<const N: usize>(&self, first: u64, count: u64, index: u64) -> Result<[u8; N]> {
        let each = (CHUNK / N) as u64;
        let chunk = first + index / each;
        let (table, _) = layout(&self.header);
        // The last chunk of a section is as long as its items.
        let items = count.saturating_sub(index / each * each).min(each);
        let length = usize::try_from(items).unwrap_or(0) * N;
        // The sections follow each other without a gap.
        let start = if first == 0 { 0 } else { self.records() * ENTRY as u64 };
        let offset = HEADER as u64 + table + start + index / each * CHUNK as u64;
        let read = |offset, length| self.storage.bytes(offset, length).map_err(Error::io(&self.path, "read"));
        let bytes = read(offset, length)?;
        let (mark, bit) = (self.compared.get(usize::try_from(chunk / 64).unwrap_or(usize::MAX)), 1 << (chunk % 64));
        if mark.is_none_or(|mark| mark.load(Ordering::Relaxed) & bit == 0) {
            let expected = read(HEADER as u64 + chunk * 4, 4)?;
            if crc32(&bytes).to_le_bytes()[..] != *expected {
                return Err(self.damaged("a checksum is wrong"));
            }
            if let Some(mark) = mark {
                mark.fetch_or(bit, Ordering::Relaxed);
            }
        }
        let at = usize::try_from(index % each).unwrap_or(0) * N;
        bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(|| self.damaged("an item is missing"))
    }

    /// The error for an index that contradicts itself.
    pub(super) fn damaged(&self, reason: &str) -> Error {
        Error::Index { path: self.path.clone(), reason: format!("is damaged: {reason}; remove it") }
    }
}

/// Chunks of `count` items of `size` bytes.
fn chunks(count: u64, size: usize) -> u64 {
    count.div_ceil((CHUNK / size) as u64)
}

/// Bytes of the CRCs and of the whole file. Counts have been checked: none is above 2^63 / 24.
fn layout(header: &Header) -> (u64, u64) {
    let (records, names) = (header.records.get(), header.names.get());
    let table = (chunks(records, ENTRY) + chunks(names, NAME)) * 4;
    let items = records.saturating_mul(ENTRY as u64).saturating_add(names.saturating_mul(NAME as u64));
    (table, items.saturating_add(table).saturating_add(HEADER as u64))
}

/// Writes the index of `fasta`.
pub(super) fn save(fasta: &Path, stamp: &Stamp, made: &Made, alphabet: Alphabet, budget: &Budget) -> Result<()> {
    let (entries, names) = (made.entries.items(), made.names.items());
    let mut header = Header {
        magic: MAGIC,
        version: U32::new(VERSION),
        last_byte: made.last_byte,
        alphabet: alphabet.byte(),
        reserved: [0; 2],
        stamp: *stamp,
        records: U64::new(entries.len() as u64),
        names: U64::new(names.len() as u64),
        residues: U64::new(made.residues),
        table: U32::new(0),
        checksum: U32::new(0),
    };
    let (table_length, _) = layout(&header);
    let _lease = budget.lease("the checksums of a saved index", table_length)?;
    let file = Unpublished::create(&path_of(fasta))?;
    let (mut table, mut buffer) = (Vec::new(), Vec::with_capacity(CHUNK));
    let mut offset = HEADER as u64 + table_length;
    let mut write = |bytes: &[u8]| {
        table.extend_from_slice(&crc32(bytes).to_le_bytes());
        file.write_at(bytes, offset)?;
        offset += bytes.len() as u64;
        Ok::<(), Error>(())
    };
    for chunk in entries.chunks(CHUNK / ENTRY) {
        write(chunk.as_bytes())?;
    }
    for chunk in names.chunks(CHUNK / NAME) {
        buffer.clear();
        buffer.extend(chunk.iter().flat_map(|item| item.to_le_bytes()));
        write(&buffer)?;
    }
    header.table = U32::new(crc32(&table));
    header.checksum = U32::new(crc32(header.as_bytes().get(..HEADER - 4).unwrap_or_default()));
    file.write_at(header.as_bytes(), 0)?;
    file.write_at(&table, HEADER as u64)?;
    file.publish()
}
