//! One line of output: pieces of text, each in a style.

use anstyle::Style;

use super::text;

/// A line without its line break. Its text must be safe already (see `text::fit`) or written by the view itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pieces: Vec<(Style, String)>,
    columns: usize,
}

impl Line {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds text in a style.
    pub(crate) fn push(&mut self, style: Style, piece: impl Into<String>) {
        let piece = piece.into();
        self.columns += text::width(&piece);
        self.pieces.push((style, piece));
    }

    /// Adds text in the terminal's own style.
    pub(crate) fn plain(&mut self, piece: impl Into<String>) {
        self.push(Style::new(), piece);
    }

    /// Adds spaces up to a column, counted from 0; none where the line is that long already.
    pub(crate) fn pad_to(&mut self, column: usize) {
        self.plain(text::padding(self.columns, column));
    }

    /// The columns that the line takes.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The line cut to at most `columns` columns.
    pub(crate) fn cut(mut self, columns: usize) -> Self {
        if self.columns <= columns {
            return self;
        }
        let mut room = columns;
        for (_, piece) in &mut self.pieces {
            let kept = text::cut(piece, room).len();
            // After the first piece that is cut nothing may follow, even if it would fit.
            room = if kept < piece.len() { 0 } else { room - text::width(piece) };
            piece.truncate(kept);
        }
        self.pieces.retain(|(_, piece)| !piece.is_empty());
        self.columns = self.pieces.iter().map(|(_, piece)| text::width(piece)).sum();
        self
    }

    /// The line as text, with escape codes for its styles where `colour` is set. Spaces at the end are left out.
    pub fn render(&self, colour: bool) -> String {
        let visible = self.pieces.iter().rposition(|(_, piece)| !piece.trim_end().is_empty());
        let Some(last) = visible else { return String::new() };
        let mut rendered = String::new();
        for (position, (style, piece)) in self.pieces[..=last].iter().enumerate() {
            let piece = if position == last { piece.trim_end() } else { piece };
            if colour && *style != Style::new() && !piece.is_empty() {
                rendered.push_str(&format!("{}{piece}{}", style.render(), style.render_reset()));
            } else {
                rendered.push_str(piece);
            }
        }
        rendered
    }

    /// The line broken between words into lines of at most `columns` columns, all but the first indented. A word that
    /// is longer than a line stays whole.
    pub(crate) fn broken(self, columns: usize, indent: usize) -> Vec<Self> {
        if self.columns <= columns {
            return vec![self];
        }
        let mut lines = vec![Self::new()];
        let mut has_words = false;
        for (style, piece) in self.pieces {
            for word in piece.split_inclusive(' ') {
                let current = lines.len() - 1;
                let is_word = !word.trim().is_empty();
                if is_word && has_words && lines[current].columns + text::width(word.trim_end()) > columns {
                    let mut next = Self::new();
                    next.plain(" ".repeat(indent));
                    lines.push(next);
                }
                let current = lines.len() - 1;
                lines[current].push(style, word);
                has_words = has_words || is_word;
            }
        }
        lines
    }
}
