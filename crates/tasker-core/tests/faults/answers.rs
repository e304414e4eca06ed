//! Outcomes that are delivered twice, late, or under somebody else's claim.

use std::time::Duration;

use serde_json::json;
use tasker_core::Output;
use tasker_postgres::ledger::{Claim, Exchange, Ledger, NewTask, NewWorker, Settled, Settlement, WorkerId};
use tasker_testing::TestDatabase;

use crate::support::{diamond, make_log, rebuild_changes_nothing};

async fn worker(ledger: &Ledger, name: &str) -> WorkerId {
    let entry = NewWorker {
        name,
        lease: Duration::from_secs(60),
        concurrency: 8,
        task_id: None,
        queues: None,
        handlers: None,
        types: &[],
        templates: None,
    };
    ledger.start_worker(&entry).await.unwrap()
}

fn success(claim: &Claim, word: &str) -> Settled {
    let results = Output::from(json!({ "from": word })).into_raw();
    Settled { step_id: claim.step_id, token: claim.token, settlement: Settlement::Success { results } }
}

#[tokio::test]
async fn an_outcome_that_is_delivered_again_changes_nothing() {
    let database = TestDatabase::with_schema().await;
    make_log(database.pool()).await;
    let ledger = Ledger::new(database.pool().clone());
    let registered = ledger.register(&diamond(""), false).await.unwrap();
    let task = NewTask {
        definition_id: registered.definition_id,
        context: Output::from(json!({})).into_raw(),
        key: "key".to_owned(),
        details: Output::from(json!({})).into_raw(),
        reserved: false,
        run_at: None,
        deadline: None,
    };
    let (one, other) = (worker(&ledger, "one").await, worker(&ledger, "other").await);
    let lanes = ledger.lanes(one).await.unwrap();
    let call = |worker, number| Exchange {
        call: number,
        want: 1,
        handover: 1,
        lanes: &lanes,
        ..Exchange::new(worker, "test")
    };
    let reply = ledger.exchange(&Exchange { tasks: &[task], ..call(one, 1) }).await.unwrap();
    let first = reply.claims[0].clone();

    // Under another worker's name, and under a token that was never given.
    let stolen = [success(&first, "other")];
    let refused = ledger.exchange(&Exchange { outcomes: &stolen, ..call(other, 1) }).await.unwrap();
    assert_eq!((refused.refused, refused.claims.len()), (vec![first.step_id], 0));
    let forged = [Settled { token: first.token + 1, ..success(&first, "forged") }];
    let refused = ledger.exchange(&Exchange { outcomes: &forged, ..call(one, 2) }).await.unwrap();
    assert_eq!(refused.refused, [first.step_id]);

    // The same call twice: the second tells the same claims again and refuses nothing.
    let outcomes = [success(&first, "first")];
    let made = ledger.exchange(&Exchange { outcomes: &outcomes, ..call(one, 3) }).await.unwrap();
    assert_eq!((made.refused.len(), made.claims.len()), (0, 1));
    let again = ledger
        .exchange(&Exchange { outcomes: &outcomes, repeat: true, want: 0, handover: 0, ..call(one, 3) })
        .await
        .unwrap();
    assert_eq!((again.refused.len(), again.recorded.clone()), (0, vec![first.step_id]));
    assert_eq!(
        again.claims.iter().map(|c| (c.step_id, c.token)).collect::<Vec<_>>(),
        made.claims.iter().map(|c| (c.step_id, c.token)).collect::<Vec<_>>()
    );

    // As a new call, with something else in it.
    let late = [success(&first, "late")];
    let refused = ledger.exchange(&Exchange { outcomes: &late, want: 0, handover: 0, ..call(one, 4) }).await.unwrap();
    assert_eq!(refused.refused, [first.step_id]);
    let (results, rows): (serde_json::Value, i64) = sqlx::query_as(
        "select results, (select count(*) from tasker_workflow_step_transitions t where t.workflow_step_id = s.workflow_step_id)
         from tasker_workflow_steps s where workflow_step_id = $1",
    )
    .bind(first.step_id)
    .fetch_one(database.pool())
    .await
    .unwrap();
    assert_eq!((results, rows), (json!({ "from": "first" }), 2));
    rebuild_changes_nothing(database.pool()).await;
}

/// A fail-over to a server that lags behind forgets a worker and repeats what its sequences gave.
#[tokio::test]
async fn a_sequence_that_is_set_back_gives_no_worker_the_number_of_another() {
    let database = TestDatabase::with_schema().await;
    let ledger = Ledger::new(database.pool().clone());
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..20 {
        assert!(numbers.insert(worker(&ledger, "one after the other").await));
        for sql in [
            "delete from tasker_engine.worker",
            "select setval(pg_get_serial_sequence('tasker_engine.worker', 'worker_id'), 1, false)",
        ] {
            sqlx::query(sql).execute(database.pool()).await.unwrap();
        }
    }
}
