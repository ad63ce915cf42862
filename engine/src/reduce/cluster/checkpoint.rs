//! The state of a clustering after each finished round, kept in a file so that a run that was interrupted goes on after
//! it.
//!
//! One file in the folder that was given, written beside it and renamed over it once it is on disk. It begins with a
//! text that says of which container, options and version it is; a run for which that text differs refuses it, and
//! names the first line that does. Order and residues are not kept: both follow from the container in two passes. The
//! container of FASTA is built again, which is a small part of a clustering; that it is the same one follows from its
//! header, whose checksum covers those of all sections.
//!
//! The form is private to a version. A hash over all bytes comes last; a file whose hash differs, or which holds what
//! cannot be, is as good as none. Costs 20 bytes a record on disk, which the limit of temporary files does not count,
//! as they outlive the process, and a buffer of memory.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::RoundReport;
use super::assignment::{Assignment, State};
use crate::error::{Error, Result};
use crate::write::publish::Unpublished;

/// Its name in the folder.
const NAME: &str = "clustering.checkpoint";
const MAGIC: [u8; 8] = *b"TDB-CKPT";
/// Longest text that says what it is of, and most rounds.
const MOST_TEXT: u64 = 1 << 20;
const MOST_ROUNDS: u64 = 64;
/// Bytes that are written at once.
const BUFFER: usize = 64 << 10;

/// Where the state is kept, and what it is of.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    text: String,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// What is there is not what was written.
    Damaged,
    /// The state after some rounds.
    Rounds(Vec<RoundReport>),
}

impl Checkpoint {
    /// In a folder, which is made if it is not there, of what `text` says: lines of a key and its value.
    pub(crate) fn new(folder: &Path, text: String) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::io(folder, "make the folder"))?;
        Ok(Self { path: folder.join(NAME), text })
    }

    /// Keeps the state.
    pub(super) fn save(&self, state: &Assignment, rounds: &[RoundReport]) -> Result<()> {
        let file = Unpublished::create(&self.path)?;
        let mut writer = Writer { file: &file, buffer: Vec::with_capacity(BUFFER), at: 0, hash: Xxh3::new() };
        writer.push(&MAGIC)?;
        writer.push(&(self.text.len() as u64).to_le_bytes())?;
        writer.push(self.text.as_bytes())?;
        writer.push(&(rounds.len() as u64).to_le_bytes())?;
        for round in rounds.iter().flat_map(numbers) {
            writer.push(&round.to_le_bytes())?;
        }
        writer.push(&(state.len() as u64).to_le_bytes())?;
        for rank in 0..state.len() {
            for word in state.state(rank) {
                writer.push(&word.to_le_bytes())?;
            }
        }
        writer.flush()?;
        let hash = writer.hash.digest();
        file.write_at(&hash.to_le_bytes(), writer.at)?;
        file.publish()
    }

    /// Brings `state`, which is as new, to what was kept.
    ///
    /// # Errors
    /// [`Error::Option`] if what was kept is of something else, [`Error::Io`].
    pub(super) fn load(&self, state: &mut Assignment, most_rounds: usize) -> Result<Found> {
        let failed = || Error::io(&self.path, "read");
        let length = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(failed()(error)),
        };
        // Nothing is believed before the hash is right.
        let mut file = File::open(&self.path).map_err(failed())?;
        if !is_whole(&mut file, length).map_err(failed())? {
            return Ok(Found::Damaged);
        }
        let mut reader = Reader(BufReader::with_capacity(BUFFER, File::open(&self.path).map_err(failed())?));
        let Some(text) = reader.text().map_err(failed())? else { return Ok(Found::Damaged) };
        if text != self.text {
            let pairs = text.lines().zip(self.text.lines());
            let (kept, own) = pairs.into_iter().find(|(kept, own)| kept != own).unwrap_or(("more", "less"));
            let folder = self.path.parent().unwrap_or(Path::new("."));
            let reason = format!(
                "{} holds the state of another reduction ({kept}; this one: {own}): remove it or use another folder",
                folder.display()
            );
            return Err(Error::Option { option: "--resume", reason });
        }
        match reader.state(state, most_rounds).map_err(failed())? {
            Some(rounds) => Ok(Found::Rounds(rounds)),
            None => {
                state.reset();
                Ok(Found::Damaged)
            }
        }
    }

    /// Removes what was kept: it is not needed any more.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(&self.path, "remove")(error)),
            _ => Ok(()),
        }
    }
}

fn numbers(round: &RoundReport) -> [u64; 6] {
    let RoundReport { representatives, words, pairs, cut_groups, joined, refused } = *round;
    [representatives, words, pairs, cut_groups, joined, refused]
}

/// Whether the last eight bytes are the hash of the others.
fn is_whole(file: &mut File, length: u64) -> io::Result<bool> {
    let Some(mut left) = length.checked_sub(8) else { return Ok(false) };
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; BUFFER]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        let part = buffer.get_mut(..most).unwrap_or_default();
        file.read_exact(part)?;
        hash.update(part);
        left -= most as u64;
    }
    let mut last = [0; 8];
    file.read_exact(&mut last)?;
    Ok(u64::from_le_bytes(last) == hash.digest())
}

struct Writer<'f> {
    file: &'f Unpublished,
    buffer: Vec<u8>,
    at: u64,
    hash: Xxh3,
}

impl Writer<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_at(&self.buffer, self.at)?;
        self.hash.update(&self.buffer);
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

struct Reader(BufReader<File>);

impl Reader {
    fn number(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn text(&mut self) -> io::Result<Option<String>> {
        let mut magic = [0; 8];
        self.0.read_exact(&mut magic)?;
        let length = self.number()?;
        if magic != MAGIC || length > MOST_TEXT {
            return Ok(None);
        }
        let mut text = Vec::new();
        (&mut self.0).take(length).read_to_end(&mut text)?;
        Ok(String::from_utf8(text).ok())
    }

    /// None if it cannot be.
    fn state(&mut self, state: &mut Assignment, most_rounds: usize) -> io::Result<Option<Vec<RoundReport>>> {
        let count = self.number()?;
        if count > MOST_ROUNDS.min(most_rounds as u64) {
            return Ok(None);
        }
        let mut rounds = Vec::new();
        for _ in 0..count {
            rounds.push(RoundReport {
                representatives: self.number()?,
                words: self.number()?,
                pairs: self.number()?,
                cut_groups: self.number()?,
                joined: self.number()?,
                refused: self.number()?,
            });
        }
        if self.number()? != state.len() as u64 {
            return Ok(None);
        }
        for rank in 0..state.len() {
            let mut words: State = [0; 5];
            for word in &mut words {
                let mut bytes = [0; 4];
                self.0.read_exact(&mut bytes)?;
                *word = u32::from_le_bytes(bytes);
            }
            if !state.set_state(rank, words) {
                return Ok(None);
            }
        }
        Ok(Some(rounds))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Criterion, Scoring};
    use super::*;
    use crate::memory::budget::Budget;
    use crate::write::spill::Spill;

    const REPORT: RoundReport =
        RoundReport { representatives: 3, words: 9, pairs: 5, cut_groups: 0, joined: 1, refused: 0 };

    #[test]
    fn any_damage_is_found_and_nothing_of_it_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(1 << 20), folder.path().to_path_buf(), None);
        let context = Context {
            spill: &spill,
            scoring: Scoring::Protein,
            criterion: Criterion::default(),
            both_strands: true,
            ranks: None,
            old: None,
            keep: 0,
            progress: &|_, _, _| {},
        };
        let fresh = || Assignment::new(&context, 3).unwrap();
        let all = |state: &Assignment| (0..3).map(|rank| state.state(rank)).collect::<Vec<_>>();
        let checkpoint = |text: &str| Checkpoint::new(&folder.path().join("kept"), text.to_owned()).unwrap();
        let own = checkpoint("options one\n");
        assert!(matches!(own.load(&mut fresh(), 2).unwrap(), Found::Nothing));

        let mut state = fresh();
        assert!(state.set_state(1, [0, 7, 9_000 << 16 | 8_000, u32::MAX, u32::MAX]));
        assert!(state.set_state(0, [0, 0, 10_000 << 16 | 10_000, 1, u32::MAX]));
        for impossible in [[3, 0, 0, 0, 0], [0, 0, 10_001 << 16, 0, 0], [0, 0, 0, 3, 0], [0, 0, 0, 0, 3]] {
            assert!(!state.set_state(2, impossible), "{impossible:?}");
        }
        own.save(&state, &[REPORT]).unwrap();
        let mut loaded = fresh();
        assert!(matches!(own.load(&mut loaded, 2).unwrap(), Found::Rounds(rounds) if rounds == [REPORT]));
        assert_eq!(all(&loaded), all(&state));
        assert!(matches!(own.load(&mut fresh(), 0).unwrap(), Found::Damaged), "more rounds than there are");
        let refused = checkpoint("options two\n").load(&mut fresh(), 2).unwrap_err().to_string();
        assert!(refused.contains("options one; this one: options two"), "{refused}");

        let bytes = fs::read(&own.path).unwrap();
        let damaged = (0..bytes.len()).map(|at| {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x11;
            damaged
        });
        for damaged in damaged.chain((0..bytes.len()).map(|length| bytes[..length].to_vec())) {
            fs::write(&own.path, &damaged).unwrap();
            let mut state = fresh();
            assert!(matches!(own.load(&mut state, 2).unwrap(), Found::Damaged));
            assert_eq!(all(&state), all(&fresh()));
            // Where the hash is made right again, nothing panics.
            if let Some(last) = damaged.len().checked_sub(8) {
                let hash = xxhash_rust::xxh3::xxh3_64(&damaged[..last]);
                fs::write(&own.path, [&damaged[..last], &hash.to_le_bytes()[..]].concat()).unwrap();
                let _ = own.load(&mut state, 2);
            }
        }
        own.remove().unwrap();
        own.remove().unwrap();
        assert!(matches!(own.load(&mut fresh(), 2).unwrap(), Found::Nothing));
    }
}
