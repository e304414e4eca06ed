//! The program `hello` runs from nothing: it makes its own PostgreSQL.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn example_hello_runs_from_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // As root the server runs as another user, who must be able to come here.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hello"))
        .env("TASKER_DATA_DIR", folder.path().join("data"))
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "greet: complete {\"greeting\": \"Hello, Ada\"}\nshout: complete {\"greeting\": \"HELLO, ADA\"}\n",
        "{told}"
    );
}
