//! What the tests of the command share: the program, a folder with files, a database with rows to count.

mod database;
mod folder;
mod program;

pub(crate) use database::Database;
pub(crate) use folder::{Folder, WAIT_FOR_GO, chain, template, template_with};
pub(crate) use program::{Ended, Running, TASKER, is_alive, tasker, wait_until};
