//! What a cursor writes does not depend on how the residues are cut.

use super::*;
use proptest::prelude::*;
use talaria_db_spec::layout::{Operation, ScriptWriter};

fn body(mut cursor: LayoutCursor, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        cursor.write(piece, &mut out);
    }
    cursor.finish(&mut out);
    out
}

fn scripted(operations: &[Operation<'_>], residues: u64) -> LayoutCursor {
    let mut writer = ScriptWriter::default();
    writer.header_end(b" \n");
    operations.iter().for_each(|&operation| writer.push(operation));
    let item = writer.finish();
    let mut rest = &item[..];
    varint::read(&mut rest).unwrap();
    let (header_end, cursor) = LayoutCursor::script(rest, residues, LineEnd::Lf).unwrap();
    assert_eq!(header_end, b" \n");
    cursor
}

#[test]
fn regular_records_have_no_empty_line() {
    let lf = |width| LayoutCursor::regular(width, LineEnd::Lf);
    assert_eq!(body(lf(2), &[]), b"");
    assert_eq!(body(lf(0), &[b""]), b"");
    assert_eq!(body(lf(2), &[b"ACG"]), b"AC\nG\n");
    assert_eq!(body(lf(2), &[b"AC", b"GT"]), b"AC\nGT\n");
    assert_eq!(body(lf(0), &[b"AC", b"GT"]), b"ACGT\n");
    assert_eq!(body(LayoutCursor::regular(3, LineEnd::CrLf), &[b"ACGT"]), b"ACG\r\nT\r\n");
    assert_eq!(body(LayoutCursor::regular(3, LineEnd::Cr), &[b"ACGT"]), b"ACG\rT\r");
    assert_eq!(body(lf(u64::MAX), &[b"AC", b"GT"]), b"ACGT\n");
}

#[test]
fn scripts_put_everything_in_its_place() {
    let operations = [
        Operation::Bytes(b";c\n"),
        Operation::Lines { count: 2, width: 0 },
        Operation::Lines { count: 2, width: 2 },
        Operation::Residues(1),
        Operation::Bytes(b" "),
        Operation::Residues(0),
        Operation::Lines { count: 0, width: 9 },
        Operation::Residues(1),
        Operation::Bytes(b"\t"),
        Operation::Lines { count: 3, width: 0 },
    ];
    assert_eq!(body(scripted(&operations, 6), &[b"ACGTNN"]), b";c\n\n\nAC\nGT\nN N\t\n\n\n");
    assert_eq!(body(scripted(&operations[..3], 4), &[b"ACGTNN"]), b";c\n\n\nAC\nGT\nNN", "too many");
    assert_eq!(body(scripted(&operations, 6), &[b"ACG"]), b";c\n\n\nAC\nG\n \t\n\n\n", "too few");
    assert!(LayoutCursor::script(&[0, 3], 0, LineEnd::Lf).is_err());
}

#[test]
fn skips_of_any_length_end() {
    for width in [0, 1, 2, u64::MAX] {
        let mut cursor = LayoutCursor::regular(width, LineEnd::Lf);
        cursor.skip(u64::MAX);
        let mut out = Vec::new();
        cursor.finish(&mut out);
        assert_eq!(out, b"\n");
    }
    let mut cursor = scripted(&[Operation::Lines { count: 1 << 61, width: 0 }, Operation::Residues(1)], 1);
    cursor.skip(u64::MAX);
    assert_eq!(body(cursor, &[]), b"", "the blank lines were passed over");
}

#[test]
fn layout_comes_with_the_residue_behind_it() {
    let mut cursor =
        scripted(&[Operation::Lines { count: 1, width: 2 }, Operation::Bytes(b" "), Operation::Residues(1)], 3);
    let mut out = Vec::new();
    cursor.write(b"AC", &mut out);
    assert_eq!(out, b"AC");
    cursor.write(b"", &mut out);
    assert_eq!(out, b"AC");
    cursor.write(b"G", &mut out);
    assert_eq!(out, b"AC\n G");
}

fn operation() -> impl Strategy<Value = (u64, u64, u8)> {
    (0_u64..4, 0_u64..5, 0_u8..3)
}

proptest! {
    #[test]
    fn pieces_and_skips_change_nothing(
        operations in prop::collection::vec(operation(), 0..12),
        regular in prop::option::of(0_u64..6),
        cuts in prop::collection::vec(0_usize..60, 0..6),
    ) {
        let operations: Vec<_> = operations.iter().map(|&(count, width, kind)| match kind {
            0 => Operation::Lines { count, width },
            1 => Operation::Residues(count),
            _ => Operation::Bytes(b" \t;\n".get(..usize::try_from(count).unwrap()).unwrap()),
        }).collect();
        let residues = operations.iter().map(|operation| match operation {
            Operation::Lines { count, width } => count * width,
            Operation::Residues(count) => *count,
            Operation::Bytes(_) => 0,
        }).sum();
        let start = match regular {
            Some(width) => LayoutCursor::regular(width, LineEnd::CrLf),
            None => scripted(&operations, residues),
        };
        let text: Vec<u8> = (b'A'..=b'Z').cycle().take(usize::try_from(residues).unwrap()).collect();
        let whole = body(start.clone(), &[&text]);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let (mut out, mut written, mut at) = (Vec::new(), start.clone(), 0);
        for cut in cuts.into_iter().chain([text.len()]) {
            let mut skipped = start.clone();
            skipped.skip(length(at / 2));
            skipped.skip(length(at - at / 2));
            let before = out.len();
            written.write(&text[at..cut], &mut out);
            let mut piece = Vec::new();
            skipped.write(&text[at..cut], &mut piece);
            prop_assert_eq!(&piece[..], &out[before..]);
            at = cut;
        }
        written.finish(&mut out);
        prop_assert_eq!(out, whole);
    }
}

#[test]
fn the_usual_widths_are_as_any_other() {
    let residues: Vec<u8> = (0..500).map(|index| b'A' + (index % 26) as u8).collect();
    for width in [59, 60, 61, 70, 80] {
        for length in [0, 1, width - 1, width, width + 1, 2 * width - 1, 2 * width, 3 * width, 500] {
            let residues = &residues[..length];
            let expected: Vec<u8> = residues.chunks(width).flat_map(|line| [line, b"\n"].concat()).collect();
            let lines = |count| Operation::Lines { count, width: width as u64 };
            for cut in [0, 1, width, width + 7, 2 * width].into_iter().filter(|&cut| cut <= length) {
                let (left, right) = residues.split_at(cut);
                let regular = LayoutCursor::regular(width as u64, LineEnd::Lf);
                assert_eq!(body(regular, &[left, right]), expected, "{width}, {length}, {cut}");
                if length % width == 0 {
                    let script = [lines((length / width) as u64), Operation::Bytes(b";\n")];
                    let expected = [&expected[..], b";\n"].concat();
                    assert_eq!(body(scripted(&script, length as u64), &[left, right]), expected, "{width}, {length}");
                }
            }
        }
    }
}
