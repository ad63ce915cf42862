//! Reading a file of a stage.
//!
//! What the trailer says is checked when the file is opened; each frame when it is read; that there are as many items
//! as there should be, in order, when the last one is. Whoever reads checks that numbers of records are among those
//! that there are.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::head::{Head, Kind};
use super::writer::{END, HEAD, Item, MAGIC, PREFIX, SECTIONS, Section, TRAILER, VERSION, hash};
use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::write::spill::{FRAME, FrameReader, FrameSource};

/// Most bytes of a head: more shards than that are too many.
const MOST_HEAD: u64 = 64 << 20;
/// Bytes of memory of who reads items: a frame, and its stored form.
const MEMORY: u64 = 2 * FRAME as u64;

/// A file, open.
#[derive(Debug)]
pub(super) struct StageFile {
    path: PathBuf,
    file: File,
    head: Head,
    sections: [Section; SECTIONS],
    budget: Budget,
    /// For the head.
    _lease: Lease,
}

struct Source<'f>(&'f File, &'static str);

impl FrameSource for Source<'_> {
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_exact_at(into, at)
    }

    fn frame(&self) -> usize {
        FRAME
    }

    fn what(&self) -> &str {
        self.1
    }
}

impl StageFile {
    /// # Errors
    /// [`Error::Stage`] if it is none, or not what was written; [`Error::Io`].
    pub(super) fn open(path: &Path, budget: &Budget) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        let sections = sections(&file, path)?;
        let (head, lease) = read_head(&file, path, sections[HEAD], budget)?;
        Ok(Self { path: path.to_path_buf(), file, head, sections, budget: budget.clone(), _lease: lease })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(super) fn kind(&self) -> Kind {
        self.head.kind
    }

    /// Items of a section.
    pub(super) fn len(&self, section: usize) -> u64 {
        self.sections[section].items
    }

    /// An error that says so of this file.
    pub(super) fn damaged(&self, reason: &str) -> Error {
        Error::Stage { path: self.path.clone(), reason: format!("the file is damaged: {reason}") }
    }

    /// All items of a section, in order.
    pub(super) fn items<I: Item>(&self, section: usize) -> Result<Items<'_, I>> {
        let Section { start, end, items, .. } = self.sections[section];
        self.read(start, end, Some(items), 0, None)
    }

    /// The items of a section, which is sorted, whose first number is at least `from`, and less than `to`.
    pub(super) fn range<I: Item>(&self, section: usize, from: u64, to: Option<u64>) -> Result<Items<'_, I>> {
        let index = self.index(section)?;
        let Section { start, end, .. } = self.sections[section];
        // The last frame that begins before may end with what is wanted.
        let before = index.entries.partition_point(|&(first, _)| first < from).saturating_sub(1);
        let at = index.entries.get(before).map_or(start, |&(_, place)| place);
        if !(start..=end).contains(&at) {
            return Err(self.damaged("an index points beside its section"));
        }
        self.read(at, end, None, from, to)
    }

    fn read<I: Item>(
        &self,
        start: u64,
        end: u64,
        left: Option<u64>,
        from: u64,
        to: Option<u64>,
    ) -> Result<Items<'_, I>> {
        let lease = self.budget.lease("reading a stage's file", MEMORY)?;
        let (stored, payload) = (Vec::with_capacity(FRAME), Vec::with_capacity(FRAME));
        let frames = FrameReader::new(start..end);
        Ok(Items {
            file: self,
            frames,
            stored,
            payload,
            at: 0,
            left,
            from,
            to,
            last: None,
            over: false,
            _lease: lease,
            item: PhantomData,
        })
    }

    /// Where the frames of a section begin.
    pub(super) fn index(&self, section: usize) -> Result<Index> {
        let Section { end, index_end, .. } = self.sections[section];
        let mut lease = self.budget.lease("the index of a stage's file", MEMORY)?;
        let (mut stored, mut payload, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        let mut frames = FrameReader::new(end..index_end);
        while self.next_frame(&mut frames, &mut stored, &mut payload)? {
            let (words, _) = payload.as_chunks::<8>();
            let (pairs, rest) = words.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(self.damaged("an index ends within an entry"));
            }
            // By what comes out, which may be much more than what is stored; as much again while it is moved.
            lease.resize(MEMORY + 32 * (entries.len() + pairs.len()) as u64)?;
            entries.extend(pairs.iter().map(|[first, place]| (u64::from_le_bytes(*first), u64::from_le_bytes(*place))));
        }
        Ok(Index { entries, _lease: lease })
    }

    fn next_frame(&self, frames: &mut FrameReader, stored: &mut Vec<u8>, payload: &mut Vec<u8>) -> Result<bool> {
        let source = Source(&self.file, self.head.kind.name());
        frames.next(&source, stored, payload).map_err(|error| unreadable(&self.path, error))
    }
}

/// First numbers and places of frames.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) entries: Vec<(u64, u64)>,
    _lease: Lease,
}

/// Items, as they are read. An error is the last one.
#[derive(Debug)]
pub(super) struct Items<'f, I> {
    file: &'f StageFile,
    frames: FrameReader,
    stored: Vec<u8>,
    payload: Vec<u8>,
    at: usize,
    /// Items that must still come, if all are read.
    left: Option<u64>,
    from: u64,
    to: Option<u64>,
    last: Option<u64>,
    over: bool,
    _lease: Lease,
    item: PhantomData<I>,
}

impl<I: Item> Items<'_, I> {
    fn read(&mut self) -> Result<Option<I>> {
        if self.at == self.payload.len() {
            self.at = 0;
            if !self.file.next_frame(&mut self.frames, &mut self.stored, &mut self.payload)? {
                return match self.left {
                    Some(1..) => Err(self.file.damaged("it has fewer items than it says")),
                    _ => Ok(None),
                };
            }
        }
        let Some(bytes) = self.payload.get(self.at..self.at + I::SIZE) else {
            return Err(self.file.damaged("a frame ends within an item"));
        };
        self.at += I::SIZE;
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or_else(|| self.file.damaged("it has more items than it says"))?;
        }
        Ok(Some(I::read(bytes)))
    }

    fn read_wanted(&mut self) -> Result<Option<I>> {
        while let Some(item) = self.read()? {
            let first = item.first();
            if self.file.kind() != Kind::Clusters && self.last.is_some_and(|last| last > first) {
                return Err(self.file.damaged("items are not in order"));
            }
            self.last = Some(first);
            if self.to.is_some_and(|to| first >= to) {
                return Ok(None);
            }
            if first >= self.from {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }
}

impl<I: Item> Iterator for Items<'_, I> {
    type Item = Result<I>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.read_wanted();
        self.over = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// Where the sections are, which must lie one after the other and fill the file.
fn sections(file: &File, path: &Path) -> Result<[Section; SECTIONS]> {
    let wrong = |reason: &str| Err(Error::Stage { path: path.to_path_buf(), reason: reason.to_owned() });
    let failed = || Error::io(path, "read");
    let metadata = file.metadata().map_err(failed())?;
    let length = metadata.len();
    let mut first = [0; PREFIX];
    if !metadata.is_file() || length < PREFIX as u64 {
        return wrong("it is no file of a stage, nor a container");
    }
    file.read_exact_at(&mut first, 0).map_err(failed())?;
    let (magic, version) = first.split_at(MAGIC.len());
    if magic != MAGIC {
        return wrong("it is no file of a stage, nor a container");
    }
    if version != VERSION.to_le_bytes() {
        return wrong("it has a form that this program does not know: the file is of another version, or damaged");
    }
    let Some(behind) = length.checked_sub(TRAILER as u64) else { return wrong("the file is cut short") };
    let mut trailer = [0; TRAILER];
    file.read_exact_at(&mut trailer, behind).map_err(failed())?;
    let (table, proof) = trailer.split_at(SECTIONS * 32);
    let (words, _) = table.as_chunks::<8>();
    let (known, end) = proof.split_at(8);
    if end != END {
        return wrong("the file is cut short");
    }
    if known != hash(table).to_le_bytes() {
        return wrong("the file is damaged: its table of sections is not what was written");
    }
    let (mut sections, mut at) = ([Section::default(); SECTIONS], PREFIX as u64);
    for (section, numbers) in sections.iter_mut().zip(words.as_chunks::<4>().0) {
        let [start, end, index_end, items] = numbers.map(u64::from_le_bytes);
        if start != at || end < start || index_end < end {
            return wrong("the file is damaged: its sections are not one after the other");
        }
        *section = Section { start, end, index_end, items };
        at = index_end;
    }
    if at == behind { Ok(sections) } else { wrong("the file is damaged: its sections do not fill it") }
}

fn read_head(file: &File, path: &Path, section: Section, budget: &Budget) -> Result<(Head, Lease)> {
    let wrong = |reason: String| Error::Stage { path: path.to_path_buf(), reason };
    let damaged = || wrong("the file is damaged: what it says of itself is not what was written".to_owned());
    if section.items > MOST_HEAD {
        return Err(damaged());
    }
    // Names of shards are strings of their own, and copied once.
    let lease = budget.lease("what a stage's file says of itself", 4 * section.items + MEMORY)?;
    let (mut stored, mut payload, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut frames = FrameReader::new(section.start..section.end);
    while frames.next(&Source(file, "head"), &mut stored, &mut payload).map_err(|error| unreadable(path, error))? {
        bytes.extend_from_slice(&payload);
        if bytes.len() as u64 > section.items {
            return Err(damaged());
        }
    }
    if bytes.len() as u64 != section.items {
        return Err(damaged());
    }
    Ok((Head::decode(&bytes).map_err(wrong)?, lease))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData => Error::Stage { path: path.to_path_buf(), reason: error.to_string() },
        ErrorKind::UnexpectedEof => {
            Error::Stage { path: path.to_path_buf(), reason: "the file is cut short".to_owned() }
        }
        _ => Error::io(path, "read")(error),
    }
}
