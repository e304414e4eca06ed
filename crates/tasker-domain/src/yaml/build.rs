//! From the parser's events to the tree.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::problem::{Problem, quoted};

use super::plain;
use super::{Entry, MAX_COPIED_BYTES, MAX_COPIED_NODES, MAX_DEPTH, MAX_NODES, Mapping, Node, Scalar, Text, Value};

/// Reads a text of one YAML document.
///
/// The tree is there unless the text is empty, is no YAML, or goes beyond a limit; problems such as a key that stands
/// twice leave a tree (with the first of the two). A tree together with an error among the problems is good for finding
/// more problems, not for use.
pub fn parse(text: &str) -> (Option<Node<'_>>, Vec<Problem>) {
    parse_plain(text).unwrap_or_else(|| parse_in_full(text))
}

/// As [`parse`], by the faster reader for plain files alone; nothing if the text holds something that it does not know.
pub fn parse_plain(text: &str) -> Option<(Option<Node<'_>>, Vec<Problem>)> {
    let mut builder = Builder { text, ..Builder::default() };
    plain::read(&mut builder)?;
    Some((builder.root, builder.problems))
}

/// As [`parse`], by the full parser alone: the answer is the same.
pub fn parse_in_full(text: &str) -> (Option<Node<'_>>, Vec<Problem>) {
    let mut builder = Builder { text, ..Builder::default() };
    let root = match builder.run() {
        Ok(root) => root,
        Err(problem) => {
            builder.problems.push(*problem);
            None
        }
    };
    (root, builder.problems)
}

/// A fault after which reading cannot go on.
pub(super) type Fatal = Box<Problem>;

/// A finished value with what an alias to it would cost.
#[derive(Clone)]
struct Finished<'t> {
    node: Node<'t>,
    /// Values in it, itself included.
    size: usize,
    /// Bytes of all texts in it, keys included.
    bytes: usize,
    /// Lists and mappings inside one another, itself included.
    height: usize,
}

pub(super) enum Open<'t> {
    Sequence(Vec<Node<'t>>),
    Mapping { mapping: Mapping<'t>, key: Option<Key<'t>>, merged: Vec<Node<'t>> },
}

pub(super) enum Key<'t> {
    Plain {
        text: Text<'t>,
        span: Range<usize>,
    },
    Merge {
        span: Range<usize>,
    },
    /// A key that was refused; its value is read and dropped.
    Refused,
}

struct Frame<'t> {
    open: Open<'t>,
    start: usize,
    anchor: usize,
    size: usize,
    bytes: usize,
    height: usize,
}

#[derive(Default)]
pub(super) struct Builder<'t> {
    pub(super) text: &'t str,
    problems: Vec<Problem>,
    frames: Vec<Frame<'t>>,
    anchors: HashMap<usize, Finished<'t>>,
    root: Option<Node<'t>>,
    copied: usize,
    copied_bytes: usize,
    total: usize,
}

impl Open<'_> {
    pub(super) fn empty_mapping() -> Self {
        Open::Mapping { mapping: Mapping::default(), key: None, merged: Vec::new() }
    }
}

impl<'t> Builder<'t> {
    fn run(&mut self) -> Result<Option<Node<'t>>, Fatal> {
        let mut options = granit_parser::options! {
            emit_unresolved_aliases: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        options.set_emit_comments(false);
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = next.map_err(|error| Box::new(self.not_yaml(&error)))?;
            let place = self.bytes_of(&span);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        let problem = Problem::error("the file holds several YAML documents; one is read")
                            .at(place, "a second document begins here")
                            .help("put each document into a file of its own");
                        return Err(Box::new(problem));
                    }
                }
                Event::Scalar(content, style, anchor, tag) => {
                    self.check_tag(tag.as_deref(), &span);
                    let scalar = self.scalar(content.into(), style, tag.as_deref(), &place);
                    self.add_scalar(scalar, place, anchor)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.check_tag(tag.as_deref(), &span);
                    self.open(Open::Sequence(Vec::new()), place, anchor)?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.check_tag(tag.as_deref(), &span);
                    self.open(Open::empty_mapping(), place, anchor)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(place.end)?,
                Event::Alias(anchor) => self.alias(anchor, place)?,
                Event::UnresolvedAlias(name) => {
                    self.problems.push(
                        Problem::error(format!("no anchor {} stands before this alias", quoted(&format!("&{name}"))))
                            .at(place.clone(), "an alias to nothing"),
                    );
                    self.finish(null_at(place), 0)?;
                }
                _ => {}
            }
        }
        Ok(self.root.take())
    }

    fn bytes_of(&self, span: &Span) -> Range<usize> {
        let start = span.start.byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let end = span.end.byte_offset().unwrap_or(start).clamp(start, self.text.len());
        start..end
    }

    fn not_yaml(&self, error: &ScanError) -> Problem {
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let at = self.text.floor_char_boundary(at);
        let place = at..at + self.text[at..].chars().next().map_or(0, char::len_utf8);
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => too_deep(place),
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => Problem::error(
                "a `:` stands where no key can be",
            )
            .at(place, "here")
            .help(
                "put a text that holds `: ` in quotes, or look for wrong indentation and unclosed brackets before it",
            ),
            ErrorKind::TabInIndentation | ErrorKind::TabInBlockIndentation | ErrorKind::TabNotAllowed => {
                Problem::error("a tab must not be used for indentation").at(place, "here").help("indent with blanks")
            }
            kind => Problem::error(format!("this is not YAML: {kind}")).at(place, "here"),
        }
    }

    fn scalar(&mut self, text: Text<'t>, style: ScalarStyle, tag: Option<&Tag>, place: &Range<usize>) -> Scalar<'t> {
        // Written as it is the character is refused before: only an escape can make one.
        if matches!(text, Text::Resolved(_)) && text.contains('\0') {
            self.problems.push(
                Problem::error("the text holds the character U+0000, which PostgreSQL cannot store")
                    .at(place.clone(), "in this text"),
            );
        }
        let is_plain = style == ScalarStyle::Plain;
        let is_quoted = match tag.map(|tag| (tag.core_suffix(), tag.parts())) {
            None => !is_plain,
            Some((Some("str"), _) | (None, ("!", "") | ("", "!"))) => true,
            Some((Some(_), _)) => false,
            Some((None, _)) => !is_plain,
        };
        Scalar { text, is_quoted }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, span: &Span) {
        let Some(tag) = tag else { return };
        if tag.is_yaml_core_schema() || matches!(tag.parts(), ("!", "") | ("", "!")) {
            return;
        }
        let place = self.bytes_of(&span.tag_span().unwrap_or(*span));
        self.problems.push(
            Problem::warning(format!("the tag {} is ignored", quoted(&tag.original())))
                .at(place, "what follows is read as if it had no tag"),
        );
    }

    pub(super) fn open(&mut self, open: Open<'t>, place: Range<usize>, anchor: usize) -> Result<(), Fatal> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(Box::new(too_deep(place)));
        }
        self.frames.push(Frame { open, start: place.start, anchor, size: 1, bytes: 0, height: 1 });
        Ok(())
    }

    pub(super) fn close(&mut self, end: usize) -> Result<(), Fatal> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let end = frame.start + self.text[frame.start..end.max(frame.start)].trim_end().len();
        let value = match frame.open {
            Open::Sequence(elements) => Value::Sequence(Rc::new(elements)),
            Open::Mapping { mapping, merged, .. } => Value::Mapping(Rc::new(merge(mapping, merged))),
        };
        let node = Node { span: frame.start..end, value };
        let Frame { size, bytes, height, anchor, .. } = frame;
        self.finish(Finished { node, size, bytes, height }, anchor)
    }

    pub(super) fn add_scalar(&mut self, scalar: Scalar<'t>, place: Range<usize>, anchor: usize) -> Result<(), Fatal> {
        let bytes = scalar.text.len();
        let node = Node { span: place, value: Value::Scalar(scalar) };
        self.finish(Finished { node, size: 1, bytes, height: 0 }, anchor)
    }

    fn alias(&mut self, anchor: usize, place: Range<usize>) -> Result<(), Fatal> {
        let Some(target) = self.anchors.get(&anchor).cloned() else {
            self.problems
                .push(Problem::error("an alias must not stand inside what it copies").at(place.clone(), "here"));
            return self.finish(null_at(place), 0);
        };
        self.copied += target.size;
        if self.copied > MAX_COPIED_NODES {
            let problem = Problem::error(format!("aliases copy more than {MAX_COPIED_NODES} values"))
                .at(place, "with this alias it is too many")
                .at(target.node.span, "this is copied");
            return Err(Box::new(problem));
        }
        self.copied_bytes += target.bytes;
        if self.copied_bytes > MAX_COPIED_BYTES {
            let problem = Problem::error(format!("aliases copy more than {MAX_COPIED_BYTES} bytes of text"))
                .at(place, "with this alias it is too much")
                .at(target.node.span, "this is copied");
            return Err(Box::new(problem));
        }
        if self.frames.len() + target.height > MAX_DEPTH {
            return Err(Box::new(too_deep(place)));
        }
        self.finish(target, 0)
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, finished: Finished<'t>, anchor: usize) -> Result<(), Fatal> {
        if anchor != 0 {
            self.anchors.insert(anchor, finished.clone());
        }
        self.total += 1;
        if self.total > MAX_NODES {
            let place = finished.node.span;
            return Err(Box::new(Problem::error(format!("the file holds more than {MAX_NODES} values")).at(place, "")));
        }
        let Finished { node, size, bytes, height } = finished;
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.size += size;
        frame.bytes += bytes;
        frame.height = frame.height.max(height + 1);
        let (mapping, key, merged) = match &mut frame.open {
            Open::Sequence(elements) => {
                elements.push(node);
                return Ok(());
            }
            Open::Mapping { mapping, key, merged } => (mapping, key, merged),
        };
        match key.take() {
            None => *key = Some(read_key(node, mapping, &mut self.problems)),
            Some(Key::Refused) => {}
            Some(Key::Merge { span }) => match &node.value {
                Value::Mapping(_) => merged.push(node),
                Value::Sequence(elements) if elements.iter().all(|element| element.as_mapping().is_some()) => {
                    merged.extend(elements.iter().cloned());
                }
                _ => self.problems.push(
                    Problem::error("a merge key `<<` takes a mapping or a list of mappings")
                        .at(node.span.clone(), format!("this is {}", node.describe()))
                        .at(span, "the merge key"),
                ),
            },
            Some(Key::Plain { text, span }) => {
                mapping.put(Entry { key: text, key_span: span, node });
            }
        }
        Ok(())
    }
}

/// Adds the keys that the mapping does not have.
fn merge<'t>(mut mapping: Mapping<'t>, merged: Vec<Node<'t>>) -> Mapping<'t> {
    for source in merged {
        let Some(entries) = source.as_mapping() else { continue };
        for entry in entries {
            if !mapping.contains_key(&entry.key) {
                mapping.put(entry.clone());
            }
        }
    }
    mapping
}

fn read_key<'t>(node: Node<'t>, mapping: &Mapping<'t>, problems: &mut Vec<Problem>) -> Key<'t> {
    let Some(scalar) = node.as_scalar() else {
        problems.push(
            Problem::error(format!("a key must be a text, found {}", node.describe()))
                .at(node.span.clone(), "this key"),
        );
        return Key::Refused;
    };
    if &*scalar.text == "<<" && !scalar.is_quoted {
        return Key::Merge { span: node.span };
    }
    if let Some(first) = mapping.get(&scalar.text) {
        problems.push(
            Problem::error(format!("the key {} stands twice", quoted(&scalar.text)))
                .at(node.span.clone(), "here again")
                .at(first.key_span.clone(), "first here"),
        );
        return Key::Refused;
    }
    Key::Plain { text: scalar.text.clone(), span: node.span }
}

fn null_at(place: Range<usize>) -> Finished<'static> {
    let value = Value::Scalar(Scalar { text: Text::Written(""), is_quoted: false });
    Finished { node: Node { span: place, value }, size: 1, bytes: 0, height: 0 }
}

fn too_deep(place: Range<usize>) -> Problem {
    Problem::error(format!("lists and mappings stand more than {MAX_DEPTH} deep inside one another"))
        .at(place, "too deep from here on")
}
