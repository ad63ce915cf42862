//! The same file, both ways.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::error::Error;

#[test]
fn hard_files_are_as_their_containers() {
    let taken = [
        "",
        "\n",
        "\r",
        "\u{FEFF}\r\n",
        ">a",
        ">",
        ">\n>\n>",
        ">a\r",
        ">a\rAC\rGT\r>b\r\rA\r;c\rC\r",
        ">a\r\nACGT\r\nAC\r\n\r\n>b\r\nACGT\r\nACGT\nAC\r\n>c\r\r\nAC\r\r\n",
        "\u{FEFF}>a x\nACGT\nACGT\nA\n",
        "\n; c > d\n\n>a\nAC GT\n\nAC\n;note\n#note\nA\n\n\n>b\nACGT\n",
        ">sp|P1.2|N_X one\x01gi|7|ref|NP_1.3| two\nMK\n>P1 x\nMV\n>P1.2\nMA\n>N_X\tx\nMC\n>dup\nA\n>dup\nC\n>x dup\n>P1.4\nG\n",
        ">a\nACGT\nAC\nAC\n>b\nAC\nACGT\n>c\nACGT\nACGT",
        ">a\n >b\n ;c\nAC\n",
        ">a\n;ACGT\n>b\n\nACGT\n>>c\nAC*-.~!\n",
    ];
    for text in taken {
        let (_folder, path) = write(text);
        assert!(agree(&path), "{text:?}");
    }
    let refused = [
        "ACGT\n",
        "@r\nACGT\n+\nIIII\n",
        " >a\nA\n",
        "; only\n# comments\n",
        "\u{FEFF}\u{FEFF}>a\n",
        ">a\nAC\0GT\n",
        ">a\nAC\rGT\n",
        ">a\n>b\rc\nA\n",
        ">a\n;x\rb\nA\n",
        ">a\nAC\u{e9}\n",
        ">a\rAC\r\nA\r",
        ">a\r;c\nd\rA\r",
        "x\n>a\nA\n",
        ";\r;\n>a\n",
    ];
    for text in refused {
        let (_folder, path) = write(text);
        assert!(!agree(&path), "{text:?}");
    }
}

#[test]
fn weird_files_are_as_their_containers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/weird");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return;
    }
    let (mut taken, mut refused, mut compressed) = (0, 0, 0);
    for entry in fs::read_dir(&folder).unwrap() {
        for file in fs::read_dir(entry.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if !path.is_file() {
                continue;
            }
            match open(&path) {
                Err(Error::Input { reason, .. }) if reason.contains("talaria-db build") => compressed += 1,
                _ if agree(&path) => taken += 1,
                _ => refused += 1,
            }
        }
    }
    println!("{taken} are the same, {refused} are refused both ways, {compressed} are compressed");
    assert!(taken > 0);
}

#[test]
fn compressed_files_are_refused_by_name() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, b">a\nACGT\n").unwrap();
    let (_folder, path) = write(gzip.finish().unwrap());
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("gzip") && error.contains("talaria-db build"), "{error}");
}

/// Records before, at and behind the ends of stretches, one that is longer than two stretches, and line ends right
/// there.
fn long_text(line_end: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let mut record = |number: usize, length: usize, width: usize| {
        text.extend_from_slice(format!(">r{number} of {length}{line_end}").as_bytes());
        let residues: Vec<u8> = (0..length).map(|at| b"ACGTRYKM"[(at * at + number) % 8]).collect();
        for line in residues.chunks(width) {
            text.extend_from_slice(line);
            text.extend_from_slice(line_end.as_bytes());
        }
    };
    for number in 0..60 {
        record(number, 80_000 + number * 1001, 60);
    }
    record(60, 9 << 20, 70);
    record(61, 5 << 20, 5 << 20);
    for number in 62..200 {
        record(number, number * 100, 1 + number % 80);
    }
    text
}

#[test]
fn stretches_and_threads_make_no_difference() {
    for line_end in ["\n", "\r\n", "\r"] {
        let mut text = long_text(line_end);
        let (_folder, path) = write(&text);
        assert!(agree(&path));
        let at = text.len() - 2000;
        text[at] = 0;
        fs::write(&path, &text).unwrap();
        assert!(!agree(&path));
    }
    let (_folder, path) = write(long_text("\n"));
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| open(&path).unwrap());
    let many = rayon::ThreadPoolBuilder::new().num_threads(7).build().unwrap().install(|| open_read(&path).unwrap());
    let names = |fasta: &MappedFasta| match &fasta.index {
        super::super::Index::Made(made) => (made.entries.items().to_vec(), made.names.items().to_vec()),
        super::super::Index::Saved(_) => panic!("nothing was saved"),
    };
    assert_eq!(names(&alone), names(&many));
}

#[test]
fn alphabets_are_those_of_containers() {
    for text in [">a\nACGT\n>b\n;MKVLW\nAC\n", ">a\nACGUU\nN\n", ">a\nMKVLW\n>b\nACGT\n", ">a\n--\n", ""] {
        let (folder, path) = write(text);
        let database = build(&path, folder.path()).unwrap();
        assert_eq!(open(&path).unwrap().alphabet().unwrap(), database.alphabet(), "{text:?}");
    }
}

#[test]
fn the_budget_holds() {
    let text: String = (0..50_000).map(|number| format!(">r{number}\nACGT\n")).collect();
    let (_folder, path) = write(text);
    let settings = MemorySettings::default();
    let error = MappedFasta::open(&path, &settings, &Budget::new(200_000)).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }) && error.to_string().contains("talaria-db build"), "{error}");
    let budget = Budget::new(16 << 20);
    let fasta = MappedFasta::open(&path, &settings, &budget).unwrap();
    let stays = budget.in_use();
    assert!((50_000 * 32..50_000 * 40).contains(&stays), "{stays}");
    assert_eq!(fasta.find("r49999").unwrap(), [49_999]);
    drop(fasta);
    assert_eq!(budget.in_use(), 0);
}

/// Pieces from which FASTA that is legal, odd or wrong is made.
fn piece() -> impl Strategy<Value = &'static str> {
    let pieces = vec![
        "\n",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        ">",
        ">",
        "\n>",
        "\n>",
        "\n>",
        "a",
        "b ",
        "sp|P1.1|N",
        "\x01",
        "ACGT",
        "ACGT\n",
        "ACGT\n",
        "AC\n",
        " ",
        "\t",
        ";",
        "#",
        "\n;c\n",
        "\u{FEFF}",
        "-*",
        "\0",
    ];
    proptest::sample::select(pieces)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_as_its_container(pieces in prop::collection::vec(piece(), 0..60), first in any::<bool>(), crlf in any::<bool>()) {
        let text = format!("{}{}", if first { ">a\n" } else { "" }, pieces.concat());
        let text = if crlf { text.replace('\r', "").replace('\n', "\r\n") } else { text };
        let (_folder, path) = write(text);
        agree(&path);
    }
}
