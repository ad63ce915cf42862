//! Random FASTA, and the records that it is made of.

use proptest::prelude::*;
use talaria_db_format_tests::text::{Oddity, Style, Text};

/// A source of up to a dozen records, most of them regular.
pub(crate) fn text() -> impl Strategy<Value = Text> {
    let oddity = prop_oneof![
        12 => Just(Oddity::None),
        1 => Just(Oddity::BlankLine),
        1 => Just(Oddity::TrailingBlank),
        1 => Just(Oddity::Comment),
        1 => Just(Oddity::OtherWidth),
        1 => Just(Oddity::OtherLineEnd),
    ];
    let records = prop::collection::vec((header(), residues(), oddity), 0..12);
    let preamble = prop_oneof![8 => Just(&b""[..]), 1 => Just(&b"\xef\xbb\xbf"[..]), 1 => Just(&b"\n \n"[..])];
    let width = prop::sample::select(vec![0_usize, 1, 7, 60, 80, 1000]);
    let line_end = prop_oneof![4 => Just(&b"\n"[..]), 1 => Just(&b"\r\n"[..])];
    (records, preamble, width, line_end, any::<bool>())
        .prop_map(|(list, preamble, width, line_end, cut)| Text::new(&list, &Style { preamble, width, line_end, cut }))
}

/// Headers of all forms whose names often collide.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let title = || {
        prop_oneof![
            4 => "[ab][0-9]".prop_map(String::into_bytes),
            2 => "sp\\|P[0-9]\\.[12]\\|N[0-3]_X( text)?".prop_map(String::into_bytes),
            1 => "ref\\|NP_[0-9]\\.[12]\\|( text)?".prop_map(String::into_bytes),
            1 => "gi\\|[0-9]\\|gb\\|P[0-9]\\.1\\|".prop_map(String::into_bytes),
            1 => "(pdb\\|1ABC\\|[AB]|gnl\\|db\\|a[0-9]|pat\\|US\\|a[0-9]\\|1)".prop_map(String::into_bytes),
            1 => "(\\|\\||sp\\||sp\\|\\|N|a\\.1|\\.1)".prop_map(String::into_bytes),
            1 => "[ -~]{0,40}".prop_map(String::into_bytes),
            // Any bytes but line ends, which end the header, and Ctrl-A, which comes in below.
            1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|mut text| {
                text.retain(|byte| !matches!(byte, b'\n' | b'\r' | 0x01));
                text
            }),
        ]
    };
    prop::collection::vec(title(), 1..4).prop_flat_map(|titles| {
        let joined = titles.join(&b"\x01"[..]);
        prop_oneof![3 => Just(titles[0].clone()), 1 => Just(joined)]
    })
}

/// Residues of all alphabets and lengths, many of them equal. No line may start with `>`, `;` or `#`, so they do not
/// occur.
fn residues() -> impl Strategy<Value = Vec<u8>> {
    let of = |letters: &'static [u8], lengths| prop::collection::vec(prop::sample::select(letters), lengths);
    prop_oneof![
        2 => of(b"ACDEFGHIKLMNPQRSTVWY", 0..200_usize),
        2 => of(b"ACGT", 0..3000_usize),
        1 => of(b"ACGTacgtNnRY", 0..300_usize),
        1 => of(b"ACGU", 0..300_usize),
        1 => (of(b"ACGT", 500..2000_usize), 1..2000_usize).prop_map(|(bases, run)| [bases, vec![b'N'; run]].concat()),
        1 => prop::collection::vec(0x21_u8..0x7F, 0..100).prop_map(|mut any| {
            any.retain(|byte| !matches!(byte, b'>' | b';' | b'#'));
            any
        }),
        2 => prop::sample::select(vec![b"".to_vec(), b"MKV".to_vec(), b"MKVLAAGI".to_vec(), b"ACGT".repeat(300)]),
    ]
}
