//! Configuration: defaults, a TOML file, the environment, flags; each goes before what is named before it.
//!
//! Everything comes from one table of [`keys`]. [`layers`] are what the places say, [`resolve`] makes of them what
//! commands take, and [`show`] says which value came from where. Nothing of the machine is looked at here, so that a
//! lookup of one record need not wait.

#[cfg(any(test, fuzzing))]
pub(crate) mod any_text;
pub(crate) mod environment;
pub(crate) mod example;
pub(crate) mod file;
pub(crate) mod keys;
pub(crate) mod layers;
pub(crate) mod nearest;
pub(crate) mod profiles;
pub(crate) mod resolve;
pub(crate) mod show;
pub(crate) mod value;

use std::path::Path;

use crate::config::layers::{Layer, Problem};
use crate::config::resolve::Configuration;
use crate::failure::{Failure, Result};

/// Which file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice<'p> {
    /// None.
    None,
    /// `TALARIA_CONFIG`, else the usual one if it is there.
    Usual,
    /// This one.
    Named(&'p Path),
}

/// What file and environment and `flags` come to.
///
/// # Errors
/// [`Failure::Configuration`] with all that is wrong; what the system says if a file cannot be read.
pub(crate) fn load(choice: Choice<'_>, flags: Layer) -> Result<Configuration> {
    let (mut layers, problems) = places(choice)?;
    if !problems.is_empty() {
        return Err(Failure::Configuration(problems));
    }
    layers.push(flags);
    Configuration::new(layers).map_err(Failure::Configuration)
}

/// All that is wrong with the chosen file and with the environment.
///
/// # Errors
/// What the system says if the file cannot be read.
pub(crate) fn check(choice: Choice<'_>) -> Result<Vec<Problem>> {
    let (layers, mut problems) = places(choice)?;
    problems.extend(Configuration::new(layers).err().unwrap_or_default());
    Ok(problems)
}

/// The layers beneath the flags, and all that is wrong with them.
fn places(choice: Choice<'_>) -> Result<(Vec<Layer>, Vec<Problem>)> {
    let (mut layers, mut problems) = (Vec::new(), Vec::new());
    let environment = environment::parse(std::env::vars_os());
    for (layer, wrong) in file_layer(choice)?.into_iter().chain([environment]) {
        layers.push(layer);
        problems.extend(wrong);
    }
    Ok((layers, problems))
}

fn file_layer(choice: Choice<'_>) -> Result<Option<(Layer, Vec<Problem>)>> {
    let variable = std::env::var_os("TALARIA_CONFIG").filter(|path| !path.is_empty());
    let named = match choice {
        Choice::None => return Ok(None),
        Choice::Named(path) => Some(path),
        Choice::Usual => variable.as_deref().map(Path::new),
    };
    if let Some(path) = named {
        return Ok(Some(file::parse(path, &file::read(path)?)));
    }
    let Some(path) = file::usual_path() else { return Ok(None) };
    Ok(file::read_if_there(&path)?.map(|text| file::parse(&path, &text)))
}
