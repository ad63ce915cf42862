//! What a reduced container says of how it came to be.

use crate::database::Database;
use crate::error::Result;
use crate::reduce::{Method, Reduction};

/// The word before the codec in a command.
const CODEC: &str = "--codec";

/// The lines: who wrote it, the commands up to now, and the method. Where members are left out, how many, and how many
/// records that none stands for.
pub(super) fn lines(
    reduction: &Reduction<'_>,
    database: &Database,
    left_out: Option<(u64, u64)>,
) -> Result<Vec<(String, String)>> {
    let mut lines = database.provenance()?;
    lines.retain(|(key, _)| key == "command");
    lines.insert(0, ("writer".to_owned(), concat!("talaria-db ", env!("CARGO_PKG_VERSION")).to_owned()));
    let method = reduction.method.name();
    let flag = if left_out.is_some() { " --no-deltas" } else { "" };
    let preference = reduction.preference.options();
    let similar = match reduction.method {
        Method::Cluster(clustering) => clustering.options(),
        Method::Select(selection) => {
            let taxa = if reduction.taxa.is_some() { " --taxon-map" } else { "" };
            format!("{}{taxa}", selection.options())
        }
        Method::Contain(containment) => containment.options().to_owned(),
        Method::Exact | Method::Given => String::new(),
    };
    let update = if reduction.old.is_some() { " --update" } else { "" };
    let compression = reduction.compression_of(database);
    let command = format!("reduce{update} --method {method}{similar}{preference}{flag} {CODEC} {compression}");
    lines.push(("command".to_owned(), command));
    lines.push(("method".to_owned(), method.to_owned()));
    if let Some((members, unrepresented)) = left_out {
        let records = database.len();
        lines.push(("left out".to_owned(), format!("{members} of {records} records, for which others stand")));
        if unrepresented > 0 {
            lines.push(("left out".to_owned(), format!("{unrepresented} of {records} records, for which none stands")));
        }
    }
    Ok(lines)
}

/// With what codec the residues of a container were written, if its last command says so.
pub(in crate::reduce) fn codec_of(database: &Database) -> Result<Option<String>> {
    let lines = database.provenance()?;
    let last = lines.iter().rev().find(|(key, _)| key == "command");
    let mut words = last.iter().flat_map(|(_, command)| command.split(' ')).skip_while(|&word| word != CODEC);
    Ok(words.nth(1).map(str::to_owned))
}
