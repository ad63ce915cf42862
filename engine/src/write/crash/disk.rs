//! A plain model of a disk: what is safe, and what a power cut may take or leave.
//!
//! Bytes are safe once their file was synced after them, names once their folder was. Everything since may be on the
//! disk or not, each change by itself: a write without the one before it, a name without the bytes, a sector of a write
//! without the next one. That is more than any one file system does.

use std::collections::BTreeMap;

use super::record::Operation;

/// The unit that a disk writes whole.
pub(super) const SECTOR: usize = 512;

/// Names and bytes of a folder.
pub(super) type Folder = BTreeMap<String, Vec<u8>>;

/// A disk with one folder.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    unsynced_names: Vec<Name>,
}

#[derive(Debug, Default)]
struct File {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Empty,
    Write(u64, Vec<u8>),
}

#[derive(Debug, Clone)]
enum Name {
    Link(String, usize),
    Unlink(String),
    Rename(String, String, usize),
}

impl Disk {
    /// A disk that holds these files, safely.
    pub(super) fn new(folder: &Folder) -> Self {
        let mut disk = Self::default();
        for (name, bytes) in folder {
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(File { synced: bytes.clone(), unsynced: Vec::new() });
        }
        disk
    }

    /// What running processes see.
    fn live_names(&self) -> BTreeMap<String, usize> {
        self.names_with(|_| true)
    }

    fn live(&mut self, name: &str) -> &mut File {
        let at = self.live_names()[name];
        &mut self.files[at]
    }

    /// Does what was recorded.
    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation.clone() {
            Operation::Create { path } => {
                if !self.live_names().contains_key(&path) {
                    self.unsynced_names.push(Name::Link(path, self.files.len()));
                    self.files.push(File::default());
                }
            }
            Operation::Empty { path } => self.live(&path).unsynced.push(Change::Empty),
            Operation::Write { path, offset, bytes } => self.live(&path).unsynced.push(Change::Write(offset, bytes)),
            Operation::Sync { path } => {
                let file = self.live(&path);
                file.synced = file.bytes_with(|_, _| true);
                file.unsynced.clear();
            }
            Operation::Rename { from, to } => {
                let file = self.live_names()[&from];
                self.unsynced_names.push(Name::Rename(from, to, file));
            }
            Operation::Remove { path } => self.unsynced_names.push(Name::Unlink(path)),
            Operation::SyncFolder => {
                self.names = self.live_names();
                self.unsynced_names.clear();
            }
        }
    }

    /// Changes that are not safe: of names, then of all files.
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced_names.len() + self.files.iter().map(|file| file.unsynced.len()).sum::<usize>()
    }

    fn names_with(&self, mut keeps: impl FnMut(usize) -> bool) -> BTreeMap<String, usize> {
        let mut names = self.names.clone();
        for (_, change) in self.unsynced_names.iter().enumerate().filter(|(index, _)| keeps(*index)) {
            match change {
                Name::Link(name, file) => drop(names.insert(name.clone(), *file)),
                Name::Unlink(name) => drop(names.remove(name)),
                Name::Rename(from, to, file) => {
                    names.remove(from);
                    names.insert(to.clone(), *file);
                }
            }
        }
        names
    }

    /// The folder after a power cut. `keeps` says of each unsynced change by its number, and of each sector of a write,
    /// whether it reached the disk.
    pub(super) fn after_cut(&self, keeps: impl Fn(usize, usize) -> bool) -> Folder {
        let names = self.names_with(|index| keeps(index, 0));
        let mut first = self.unsynced_names.len();
        let mut bytes = Vec::new();
        for file in &self.files {
            bytes.push((file, first));
            first += file.unsynced.len();
        }
        let content = |file: usize| {
            let (file, first) = bytes[file];
            file.bytes_with(|index, sector| keeps(first + index, sector))
        };
        names.into_iter().map(|(name, file)| (name, content(file))).collect()
    }
}

impl File {
    fn bytes_with(&self, mut keeps: impl FnMut(usize, usize) -> bool) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (index, change) in self.unsynced.iter().enumerate() {
            match change {
                Change::Empty if keeps(index, 0) => bytes.clear(),
                Change::Empty => {}
                Change::Write(offset, written) => {
                    let mut at = *offset as usize;
                    let mut left = &written[..];
                    while !left.is_empty() {
                        // Sectors lie by their place in the file.
                        let (now, later) = left.split_at((SECTOR - at % SECTOR).min(left.len()));
                        if keeps(index, at / SECTOR) {
                            let end = at + now.len();
                            if bytes.len() < end {
                                bytes.resize(end, 0);
                            }
                            bytes[at..end].copy_from_slice(now);
                        }
                        at += now.len();
                        left = later;
                    }
                }
            }
        }
        bytes
    }
}
