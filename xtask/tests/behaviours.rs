//! The ledger of behaviours: what the check refuses, and that the project's own passes it.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::path::Path;

use xtask::behaviours::{Area, Findings, areas, check, run};
use xtask::steps::workspace_root;

const TESTS: &str = "/// Adds.\n#[tokio::test]\nasync fn adds() {\n}\n\nfn helper() {\n}\n\n#[test]\n#[should_panic]\nfn panics() {\n}\n";

fn two_areas(finished: bool) -> Vec<Area> {
    let state = if finished { "finished" } else { "open" };
    areas(&format!("# comment\nB-ONE\t2\t{state}\tFirst things\nB-TWO\t1\topen\tSecond things\n")).unwrap()
}

fn checked(finished: bool, lines: &str) -> Findings {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    std::fs::write(folder.path().join("tests/sums.rs"), TESTS).unwrap();
    check(&two_areas(finished), &format!("id\tstatus\twhere\n{lines}"), folder.path())
}

fn problem(finished: bool, lines: &str) -> String {
    checked(finished, lines).problems.join("\n")
}

const GOOD: &str = "B-ONE-001\ttested\ttests/sums.rs::adds; tests/sums.rs::panics\n\
                    B-ONE-002\tchanged\tR-12; tests/sums.rs::adds\nB-TWO-001\tlater\t\n";

#[test]
fn a_good_ledger_is_counted_by_area() {
    let findings = checked(true, GOOD);
    assert_eq!(findings.problems, [] as [String; 0]);
    let counts: Vec<_> = findings.areas.iter().map(|area| (area.area.title.as_str(), area.counts)).collect();
    assert_eq!(counts, [("First things", [1, 1, 0, 0]), ("Second things", [0, 0, 0, 1])]);
    let shown = findings.to_string();
    assert!(shown.contains("First things (finished)"), "{shown}");
    assert!(shown.lines().last().unwrap().starts_with("count: all areas"), "{shown}");
}

#[test]
fn every_id_has_its_line_in_order() {
    let missing = GOOD.lines().take(2).collect::<Vec<_>>().join("\n");
    assert!(problem(false, &missing).contains("B-TWO-001 is missing"));
    assert!(
        problem(false, &GOOD.replace("B-ONE-002", "B-ONE-003")).contains("line 3: expected B-ONE-002, found B-ONE-003")
    );
    assert!(problem(false, &format!("{GOOD}B-TWO-002\tlater\t\n")).contains("belongs to no id"));
    assert!(problem(false, &GOOD.replace("later\t", "later")).contains("expected three fields"));
    let folder = tempfile::tempdir().unwrap();
    let findings = check(&two_areas(false), GOOD, folder.path());
    assert!(findings.problems[0].contains("line 1: expected the heading"));
}

#[test]
fn a_status_needs_what_it_claims() {
    for (from, to, expected) in [
        ("tests/sums.rs::panics", "tests/sums.rs::subtracts", "a test that is not there: tests/sums.rs::subtracts"),
        ("tests/sums.rs::panics", "tests/sums.rs::helper", "a test that is not there"),
        ("tests/sums.rs::panics", "tests/sums.rs::add", "a test that is not there"),
        ("tests/sums.rs::panics", "tests/products.rs::adds", "a file that cannot be read: tests/products.rs"),
        ("tested\ttests/sums.rs::adds; tests/sums.rs::panics", "tested\tsomewhere", "names no test"),
        ("R-12; ", "", "gives no ruling or reason"),
        ("changed\tR-12; tests/sums.rs::adds", "not-here\t", "gives no ruling or reason"),
        ("later", "perhaps", "`perhaps`, which is no status"),
    ] {
        let found = problem(false, &GOOD.replace(from, to));
        assert!(found.contains(expected), "{to}: {found}");
    }
}

#[test]
fn a_finished_area_leaves_nothing_for_later() {
    let later = GOOD.replace("changed\tR-12; tests/sums.rs::adds", "later\t");
    assert_eq!(problem(false, &later), "");
    assert!(problem(true, &later).contains("line 3: B-ONE-002 is `later` although its area is finished"));
}

#[test]
fn the_projects_ledger_is_as_it_must_be() {
    run(workspace_root()).unwrap();
    assert!(run(Path::new("/nowhere")).unwrap_err().to_string().contains("docs/behaviours.tsv"));
}
