//! The accept and reject corpora, as changes to golden containers.
//!
//! Each case takes a golden container, changes one thing, and seals everything above the change, so that nothing else
//! is wrong with the file. `tests/corpus.rs` compares the stored files with what the cases make, and writes them if
//! `TALARIA_WRITE_CORPUS=1`.

mod accept;
mod reject;

use crate::draft::Draft;
use crate::image::Image;
use crate::{ladder, manifest};

/// A file of a corpus.
#[derive(Debug)]
pub struct Case {
    /// Its line in the manifest.
    pub entry: manifest::Entry,
    /// The golden container that it was made from.
    pub seed: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// All cases of both corpora, sorted by path.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut list = List::default();
    accept::list(&mut list);
    reject::list(&mut list);
    list.cases.sort_by(|left, right| left.entry.path.cmp(&right.entry.path));
    list.cases
}

/// Cases as they are gathered.
#[derive(Default)]
struct List {
    cases: Vec<Case>,
}

impl List {
    /// A sound file: content is changed, then everything is sealed.
    fn accept(&mut self, name: &str, seed: &'static str, shows: &str, change: impl FnOnce(&mut Draft)) {
        self.draft("accept", name, "", seed, shows, change);
    }

    /// A sound file: header, table or trailer are changed, and what lies above.
    fn accept_image(&mut self, name: &str, seed: &'static str, shows: &str, change: impl FnOnce(&mut Image)) {
        self.image("accept", name, "", seed, shows, change);
    }

    /// A file that breaks `rules`: content is changed, then everything is sealed.
    fn reject(&mut self, rules: &str, name: &str, seed: &'static str, shows: &str, change: impl FnOnce(&mut Draft)) {
        self.draft("reject", name, rules, seed, shows, change);
    }

    /// A file that breaks `rules`: header, table, trailer or single bytes are changed, and what lies above.
    fn reject_image(
        &mut self,
        rules: &str,
        name: &str,
        seed: &'static str,
        shows: &str,
        change: impl FnOnce(&mut Image),
    ) {
        self.image("reject", name, rules, seed, shows, change);
    }

    fn draft(
        &mut self,
        kind: &str,
        name: &str,
        rules: &str,
        seed: &'static str,
        shows: &str,
        change: impl FnOnce(&mut Draft),
    ) {
        let mut draft = Draft::parse(&ladder::find(seed).container());
        change(&mut draft);
        self.push(kind, name, rules, seed, shows, draft.assemble());
    }

    fn image(
        &mut self,
        kind: &str,
        name: &str,
        rules: &str,
        seed: &'static str,
        shows: &str,
        change: impl FnOnce(&mut Image),
    ) {
        let mut image = Image::new(ladder::find(seed).container());
        change(&mut image);
        self.push(kind, name, rules, seed, shows, image);
    }

    /// The path of a file that is refused starts with the first of its rules.
    fn push(&mut self, kind: &str, name: &str, rules: &str, seed: &'static str, shows: &str, image: Image) {
        let mut rules: Vec<String> = rules.split(',').filter(|rule| !rule.is_empty()).map(str::to_owned).collect();
        let path = match rules.first() {
            Some(rule) => format!("{kind}/{}-{name}.talaria", rule.to_lowercase()),
            None => format!("{kind}/{name}.talaria"),
        };
        rules.sort();
        let entry = manifest::Entry { path, rules, shows: shows.to_owned() };
        self.cases.push(Case { entry, seed, bytes: image.into_bytes() });
    }
}
