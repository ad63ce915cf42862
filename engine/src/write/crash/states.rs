//! All states that a power cut could leave, judged: every target is as it was or as it is to be.

use super::disk::{Disk, Folder};
use super::record::Operation;

/// With so many unsynced changes or fewer, every subset of them is a state.
const EXHAUSTIVE: usize = 10;
/// States that are drawn of more, and of torn sectors, at each moment.
const DRAWN: u64 = 64;

/// What was judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) moments: usize,
    pub(super) states: u64,
    /// States that are neither old nor new, the first ones, in words.
    pub(super) violations: Vec<String>,
}

/// Judges every state after every moment of `log`, of a folder that was `old` and is to be `new`. `reported` says that
/// the run succeeded, after the last operation.
pub(super) fn judge(old: &Folder, new: &Folder, log: &[Operation], reported: bool) -> Judged {
    let mut judged = Judged::default();
    let mut disk = Disk::new(old);
    for moment in 0..=log.len() {
        if let Some(before) = moment.checked_sub(1) {
            disk.apply(&log[before]);
        }
        judged.moments += 1;
        let acknowledged = reported && moment == log.len();
        each_state(&disk, moment as u64, |state| {
            judged.states += 1;
            if let Some(violation) = violation(old, new, &state, acknowledged) {
                judged.violations.push(format!("after {moment} of {} operations: {violation}", log.len()));
            }
        });
    }
    judged
}

/// Calls `judge` with every state that a cut now could leave, or many of them.
pub(super) fn each_state(disk: &Disk, seed: u64, mut judge: impl FnMut(Folder)) {
    let changes = disk.unsynced();
    if changes <= EXHAUSTIVE {
        for subset in 0..1_usize << changes {
            judge(disk.after_cut(|change, _| subset >> change & 1 == 1));
        }
    }
    for draw in 0..if changes == 0 { 0 } else { DRAWN } {
        // One chance in two for each change, or for each sector of each.
        let torn = draw % 2 == 0 || changes <= EXHAUSTIVE;
        let chance =
            |change: usize, sector: usize| mix(seed << 32 | draw, change, if torn { sector } else { 0 }) & 1 == 1;
        judge(disk.after_cut(chance));
    }
}

/// Numbers without a pattern.
fn mix(seed: u64, change: usize, sector: usize) -> u64 {
    let mut value = seed ^ (change as u64).rotate_left(40) ^ (sector as u64).rotate_left(20);
    for _ in 0..3 {
        value = (value ^ value >> 31).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
    value >> 33
}

fn violation(old: &Folder, new: &Folder, state: &Folder, acknowledged: bool) -> Option<String> {
    for (name, bytes) in new {
        let found = state.get(name);
        if found == Some(bytes) || !acknowledged && found == old.get(name) {
            continue;
        }
        let length = found.map(Vec::len);
        return Some(format!("{name} is neither old nor new, its length is {length:?} and should be {}", bytes.len()));
    }
    let strange =
        |name: &&String| !new.contains_key(*name) && !old.contains_key(*name) && !name.ends_with(".unfinished");
    state.keys().find(strange).map(|name| format!("{name} is left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> Folder {
        files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
    }

    fn publishing(bytes: &[u8]) -> Vec<Operation> {
        let path = || ".a.unfinished".to_owned();
        vec![
            Operation::Create { path: path() },
            Operation::Write { path: path(), offset: 0, bytes: bytes.to_vec() },
            Operation::Sync { path: path() },
            Operation::Rename { from: path(), to: "a".to_owned() },
            Operation::SyncFolder,
        ]
    }

    /// The states of a small log, counted by hand; and that leaving out or exchanging any step that matters is noticed.
    #[test]
    fn the_judge_is_strict() {
        let (old, new) = (folder(&[("a", b"old")]), folder(&[("a", &[7; 1300])]));
        let log = publishing(&[7; 1300]);
        let judged = judge(&old, &new, &log, true);
        // Changes that are not safe: 0, 1, 2, 1, 2, 0; with any there are states with torn sectors too.
        assert_eq!((judged.moments, judged.states), (6, 1 + 2 + 4 + 2 + 4 + 1 + 4 * DRAWN));
        assert_eq!(judged.violations, [""; 0]);
        for left_out in [1, 2, 3, 4] {
            let mut log = log.clone();
            log.remove(left_out);
            assert!(!judge(&old, &new, &log, true).violations.is_empty(), "without step {left_out}");
        }
        let mut early = log.clone();
        early.swap(2, 3);
        early[3] = Operation::Sync { path: "a".to_owned() };
        assert!(!judge(&old, &new, &early, true).violations.is_empty());
        let mut in_place = log;
        in_place.drain(2..);
        for operation in &mut in_place {
            match operation {
                Operation::Create { path } | Operation::Write { path, .. } => *path = "a".to_owned(),
                _ => {}
            }
        }
        assert!(!judge(&old, &new, &in_place, false).violations.is_empty());
    }

    #[test]
    fn sectors_tear() {
        let mut disk = Disk::new(&Folder::new());
        for operation in &publishing(&[7; 1300])[..2] {
            disk.apply(operation);
        }
        let state = disk.after_cut(|change, sector| change == 0 || sector == 1);
        let torn = [vec![0; 512], vec![7; 512]].concat();
        assert_eq!(state, folder(&[(".a.unfinished", &torn)]));
    }
}
