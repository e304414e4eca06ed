use std::ffi::OsString;

use tasker_cli::view::{Charset, Environment, Look, Mode};

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::read(|name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn stderr_decides_between_live_and_plain() {
    let xterm = environment(&[("TERM", "xterm-256color")]);
    assert_eq!(Mode::choose(true, false, &xterm), Mode::Live);
    assert_eq!(Mode::choose(false, false, &xterm), Mode::Plain);
    assert_eq!(Mode::choose(true, false, &environment(&[("TERM", "dumb")])), Mode::Plain);
    assert_eq!(Mode::choose(true, false, &environment(&[("TERM", "xterm"), ("NO_COLOR", "1")])), Mode::Live);
    assert_eq!(Mode::choose(false, false, &environment(&[("TERM", "xterm"), ("CLICOLOR_FORCE", "1")])), Mode::Plain);
}

#[test]
#[cfg(not(windows))]
fn a_terminal_without_a_name_gets_plain_lines() {
    assert_eq!(Mode::choose(true, false, &environment(&[])), Mode::Plain);
    assert_eq!(Mode::choose(true, false, &environment(&[("TERM", "")])), Mode::Plain);
}

#[test]
fn json_wins_over_everything() {
    let xterm = environment(&[("TERM", "xterm")]);
    assert_eq!(Mode::choose(true, true, &xterm), Mode::Json);
    assert_eq!(Mode::choose(false, true, &environment(&[])), Mode::Json);
}

#[test]
fn colour_follows_the_conventions() {
    let colour = |stream_is_tty: bool, variables: &[(&str, &str)]| {
        let mut all = vec![("TERM", "xterm")];
        all.extend(variables);
        // The last one of a name counts.
        all.reverse();
        Look::choose(stream_is_tty, &environment(&all)).colour
    };
    assert!(colour(true, &[]));
    assert!(!colour(false, &[]));
    assert!(!colour(true, &[("NO_COLOR", "1")]));
    assert!(colour(true, &[("NO_COLOR", "")]), "an empty NO_COLOR counts as unset");
    assert!(colour(false, &[("CLICOLOR_FORCE", "1")]));
    assert!(!colour(false, &[("CLICOLOR_FORCE", "0")]));
    assert!(!colour(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    assert!(!colour(true, &[("CLICOLOR", "0")]));
    assert!(colour(true, &[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")]));
    assert!(!colour(true, &[("TERM", "dumb")]));
}

#[test]
fn the_locale_decides_on_characters() {
    let charset = |variables: &[(&str, &str)]| Charset::choose(&environment(variables));
    assert_eq!(charset(&[("LANG", "de_DE.UTF-8")]), Charset::Unicode);
    assert_eq!(charset(&[("LANG", "C.utf8")]), Charset::Unicode);
    assert_eq!(charset(&[("LANG", "C")]), Charset::Ascii);
    assert_eq!(charset(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]), Charset::Ascii);
    assert_eq!(charset(&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]), Charset::Unicode);
    #[cfg(not(windows))]
    assert_eq!(charset(&[]), Charset::Ascii);
}
