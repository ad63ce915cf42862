//! A batch of hits: its subjects are looked up together, and each hit is written once for each record of its cluster.

use std::collections::HashMap;

use talaria_db::Database;
use talaria_db::read::clusters::{Clusters, Membership};
use talaria_db::reduce::Similarity;

use super::ids::{Ids, WINDOW};
use super::lines::Lines;
use super::{Column, Unknown};
use crate::failure::Result;
use crate::output::Output;

/// Most records of clusters whose ids are held at a time; a larger cluster is read again for each hit on it.
const MOST: u64 = 1 << 17;
/// Bytes of memory that a line of a batch takes beside its bytes, its subject being another than all others.
const LINE: u64 = 160;
/// And a record of a cluster beside its id.
const RECORD: u64 = 24;

/// Writes hits.
pub(super) struct Expander<'d> {
    database: &'d Database,
    clusters: Clusters,
    output: Output,
    columns: &'d [Column],
    unknown: Unknown,
    unknown_count: u64,
}

/// Of references: where the ids of their clusters start, and how alike the records are.
type Places = HashMap<u64, (usize, Vec<Similarity>)>;

/// A line of the batch.
struct Line<'b> {
    /// Without its end.
    text: &'b [u8],
    end: &'b [u8],
    /// Where the subject's id stands; none in a line that passes through.
    subject: Option<(usize, usize)>,
}

/// What a subject is.
enum Subject {
    /// In no record.
    Unknown,
    /// A record that another one stands for.
    Member(Membership),
    /// A record that none stands for.
    Unrepresented,
    /// References that bear the name, and the records of their clusters.
    References(Vec<u64>, u64),
}

impl<'d> Expander<'d> {
    pub(super) fn new(
        database: &'d Database,
        clusters: Clusters,
        output: Output,
        columns: &'d [Column],
        unknown: Unknown,
    ) -> Self {
        Self { database, clusters, output, columns, unknown, unknown_count: 0 }
    }

    /// Writes what is left; how many hits were on unknown subjects.
    pub(super) fn finish(self) -> Result<u64> {
        self.output.finish()?;
        Ok(self.unknown_count)
    }

    /// Writes the hits of a batch, of which the first line has this number.
    pub(super) fn expand(&mut self, first: u64, batch: &[u8], source: &Lines) -> Result<()> {
        let count = batch.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        let _lease = self.database.budget().lease("a batch of hits", count * LINE + MOST * RECORD)?;
        let mut lines = Vec::new();
        for (number, line) in (first..).zip(batch.split_inclusive(|&byte| byte == b'\n')) {
            let Some(line) = Line::parse(line) else {
                return Err(source.fault(number, "no tab: not a table of hits".to_owned()).into());
            };
            lines.push(line);
        }
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut names: Vec<&[u8]> = Vec::new();
        let mut of_lines = Vec::with_capacity(lines.len());
        for line in &lines {
            of_lines.push(line.name().map(|name| {
                *numbers.entry(name).or_insert_with(|| {
                    names.push(name);
                    names.len() - 1
                })
            }));
        }
        let subjects = self.subjects(&names)?;
        let mut start = 0;
        while start < lines.len() {
            let (end, ordinals) = self.window(&of_lines, &subjects, start)?;
            let (ids, places) = self.ids(&ordinals)?;
            for index in start..end {
                let (Some(line), Some(subject)) = (lines.get(index), of_lines.get(index)) else { continue };
                match subject.and_then(|subject| subjects.get(subject)) {
                    None => {
                        self.output.bytes(line.text)?;
                        self.output.bytes(line.end)?;
                    }
                    Some(Subject::Unknown) => self.unknown(line, first + index as u64, source)?,
                    Some(Subject::Unrepresented) => self.keep(line)?,
                    Some(Subject::Member(membership)) => self.member(line, *membership)?,
                    Some(Subject::References(references, _)) => {
                        for &reference in references {
                            match places.get(&reference) {
                                Some((place, similarities)) => {
                                    self.write(line, ids.get(*place), similarities, |at| ids.get(place + at))?;
                                }
                                None => self.large(line, reference)?,
                            }
                        }
                    }
                }
            }
            start = end;
        }
        Ok(())
    }

    fn subjects(&self, names: &[&[u8]]) -> Result<Vec<Subject>> {
        let found = self.database.find_many(names)?;
        let mut memberships = self.clusters.memberships(found.ordinals())?.into_iter();
        let mut subjects = Vec::with_capacity(names.len());
        for ordinals in found.iter() {
            let (mut references, mut records, mut member) = (Vec::new(), 0, None);
            for (&ordinal, membership) in ordinals.iter().zip(memberships.by_ref()) {
                match membership {
                    Some(found) if found.representative == ordinal => {
                        references.push(ordinal);
                        records += 1 + self.clusters.member_count(ordinal)?;
                    }
                    Some(found) => member = member.or(Some(found)),
                    None => {}
                }
            }
            subjects.push(match member {
                None if ordinals.is_empty() => Subject::Unknown,
                None if references.is_empty() => Subject::Unrepresented,
                Some(membership) if references.is_empty() => Subject::Member(membership),
                _ => Subject::References(references, records),
            });
        }
        Ok(subjects)
    }

    /// The lines from `start` whose clusters are held together, at least one, and their references, each once. Of a
    /// line whose clusters are larger than what may be held none is among them.
    fn window(&self, of_lines: &[Option<usize>], subjects: &[Subject], start: usize) -> Result<(usize, Vec<u64>)> {
        let (mut records, mut references, mut seen) = (0, Vec::new(), std::collections::HashSet::new());
        let mut end = start;
        for subject in of_lines.get(start..).unwrap_or_default() {
            if let Some(number) = *subject
                && let Some(Subject::References(of_name, count)) = subjects.get(number)
                && *count <= MOST
                && seen.insert(number)
            {
                if records + count > MOST {
                    break;
                }
                records += count;
                references.extend_from_slice(of_name);
            }
            end += 1;
        }
        references.sort_unstable();
        references.dedup();
        Ok((end.max(start + 1), references))
    }

    /// The ids of the clusters of these references, and where each of them starts, with what is known of its members.
    fn ids(&self, references: &[u64]) -> Result<(Ids, Places)> {
        let (mut ordinals, mut places) = (Vec::new(), HashMap::with_capacity(references.len()));
        for &reference in references {
            let (start, mut similarities) = (ordinals.len(), vec![Similarity::FULL]);
            ordinals.push(reference);
            for member in self.clusters.members(reference)? {
                let (member, similarity) = member?;
                ordinals.push(member);
                similarities.push(similarity);
            }
            places.insert(reference, (start, similarities));
        }
        Ok((Ids::of(self.database, &ordinals)?, places))
    }

    /// A hit on a reference of a cluster that is not held.
    fn large(&mut self, line: &Line<'_>, reference: u64) -> Result<()> {
        let representative = Ids::of(self.database, &[reference])?;
        self.write(line, representative.get(0), &[Similarity::FULL], |_| representative.get(0))?;
        let mut members = self.clusters.members(reference)?;
        loop {
            let window: Vec<_> = members.by_ref().take(WINDOW).collect::<talaria_db::Result<_>>()?;
            if window.is_empty() {
                return Ok(());
            }
            let (ordinals, similarities): (Vec<u64>, Vec<Similarity>) = window.into_iter().unzip();
            let ids = Ids::of(self.database, &ordinals)?;
            write_hits(&mut self.output, self.columns, line, representative.get(0), &similarities, |at| ids.get(at))?;
        }
    }

    fn unknown(&mut self, line: &Line<'_>, number: u64, source: &Lines) -> Result<()> {
        let name = String::from_utf8_lossy(line.name().unwrap_or_default()).into_owned();
        match self.unknown {
            Unknown::Fail => {
                let path = self.database.path().display();
                let reason = format!("{name} is not in {path} (--unknown keep or drop passes over such hits)");
                Err(source.fault(number, reason).into())
            }
            Unknown::Drop => {
                self.unknown_count += 1;
                Ok(())
            }
            Unknown::Keep => {
                self.unknown_count += 1;
                self.keep(line)
            }
        }
    }

    /// A hit as it is, with empty columns.
    fn keep(&mut self, line: &Line<'_>) -> Result<()> {
        self.output.bytes(line.text)?;
        for _ in self.columns {
            self.output.bytes(b"\t")?;
        }
        Ok(self.output.bytes(line.end)?)
    }

    /// A hit on a record that another one stands for.
    fn member(&mut self, line: &Line<'_>, membership: Membership) -> Result<()> {
        if self.columns.is_empty() {
            self.output.bytes(line.text)?;
            return Ok(self.output.bytes(line.end)?);
        }
        let name = line.name().unwrap_or_default();
        let representative = Ids::of(self.database, &[membership.representative])?;
        self.write(line, representative.get(0), &[membership.similarity], |_| name)
    }

    fn write<'i>(
        &mut self,
        line: &Line<'_>,
        representative: &[u8],
        similarities: &[Similarity],
        id: impl Fn(usize) -> &'i [u8],
    ) -> Result<()> {
        write_hits(&mut self.output, self.columns, line, representative, similarities, id)
    }
}

/// A hit for each of the records with these ids.
fn write_hits<'i>(
    output: &mut Output,
    columns: &[Column],
    line: &Line<'_>,
    representative: &[u8],
    similarities: &[Similarity],
    id: impl Fn(usize) -> &'i [u8],
) -> Result<()> {
    let (start, end) = line.subject.unwrap_or_default();
    let (before, after) = (line.text.get(..start).unwrap_or_default(), line.text.get(end..).unwrap_or_default());
    for (index, similarity) in similarities.iter().enumerate() {
        output.bytes(before)?;
        output.bytes(id(index))?;
        output.bytes(after)?;
        let alike = if columns.is_empty() { String::new() } else { similarity.to_string() };
        let (identity, coverage) = alike.split_once('\t').unwrap_or_default();
        for column in columns {
            output.bytes(b"\t")?;
            match column {
                Column::Representative => output.bytes(representative)?,
                Column::Identity => output.bytes(identity.as_bytes())?,
                Column::Coverage => output.bytes(coverage.as_bytes())?,
            }
        }
        output.bytes(line.end)?;
    }
    Ok(())
}

impl<'b> Line<'b> {
    /// Nothing if it should be a hit and has no second column.
    fn parse(line: &'b [u8]) -> Option<Self> {
        let length = line.strip_suffix(b"\n").unwrap_or(line);
        let length = length.strip_suffix(b"\r").unwrap_or(length).len();
        let (text, end) = line.split_at(length);
        if text.starts_with(b"#") || text.trim_ascii().is_empty() {
            return Some(Self { text, end, subject: None });
        }
        // The last line of all may lack one.
        let end = if end.is_empty() { b"\n" } else { end };
        let start = text.iter().position(|&byte| byte == b'\t')? + 1;
        let rest = text.get(start..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\t').unwrap_or(rest.len());
        Some(Self { text, end, subject: Some((start, start + length)) })
    }

    /// The subject's id.
    fn name(&self) -> Option<&'b [u8]> {
        self.subject.and_then(|(start, end)| self.text.get(start..end))
    }
}
