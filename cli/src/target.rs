//! Files that commands make: where they may go, and the codec and order of containers among them.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use talaria_db::{Compression, Error, Order};

use crate::failure::{Failure, Result};

/// Parses `--codec`.
pub(crate) fn codec(text: &str) -> Result<Compression, String> {
    Compression::parse(text).map_err(|error| match error {
        Error::Option { reason, .. } => reason,
        other => other.to_string(),
    })
}

/// The file to write, links followed; refuses what must not be replaced.
pub(crate) fn check(inputs: &[PathBuf], output: &Path) -> Result<PathBuf> {
    if inputs.iter().filter(|input| input.as_os_str() == "-").count() > 1 {
        return Err(Failure::Usage("standard input can be read only once".to_owned()));
    }
    for input in inputs {
        check_not_input(input, output)?;
    }
    let metadata = match output.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(output.to_path_buf()),
        Err(error) => return Err(Failure::io(output, "look at")(error)),
    };
    if !metadata.is_file() {
        return Err(Failure::Usage(format!("{}: not a regular file", output.display())));
    }
    output.canonicalize().map_err(Failure::io(output, "look at"))
}

/// Refuses to write over what is being read, or over another output, by whatever name.
pub(crate) fn check_not_input(input: &Path, output: &Path) -> Result<()> {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let same = match (input.metadata(), output.metadata()) {
        (Ok(input), Ok(output)) => identity(input) == identity(output),
        _ => input == output,
    };
    if same { Err(Failure::Usage(format!("{}: it would be written over", output.display()))) } else { Ok(()) }
}

/// An order of residues, by name.
pub(crate) fn order() -> impl TypedValueParser<Value = Order> {
    let named = |name: String| Order::ALL.into_iter().find(|order| order.name() == name);
    PossibleValuesParser::new(Order::ALL.map(Order::name)).try_map(move |name| named(name).ok_or("no such order"))
}
