//! What a build is made from, brought to its parser as text: FASTA, containers, records of a program.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use talaria_db_spec::alphabet::are_residues;

use super::Run;
use crate::error::{Error, Result};
use crate::fasta::input::{CHUNK, Input, InputPath};
use crate::write::builder::OwnedRecord;
use crate::write::container_input::ContainerInput;

impl Run<'_> {
    /// The records of a FASTA file, of whatever compression.
    pub(super) fn fasta(&mut self, path: &InputPath) -> Result<()> {
        let memory = &self.settings.memory;
        let reserved = self.inputs_lease.bytes();
        self.inputs_lease.resize(reserved.saturating_sub(Input::least_memory(path, memory)))?;
        let mut input = Input::open(path.clone(), memory, &self.settings.budget)?;
        let mut parser = self.parser(path.as_path());
        let before = self.bytes_read;
        while let Some(chunk) = input.next_chunk()? {
            self.chunk(&mut parser, &chunk)?;
            self.manager.step();
            self.bytes_read = before + input.bytes_consumed();
            self.report("reading");
        }
        self.bytes_read = before + input.bytes_consumed();
        let compression = input.compression().byte();
        // Placed while the input still has its memory, so that columns do not take what the next one needs.
        let layout = self.end(&mut parser)?;
        let digest = input.finish()?;
        self.inputs_lease.resize(reserved)?;
        let name = path.as_path().file_name().unwrap_or(path.as_path().as_os_str()).to_string_lossy().into_owned();
        self.add_source(name, layout, digest.byte_length, compression, digest.sha256);
        Ok(())
    }

    /// The sources of a container go through the same parser, one after the other.
    pub(super) fn container(&mut self, path: &Path) -> Result<()> {
        let memory = &self.settings.memory;
        let reserved = self.inputs_lease.bytes();
        self.inputs_lease.resize(reserved.saturating_sub(ContainerInput::least_memory(path, memory)))?;
        let input = ContainerInput::open(path, memory, &self.settings.budget)?;
        let stored = std::fs::metadata(path).map_err(Error::io(path, "look at"))?.len();
        let text: u64 = input.sources().iter().fold(0, |sum, source| sum.saturating_add(source.byte_length));
        let (before, mut seen) = (self.bytes_read, 0_u64);
        for (number, source) in input.sources().iter().enumerate() {
            let mut parser = self.parser(path);
            input.for_each_chunk(number, |chunk| {
                self.chunk(&mut parser, chunk)?;
                self.manager.step();
                seen += chunk.len() as u64;
                let share = u128::from(stored) * u128::from(seen) / u128::from(text.max(seen));
                self.bytes_read = before + u64::try_from(share).unwrap_or(stored);
                self.report("reading");
                Ok(())
            })?;
            let layout = self.end(&mut parser)?;
            self.add_source(source.name.clone(), layout, source.byte_length, source.compression, source.sha256);
        }
        self.bytes_read = before + stored;
        self.commands.extend(input.commands()?);
        drop(input);
        self.inputs_lease.resize(reserved)
    }

    /// Records go through the same parser, as text; so what they look like on the way out is what they were on the way
    /// in.
    pub(super) fn records(
        &mut self,
        name: String,
        records: Box<dyn Iterator<Item = OwnedRecord> + Send>,
    ) -> Result<()> {
        let mut parser = self.parser(Path::new(&name));
        let (mut hasher, mut length, mut line) = (Sha256::new(), 0, 1);
        let mut text = Vec::new();
        for (header, residues) in records {
            let refused = |reason: &str| {
                let (path, reason) = (PathBuf::from(&name), reason.to_owned());
                Err(Error::Input { path, line, column: None, reason })
            };
            if header.iter().any(|&byte| byte == b'\n' || byte == b'\r') {
                return refused("the header text has a line end");
            }
            if !are_residues(&residues) {
                return refused("the sequence has a byte that is no residue");
            }
            if matches!(residues.first(), Some(b'>' | b';' | b'#')) {
                return refused("the sequence starts like a header or a comment");
            }
            line += 2;
            text.push(b'>');
            text.extend_from_slice(&header);
            text.push(b'\n');
            if !residues.is_empty() {
                text.extend_from_slice(&residues);
                text.push(b'\n');
            }
            if text.len() >= CHUNK {
                length += text.len() as u64;
                hasher.update(&text);
                for chunk in text.chunks(CHUNK) {
                    self.chunk(&mut parser, chunk)?;
                }
                text.clear();
                self.report("reading");
            }
        }
        length += text.len() as u64;
        hasher.update(&text);
        self.chunk(&mut parser, &text)?;
        let layout = self.end(&mut parser)?;
        self.add_source(name, layout, length, 0, hasher.finalize().into());
        Ok(())
    }
}
