//! The optional columns: what a build can keep of each record for filters, beside what every container has.
//!
//! They cost four bytes a record each, and counting residues while a container is built. Readers that do not know them
//! pass them over.

use talaria_db_spec::section::SectionKind;

/// A column of one number a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The share of `G`, `C` and `S` among `A C G T U S W`, from 0 to 1.
    GcContent,
    /// Shannon entropy of the residues over the most that it could be in the container's alphabet, from 0 to 1.
    Complexity,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::GcContent, Self::Complexity];

    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GcContent => "gc",
            Self::Complexity => "complexity",
        }
    }

    /// The section that holds it.
    #[must_use]
    pub const fn section(self) -> SectionKind {
        match self {
            Self::GcContent => SectionKind::GcContent,
            Self::Complexity => SectionKind::Complexity,
        }
    }
}

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns {
    gc_content: bool,
    complexity: bool,
}

impl Columns {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.count() == 0
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u64 {
        match (self.gc_content, self.complexity) {
            (false, false) => 0,
            (true, true) => 2,
            _ => 1,
        }
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, column: Column) -> bool {
        match column {
            Column::GcContent => self.gc_content,
            Column::Complexity => self.complexity,
        }
    }

    /// Them, in the order of [`Column::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |&column| self.contains(column))
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<T: IntoIterator<Item = Column>>(columns: T) -> Self {
        let mut chosen = Self::default();
        for column in columns {
            match column {
                Column::GcContent => chosen.gc_content = true,
                Column::Complexity => chosen.complexity = true,
            }
        }
        chosen
    }
}

/// Names, separated by commas.
impl std::fmt::Display for Columns {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, column) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{}", column.name())?;
        }
        Ok(())
    }
}
