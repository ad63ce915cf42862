//! A container that is replaced while others read it: each reader sees one version of it, whole; and one that somebody
//! would write to in place.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::common::{Folder, Numbers, command, record, run};

/// Two texts with the same ids and lengths, so that a mixture of them would be no error by itself.
fn version(seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    (0..600)
        .flat_map(|number| {
            record(&format!("p{number}"), &numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 100 + number % 300), 60)
        })
        .collect()
}

/// What one of the readers runs, and what it prints.
fn read(db: &Path, whole: bool) -> Vec<u8> {
    let answer = if whole { run(&[&"export", &db]) } else { run(&[&"get", &db, &"p599", &"p0", &"p300"]) };
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    answer.stdout
}

/// Raises a flag also when what is before its end panics, so that the readers stop.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn readers_see_one_version() {
    const LEAST: usize = 20;
    let folder = Folder::new();
    let db = folder.path("db.talaria");
    let inputs = [folder.write("one.fasta", version(1)), folder.write("two.fasta", version(2))];
    let replace = |number: usize| {
        let built = run(&[&"build", &inputs[number % 2], &"-o", &db, &"-q"]);
        assert_eq!((built.code, built.stderr.as_str()), (0, ""));
    };
    let expected = [0, 1].map(|number| {
        replace(number);
        [false, true].map(|whole| read(&db, whole))
    });
    assert!(expected[0][0] != expected[1][0] && expected[0][1] != expected[1][1]);
    let (done, seen) = (AtomicBool::new(false), [AtomicUsize::new(0), AtomicUsize::new(0)]);
    let replaced = std::thread::scope(|scope| {
        for reader in 0..4 {
            let (db, expected, done, seen) = (&db, &expected, &done, &seen);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let whole = reader % 2 == 0;
                    let found = read(db, whole);
                    let which = expected.iter().position(|texts| texts[usize::from(whole)] == found);
                    seen[which.expect("a mixture of versions")].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _raised = Raised(&done);
        // Both versions have been met before it ends; a reader that always met one of them would be at fault.
        (0..1000)
            .find(|&number| {
                replace(number);
                number + 1 >= LEAST && seen.iter().all(|count| count.load(Ordering::Relaxed) > 0)
            })
            .expect("the readers met one version only")
            + 1
    });
    let seen = seen.map(AtomicUsize::into_inner);
    eprintln!("replaced {replaced} times, read {seen:?} times");
    assert_eq!(folder.names(), ["db.talaria", "one.fasta", "two.fasta"]);
}

/// The reader waits to be read from itself, so that it surely still has the file open.
#[test]
fn who_would_write_in_place_waits_for_readers() {
    let folder = Folder::new();
    let (db, input) = (folder.path("db.talaria"), folder.write("one.fasta", version(1)));
    assert_eq!(run(&[&"build", &input, &"-o", &db, &"-q"]).code, 0);
    let writer = || std::fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&db);
    if !talaria_db::sys::lease::take(&File::open(&db).unwrap()) {
        println!("skipped: the file system of temporary files has no leases");
        return;
    }
    for option in [None, Some("--no-mmap")] {
        let mut reader = command(&[&"export", &db]).args(option).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = reader.stdout.take().unwrap();
        let mut text = vec![0; 1];
        output.read_exact(&mut text).unwrap();
        assert_eq!(writer().unwrap_err().kind(), ErrorKind::WouldBlock);
        output.read_to_end(&mut text).unwrap();
        assert!(text == version(1) && reader.wait().unwrap().success());
        writer().unwrap();
    }
}
