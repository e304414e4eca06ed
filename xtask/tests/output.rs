//! What is shown of the test runner's report.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use xtask::output::Filter;

fn shown(report: &str) -> String {
    let mut filter = Filter::default();
    let lines: Vec<&str> = report.lines().filter_map(|line| filter.line(line)).collect();
    lines.join("\n")
}

const START: &str = "   Compiling probe v0.1.0 (/probe)
────────────
    Starting 3 tests across 2 binaries";

const PASSING: &str = "        PASS [   0.008s] probe::seam good
  stdout ───

    running 1 test
    anything
    count: rows 5
    the count: 3
    test good ... ok

    test result: ok. 1 passed; 0 failed; 0 ignored

  stderr ───
    count: statements 6
    not run: no folder named
";

const FAILING: &str = "        FAIL [   0.118s] probe::seam bad
  stdout ───

    running 1 test
    count: rows 7
            PASS [ 1.0s] only printed

  stderr ───
    thread 'bad' panicked
";

const END: &str = "────────────
     Summary [   0.123s] 2 tests run: 1 passed, 1 failed, 0 skipped
        FAIL [   0.118s] probe::seam bad
error: test run failed";

#[test]
fn of_a_passing_test_only_marked_lines_are_shown() {
    let expected =
        "        PASS [   0.008s] probe::seam good\ncount: rows 5\ncount: statements 6\nnot run: no folder named";
    assert_eq!(shown(PASSING), expected);
}

#[test]
fn a_failing_test_is_shown_whole() {
    assert_eq!(shown(FAILING), FAILING.trim_end_matches('\n'));
    let after_a_passing_one = shown(&format!("{PASSING}\n{FAILING}"));
    assert!(after_a_passing_one.ends_with(FAILING.trim_end_matches('\n')), "{after_a_passing_one}");
}

#[test]
fn start_and_summary_are_shown_whole() {
    let report = shown(&format!("{START}\n{PASSING}\n{END}"));
    assert!(report.starts_with(START), "{report}");
    assert!(report.ends_with(END), "{report}");
}

#[test]
fn statuses_other_than_pass_end_what_is_left_out() {
    for status in ["     TIMEOUT", "     SIGSEGV", "  TRY 1 FAIL", "        SLOW", "       ABORT"] {
        let report = format!("{PASSING}\n{status} [   1.000s] probe::seam other\n  stderr ───\n    its output");
        let end = format!("{status} [   1.000s] probe::seam other\n  stderr ───\n    its output");
        assert!(shown(&report).ends_with(&end), "{status}");
    }
}

#[test]
fn colours_do_not_hide_a_status() {
    let report = "\u{1b}[32;1m        PASS\u{1b}[0m [   0.008s] \u{1b}[35mprobe::seam\u{1b}[0m good\n  stdout ───\n    noise\n    count: 1";
    assert_eq!(shown(report), format!("{}\ncount: 1", report.lines().next().unwrap()));
}
