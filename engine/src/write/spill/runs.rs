//! Sorted runs in one temporary file, and their merging.
//!
//! A run is a range of the file, and what merging makes of several of them is appended to the same file: one
//! descriptor, however many runs there are. A full pass over the data thus takes its space again until the end; no more
//! runs are merged beforehand than it takes to have few enough for the last merge, which writes nothing.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::collections::binary_heap::{BinaryHeap, PeekMut};
use std::io;
use std::ops::Range;

use super::Spill;
use super::file::SpillFile;
use super::frame::{FrameReader, FrameWriter};
use super::record::SortRecord;
use crate::error::{Error, Result};

/// The runs of a sorter.
#[derive(Debug)]
pub(super) struct Runs {
    file: SpillFile,
    /// In the order of their making, so that those merged already come last.
    ranges: VecDeque<Range<u64>>,
}

impl Runs {
    /// Memory for writing a run, with frames of up to `frame` bytes.
    pub(super) const fn write_memory(frame: usize) -> usize {
        frame + FrameWriter::memory(frame)
    }

    /// Memory for reading `count` runs at once.
    pub(super) const fn read_memory(count: usize, frame: usize) -> usize {
        (count + 1) * frame
    }

    /// No runs yet, in a file for `what`.
    pub(super) fn create(spill: &Spill, what: &'static str) -> Result<Self> {
        Ok(Self { file: SpillFile::create(spill, what)?, ranges: VecDeque::new() })
    }

    /// Writes one run of `records`, which are sorted.
    pub(super) fn write<R: SortRecord>(&mut self, records: &[R]) -> Result<()> {
        let mut run = RunWriter::new(&mut self.file);
        records.iter().try_for_each(|record| run.push(record))?;
        self.ranges.push_back(run.finish()?);
        Ok(())
    }

    /// The file.
    #[cfg(test)]
    pub(super) fn file(&self) -> &SpillFile {
        &self.file
    }

    /// Merges the runs, up to `fan_in` at once, until no more than `fan_in` are left; begins the merging of these.
    pub(super) fn merge<R: SortRecord>(mut self, fan_in: usize) -> Result<Merged<R>> {
        while self.ranges.len() > fan_in {
            let count = merged_at_once(self.ranges.len() as u64, fan_in as u64) as usize;
            let mut merge = Merge::<R>::new(&self.file, self.ranges.drain(..count))?;
            let mut run = RunWriter::new(&mut self.file);
            while let Some(record) = merge.next(run.file)? {
                run.push(&record)?;
            }
            self.ranges.push_back(run.finish()?);
        }
        let merge = Merge::new(&self.file, self.ranges.drain(..))?;
        Ok(Merged { merge, file: self.file })
    }
}

/// How many of `runs` runs, which are more than `fan_in`, are merged next: no more than it takes to have `fan_in` left.
pub(super) fn merged_at_once(runs: u64, fan_in: u64) -> u64 {
    fan_in.min(runs - fan_in + 1)
}

/// The last merge, as it goes on.
#[derive(Debug)]
pub(super) struct Merged<R> {
    merge: Merge<R>,
    file: SpillFile,
}

impl<R: SortRecord> Merged<R> {
    /// How many runs are being merged.
    pub(super) fn runs(&self) -> usize {
        self.merge.cursors.len()
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Result<Option<R>> {
        self.merge.next(&self.file)
    }

    /// An error of reading.
    pub(super) fn error(&self, kind: io::ErrorKind, text: &'static str) -> Error {
        unreadable(&self.file, io::Error::new(kind, text))
    }
}

/// Writes a run at the end of a file.
struct RunWriter<'a> {
    file: &'a mut SpillFile,
    start: u64,
    frame: usize,
    payload: Vec<u8>,
    frames: FrameWriter,
}

impl<'a> RunWriter<'a> {
    fn new(file: &'a mut SpillFile) -> Self {
        let (start, frame) = (file.len(), file.spill().frame());
        Self { file, start, frame, payload: Vec::with_capacity(frame), frames: FrameWriter::new(frame) }
    }

    /// Frames hold whole records.
    fn push<R: SortRecord>(&mut self, record: &R) -> Result<()> {
        if self.payload.len() + R::SIZE > self.frame {
            self.flush()?;
        }
        let at = self.payload.len();
        self.payload.resize(at + R::SIZE, 0);
        record.write(&mut self.payload[at..]);
        Ok(())
    }

    fn finish(mut self) -> Result<Range<u64>> {
        self.flush()?;
        self.file.spill().count_run();
        Ok(self.start..self.file.len())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.payload.is_empty() {
            self.frames.append(self.file, &self.payload)?;
            self.payload.clear();
        }
        Ok(())
    }
}

/// A k-way merge: a heap of the first record of each run. A record costs one sift in a heap of as many entries as runs.
#[derive(Debug)]
struct Merge<R> {
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Reverse<(R, usize)>>,
    stored: Vec<u8>,
}

impl<R: SortRecord> Merge<R> {
    fn new(file: &SpillFile, ranges: impl Iterator<Item = Range<u64>>) -> Result<Self> {
        let frame = file.spill().frame();
        let cursor =
            |range| Cursor { frames: FrameReader::new(range), payload: Vec::with_capacity(frame), position: 0 };
        let mut cursors = ranges.map(cursor).collect::<Vec<_>>();
        let mut stored = Vec::with_capacity(frame);
        let mut heap = BinaryHeap::with_capacity(cursors.len());
        for (index, cursor) in cursors.iter_mut().enumerate() {
            heap.extend(cursor.next(file, &mut stored)?.map(|record| Reverse((record, index))));
        }
        Ok(Self { cursors, heap, stored })
    }

    fn next(&mut self, file: &SpillFile) -> Result<Option<R>> {
        let Some(mut top) = self.heap.peek_mut() else { return Ok(None) };
        let Reverse((record, index)) = *top;
        match self.cursors[index].next(file, &mut self.stored)? {
            Some(next) => top.0.0 = next,
            None => {
                PeekMut::pop(top);
            }
        }
        Ok(Some(record))
    }
}

/// A place in a run.
#[derive(Debug)]
struct Cursor {
    frames: FrameReader,
    payload: Vec<u8>,
    position: usize,
}

impl Cursor {
    fn next<R: SortRecord>(&mut self, file: &SpillFile, stored: &mut Vec<u8>) -> Result<Option<R>> {
        if self.position == self.payload.len() {
            self.position = 0;
            let more = self.frames.next(file, stored, &mut self.payload);
            if !more.map_err(|error| unreadable(file, error))? {
                return Ok(None);
            }
        }
        let end = self.position + R::SIZE;
        let Some(record) = self.payload.get(self.position..end) else {
            let error = io::Error::new(io::ErrorKind::InvalidData, "a frame ends within a record");
            return Err(unreadable(file, error));
        };
        self.position = end;
        Ok(Some(R::read(record)))
    }
}

fn unreadable(file: &SpillFile, error: io::Error) -> Error {
    Error::io(file.spill().folder(), "read temporary data")(error)
}
