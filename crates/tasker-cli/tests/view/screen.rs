//! A terminal in memory that interprets what the live list sends.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tasker_cli::view::{Size, Terminal};

#[derive(Clone)]
pub(crate) struct Screen {
    parser: Rc<RefCell<vt100::Parser>>,
    sent: Rc<RefCell<Vec<String>>>,
}

impl Screen {
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        Self { parser: Rc::new(RefCell::new(vt100::Parser::new(rows, columns, 1_000))), sent: Rc::default() }
    }

    /// Text that was there before the list.
    pub(crate) fn with_earlier_lines(self, count: usize) -> Self {
        for number in 1..=count {
            self.parser.borrow_mut().process(format!("earlier line {number}\r\n").as_bytes());
        }
        self
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.parser.borrow_mut().screen_mut().set_size(rows, columns);
    }

    /// What can be seen, spaces at the end of rows left out.
    pub(crate) fn visible(&self) -> String {
        let parser = self.parser.borrow();
        let (_, columns) = parser.screen().size();
        let rows: Vec<String> = parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// What can be seen and what has scrolled away above it.
    pub(crate) fn everything(&self) -> String {
        let mut parser = self.parser.borrow_mut();
        let (height, columns) = parser.screen().size();
        parser.screen_mut().set_scrollback(usize::MAX);
        let above = parser.screen().scrollback();
        let mut rows = Vec::new();
        for offset in (1..=above).rev() {
            parser.screen_mut().set_scrollback(offset);
            rows.extend(parser.screen().rows(0, columns).take(1));
        }
        parser.screen_mut().set_scrollback(0);
        rows.extend(parser.screen().rows(0, columns).take(usize::from(height)));
        let rows: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    pub(crate) fn cursor_is_hidden(&self) -> bool {
        self.parser.borrow().screen().hide_cursor()
    }

    pub(crate) fn cursor(&self) -> (u16, u16) {
        self.parser.borrow().screen().cursor_position()
    }

    /// All that was sent, one entry for each write.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.sent.borrow().clone()
    }
}

impl Terminal for Screen {
    fn size(&self) -> Size {
        let (rows, columns) = self.parser.borrow().screen().size();
        Size { columns: usize::from(columns), rows: usize::from(rows) }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.parser.borrow_mut().process(text.as_bytes());
        self.sent.borrow_mut().push(text.to_owned());
        Ok(())
    }
}
