//! Files of stages that are not what a stage wrote: raw bytes, or changed numbers under checksums that fit. They are
//! refused, or what comes of them is sound and gives every record back. Their frames are those of temporary files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arbitrary::Unstructured;
use talaria_db::Builder;
use talaria_db::memory::budget::Budget;
use talaria_db::read::block::{Place, decode};
use talaria_db::read::export::ExportOptions;
use talaria_db::reduce::stage::{Partition, Stage, Writing};
use talaria_db::reduce::{Clustering, Output};
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::{checksum::crc32, keys};
use zerocopy::FromZeros;
use zerocopy::little_endian::U32;

use super::{below, put, rest, value};
use crate::outcome;

/// Bytes before the sections, and after them; sections.
const PREFIX: usize = 16;
const TRAILER: usize = SECTIONS * 32 + 16;
const SECTIONS: usize = 3;
/// Bytes of a frame's head, and most payload bytes.
const HEAD: usize = 12;
const FRAME: usize = 64 << 10;

/// See the module.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = files().to_vec();
    let stage = below(&mut input, 4);
    let given: Vec<usize> = match stage {
        0 => vec![2, 3],
        1 => vec![0, 1, 2, 3, 4],
        2 => vec![2, 3, 5],
        _ => vec![0, 1, 6],
    };
    let of_stages: Vec<usize> = given.iter().copied().filter(|file| *file > 1).collect();
    let changed = of_stages[below(&mut input, of_stages.len())];
    let bytes = match below(&mut input, 4) {
        0 => rest(&mut input).to_vec(),
        1 => in_place(&mut input, files[changed].1.clone()),
        _ => sealed(&mut input, &files[changed].1),
    };
    files[changed].1 = bytes;
    let path = |name: &str| folder.path().join(name);
    let given: Vec<PathBuf> = given.iter().map(|file| path(files[*file].0)).collect();
    for (name, bytes) in &files {
        fs::write(path(name), bytes).expect("a file");
    }
    let (work, output) = (Stage::new().threads(1).budget(Budget::new(64 << 20)), path("output"));
    let _ = match stage {
        0 => work.edges(&given, Partition::WHOLE, &output),
        1 => work.verify(&given, Partition::WHOLE, &output),
        2 => work.cover(&given, &output),
        _ => {
            if work.write(&given, Output::Container(output.clone()), &Writing::default()).is_ok() {
                comes_back(&output);
            }
            return;
        }
    };
}

/// What was written of clusters that a file claims has every record, and is sound.
fn comes_back(output: &Path) {
    let database = outcome::small_options().open(output).expect("a result");
    let mut text = Vec::new();
    database.export(&mut text, &ExportOptions::default()).expect("a result");
    assert!(text == shards().concat().as_bytes(), "records are lost");
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
}

/// FASTA of two shards, whose records are of three families.
fn shards() -> [String; 2] {
    let letter =
        |at: usize, number: usize| char::from(b"ACDEFGHIKLMNPQRSTVWY"[(at * at * (3 + number) + 7 * at) % 101 % 20]);
    let family = |number: usize| (0..90).map(|at| letter(at, number)).collect::<String>();
    let relative = |of: usize, at: usize| {
        let mut text = family(of);
        text.replace_range(at..at + 1, "A");
        text
    };
    let record = |name: &str, residues: &str| format!(">{name}\n{residues}\n");
    [
        [record("a", &family(0)), record("b", &family(1)), record("c", &relative(0, 9)), record("d", &family(0)[5..])]
            .concat(),
        [record("e", &relative(1, 20)), record("f", &family(2)), record("g", &family(0)), record("h", "MK")].concat(),
    ]
}

/// Two shards, their words, pairs, links and clusters, as stages write them.
fn files() -> &'static [(&'static str, Vec<u8>)] {
    const NAMES: [&str; 7] =
        ["one.talaria", "two.talaria", "one.kmers", "two.kmers", "all.edges", "all.links", "all.clusters"];
    static FILES: OnceLock<Vec<(&'static str, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let paths = NAMES.map(|name| folder.path().join(name));
        let stage = Stage::new().threads(1);
        for (index, text) in shards().iter().enumerate() {
            let fasta = folder.path().join("shard.fa");
            fs::write(&fasta, text).expect("a file");
            Builder::new(&paths[index]).threads(1).add_fasta(&fasta).finish().expect("a shard");
            stage.kmers(&paths[index], Clustering::default(), &paths[2 + index]).expect("words");
        }
        stage.edges(&paths[2..4], Partition::WHOLE, &paths[4]).expect("pairs");
        stage.verify(&paths[..5], Partition::WHOLE, &paths[5]).expect("links");
        stage.cover(&[&paths[2..4], &paths[5..6]].concat(), &paths[6]).expect("clusters");
        NAMES.into_iter().zip(paths).map(|(name, path)| (name, fs::read(path).expect("a file"))).collect()
    })
}

/// Bytes changed where they lie, under the checksums of before.
fn in_place(input: &mut Unstructured<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
    while !input.is_empty()
        && let (Ok(at), Ok(value)) = (input.arbitrary::<u32>(), value(input))
    {
        put(&mut bytes, usize::try_from(at).unwrap(), &value);
    }
    bytes.truncate(bytes.len() - below(input, 64).saturating_sub(32));
    bytes
}

/// The items of a section as they are in its frames, its index, and how many items it says it has.
#[derive(Debug, Clone, Default)]
struct Section {
    items: Vec<u8>,
    index: Vec<u8>,
    count: u64,
}

/// A file taken apart, changed, and put together with all checksums anew.
fn sealed(input: &mut Unstructured<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut sections = parse(bytes);
    let mut table = Vec::new();
    while !input.is_empty()
        && let Ok(kind) = input.arbitrary::<u8>()
    {
        let section = &mut sections[usize::from(kind >> 4) % SECTIONS];
        let (Ok(at), Ok(value)) = (input.arbitrary::<u16>().map(usize::from), value(input)) else { break };
        match kind % 8 {
            0..3 => put(&mut section.items, at, &value),
            3 => section.items.resize(at % 4096, value[0]),
            4 => put(&mut section.index, at, &value),
            5 => section.index.resize(at % 1024, value[0]),
            6 => section.count = at as u64,
            _ => table.push((at, value)),
        }
    }
    assemble(&bytes[..PREFIX], &sections, &table)
}

fn parse(bytes: &[u8]) -> [Section; SECTIONS] {
    let table = &bytes[bytes.len() - TRAILER..];
    let number = |at: usize| u64::from_le_bytes(table[8 * at..8 * at + 8].try_into().unwrap());
    let place = |at: usize| usize::try_from(number(at)).unwrap();
    std::array::from_fn(|section| {
        let [start, end, index_end] = [0, 1, 2].map(|column| place(4 * section + column));
        let (items, index) = (payloads(&bytes[start..end]), payloads(&bytes[end..index_end]));
        Section { items, index, count: number(4 * section + 3) }
    })
}

/// The payloads of frames, one after the other.
fn payloads(mut frames: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while !frames.is_empty() {
        let word = |at: usize| u32::from_le_bytes(frames[at..at + 4].try_into().unwrap());
        let (length, stored) = (word(0), usize::try_from(word(4)).unwrap());
        let mut entry = BlockEntry::new_zeroed();
        entry.codec = u8::from(stored < usize::try_from(length).unwrap());
        entry.decoded_length = U32::new(length);
        let place = Place { path: Path::new("(memory)"), stream: "frame", block: 0 };
        all.extend(decode(&entry, &frames[HEAD..HEAD + stored], None, place).expect("a frame of a stage"));
        frames = &frames[HEAD + stored..];
    }
    all
}

fn assemble(prefix: &[u8], sections: &[Section; SECTIONS], changes: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut table) = (prefix.to_vec(), Vec::new());
    for section in sections {
        let start = bytes.len();
        frames(&section.items, &mut bytes);
        let end = bytes.len();
        let mut index = section.index.clone();
        // Of a section of one frame; what is stored as it is begins where it did.
        if let [_, _, _, _, _, _, _, _, place @ ..] = &mut index[..]
            && place.len() == 8
            && place.iter().skip(3).all(|byte| *byte == 0)
        {
            place.copy_from_slice(&(start as u64).to_le_bytes());
        }
        frames(&index, &mut bytes);
        let numbers = [start as u64, end as u64, bytes.len() as u64, section.count];
        table.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    changes.iter().for_each(|(at, value)| put(&mut table, *at, value));
    let hash = keys::hash(&[prefix, &table].concat());
    [&bytes[..], &table, &hash.to_le_bytes(), b"TDBSTGE\n"].concat()
}

fn frames(payload: &[u8], out: &mut Vec<u8>) {
    for piece in payload.chunks(FRAME) {
        let length = u32::try_from(piece.len()).unwrap().to_le_bytes();
        let lengths = [length, length].concat();
        out.extend_from_slice(&lengths);
        out.extend_from_slice(&crc32(&[&lengths[..], piece].concat()).to_le_bytes());
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_put_together_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut given = Vec::new();
        for (name, bytes) in files() {
            let path = folder.path().join(name);
            let again =
                if name.contains("talaria") { bytes.clone() } else { assemble(&bytes[..PREFIX], &parse(bytes), &[]) };
            fs::write(&path, again).unwrap();
            given.push(path);
        }
        let (stage, output) = (Stage::new().threads(1), folder.path().join("output"));
        stage.edges(&given[2..4], Partition::WHOLE, &output).unwrap();
        stage.verify(&given[..5], Partition::WHOLE, &output).unwrap();
        stage.cover(&[&given[2..4], &given[5..6]].concat(), &output).unwrap();
        let inputs = [&given[..2], &given[6..]].concat();
        let report = stage.write(&inputs, Output::Container(output.clone()), &Writing::default()).unwrap();
        assert_eq!((report.records, report.references), (8, 4));
        comes_back(&output);
    }
}
