//! Records laid out as FASTA: mostly in a regular way, and with what real files have beside that.

/// Header text and residues.
pub type Record = (Vec<u8>, Vec<u8>);

/// A source, and what is in it.
#[derive(Debug, Clone)]
pub struct Text {
    /// What must be read from it.
    pub records: Vec<Record>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// How the lines of a source are laid out.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// What comes before the first record.
    pub preamble: &'static [u8],
    /// Residues a line; 0: one line.
    pub width: usize,
    /// LF or CR LF.
    pub line_end: &'static [u8],
    /// Whether the last line has no end.
    pub cut: bool,
}

/// What is odd about a record's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Nothing.
    None,
    /// Blank lines between its own.
    BlankLine,
    /// Blanks after residues.
    TrailingBlank,
    /// Comments between its lines.
    Comment,
    /// Lines of another width.
    OtherWidth,
    /// Lines that end otherwise.
    OtherLineEnd,
}

impl Oddity {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::None, Self::BlankLine, Self::TrailingBlank, Self::Comment, Self::OtherWidth, Self::OtherLineEnd];
}

impl Text {
    /// Lays records out.
    #[must_use]
    pub fn new(list: &[(Vec<u8>, Vec<u8>, Oddity)], style: &Style) -> Self {
        let mut bytes = style.preamble.to_vec();
        for (header, residues, oddity) in list {
            record(&mut bytes, header, residues, style, *oddity);
        }
        if style.cut && !list.is_empty() && bytes.ends_with(style.line_end) {
            bytes.truncate(bytes.len() - style.line_end.len());
        }
        Self { records: list.iter().map(|(header, residues, _)| (header.clone(), residues.clone())).collect(), bytes }
    }
}

fn record(out: &mut Vec<u8>, header: &[u8], residues: &[u8], style: &Style, oddity: Oddity) {
    // Files whose lines end in LF may have lines that end in CR LF, and the other way round.
    let line_end: &[u8] = match (oddity, style.line_end) {
        (Oddity::OtherLineEnd, b"\n") => b"\r\n",
        (Oddity::OtherLineEnd, _) => b"\n",
        (_, line_end) => line_end,
    };
    let width = match oddity {
        Oddity::OtherWidth => style.width / 2 + 3,
        _ if style.width == 0 => residues.len().max(1),
        _ => style.width,
    };
    out.push(b'>');
    out.extend_from_slice(header);
    out.extend_from_slice(line_end);
    for (index, line) in residues.chunks(width).enumerate() {
        out.extend_from_slice(line);
        match oddity {
            Oddity::TrailingBlank if index % 2 == 0 => out.extend_from_slice(b" \t"),
            Oddity::BlankLine if index % 2 == 0 => out.extend_from_slice(line_end),
            Oddity::Comment if index % 2 == 0 => out.extend([line_end, b"; a comment"].concat()),
            _ => {}
        }
        out.extend_from_slice(line_end);
    }
}
