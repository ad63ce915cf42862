//! Reductions of few records against plain definitions: which record joins which, and that everything comes back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arbitrary::Unstructured;
use talaria_db::align::{CoverageMode, Criterion, Identity, Scoring, fold, reverse_complement};
use talaria_db::memory::budget::Budget;
use talaria_db::read::clusters::Membership;
use talaria_db::reduce::{Clustering, Containment, Method, Output, Reduction, Similarity};
use talaria_db::{Builder, Database, Error, Order};
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::delta;

use super::{below, one_of, records};
use crate::expected::Expected;
use crate::outcome;
use crate::text::Record;

/// Most records, and residues of each: every pair of them is compared.
const MOST_RECORDS: usize = 24;
const MOST_RESIDUES: usize = 1000;
/// Most cells of a matrix: longer pairs are not compared.
const MOST_CELLS: usize = 1 << 18;

/// What is done with the records, and how.
struct Plan {
    method: Method,
    threads: usize,
    memory: u64,
    /// The records before this one are reduced first, the others come to the result.
    update_from: Option<usize>,
    /// Clusters and records without one, if they are given.
    given: Vec<(u64, u64)>,
    unrepresented: Vec<u64>,
    order: Option<Order>,
    packed: bool,
}

/// See the module.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let (kind, mut plan) = plan(&mut input);
    let mut all = records::records(&mut input, MOST_RECORDS);
    all.iter_mut().for_each(|(_, residues)| residues.truncate(MOST_RESIDUES));
    if kind == 3 {
        let any = |input: &mut Unstructured<'_>| below(input, all.len() + 1) as u64;
        plan.given = (0..below(&mut input, 12)).map(|_| (any(&mut input), any(&mut input))).collect();
        plan.unrepresented = (0..below(&mut input, 3)).map(|_| any(&mut input)).collect();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = match reduce(folder.path(), &all, &plan) {
        Ok(output) => output,
        Err(Error::Memory { .. }) if plan.memory < u64::MAX => return,
        // Clusters that overlap, records that are not there, identities below what is offered: all are refused by name.
        Err(Error::Option { .. } | Error::OutOfRange { .. }) => return,
        Err(error) => panic!("sound records are refused: {error}"),
    };
    let database = outcome::small_options().open(&output).expect("a result");
    let text: Vec<u8> = all.iter().flat_map(|(header, residues)| fasta(header, residues)).collect();
    assert_eq!(Expected::new(all.clone(), text).compare(&database, true), Ok(()));
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
    let memberships = memberships(&database);
    match plan.method {
        Method::Exact => exact(&all, &memberships),
        Method::Contain(how) => contain(&all, &memberships, database.alphabet(), how),
        Method::Cluster(how) => cluster(&all, &memberships, database.alphabet(), &how.criterion, how.both_strands),
        _ => {
            // A pair of a record with itself says nothing.
            for (representative, member) in
                plan.given.iter().filter(|(representative, member)| representative != member)
            {
                let found = memberships[usize::try_from(*member).unwrap()].map(|found| found.representative);
                assert_eq!(found, Some(*representative));
            }
            assert!(plan.unrepresented.iter().all(|of| memberships[usize::try_from(*of).unwrap()].is_none()));
        }
    }
}

fn plan(input: &mut Unstructured<'_>) -> (usize, Plan) {
    let kind = below(input, 4);
    let criterion = Criterion {
        identity: one_of(input, &[9_000, 10_000, 9_900, 8_500, 7_000, 5_000]),
        coverage: one_of(input, &[8_000, 0, 5_000, 10_000]),
        definition: one_of(input, &Identity::ALL),
        mode: one_of(input, &CoverageMode::ALL),
    };
    let (sensitive, both_strands) = (below(input, 2) == 1, below(input, 2) == 0);
    let method = match kind {
        0 => Method::Exact,
        1 => Method::Contain(Containment { both_strands }),
        2 => Method::Cluster(Clustering { criterion, sensitive, both_strands }),
        _ => Method::Given,
    };
    let may_go_on = matches!(method, Method::Exact | Method::Cluster(_)) && below(input, 3) == 0;
    let plan = Plan {
        method,
        threads: one_of(input, &[1, 2]),
        memory: one_of(input, &[u64::MAX, 64 << 20, 32 << 20]),
        update_from: may_go_on.then(|| below(input, MOST_RECORDS)),
        given: Vec::new(),
        unrepresented: Vec::new(),
        order: one_of(input, &[None, Some(Order::Similarity), Some(Order::Input)]),
        packed: input.arbitrary().unwrap_or(true),
    };
    (kind, plan)
}

/// The result, a container of all records in their order.
fn reduce(folder: &Path, records: &[Record], plan: &Plan) -> talaria_db::Result<PathBuf> {
    let build = |name: &str, records: &[Record]| {
        let path = folder.join(name);
        let builder = Builder::new(&path).threads(1).packed_columns(plan.packed);
        let builder = builder.add_records(name, Vec::from(records).into_iter());
        builder.finish().map(|_| path)
    };
    let reduction = |input: &Path, output: &Path| {
        let reduction = Reduction::new(input, Output::Container(output.to_path_buf()))
            .method(plan.method)
            .threads(plan.threads)
            .budget(Budget::new(plan.memory));
        plan.order.into_iter().fold(reduction, Reduction::order)
    };
    let output = folder.join("output");
    match plan.update_from {
        Some(from) => {
            let (before, after) = records.split_at(from.min(records.len()));
            let first = folder.join("first");
            reduction(&build("before", before)?, &first).run()?;
            reduction(&build("after", after)?, &output).update(&first).run()?;
        }
        None => {
            let reduction = reduction(&build("all", records)?, &output);
            match plan.method {
                Method::Given => {
                    let given = reduction.members(plan.given.iter().copied());
                    given.unrepresented(plan.unrepresented.iter().copied()).run()?
                }
                _ => reduction.run()?,
            };
        }
    }
    Ok(output)
}

/// A record as a builder writes it that was given records: one line of residues, if there are any.
fn fasta(header: &[u8], residues: &[u8]) -> Vec<u8> {
    let end: &[u8] = if residues.is_empty() { b"" } else { b"\n" };
    [b">", header, b"\n", residues, end].concat()
}

/// Those of all records, after a check that both lists say the same.
fn memberships(database: &Database) -> Vec<Option<Membership>> {
    let clusters = database.clusters().expect("a result");
    let found: Vec<_> = (0..database.len()).map(|ordinal| clusters.membership(ordinal).expect("a record")).collect();
    let representative = |of: u64| found[usize::try_from(of).unwrap()].map(|found| found.representative);
    for ordinal in 0..database.len() {
        let above = representative(ordinal);
        assert!(above.is_none_or(|above| representative(above) == Some(above)), "{ordinal} joins no reference");
        let members: Vec<u64> =
            clusters.members(ordinal).expect("a record").map(|member| member.expect("a member").0).collect();
        let joined = (0..database.len()).filter(|&other| other != ordinal && representative(other) == Some(ordinal));
        assert_eq!(members, joined.collect::<Vec<_>>());
    }
    found
}

/// Whoever has the residues of an earlier record joins the first such.
fn exact(records: &[Record], memberships: &[Option<Membership>]) {
    let mut first: HashMap<&[u8], u64> = HashMap::new();
    for (ordinal, ((_, residues), found)) in (0..).zip(records.iter().zip(memberships)) {
        let representative = *first.entry(residues).or_insert(ordinal);
        assert_eq!(*found, Some(Membership { representative, similarity: Similarity::FULL }));
    }
}

/// Whoever is in another one joins the longest that it is in, of several of one length whichever they agree on.
fn contain(records: &[Record], memberships: &[Option<Membership>], alphabet: Alphabet, how: Containment) {
    let folded = |(_, residues): &Record| {
        let mut residues = residues.to_ascii_uppercase();
        if alphabet.is_nucleotide() {
            residues.iter_mut().filter(|residue| **residue == b'U').for_each(|residue| *residue = b'T');
        }
        residues
    };
    let texts: Vec<Vec<u8>> = records.iter().map(folded).collect();
    let turned = |text: &Vec<u8>| {
        let mut turned = text.clone();
        if how.both_strands && alphabet.is_nucleotide() {
            delta::reverse_complement(&mut turned, Alphabet::Dna);
        }
        turned
    };
    let others: Vec<Vec<u8>> = texts.iter().map(turned).collect();
    let holds =
        |text: &[u8], part: &[u8]| part.is_empty() == text.is_empty() && (part.is_empty() || occurs(text, part));
    let inside = |member: usize, of: usize| holds(&texts[of], &texts[member]) || holds(&texts[of], &others[member]);
    let of: Vec<usize> = memberships
        .iter()
        .map(|found| usize::try_from(found.expect("a representative").representative).unwrap())
        .collect();
    for member in 0..texts.len() {
        assert!(inside(member, of[member]), "{member} is not in {}", of[member]);
        for other in (0..texts.len()).filter(|&other| other != member && inside(member, other)) {
            assert!(texts[other].len() <= texts[of[member]].len(), "{member} is in {other}, which is longer");
            assert!(of[member] != member || of[other] != other, "{member} and {other} stand both for themselves");
        }
    }
}

fn occurs(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// No membership claims more than the longest common subsequence has room for, nor less than was asked for.
fn cluster(
    records: &[Record],
    memberships: &[Option<Membership>],
    alphabet: Alphabet,
    criterion: &Criterion,
    both: bool,
) {
    let scoring = Scoring::of(alphabet);
    let folded = |residues: &[u8]| {
        let mut letters = Vec::new();
        fold(residues, scoring, &mut letters);
        letters
    };
    for (ordinal, found) in memberships.iter().enumerate() {
        let found = found.expect("a representative");
        let representative = usize::try_from(found.representative).unwrap();
        let (one, other) = (&records[ordinal].1, &records[representative].1);
        if one == other || one.len() * other.len() > MOST_CELLS {
            continue;
        }
        let (identity, coverage) = (found.similarity.identity(), found.similarity.coverage());
        assert!(identity >= criterion.identity && coverage >= criterion.coverage, "{ordinal}: {:?}", found.similarity);
        let (member, representative) = (folded(one), folded(other));
        let mut common = common(&member, &representative);
        if both && scoring == Scoring::Nucleotide {
            let mut turned = Vec::new();
            reverse_complement(&member, &mut turned);
            common = common.max(self::common(&turned, &representative));
        }
        let (shorter, longer) = (member.len().min(representative.len()), member.len().max(representative.len()));
        let covered = match criterion.mode {
            CoverageMode::Target => member.len(),
            CoverageMode::Query => representative.len(),
            CoverageMode::Both => longer,
        };
        // Columns are at least what is covered.
        let (whole, share) = match criterion.definition {
            Identity::Columns => (covered, u64::from(coverage)),
            Identity::Shorter => (shorter, 10_000),
            Identity::Longer => (longer, 10_000),
        };
        let least = u64::from(identity) * share * whole as u64;
        assert!(
            (common as u64 + 1) * 100_000_000 > least,
            "{ordinal}: {common} residues in common, {:?}",
            found.similarity
        );
    }
}

/// The length of the longest common subsequence; what is unknown equals nothing.
fn common(one: &[u8], other: &[u8]) -> usize {
    let mut row = vec![0; other.len() + 1];
    for left in one {
        let mut diagonal = 0;
        for (column, right) in other.iter().enumerate() {
            let above = row[column + 1];
            let joined = if left == right { diagonal + 1 } else { 0 };
            diagonal = above;
            row[column + 1] = joined.max(above).max(row[column]);
        }
    }
    row[other.len()]
}
