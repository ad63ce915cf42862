//! All that can be asked of a container, be it hostile.
//!
//! Nothing may panic, run away or take more memory than [`MEMORY`]. What a damaged file answers is not looked at, as it
//! may be another file's truth; what a full check calls sound must give all its answers, the same by every way.

use std::io::{self, Write};
use std::sync::Mutex;

use talaria_db::memory::budget::Budget;
use talaria_db::read::export::{ExportOptions, Selection};
use talaria_db::read::filter::Filter;
use talaria_db::read::stream::StreamKind;
use talaria_db::read::verify::Level;
use talaria_db::{Database, OpenOptions};

use crate::expected::Expected;

/// A budget for files of a few KiB.
pub const MEMORY: u64 = 16 << 20;

/// Most bytes that export may write of a container that has one change; scripts may write at most as much as three
/// times their source.
pub const MOST_TEXT: usize = 1 << 20;

/// Most residues and bytes of headers of a container whose answers are compared with each other.
const SMALL: u64 = 1 << 18;

/// Opens a file and does all that can be done with it; returns how many bytes of text it gives, at most `most_text` and
/// a piece.
pub fn everything(bytes: Vec<u8>, expected: Option<&Expected>, most_text: usize) -> usize {
    let options = OpenOptions::new().cache(64 << 10).budget(Budget::new(MEMORY));
    let Ok(database) = options.from_bytes(bytes) else { return 0 };
    if let Some(expected) = expected {
        let _ = expected.compare(&database, false);
    }
    records(&database);
    clusters(&database);
    let _ = (database.sources(), database.provenance(), database.statistics());
    for kind in StreamKind::ALL {
        let _ = (database.block_groups(kind), database.directory_entry(kind, 0));
    }
    let sound = database.verify(Level::Everything).is_ok_and(|verification| verification.is_sound());
    let all = Filter { length: 1..=100, gc_content: Some(0.0..=1.0), complexity: Some(0.0..=1.0) };
    if let Ok(found) = database.select(&all) {
        assert!(found.flatten().flatten().all(|ordinal| ordinal < database.len()));
    }
    scan(&database);
    let _ = database.export(
        &mut Text { bytes: Vec::new(), most: most_text },
        &ExportOptions { selection: Selection::References, ..ExportOptions::default() },
    );
    let mut text = Text { bytes: Vec::new(), most: most_text };
    let exported = database.export(&mut text, &ExportOptions::default()).is_ok();
    if sound && exported {
        agree(&database, &text.bytes);
    }
    text.bytes.len()
}

/// The first records and the last, by number and by name.
fn records(database: &Database) {
    let last = database.len().saturating_sub(1);
    for ordinal in [0, 1, 2, last, database.len(), u64::MAX] {
        let _ = database.record(ordinal);
        let _ = database.region(ordinal, 0..1);
        let _ = database.region(ordinal, 1..u64::MAX);
        let _ = database.for_each_residues(ordinal, 0..u64::MAX, |_| Ok(()));
        let _ = (database.layout_of(ordinal), database.delta_of(ordinal));
        if let Ok(header) = database.header(ordinal) {
            let id = header.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
            let _ = (database.get(id), database.find_many(&[id, b"nobody"]));
        }
    }
    let _ = database.batch(&[last, 0, last]);
    let _ = database.headers(&[last, 0]);
}

/// Members of the first records, and of what stands for them.
fn clusters(database: &Database) {
    let Ok(clusters) = database.clusters() else { return };
    for ordinal in (0..database.len().min(16)).chain([database.len().saturating_sub(1), u64::MAX]) {
        let representative = clusters.membership(ordinal).ok().flatten().map(|found| found.representative);
        for asked in [Some(ordinal), representative].into_iter().flatten() {
            let _ = clusters.member_count(asked);
            if let Ok(members) = clusters.members(asked) {
                let _ = members.take(1000).filter_map(Result::ok).count();
            }
        }
    }
}

/// A scan that ends well has been at every record once.
fn scan(database: &Database) {
    let visited: Mutex<Vec<u64>> = Mutex::default();
    let scanned = database.scan(|record| {
        visited.lock().unwrap().push(record.ordinal);
        talaria_db::Result::Ok(())
    });
    if scanned.is_ok() {
        let mut visited = visited.into_inner().unwrap();
        visited.sort_unstable();
        assert!(visited.into_iter().eq(0..database.len()), "a scan is not of every record once");
    }
}

/// A sound container answers everything, and always the same.
fn agree(database: &Database, text: &[u8]) {
    if database.residue_count() > SMALL || text.len() as u64 > SMALL {
        return;
    }
    let record = |ordinal| {
        let record = database.record(ordinal).unwrap_or_else(|error| panic!("a sound container refuses: {error}"));
        (record.header().to_vec(), record.sequence().to_vec())
    };
    let expected = Expected::new((0..database.len()).map(record).collect(), text.to_vec());
    assert_eq!(expected.compare(database, true), Ok(()), "a sound container is of two minds");
}

/// Text that is not written past a limit.
struct Text {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Text {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(piece);
        if self.bytes.len() > self.most { Err(io::Error::other("enough")) } else { Ok(piece.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
