//! Reading JSON text, strictly by RFC 8259.

use indexmap::IndexMap;

use super::{Json, number};

/// How many lists and objects may stand inside one another.
pub const MAX_DEPTH: usize = 128;

/// Text that is not JSON: what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ParseError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Place in the text, in bytes from its beginning.
    pub offset: usize,
    /// What is wrong there.
    pub problem: String,
}

impl Json {
    /// Reads one JSON value that fills the whole text.
    ///
    /// Of a key that stands twice in an object the last value counts, as in PostgreSQL. A byte order mark in front is
    /// passed over. What PostgreSQL cannot store is let through here; [`Json::check_storable`] finds it.
    ///
    /// # Errors
    /// The first place where the text is not JSON, or where values are nested deeper than [`MAX_DEPTH`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
        if text.starts_with('\u{feff}') {
            parser.at = '\u{feff}'.len_utf8();
        }
        parser.skip_blank();
        if parser.at == parser.bytes.len() {
            return Err(parser.error("the text is empty where a JSON value should stand"));
        }
        let value = parser.value(0)?;
        parser.skip_blank();
        if parser.at < parser.bytes.len() {
            let found = parser.found();
            return Err(parser.error(format!("the JSON value ends before {found}: one text holds one value")));
        }
        Ok(value)
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn error(&self, problem: impl Into<String>) -> ParseError {
        self.error_at(self.at, problem)
    }

    fn error_at(&self, offset: usize, problem: impl Into<String>) -> ParseError {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ParseError {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().filter(|character| *character != '\u{feff}').count() + 1,
            offset,
            problem: problem.into(),
        }
    }

    /// What stands at the current place, in words for a message.
    fn found(&self) -> String {
        match self.text[self.at..].chars().next() {
            None => "the end of the text".to_owned(),
            Some(character) if character.is_control() => format!("the control character U+{:04X}", character as u32),
            Some(character) => format!("`{character}`"),
        }
    }

    fn skip_blank(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.bytes.get(self.at) == Some(&byte);
        if is_there {
            self.at += 1;
        }
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<Json, ParseError> {
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json, ParseError> {
        let rest = &self.text[self.at..];
        let end = rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(rest.len());
        let (word, value) = match &rest[..end] {
            word @ "null" => (word, Json::Null),
            word @ "true" => (word, Json::Bool(true)),
            word @ "false" => (word, Json::Bool(false)),
            "" if rest.starts_with('\'') => return Err(self.error("a text stands in double quotes, not single ones")),
            "" => return Err(self.error(format!("expected a value, found {}", self.found()))),
            word => {
                let shown: String = word.chars().take(40).collect();
                return Err(self.error(format!("`{shown}` is not a JSON value; a text stands in double quotes")));
            }
        };
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, ParseError> {
        let end = number::scan(self.bytes, self.at).map_err(|bad| self.error_at(bad.at, bad.problem))?;
        let text = &self.text[self.at..end];
        self.at = end;
        Ok(Json::Number(text.to_owned()))
    }

    fn array(&mut self, depth: usize) -> Result<Json, ParseError> {
        self.enter(depth)?;
        let mut elements = Vec::new();
        self.skip_blank();
        if self.take(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            self.skip_blank();
            if self.bytes.get(self.at) == Some(&b']') {
                return Err(self.error("a comma must not stand before `]`"));
            }
            elements.push(self.value(depth + 1)?);
            self.skip_blank();
            if self.take(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.take(b',') {
                return Err(self.error(format!("expected `,` or `]` in a list, found {}", self.found())));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, ParseError> {
        self.enter(depth)?;
        let mut members = IndexMap::new();
        self.skip_blank();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_blank();
            match self.bytes.get(self.at) {
                Some(b'"') => {}
                Some(b'}') => return Err(self.error("a comma must not stand before `}`")),
                _ => {
                    let found = self.found();
                    return Err(self.error(format!("expected a key in double quotes, found {found}")));
                }
            }
            let key = self.string()?;
            self.skip_blank();
            if !self.take(b':') {
                return Err(self.error(format!("expected `:` after a key, found {}", self.found())));
            }
            self.skip_blank();
            let value = self.value(depth + 1)?;
            members.insert(key, value);
            self.skip_blank();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.error(format!("expected `,` or `}}` in an object, found {}", self.found())));
            }
        }
    }

    /// Steps over the opening bracket, unless it is one too many.
    fn enter(&mut self, depth: usize) -> Result<(), ParseError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(format!("values are nested more than {MAX_DEPTH} deep")));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let opening = self.at;
        self.at += 1;
        let mut content = String::new();
        loop {
            let rest = &self.bytes[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            content.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.bytes.get(self.at) {
                None => return Err(self.error_at(opening, "the text that begins here has no closing `\"`")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(content);
                }
                Some(b'\\') => content.push(self.escape()?),
                Some(b'\n' | b'\r') => {
                    return Err(self.error("a text must not run over the end of a line; write \\n for a line break"));
                }
                Some(control) => {
                    return Err(self.error(format!("a control character in a text is written as \\u{control:04x}")));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.bytes.get(self.at) else {
            return Err(self.error("the text ends within an escape"));
        };
        let character = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(start),
            _ => {
                let found = self.found();
                return Err(self.error_at(start, format!("no escape is written with {found}; a backslash is `\\\\`")));
            }
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads what follows `\u`, and the second half of a pair if the first half asks for one.
    fn unicode_escape(&mut self, start: usize) -> Result<char, ParseError> {
        self.at += 1;
        let first = self.four_digits(start)?;
        if !(0xd800..=0xdfff).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.error_at(start, "not a Unicode character"));
        }
        let lonely = "half of a surrogate pair stands alone: it stands for no character";
        if first >= 0xdc00 || !self.bytes[self.at..].starts_with(b"\\u") {
            return Err(self.error_at(start, lonely));
        }
        self.at += 2;
        let second = self.four_digits(start)?;
        if !(0xdc00..=0xdfff).contains(&second) {
            return Err(self.error_at(start, lonely));
        }
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or_else(|| self.error_at(start, "not a Unicode character"))
    }

    fn four_digits(&mut self, start: usize) -> Result<u32, ParseError> {
        let code = self
            .bytes
            .get(self.at..self.at + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error_at(start, "four hexadecimal digits must follow \\u"))?;
        self.at += 4;
        Ok(code)
    }
}
