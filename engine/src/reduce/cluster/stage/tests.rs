use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Partition, Stage, Writing};
use crate::align::Criterion;
use crate::error::Error;
use crate::memory::budget::Budget;
use crate::reduce::{Clustering, Method, Output, Reduction};
use crate::write::builder::Builder;

/// Shards in a folder, and the files of their stages.
struct Work {
    folder: TempDir,
    shards: Vec<PathBuf>,
    kmers: Vec<PathBuf>,
}

/// A record: header and residues.
type Text = (String, String);

impl Work {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn new(shards: &[Vec<Text>]) -> Self {
        let mut work = Self { folder: tempfile::tempdir().unwrap(), shards: Vec::new(), kmers: Vec::new() };
        for (number, records) in shards.iter().enumerate() {
            let shard = work.path(&format!("{number}.talaria"));
            let all =
                records.clone().into_iter().map(|(header, residues)| (header.into_bytes(), residues.into_bytes()));
            Builder::new(&shard).add_records(&format!("shard {number}"), all).finish().unwrap();
            work.shards.push(shard);
        }
        work
    }

    fn kmers(&mut self, clustering: Clustering) {
        self.kmers = (0..self.shards.len()).map(|number| self.path(&format!("{number}.kmers"))).collect();
        for (shard, kmers) in self.shards.iter().zip(&self.kmers) {
            stage().kmers(shard, clustering, kmers).unwrap();
        }
    }

    fn edges(&self, parts: u32) -> Vec<PathBuf> {
        let part = |number| {
            let path = self.path(&format!("{number}.edges"));
            let files = turned(&self.kmers, number as usize);
            stage().edges(&files, Partition::new(number, parts).unwrap(), &path).unwrap();
            path
        };
        (1..=parts).map(part).collect()
    }

    fn links(&self, edges: &[PathBuf], parts: u32) -> Vec<PathBuf> {
        let part = |number| {
            let path = self.path(&format!("{number}.links"));
            let files = turned(&[edges, &self.kmers, &self.shards].concat(), number as usize);
            stage().verify(&files, Partition::new(number, parts).unwrap(), &path).unwrap();
            path
        };
        (1..=parts).map(part).collect()
    }

    /// All stages, in parts, to a container and a table.
    fn reduce(&mut self, clustering: Clustering, (parts, other_parts): (u32, u32)) -> (Vec<u8>, String) {
        self.kmers(clustering);
        let links = self.links(&self.edges(parts), other_parts);
        let clusters = self.path("clusters");
        stage().cover(&turned(&[links, self.kmers.clone()].concat(), 2), &clusters).unwrap();
        let (output, table) = (self.path("staged.talaria"), self.path("staged.tsv"));
        let writing = Writing { clusters: Some(table.clone()), ..Writing::default() };
        let files = [&[clusters][..], &self.shards].concat();
        stage().write(&files, Output::Container(output.clone()), &writing).unwrap();
        (std::fs::read(output).unwrap(), std::fs::read_to_string(table).unwrap())
    }

    /// The same in one process.
    fn reduce_at_once(&self, clustering: Clustering) -> (Vec<u8>, String) {
        let (input, output, table) = (self.path("all.talaria"), self.path("once.talaria"), self.path("once.tsv"));
        match &self.shards[..] {
            [one] => {
                std::fs::copy(one, &input).unwrap();
            }
            shards => {
                shards.iter().fold(Builder::new(&input), Builder::add_file).finish().unwrap();
            }
        }
        Reduction::new(&input, Output::Container(output.clone()))
            .method(Method::Cluster(clustering))
            .clusters(&table)
            .run()
            .unwrap();
        (std::fs::read(output).unwrap(), std::fs::read_to_string(table).unwrap())
    }
}

fn stage() -> Stage<'static> {
    Stage::new().threads(2).budget(Budget::new(256 << 20))
}

fn turned(files: &[PathBuf], by: usize) -> Vec<PathBuf> {
    let mut files = files.to_vec();
    let by = by % files.len();
    files.rotate_left(by);
    files
}

/// Members of families in turn, with a few letters changed, some cut, some the same as others, some with the same
/// header too.
fn families(seed: u64, letters: &[u8], count: usize) -> Vec<Text> {
    let mut state = seed;
    let mut below = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let letter = |below: &mut dyn FnMut(u64) -> u64| char::from(letters[below(letters.len() as u64) as usize]);
    let ancestors: Vec<String> = (0..4).map(|_| (0..60 + below(80)).map(|_| letter(&mut below)).collect()).collect();
    let mut records: Vec<Text> = Vec::new();
    for number in 0..count {
        if number > 0 && below(4) == 0 {
            let (header, residues) = records[below(number as u64) as usize].clone();
            let header = if below(2) == 0 { header } else { format!("copy{number}") };
            let residues = if below(3) == 0 { residues.to_lowercase() } else { residues };
            records.push((header, residues));
            continue;
        }
        let mut residues: Vec<char> = ancestors[below(4) as usize].chars().collect();
        for _ in 0..below(10) {
            let at = below(residues.len() as u64) as usize;
            residues[at] = letter(&mut below);
        }
        let start = below(1 + residues.len() as u64 / 8) as usize;
        let mut text: String = residues[start..].iter().collect();
        if letters.len() == 4 && below(3) == 0 {
            let paired = |letter| match letter {
                'A' => 'T',
                'C' => 'G',
                'G' => 'C',
                _ => 'A',
            };
            text = text.chars().rev().map(paired).collect();
        }
        records.push((format!("r{number}"), if below(20) == 0 { String::new() } else { text }));
    }
    records
}

fn dealt(records: &[Text], shards: usize, seed: u64) -> Vec<Vec<Text>> {
    let mut dealt = vec![Vec::new(); shards];
    for (number, record) in records.iter().enumerate() {
        let shard = (number as u64).wrapping_mul(seed | 1).rotate_right(13) as usize % shards;
        dealt[shard].push(record.clone());
    }
    // The first records of all say what they are, if any does.
    if let Some(telling) = records.iter().find(|(_, residues)| !residues.is_empty()) {
        for shard in &mut dealt {
            if shard.iter().all(|(_, residues)| residues.is_empty()) {
                shard.push(telling.clone());
            }
        }
    }
    dealt
}

const PROTEIN: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn shards_and_parts_come_to_the_same_bytes(
        seed in any::<u64>(),
        (nucleotides, both_strands) in (any::<bool>(), any::<bool>()),
        count in 1_usize..60,
        shards in 1_usize..=4,
        parts in prop::sample::select(vec![(1, 1), (3, 1), (1, 3), (3, 2)]),
        identity in prop::sample::select(vec![9_000_u16, 8_500, 10_000]),
    ) {
        let records = families(seed, if nucleotides { b"ACGT" } else { PROTEIN }, count);
        let criterion = Criterion { identity, ..Criterion::default() };
        let clustering = Clustering { criterion, both_strands, ..Clustering::default() };
        let mut work = Work::new(&dealt(&records, shards, seed));
        let at_once = work.reduce_at_once(clustering);
        let staged = work.reduce(clustering, parts);
        prop_assert_eq!(&staged.1, &at_once.1);
        prop_assert!(staged.0 == at_once.0);
    }
}

#[test]
fn records_without_residues() {
    let records = vec![("a".to_owned(), String::new()), ("b".to_owned(), String::new())];
    let mut work = Work::new(&dealt(&records, 2, 3));
    let at_once = work.reduce_at_once(Clustering::default());
    let staged = work.reduce(Clustering::default(), (3, 2));
    assert_eq!(staged.1, at_once.1);
    assert!(staged.0 == at_once.0);
}

#[test]
fn words_of_many_frames() {
    let records = families(7, PROTEIN, 1_800);
    let mut work = Work::new(&dealt(&records, 3, 5));
    let clustering = Clustering::default();
    let at_once = work.reduce_at_once(clustering);
    let staged = work.reduce(clustering, (4, 3));
    assert_eq!(staged.1, at_once.1);
    assert!(staged.0 == at_once.0);
    // No part is empty, and together they have what one has.
    let all = stage().edges(&work.kmers, Partition::WHOLE, &work.path("all.edges")).unwrap();
    let mut words = Vec::new();
    for number in 1..=4 {
        let part = Partition::new(number, 4).unwrap();
        words.push(stage().edges(&work.kmers, part, &work.path("part.edges")).unwrap().words);
    }
    assert_eq!(words.iter().sum::<u64>(), all.words);
    assert!(words.iter().all(|&count| count > 0), "{words:?} of {}", all.words);
}

fn refused(result: crate::error::Result<super::StageSummary>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::StageFiles { .. }), "{error}");
    error.to_string()
}

#[test]
fn what_does_not_go_together_is_refused() {
    let records = families(11, PROTEIN, 40);
    let mut work = Work::new(&dealt(&records, 2, 3));
    let clustering = Clustering::default();
    work.kmers(clustering);
    let stage = stage();
    let out = work.path("out");
    let [first, second] = [&work.kmers[0], &work.kmers[1]];
    let one = |path: &Path| vec![path.to_path_buf()];

    let other = work.path("other.kmers");
    let criterion = Criterion { identity: 8_000, ..Criterion::default() };
    stage.kmers(&work.shards[0], Clustering { criterion, ..clustering }, &other).unwrap();
    let error = refused(stage.edges(&[other.clone(), second.clone()], Partition::WHOLE, &out));
    assert!(
        error.contains("other.kmers") && error.contains("1.kmers") && error.contains("--min-identity 0.8"),
        "{error}"
    );
    let error = refused(stage.edges(&[first.clone(), first.clone()], Partition::WHOLE, &out));
    assert!(error.contains("the same shard"), "{error}");
    let error = refused(stage.edges(&work.shards, Partition::WHOLE, &out));
    assert!(error.contains("takes none"), "{error}");

    let edges = work.edges(2);
    let of_one = work.path("one.edges");
    stage.edges(&one(first), Partition::WHOLE, &of_one).unwrap();
    let verify = |files: &[&[PathBuf]]| stage.verify(&files.concat(), Partition::WHOLE, &out);
    let error = refused(verify(&[&work.shards, &work.kmers, &edges[..1]]));
    assert!(error.contains("part 2/2 of these edges is missing"), "{error}");
    let error = refused(verify(&[&work.shards, &work.kmers, &edges, &edges[1..]]));
    assert!(error.contains("both are part 2/2"), "{error}");
    let error = refused(verify(&[&work.shards, &work.kmers, std::slice::from_ref(&of_one)]));
    assert!(error.contains("only the former knows the shard"), "{error}");
    let error = refused(verify(&[&work.shards, &work.kmers[..1], &edges]));
    assert!(error.contains("the words of the shard") && error.contains("missing"), "{error}");
    let error = refused(verify(&[&work.shards[..1], &work.kmers, &edges]));
    assert!(error.contains("the shard 1.talaria is missing"), "{error}");
    let error = refused(verify(&[&work.shards, &work.shards[1..], &work.kmers, &edges]));
    assert!(error.contains("twice"), "{error}");

    let links = work.links(&edges, 1);
    let error = refused(stage.cover(&[&work.kmers[..], &edges].concat(), &out));
    assert!(error.contains("it has edges, which this stage does not take"), "{error}");
    let error = stage.cover(&work.kmers, &out).unwrap_err();
    assert!(matches!(error, Error::Option { .. }) && error.to_string().contains("no file of links"), "{error}");
    let clusters = work.path("clusters");
    stage.cover(&[&work.kmers[..], &links].concat(), &clusters).unwrap();
    let write =
        |files: &[&[PathBuf]]| stage.write(&files.concat(), Output::Container(out.clone()), &Writing::default());
    let error = write(&[&work.shards[..1], std::slice::from_ref(&clusters)]).unwrap_err();
    assert!(
        matches!(&error, Error::StageFiles { .. }) && error.to_string().contains("1.talaria is missing"),
        "{error}"
    );
    assert!(!out.exists());

    for (clustering, option) in [
        (
            Clustering { criterion: Criterion { identity: 5_000, ..Criterion::default() }, ..clustering },
            "0.65 for proteins",
        ),
        (Clustering { sensitive: true, ..clustering }, "--sensitive"),
        (Clustering { criterion: Criterion { identity: 1_000, ..Criterion::default() }, ..clustering }, "too low: 0.3"),
    ] {
        let error = stage.kmers(&work.shards[0], clustering, &out).unwrap_err();
        assert!(matches!(error, Error::Option { .. }) && error.to_string().contains(option), "{error}");
    }
    assert!(!out.exists());
}

/// Any byte of any file may be another one, and any file may end anywhere.
#[test]
fn damage_is_found() {
    let records = families(3, PROTEIN, 12);
    let mut work = Work::new(&dealt(&records, 2, 3));
    work.kmers(Clustering::default());
    let edges = work.edges(1);
    let links = work.links(&edges, 1);
    let (clusters, out) = (work.path("clusters"), work.path("out.talaria"));
    stage().cover(&[&work.kmers[..], &links].concat(), &clusters).unwrap();
    let damaged = work.path("damaged");
    let stage = Stage::new().threads(1);
    let rest = |of: &Path, files: &[&[PathBuf]]| -> Vec<PathBuf> {
        let with = |path: &PathBuf| if path == of { damaged.clone() } else { path.clone() };
        files.concat().iter().map(with).collect()
    };
    for file in [&work.kmers[0], &edges[0], &links[0], &clusters] {
        let bytes = std::fs::read(file).unwrap();
        let step = bytes.len() / 60 + 1;
        let flips = (0..bytes.len()).step_by(step).map(|at| {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x20;
            damaged
        });
        let cuts = (0..bytes.len()).step_by(step).map(|length| bytes[..length].to_vec());
        for damage in flips.chain(cuts) {
            std::fs::write(&damaged, &damage).unwrap();
            let result = if file == &work.kmers[0] {
                // Pairs need the words, links the keys.
                let words = stage.edges(&rest(file, &[&work.kmers]), Partition::WHOLE, &out).map(drop);
                let keys = stage.cover(&rest(file, &[&work.kmers, &links]), &out).map(drop);
                words.and(keys)
            } else if file == &edges[0] {
                stage.verify(&rest(file, &[&work.shards, &work.kmers, &edges]), Partition::WHOLE, &out).map(drop)
            } else if file == &links[0] {
                stage.cover(&rest(file, &[&work.kmers, &links]), &out).map(drop)
            } else {
                let files = rest(file, &[&work.shards, std::slice::from_ref(&clusters)]);
                stage.write(&files, Output::Container(out.clone()), &Writing::default()).map(drop)
            };
            // An index is not always needed.
            if let Err(error) = result {
                assert!(matches!(&error, Error::Stage { path, .. } if path == &damaged), "{error:?}");
            } else {
                assert_eq!(damage.len(), bytes.len(), "{}", file.display());
            }
            let _ = std::fs::remove_file(&out);
        }
    }
}
