//! What a file of a stage says of itself: what it has, of which program, options, shards and part.

use crate::align::{CoverageMode, Criterion, Identity, Scoring};
use crate::reduce::cluster::Clustering;
use crate::reduce::cluster::stage::Partition;

/// What a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Kmers,
    Edges,
    Links,
    Clusters,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Kmers, Self::Edges, Self::Links, Self::Clusters];

    /// As messages have it: the name of what the stage writes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kmers => "kmers",
            Self::Edges => "edges",
            Self::Links => "links",
            Self::Clusters => "clusters",
        }
    }
}

/// A shard, as files know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shard {
    /// Follows from its sources, and from the checksums of all that it has.
    pub(super) fingerprint: u64,
    pub(super) records: u64,
    /// Of its file, for messages.
    pub(super) name: String,
}

/// All that a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) scoring: Scoring,
    pub(super) clustering: Clustering,
    pub(super) partition: Partition,
    /// By fingerprint: the order of shards, where nothing else decides.
    pub(super) shards: Vec<Shard>,
    /// What the stage counted. Of kmers: the weight of all records, words, residues of the longest record. Of edges:
    /// words, pairs counted for each word, cut groups. Of clusters: references.
    pub(super) numbers: [u64; 3],
}

/// The program that made a file, which another one does not read: words and ranks may differ.
pub(super) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

impl Head {
    /// Options, as a command line has them, and what they are of.
    pub(super) fn options(&self) -> String {
        let kind = match self.scoring {
            Scoring::Protein => "proteins",
            Scoring::Nucleotide => "nucleotides",
        };
        format!("{kind}{}", self.clustering.options())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Criterion { identity, coverage, definition, mode } = self.clustering.criterion;
        let place = |at: Option<usize>| at.unwrap_or_default() as u8;
        let mut bytes = Vec::new();
        text(&mut bytes, PROGRAM);
        bytes.extend([
            place(Kind::ALL.iter().position(|&kind| kind == self.kind)),
            u8::from(self.scoring == Scoring::Nucleotide),
            u8::from(self.clustering.sensitive),
            u8::from(self.clustering.both_strands),
            place(Identity::ALL.iter().position(|&one| one == definition)),
            place(CoverageMode::ALL.iter().position(|&one| one == mode)),
        ]);
        bytes.extend([identity, coverage].iter().flat_map(|share| share.to_le_bytes()));
        bytes.extend([self.partition.number(), self.partition.count()].iter().flat_map(|part| part.to_le_bytes()));
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend((self.shards.len() as u64).to_le_bytes());
        for Shard { fingerprint, records, name } in &self.shards {
            bytes.extend([fingerprint, records].iter().flat_map(|number| number.to_le_bytes()));
            text(&mut bytes, name);
        }
        bytes
    }

    /// What is wrong, if it is nothing that [`encode`](Self::encode) makes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut bytes = Bytes(bytes);
        let damaged = || "what it says of itself is damaged".to_owned();
        let program = bytes.text().ok_or_else(damaged)?;
        if program != PROGRAM {
            return Err(format!("version {program} of this program made it, and this is {PROGRAM}: make it again"));
        }
        bytes.head().ok_or_else(damaged)
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// What is left to read.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn head(&mut self) -> Option<Head> {
        let [kind, scoring, sensitive, both_strands, definition, mode] = self.array()?.map(usize::from);
        let [identity, coverage] = [self.array().map(u16::from_le_bytes)?, self.array().map(u16::from_le_bytes)?];
        let [number, count] = [self.array().map(u32::from_le_bytes)?, self.array().map(u32::from_le_bytes)?];
        let numbers = [self.number()?, self.number()?, self.number()?];
        let criterion = Criterion {
            identity,
            coverage,
            definition: *Identity::ALL.get(definition)?,
            mode: *CoverageMode::ALL.get(mode)?,
        };
        let mut shards = Vec::new();
        for _ in 0..self.number()? {
            let (fingerprint, records) = (self.number()?, self.number()?);
            shards.push(Shard { fingerprint, records, name: self.text()? });
        }
        let head = Head {
            kind: *Kind::ALL.get(kind)?,
            scoring: *[Scoring::Protein, Scoring::Nucleotide].get(scoring)?,
            clustering: Clustering { criterion, sensitive: sensitive != 0, both_strands: both_strands != 0 },
            partition: Partition::new(number, count).ok()?,
            shards,
            numbers,
        };
        let ordered = head.shards.windows(2).all(|pair| pair[0].fingerprint < pair[1].fingerprint);
        (self.0.is_empty() && ordered).then_some(head)
    }
}
