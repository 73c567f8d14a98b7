//! Unique names: a base, or the base with the next free number.

use std::collections::{BTreeMap, BTreeSet};

/// Longest base that is extended; longer ones are cut, so that names of names stay short.
const MAX_BASE: usize = 160;

/// Names that are taken.
#[derive(Clone, Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
    next: BTreeMap<String, usize>,
}

impl Names {
    /// These names are taken.
    #[must_use]
    pub fn new(taken: impl IntoIterator<Item = String>) -> Self {
        Self {
            taken: taken.into_iter().collect(),
            next: BTreeMap::new(),
        }
    }

    /// Takes `base`, or `base.2`, `base.3`, .. where it is taken already.
    pub fn unique(&mut self, base: &str) -> String {
        let cut = base
            .char_indices()
            .nth(MAX_BASE)
            .map_or(base, |(at, _)| &base[..at]);
        if !base.is_empty() && self.taken.insert(base.to_owned()) {
            return base.to_owned();
        }
        let number = self.next.entry(cut.to_owned()).or_insert(1);
        loop {
            *number += 1;
            let name = format!("{cut}.{number}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Gives a name back.
    pub fn release(&mut self, name: &str) {
        self.taken.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names = Names::new(["a".to_owned(), "a.2".to_owned()]);
        assert_eq!(names.unique("a"), "a.3");
        assert_eq!(names.unique("b"), "b");
        assert_eq!(names.unique("b"), "b.2");
        assert_eq!(names.unique(""), ".2");
        names.release("b");
        assert_eq!(names.unique("b"), "b");
    }
}
