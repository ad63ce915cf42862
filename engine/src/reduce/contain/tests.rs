//! Containment against its plain definition, and the same whatever the way.

use std::path::Path;

use proptest::prelude::*;

use super::letters::turn;
use super::*;
use crate::memory::budget::Budget;
use crate::reduce::{Method, Output, Preference, Reduction};
use crate::write::builder::Builder;

/// Records r0, r1, ..., as a container.
fn build(folder: &Path, records: &[String]) -> std::path::PathBuf {
    let input = folder.join("in.talaria");
    let header = |index: usize| format!("r{index}").into_bytes();
    let made = records.iter().enumerate().map(|(index, text)| (header(index), text.clone().into_bytes()));
    Builder::new(&input).add_records("made", made.collect::<Vec<_>>().into_iter()).finish().unwrap();
    input
}

/// The number of the representative of each record, by a reduction; every record is as it was.
fn representatives(
    input: &Path,
    records: &[String],
    both_strands: bool,
    settings: impl FnOnce(Reduction<'static>) -> Reduction<'static>,
) -> Vec<usize> {
    let output = input.with_file_name("out.talaria");
    let method = Method::Contain(Containment { both_strands });
    settings(Reduction::new(input, Output::Container(output.clone())).method(method)).run().unwrap();
    let database = Database::open(&output).unwrap();
    let clusters = database.clusters().unwrap();
    let membership = |(at, text): (usize, &String)| {
        assert!(database.record(at as u64).unwrap().sequence().as_bytes() == text.as_bytes(), "record {at}");
        let membership = clusters.membership(at as u64).unwrap().unwrap();
        assert_eq!(membership.similarity, Similarity::FULL);
        membership.representative as usize
    };
    records.iter().enumerate().map(membership).collect()
}

/// Texts as they are compared, and turned around if that counts.
fn compared(records: &[String], nucleotides: bool, both_strands: bool) -> Vec<(String, String)> {
    let fold = |text: &String| if nucleotides { text.to_uppercase().replace('U', "T") } else { text.to_uppercase() };
    let turned = |text: &str| {
        let mut residues = text.as_bytes().to_vec();
        turn(&mut residues);
        String::from_utf8(residues).unwrap()
    };
    let both = both_strands && nucleotides;
    records.iter().map(fold).map(|text| (text.clone(), if both { turned(&text) } else { text })).collect()
}

/// Compares with the definition: whoever is in another one joins the longest that it is in, of several of one length
/// whichever they agree on.
fn check(records: &[String], both_strands: bool, nucleotides: bool, of: &[usize]) {
    let texts = compared(records, nucleotides, both_strands);
    let inside = |member: usize, other: usize| {
        let (forward, turned) = &texts[member];
        let other = &texts[other].0;
        forward.is_empty() == other.is_empty() && (other.contains(forward) || other.contains(turned))
    };
    for member in 0..records.len() {
        assert_eq!(of[of[member]], of[member]);
        assert!(inside(member, of[member]), "{member} {} is not in {}", records[member], records[of[member]]);
        for other in (0..records.len()).filter(|&other| other != member && inside(member, other)) {
            let (longest, found) = (records[other].len(), records[of[member]].len());
            assert!(longest <= found, "{member} {} is in {}", records[member], records[other]);
            assert!(of[member] != member || of[other] != other, "{member} and {other} stand both for themselves");
        }
    }
}

fn nucleotides() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ACac]{0,4}",
        "[ACGTUacgu]{1,9}",
        "[ACGT]{28,40}",
        "(AC|GT|A|T|GATTACA|N|R){1,40}",
        "(ACGTTGCAGGAT|TTGACCAGTACC|CCATGGATCAAT|AAAAAAAAAAAAAA|GATTACAGATTACAGATTACAGATTACAGATTACAGATTACA){1,9}",
    ]
}

fn proteins() -> impl Strategy<Value = String> {
    prop_oneof!["[A-D*-]{0,5}", "[A-Ca-cUJX]{1,20}", "(MKVLAAGI|TEGHQRHWW|PLK*MND|X|AAAAAAAAA){1,12}"]
}

/// Records, some of them pieces of others, in any order.
fn mixed(one: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<String>> {
    let pieces = prop::collection::vec((any::<prop::sample::Index>(), 0_usize..300, 1_usize..120, 0_u8..4), 0..30);
    (prop::collection::vec(one, 1..40), pieces).prop_map(|(mut records, pieces)| {
        for (of, start, length, how) in pieces {
            let of = &records[of.index(records.len())];
            let start = start % (of.len() + 1);
            let piece = &of[start..of.len().min(start + length)];
            let mut turned = piece.as_bytes().to_vec();
            turn(&mut turned);
            let piece = match how {
                0 => piece.to_lowercase(),
                1 => String::from_utf8(turned).unwrap(),
                _ => piece.to_owned(),
            };
            records.push(piece);
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nucleotides_inside_others(mut records in mixed(nucleotides()), both_strands in any::<bool>()) {
        records.push("ACGTACCGATCAGCATGACTACGACTACGACTACG".repeat(4));
        let folder = tempfile::tempdir().unwrap();
        let input = build(folder.path(), &records);
        prop_assume!(Database::open(&input).unwrap().alphabet().is_nucleotide());
        check(&records, both_strands, true, &representatives(&input, &records, both_strands, |reduction| reduction));
    }

    #[test]
    fn proteins_inside_others(mut records in mixed(proteins()), both_strands in any::<bool>()) {
        records.push("MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV".repeat(8));
        let folder = tempfile::tempdir().unwrap();
        let input = build(folder.path(), &records);
        prop_assert!(!Database::open(&input).unwrap().alphabet().is_nucleotide());
        check(&records, both_strands, false, &representatives(&input, &records, both_strands, |reduction| reduction));
    }
}

/// Numbers in no order.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % limit
    }

    fn residues(&mut self, letters: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(letters[self.below(letters.len())])).collect()
    }
}

/// A chromosome, plasmids that are in it or nearly, contigs of all lengths, and what is the same.
fn assembly() -> Vec<String> {
    let mut numbers = Numbers(7);
    let chromosome = numbers.residues(b"ACGT", 700_000);
    let other = numbers.residues(b"ACGTN", 90_000);
    let turned = |text: &str| {
        let mut residues = text.as_bytes().to_vec();
        turn(&mut residues);
        String::from_utf8(residues).unwrap()
    };
    let mut changed = chromosome[200_000..300_000].to_owned();
    changed.replace_range(75_000..75_001, if &changed[75_000..75_001] == "A" { "C" } else { "A" });
    let mut records = vec![
        other.clone(),
        chromosome[150_000..690_000].to_lowercase(),
        changed,
        turned(&chromosome[524_000..600_000]),
        chromosome[630_000..].to_owned(),
        chromosome[..65_537].to_owned(),
        chromosome[..65_536].to_owned(),
        format!("{}A{}", &chromosome[..70_000], &chromosome[70_000..140_000]),
        other[10_000..80_000].to_owned(),
        chromosome.clone(),
        chromosome.to_lowercase(),
        String::new(),
        String::new(),
        // As far from the ends of parts as may be, and over them.
        chromosome[524_287..524_288 + 40].to_owned(),
        turned(&chromosome[524_250..524_289]),
        other[89_960..].to_owned(),
        "ACGTA".to_owned(),
    ];
    for _ in 0..60 {
        let length = 1 + numbers.below(400);
        let start = numbers.below(700_000 - length);
        let piece = &chromosome[start..start + length];
        records.push(if numbers.below(2) == 0 { piece.to_owned() } else { turned(piece) });
    }
    records
}

#[test]
fn records_that_are_longer_than_a_part() {
    let records = assembly();
    let folder = tempfile::tempdir().unwrap();
    let input = build(folder.path(), &records);
    for both_strands in [false, true] {
        let of = representatives(&input, &records, both_strands, |reduction| reduction);
        check(&records, both_strands, true, &of);
        let alone: Vec<usize> = (0..17).filter(|&at| of[at] == at).collect();
        let mut expected = vec![0, 2, 7, of[9], of[11]];
        if !both_strands {
            expected.push(3);
        }
        expected.sort_unstable();
        assert_eq!(alone, expected);
    }
}

/// Records that are made to be looked up in vain: repeats, and many of one word.
fn repeats() -> Vec<String> {
    let mut numbers = Numbers(3);
    let mut records: Vec<String> = (1..300).map(|length| "A".repeat(length)).collect();
    records.extend((1..100).map(|count| format!("{}C", "AG".repeat(count))));
    let family = numbers.residues(b"ACGT", 300);
    for _ in 0..400 {
        let mut residues = family.clone();
        let at = numbers.below(300);
        residues.replace_range(at..=at, "N");
        records.push(residues[numbers.below(40)..300 - numbers.below(40)].to_owned());
    }
    records
}

#[test]
fn repeats_and_families() {
    let records = repeats();
    let folder = tempfile::tempdir().unwrap();
    let input = build(folder.path(), &records);
    for both_strands in [false, true] {
        check(&records, both_strands, true, &representatives(&input, &records, both_strands, |reduction| reduction));
    }
}

#[test]
fn the_same_whatever_the_threads_the_memory_and_the_order() {
    let mut records = repeats();
    let mut numbers = Numbers(5);
    let chromosome = numbers.residues(b"ACGT", 200_000);
    // More of one class than the least memory has room for at a time.
    for _ in 0..40_000 {
        let start = numbers.below(200_000 - 31);
        records.push(chromosome[start..start + 16 + numbers.below(16)].to_owned());
    }
    records.push(chromosome);
    let folder = tempfile::tempdir().unwrap();
    let input = build(folder.path(), &records);
    let expected = representatives(&input, &records, true, |reduction| reduction.threads(1));
    let others = [
        representatives(&input, &records, true, |reduction| reduction.threads(2)),
        representatives(&input, &records, true, |reduction| {
            let least = reduction.least_memory().unwrap();
            reduction.budget(Budget::new(least))
        }),
    ];
    assert!(others.iter().all(|other| *other == expected));
    let mut shuffled: Vec<usize> = (0..records.len()).collect();
    (1..shuffled.len()).rev().for_each(|at| shuffled.swap(at, numbers.below(at + 1)));
    let other_records: Vec<String> = shuffled.iter().map(|&at| records[at].clone()).collect();
    let other_folder = tempfile::tempdir().unwrap();
    let other_input = build(other_folder.path(), &other_records);
    let of = representatives(&other_input, &other_records, true, |reduction| reduction);
    // Whoever stands for a record has the same residues as before; of several the header decides, and headers have
    // changed places.
    assert!((0..of.len()).all(|at| other_records[of[at]] == records[expected[shuffled[at]]]));
}

#[test]
fn preferred_records_join_only_those_preferred_as_much() {
    let word = "GATTACAGGCATCAGCATTACGGACTTCAGCAGC";
    let records = [format!("AA{word}CC"), format!("A{word}C"), word.to_owned(), word[1..20].to_owned()];
    let folder = tempfile::tempdir().unwrap();
    let input = build(folder.path(), &records);
    let of = |texts: &[&str]| {
        let preference = texts.iter().fold(Preference::default(), Preference::text);
        representatives(&input, &records, false, |reduction| reduction.prefer(preference))
    };
    assert_eq!(of(&[]), [0, 0, 0, 0]);
    assert_eq!(of(&["r2"]), [0, 0, 2, 2]);
    assert_eq!(of(&["r3", "r1"]), [0, 1, 1, 3]);
    assert_eq!(of(&["r0"]), [0, 0, 0, 0]);
}
