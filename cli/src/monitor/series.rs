//! The series of `--monitor-memory=FILE.json`: one object, with a look a line.
//!
//! Every look is written at once, so that what led to a kill can be read afterwards; then the last line, with the
//! peaks, is missing.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use talaria_db::memory::monitor::MemoryUsage;
use talaria_db::memory::watch::MemorySample;

use crate::failure::{Failure, Result};

/// A series as it grows.
#[derive(Debug)]
pub(super) struct Series {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    looks: u64,
    /// The first error; there is nothing to write after it.
    failed: Option<std::io::Error>,
}

impl Series {
    /// An empty one, in place of what has this name.
    pub(super) fn create(path: &Path, limit: u64) -> Result<Self> {
        let mut file = File::create(path).map_err(Failure::io(path, "create"))?;
        write!(file, "{{\"limit\":{limit},\"samples\":[").map_err(Failure::io(path, "write"))?;
        Ok(Self { path: path.to_path_buf(), state: Mutex::new(State { file, looks: 0, failed: None }) })
    }

    /// Adds a look.
    pub(super) fn add(&self, sample: &MemorySample) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return;
        }
        let mut look = as_json(&sample.usage);
        look["seconds"] = json!(sample.elapsed.as_secs_f64());
        look["status"] = json!(sample.status.name());
        look["share"] = json!(sample.share);
        let before = if state.looks == 0 { "" } else { "," };
        state.looks += 1;
        let line = format!("{before}\n{look}");
        state.failed = state.file.write_all(line.as_bytes()).err();
    }

    /// Ends it with the peaks, or says what went wrong while it grew.
    pub(super) fn finish(&self, peak: &MemoryUsage) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match state.failed.take() {
            Some(error) => Err(error),
            None => writeln!(state.file, "\n],\"peak\":{}}}", as_json(peak)),
        };
        written.map_err(Failure::io(&self.path, "write"))
    }
}

fn as_json(usage: &MemoryUsage) -> Value {
    json!({
        "anonymous": usage.anonymous,
        "mapped": usage.mapped,
        "cache": usage.cache,
        "spill": usage.spill,
        "budget": usage.budget,
    })
}
