//! Lines and columns of places in a text.

/// Where each line begins, so that a line number costs a search and not a count.
pub(super) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub(super) fn of(text: &str) -> Self {
        LineStarts(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line a byte stands in, from 0.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at) - 1
    }

    /// The first byte of a line.
    pub(super) fn start_of(&self, line: usize) -> usize {
        self.0[line]
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(super) fn position(&self, text: &str, at: usize) -> (usize, usize) {
        let line = self.line_of(at);
        let before = &text[self.start_of(line)..text.floor_char_boundary(at)];
        (line + 1, before.chars().count() + 1)
    }
}
