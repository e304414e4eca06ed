//! The part of YAML that templates are mostly written in, read several times as fast as the full parser does it.
//!
//! That part is: ASCII without tabs, block lists and mappings, plain keys, values of one line that are plain, quoted without
//! escapes, or flow lists and mappings. Whatever else turns up, wrong or merely rare, makes this reader give up, and the
//! full parser begins anew. So it finds no fault of its own, and where it gets to the end it must have called the
//! builder with just what the full parser would have.

use std::ops::Range;

use super::build::{Builder, Open};
use super::{MAX_DEPTH, Scalar, Text};

/// Longer keys are left to the full parser, which has a limit for them.
const LONGEST_KEY: usize = 200;

/// Reads the builder's text into it; nothing if the full parser is needed, and the builder is of no use then.
pub(super) fn read(builder: &mut Builder<'_>) -> Option<()> {
    let text = builder.text;
    if !text.bytes().fold(true, |is_plain, byte| is_plain & matches!(byte, b' '..=b'~' | b'\n')) {
        return None;
    }
    Reader { text, builder, blocks: Vec::new(), wants_block: true }.run()
}

/// What stands open in block style.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Block {
    /// Blanks in front of each of its lines.
    indent: usize,
    is_list: bool,
}

struct Reader<'r, 't> {
    text: &'t str,
    builder: &'r mut Builder<'t>,
    blocks: Vec<Block>,
    /// Whether the lines before ended where a value must follow.
    wants_block: bool,
}

impl Reader<'_, '_> {
    fn run(&mut self) -> Option<()> {
        let mut at = 0;
        let mut is_first = true;
        while at < self.text.len() {
            let line_end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
            let start = self.after_blanks(at, line_end);
            if start < line_end && self.byte(start) != b'#' {
                if !(is_first && self.text[at..line_end].trim_end() == "---") {
                    self.line(start, start - at, line_end)?;
                }
                is_first = false;
            }
            at = line_end + 1;
        }
        if self.wants_block {
            return None;
        }
        while self.blocks.pop().is_some() {
            self.builder.close(self.text.len()).ok()?;
        }
        Some(())
    }

    fn line(&mut self, start: usize, indent: usize, end: usize) -> Option<()> {
        let is_item = self.is_item(start, end);
        self.enter(Block { indent, is_list: is_item }, start, end)?;
        if !is_item {
            return self.pair(start, end);
        }
        let inner = self.after_blanks(start + 1, end);
        if inner == end || self.is_item(inner, end) {
            return None;
        }
        if self.key_end(inner, end).is_none() {
            return self.last_value(inner, end);
        }
        self.wants_block = true;
        self.enter(Block { indent: indent + (inner - start), is_list: false }, inner, end)?;
        self.pair(inner, end)
    }

    /// Opens the block that a line belongs to, or closes those that it ends.
    fn enter(&mut self, block: Block, start: usize, end: usize) -> Option<()> {
        if self.wants_block {
            self.wants_block = false;
            let is_inside = match self.blocks.last() {
                None => block.indent == 0,
                Some(outer) => {
                    block.indent > outer.indent || (block.indent == outer.indent && block.is_list && !outer.is_list)
                }
            };
            if !is_inside || self.blocks.len() >= MAX_DEPTH {
                return None;
            }
            // The parser has a list that is not indented begin with what stands behind the first dash.
            let is_indented = self.blocks.last().is_none_or(|outer| block.indent > outer.indent);
            let begin = if is_indented { start } else { self.in_line(start + 1, end)? };
            self.blocks.push(block);
            let open = if block.is_list { Open::Sequence(Vec::new()) } else { Open::empty_mapping() };
            return self.builder.open(open, begin..begin, 0).ok();
        }
        while *self.blocks.last()? != block {
            let innermost = self.blocks.pop()?;
            if innermost.indent < block.indent {
                return None;
            }
            self.builder.close(start).ok()?;
        }
        Some(())
    }

    /// A key and, if it stands in the same line, its value.
    fn pair(&mut self, start: usize, end: usize) -> Option<()> {
        let key_end = self.key_end(start, end)?;
        self.scalar(start..key_end, start..key_end, false)?;
        let value = self.after_blanks(key_end + 1, end);
        if value == end || self.byte(value) == b'#' {
            self.wants_block = true;
            return Some(());
        }
        self.last_value(value, end)
    }

    /// A value after which nothing but a comment stands in the line.
    fn last_value(&mut self, start: usize, end: usize) -> Option<()> {
        let value_end = self.value(start, end, false)?;
        let rest = self.after_blanks(value_end, end);
        (rest == end || (rest > value_end && self.byte(rest) == b'#')).then_some(())
    }

    /// Reads a value and answers where it ends.
    fn value(&mut self, start: usize, end: usize, in_flow: bool) -> Option<usize> {
        match self.byte(start) {
            quote @ (b'"' | b'\'') => {
                let length = self.text.as_bytes()[start + 1..end].iter().position(|byte| *byte == quote)?;
                let close = start + 1 + length;
                let is_doubled = self.text.as_bytes()[close + 1..end].first() == Some(&quote);
                if is_doubled || (quote == b'"' && self.text[start..close].contains('\\')) {
                    return None;
                }
                self.scalar(start + 1..close, start..close + 1, true)?;
                Some(close + 1)
            }
            b'[' => self.flow_list(start, end),
            b'{' => self.flow_mapping(start, end),
            _ => self.plain(start, end, in_flow),
        }
    }

    fn flow_list(&mut self, start: usize, end: usize) -> Option<usize> {
        self.builder.open(Open::Sequence(Vec::new()), start..start + 1, 0).ok()?;
        let mut at = self.in_line(start + 1, end)?;
        if self.byte(at) != b']' {
            loop {
                at = self.value(at, end, true)?;
                at = self.in_line(at, end)?;
                match self.byte(at) {
                    b',' => at = self.in_line(at + 1, end)?,
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.builder.close(at + 1).ok()?;
        Some(at + 1)
    }

    fn flow_mapping(&mut self, start: usize, end: usize) -> Option<usize> {
        self.builder.open(Open::empty_mapping(), start..start + 1, 0).ok()?;
        let mut at = self.in_line(start + 1, end)?;
        if self.byte(at) != b'}' {
            loop {
                let key_end = self.key_end(at, end)?;
                self.scalar(at..key_end, at..key_end, false)?;
                at = self.in_line(key_end + 1, end)?;
                at = self.value(at, end, true)?;
                at = self.in_line(at, end)?;
                match self.byte(at) {
                    b',' => at = self.in_line(at + 1, end)?,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.builder.close(at + 1).ok()?;
        Some(at + 1)
    }

    fn plain(&mut self, start: usize, end: usize, in_flow: bool) -> Option<usize> {
        let bytes = &self.text.as_bytes()[..end];
        let first = bytes[start];
        let is_negative = first == b'-' && bytes.get(start + 1).is_some_and(u8::is_ascii_digit);
        if !(first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/' | b'.' | b'+' | b'$' | b'~') || is_negative) {
            return None;
        }
        // behind the last byte that is no blank
        let mut value_end = start;
        for (at, &byte) in bytes.iter().enumerate().skip(start) {
            match byte {
                b' ' => continue,
                b'#' if value_end < at => break,
                b':' if bytes.get(at + 1).is_none_or(|next| *next == b' ' || (in_flow && b",[]{}".contains(next))) => {
                    return None;
                }
                b',' | b'[' | b']' | b'{' | b'}' if in_flow => break,
                _ => value_end = at + 1,
            }
        }
        self.scalar(start..value_end, start..value_end, false)?;
        Some(value_end)
    }

    fn scalar(&mut self, content: Range<usize>, place: Range<usize>, is_quoted: bool) -> Option<()> {
        let text = Text::Written(&self.text[content]);
        self.builder.add_scalar(Scalar { text, is_quoted }, place, 0).ok()
    }

    /// The colon that ends the key which stands here; none if here is no plain key.
    fn key_end(&self, start: usize, end: usize) -> Option<usize> {
        let bytes = &self.text.as_bytes()[start..end];
        if !bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_') {
            return None;
        }
        let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let length = bytes.iter().position(|byte| !is_of_key(byte))?;
        let is_key = bytes[length] == b':' && bytes.get(length + 1).is_none_or(|next| *next == b' ');
        (is_key && length <= LONGEST_KEY).then_some(start + length)
    }

    fn is_item(&self, start: usize, end: usize) -> bool {
        self.text[start..end].starts_with("- ")
    }

    fn after_blanks(&self, start: usize, end: usize) -> usize {
        start + self.text.as_bytes()[start..end].iter().take_while(|byte| **byte == b' ').count()
    }

    /// The next place that is no blank, if the line goes on so far.
    fn in_line(&self, start: usize, end: usize) -> Option<usize> {
        let place = self.after_blanks(start, end);
        (place < end).then_some(place)
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes()[at]
    }
}
