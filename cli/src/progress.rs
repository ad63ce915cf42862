//! How far a build or a reduction has come: a bar on a terminal, else a line now and then, as for the log of a batch
//! job.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use talaria_db::Progress;

use crate::message::say;
use crate::monitor::Words;
use crate::sizes;

/// What shows the progress.
pub(crate) enum Reporter {
    /// Nothing does.
    Silent,
    /// A bar.
    Bar(ProgressBar, Words),
    /// Lines.
    Lines(Lines),
}

impl Reporter {
    /// A bar if standard error is a terminal, else a line every `interval`.
    pub(crate) fn new(interval: Duration, memory: Words) -> Self {
        Self::with_template(
            interval,
            memory,
            "{msg:9} {wide_bar} {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} left",
        )
    }

    /// The same for work that is counted in records.
    pub(crate) fn of_records(interval: Duration, memory: Words) -> Self {
        Self::with_template(interval, memory, "{msg:9} {wide_bar} {human_pos} of {human_len} records, {eta} left")
    }

    fn with_template(interval: Duration, memory: Words, template: &str) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines(Lines::new(interval, memory));
        }
        let template = if memory.is_detailed() { format!("{template}\n{{prefix}}") } else { template.to_owned() };
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::Bar(ProgressBar::no_length().with_style(style).with_finish(ProgressFinish::AndClear), memory)
    }

    /// Shows how many of how many records a stage has seen, if it is time to.
    pub(crate) fn show_records(&self, stage: &'static str, seen: u64, total: u64) {
        match self {
            Self::Silent => {}
            Self::Bar(bar, memory) => {
                show_memory(bar, memory);
                bar.set_length(total);
                bar.set_message(stage);
                bar.set_position(seen);
            }
            Self::Lines(lines) => lines.say(|elapsed, memory| {
                let of = if total == 0 { String::new() } else { format!(" of {}", sizes::number(total)) };
                format!("{stage}: {}{of} records, {} elapsed, {memory}", sizes::number(seen), sizes::clock(elapsed))
            }),
        }
    }

    /// Shows it, if it is time to.
    pub(crate) fn show(&self, progress: &Progress) {
        match self {
            Self::Silent => {}
            Self::Bar(bar, memory) => {
                show_memory(bar, memory);
                if let Some(total) = progress.bytes_total {
                    bar.set_length(total);
                }
                bar.set_message(progress.stage);
                bar.set_position(progress.bytes_read);
            }
            Self::Lines(lines) => lines.say(|elapsed, memory| line(progress, elapsed, &memory)),
        }
    }
}

/// Lines, at most one in an interval.
pub(crate) struct Lines {
    interval: Duration,
    started: Instant,
    last: Mutex<Instant>,
    memory: Words,
}

impl Lines {
    fn new(interval: Duration, memory: Words) -> Self {
        let started = Instant::now();
        Self { interval, started, last: Mutex::new(started), memory }
    }

    /// Says what `line` makes of the time so far and of the memory in use, if it is time to.
    fn say(&self, line: impl FnOnce(Duration, String) -> String) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(*last) >= self.interval {
            *last = now;
            say(format_args!("{}", line(now.duration_since(self.started), self.memory.now())));
        }
    }
}

fn show_memory(bar: &ProgressBar, memory: &Words) {
    if memory.is_detailed() {
        bar.set_prefix(memory.now());
    }
}

fn line(progress: &Progress, elapsed: Duration, memory: &str) -> String {
    let read = sizes::bytes(progress.bytes_read);
    let of = progress.bytes_total.map_or(String::new(), |total| format!(" of {}", sizes::bytes(total)));
    let left = remaining(progress, elapsed).map_or(String::new(), |left| format!(", {} left", sizes::clock(left)));
    format!(
        "{}: {read}{of}, {}, {}, {} elapsed{left}, {memory}",
        progress.stage,
        sizes::counted(progress.records, "record"),
        sizes::counted(progress.residues, "residue"),
        sizes::clock(elapsed),
    )
}

/// The time until all inputs are read, at the pace so far. What follows takes a small part of it.
fn remaining(progress: &Progress, elapsed: Duration) -> Option<Duration> {
    let left = progress.bytes_total?.checked_sub(progress.bytes_read).filter(|&left| left > 0)?;
    if progress.bytes_read == 0 {
        return None;
    }
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * left as f64 / progress.bytes_read as f64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line() {
        let stage = "reading";
        let mut progress =
            Progress { stage, bytes_read: 1 << 20, bytes_total: Some(3 << 20), records: 1, residues: 9999 };
        let elapsed = Duration::from_secs(30);
        assert_eq!(
            line(&progress, elapsed, "memory 1.0 MiB of 1.0 GiB"),
            "reading: 1.0 MiB of 3.0 MiB, 1 record, 9,999 residues, 0:30 elapsed, 1:00 left, memory 1.0 MiB of 1.0 GiB"
        );
        progress.bytes_total = None;
        assert!(!line(&progress, elapsed, "").contains("left"));
        progress = Progress { bytes_read: 0, bytes_total: Some(9), ..progress };
        assert_eq!(remaining(&progress, elapsed), None);
    }
}
