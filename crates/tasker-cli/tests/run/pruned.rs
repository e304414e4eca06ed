//! Old operations are taken out of the log.

use serde_json::json;

use super::operate::Desk;

#[tokio::test]
async fn operations_of_long_ago_are_taken_out_once_somebody_agreed() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    let empty = desk.says("operations prune --before 90d", 0);
    assert!(empty.starts_with("no operation stands in the log from before "), "{empty}");
    for points in 1..=3 {
        desk.says(&format!("task priority 1 --points {points} --reason r"), 0);
    }
    desk.says("queue pause tests --reason stocktaking", 0);
    desk.database
        .execute("update tasker_engine.operation set at = at - interval '100 days' where operation_id <> 3")
        .await;
    let tried = desk.says("operations prune --before 90d --dry-run", 0);
    assert!(tried.starts_with("3 operations before ") && tried.ends_with(" UTC would be taken out\n"), "{tried}");
    let asked = desk.ended(
        "operations prune --before 90d",
        1,
        &["3 operations before ", "error[TSK-0093]: nothing was taken out", "--yes", "--dry-run"],
    );
    assert_eq!(asked.stdout, "");
    assert_eq!(desk.database.count("tasker_engine.operation").await, 4);
    let done = desk.says("operations prune --before 90d --yes", 0);
    assert!(done.starts_with("3 operations before ") && done.ends_with(" UTC were taken out\n"), "{done}");
    let left = desk.document("operations --json", 0)["operations"].clone();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["after"]), (1, &json!(3)), "{left}");
    assert!(desk.says("queue list", 0).contains("paused by ada: stocktaking"), "what is paused stays so");
    assert_eq!(
        desk.document("operations prune --before 2001-01-01T00:00:00+01:00 --dry-run --json", 0),
        json!({"before": "2000-12-31T23:00:00", "dry_run": true, "pruned": 0})
    );
    let last = desk.document("operations prune --before 2090-01-01T00:00:00Z --yes --json", 0);
    assert_eq!(last, json!({"before": "2090-01-01T00:00:00", "dry_run": false, "pruned": 1}));
    assert_eq!(desk.database.count("tasker_engine.operation").await, 0);
    desk.ended("operations prune", 64, &["--before"]);
    desk.ended("operations prune --before yesterday", 64, &["this is no span"]);
    desk.ended("operations --limit 3 prune --before 90d", 64, &["--limit"]);
}
