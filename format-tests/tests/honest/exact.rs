//! Two exact aligners that the engine does not know: that of the crate `bio`, and a plain matrix for what has several
//! best paths.

use bio::alignment::AlignmentOperation;
use bio::alignment::pairwise::Aligner;
use bio::scores::blosum62;

/// Matches, columns, and aligned residues of the member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) score: i32,
    pub(crate) matches: u64,
    pub(crate) columns: u64,
    pub(crate) covered: u64,
}

impl Found {
    /// Whether identity and coverage, in ten-thousandths, are at least these.
    pub(crate) fn reaches(&self, identity: u64, coverage: u64, length: usize) -> bool {
        self.matches * 10_000 >= identity * self.columns && self.covered * 10_000 >= coverage * length as u64
    }
}

fn pair(protein: bool, left: u8, right: u8) -> i32 {
    match protein {
        true => blosum62(left, right),
        false if left == right && left != b'N' => 2,
        false => -3,
    }
}

/// What the first residue of a gap and each further one cost.
fn gaps(protein: bool) -> (i32, i32) {
    if protein { (-11, -1) } else { (-7, -2) }
}

/// The path that the crate `bio` takes.
pub(crate) fn one_path(protein: bool, member: &[u8], representative: &[u8]) -> Found {
    let (open, extend) = gaps(protein);
    let score = |left, right| pair(protein, left, right);
    let mut aligner = Aligner::with_capacity(member.len(), representative.len(), open, extend, score);
    let alignment = aligner.local(member, representative);
    let mut found = Found { score: alignment.score, matches: 0, columns: 0, covered: 0 };
    found.covered = (alignment.xend - alignment.xstart) as u64;
    let mut at = alignment.xstart;
    for operation in &alignment.operations {
        match operation {
            AlignmentOperation::Match | AlignmentOperation::Subst => {
                let unknown = if protein { b'X' } else { b'N' };
                found.matches += u64::from(*operation == AlignmentOperation::Match && member[at] != unknown);
                at += 1;
            }
            AlignmentOperation::Ins => at += 1,
            AlignmentOperation::Del => {}
            AlignmentOperation::Xclip(_) | AlignmentOperation::Yclip(_) => continue,
        }
        found.columns += 1;
    }
    found
}

/// Which of the paths with the best score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefer {
    MostMatches,
    FewestColumns,
}

/// Score, then matches and columns below zero in the order of what is preferred, and less of the start in the member.
type Cell = (i32, i64, i64, i64);
const NEVER: Cell = (i32::MIN / 2, 0, 0, 0);

/// The preferred paths of the best score, one for each end, as far as they differ.
pub(crate) fn best_paths(protein: bool, member: &[u8], representative: &[u8], prefer: Prefer) -> Vec<Found> {
    let matches_first = prefer == Prefer::MostMatches;
    let (open, extend) = gaps(protein);
    let unknown = if protein { b'X' } else { b'N' };
    let step = |cell: Cell, score: i32, matches: i64| match matches_first {
        true => (cell.0 + score, cell.1 + matches, cell.2 - 1, cell.3),
        false => (cell.0 + score, cell.1 - 1, cell.2 + matches, cell.3),
    };
    let width = representative.len() + 1;
    let (mut above, mut down) = (vec![(0, 0, 0, 0); width], vec![NEVER; width]);
    let (mut best, mut found): (i32, Vec<Found>) = (0, Vec::new());
    for (row, &left) in member.iter().enumerate() {
        let fresh = |row: usize| (0, 0, 0, -(row as i64));
        let (mut diagonal, mut across) = (above[0], NEVER);
        above[0] = fresh(row + 1);
        for column in 1..width {
            let right = representative[column - 1];
            across = step(above[column - 1], open, 0).max(step(across, extend, 0));
            down[column] = step(above[column], open, 0).max(step(down[column], extend, 0));
            let matches = i64::from(left == right && left != unknown);
            let paired = step(diagonal.max(fresh(row)), pair(protein, left, right), matches);
            let cell = paired.max(across).max(down[column]).max(fresh(row + 1));
            diagonal = above[column];
            above[column] = cell;
            if cell.0 >= best && cell.0 > 0 {
                if cell.0 > best {
                    found.clear();
                    best = cell.0;
                }
                let (matches, columns) = if matches_first { (cell.1, -cell.2) } else { (cell.2, -cell.1) };
                let path = Found {
                    score: cell.0,
                    matches: matches as u64,
                    columns: columns as u64,
                    covered: (row as i64 + 1 + cell.3) as u64,
                };
                if !found.contains(&path) {
                    found.push(path);
                }
            }
        }
    }
    found
}
