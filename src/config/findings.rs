//! Where problems and warnings are gathered, so that one run reports all of them.

use std::cell::RefCell;

use crate::problem::{Problem, Problems};

/// Everything that was found so far. Shared by all readers of one load, hence the cells.
#[derive(Default)]
pub(super) struct Findings {
    problems: RefCell<Problems>,
    warnings: RefCell<Problems>,
}

impl Findings {
    pub fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub fn warning(&self, problem: Problem) {
        self.warnings.borrow_mut().push(problem);
    }

    /// Problems and warnings, each in the order of reading: by file as first read, then by line.
    pub fn into_sorted(self, files: &[String]) -> (Problems, Problems) {
        let sort = |cell: RefCell<Problems>| {
            let mut list = cell.into_inner();
            list.sort_by_cached_key(|problem| {
                let place = problem.place.as_ref();
                let file = place.and_then(|place| files.iter().position(|name| **name == *place.file));
                (file, place.map(|place| (place.line, place.column)))
            });
            list.dedup();
            list
        };
        (sort(self.problems), sort(self.warnings))
    }
}
