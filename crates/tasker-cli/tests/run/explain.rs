//! `tasker explain`, and the codes that errors show.

use super::support::{Ended, tasker};

fn explain(code: &str) -> Ended {
    Ended::of(tasker(&["explain", code]))
}

#[test]
fn a_code_is_explained_by_its_page() {
    let page = include_str!("../../../../docs/errors/TSK-0012.md");
    for written in ["TSK-0012", "tsk-12", "12"] {
        assert_eq!(explain(written).expect(0, &[]).stdout, page);
    }
}

#[test]
fn without_a_code_all_are_listed() {
    let listed = Ended::of(tasker(&["explain"])).expect(0, &[]).stdout;
    let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors")).unwrap();
    let pages = pages.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("TSK-")).count();
    assert_eq!(listed.lines().count(), pages);
    assert!(listed.starts_with("TSK-0001  the template cannot be read\n"), "{listed}");
}

#[test]
fn what_is_no_code_is_refused() {
    for written in ["TSK-9999", "0", "TSK-", "twelve", "é", "TSK-00012", "-1x", ""] {
        Ended::of(tasker(&["explain", "--", written]))
            .expect(64, &["error[TSK-0019]", "is not a code", "`tasker explain`"]);
    }
}

#[test]
fn an_error_shows_the_code_that_can_be_explained() {
    for (arguments, status, code) in [
        (&["template", "check", "missing.yaml"][..], 65, "TSK-0001"),
        (&["db", "check", "--database-url", "mysql://x"], 69, "TSK-0032"),
        (&["db", "check", "--database-url", "postgres://nobody@127.0.0.1:1/none"], 69, "TSK-0030"),
        (&["postgres", "start"], 69, "TSK-0073"),
    ] {
        let ended = Ended::of(tasker(arguments)).expect(status, &[]);
        assert!(ended.stderr.contains(&format!("error[{code}]: ")), "{ended}");
        explain(code).expect(0, &[]);
    }
}
