//! The throw-away server: it can be used, and nothing of it is left.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::process::Command;

use nix::sys::signal::kill;
use nix::unistd::Pid;
use xtask::postgres::{find, major_of};
use xtask::server::Server;

#[test]
fn a_server_can_be_used_until_it_is_dropped() {
    let programs = find(None).expect("`cargo xtask test` has seen to PostgreSQL's programs");
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::start(&programs, &scratch.path().join("log")).unwrap();
    let answer = Command::new(programs.path("psql"))
        .args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--command",
            "select 'fsync ' || current_setting('fsync')",
        ])
        .arg(server.url())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap().trim(), "fsync off");

    let process = Pid::from_raw(i32::try_from(server.process_id()).unwrap());
    let folder = server.folder().to_owned();
    assert!(kill(process, None).is_ok(), "the server's process is not there");
    drop(server);
    assert!(kill(process, None).is_err(), "the server's process is still there");
    assert!(!folder.exists(), "{} is still there", folder.display());
}

#[test]
fn versions_are_read_as_the_server_tells_them() {
    assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
    assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
    assert_eq!(major_of("postgres (PostgreSQL) devel"), None);
    assert_eq!(major_of("something else"), None);
}
