//! The digest of the whole: what export gives back is what came in.

use std::io::{self, Write};
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::Findings;
use crate::database::Database;
use crate::error::Result;
use crate::read::export::{ExportOptions, WINDOW_SHARE};
use crate::read::window::Windows;

/// Hashes what is written.
struct Hashing {
    hasher: Sha256,
    length: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Database {
    pub(super) fn verify_sources(&self, findings: &Findings) -> Result<u64> {
        let Some(sources) = findings.note(self.sources()) else { return Ok(0) };
        let options = ExportOptions::default();
        let wants = |ordinals: Range<u64>| Ok(ordinals.map(|_| true).collect());
        let mut windows = Windows::new(self, self.len(), WINDOW_SHARE, &wants);
        for (index, source) in sources.iter().enumerate() {
            let mut hashing = Hashing { hasher: Sha256::new(), length: 0 };
            if findings.note(self.export_source(&mut hashing, source, &options, &mut windows)).is_none() {
                continue;
            }
            let digest: [u8; 32] = hashing.hasher.finalize().into();
            if hashing.length != source.byte_length {
                let got = hashing.length;
                findings.add(self.broken("sources", "byte_length", "P-4", index as u64, got, source.byte_length));
            } else if digest != source.sha256 {
                let word = |bytes: &[u8; 32]| bytes.iter().take(8).fold(0, |word, &byte| word << 8 | u64::from(byte));
                let (got, expected) = (word(&digest), word(&source.sha256));
                findings.add(self.broken("sources", "digest", "P-4", index as u64, got, expected));
            }
        }
        Ok(sources.len() as u64)
    }
}
