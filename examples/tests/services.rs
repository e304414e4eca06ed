//! The services in memory: they keep their promises, and fail where the script says so and nowhere else.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tasker_core::step_handler::{AskedWait, ErrorKind};
use tasker_examples::decimal::Decimal;
use tasker_examples::services::{Refusal, Script, Services, World};

fn world(json: &str) -> Services {
    Services::new(serde_json::from_str::<World>(json).unwrap())
}

#[test]
fn services_fail_on_the_calls_that_the_script_names() {
    let script = Script::new(
        serde_json::from_str(
            r#"[{"operation": "a", "calls": [2, 3], "answer": {"status": {"status": 503}}},
                {"operation": "b", "calls": "always", "answer": "unreachable"},
                {"operation": "c", "calls": [1], "answer": {"says": "pending"}}]"#,
        )
        .unwrap(),
    );
    let answers: Vec<_> = (0..4).map(|_| script.call("a")).collect();
    let failed = Err(Refusal::status(503));
    assert_eq!(answers, [Ok(()), failed.clone(), failed, Ok(())]);
    assert_eq!(script.uncalled(), ["b", "c"]);
    assert_eq!((script.call("b"), script.call("b")), (Err(Refusal::Unreachable), Err(Refusal::Unreachable)));
    assert_eq!((script.calls_of("a"), script.calls_of("b"), script.calls_of("c")), (4, 2, 0));
}

#[test]
fn services_refuse_a_script_they_do_not_understand() {
    for script in [
        r#"[{"operation": "a", "calls": "sometimes", "answer": "unreachable"}]"#,
        r#"[{"operation": "a", "calls": [1], "answer": "asleep"}]"#,
        r#"[{"operation": "a", "calls": [1], "answer": {"status": {"status": 503, "after": 3}}}]"#,
        r#"[{"operation": "a", "call": [1], "answer": "unreachable"}]"#,
    ] {
        let world = serde_json::from_str::<World>(&format!(r#"{{"script": {script}}}"#));
        assert!(world.is_err(), "{script}");
    }
}

#[test]
fn services_refusals_become_failures_by_status() {
    let kind_and_wait = |refusal: Refusal| {
        let error = refusal.into_error("trying");
        (error.kind(), error.asked(), error.code().map(str::to_owned))
    };
    let code = |status: u16| Some(format!("HTTP_{status}"));
    for status in [429, 503] {
        assert_eq!(kind_and_wait(Refusal::status(status)), (ErrorKind::Retryable, AskedWait::Table, code(status)));
        let asked = Refusal::Status { status, retry_after: Some(45) };
        let wait = AskedWait::AtLeast(Duration::from_secs(45));
        assert_eq!(kind_and_wait(asked), (ErrorKind::Retryable, wait, code(status)));
    }
    for status in [400, 401, 403, 404, 422] {
        assert_eq!(kind_and_wait(Refusal::status(status)), (ErrorKind::Permanent, AskedWait::Nothing, code(status)));
    }
    for status in [402, 408, 409, 500, 502, 504, 302] {
        assert_eq!(kind_and_wait(Refusal::status(status)), (ErrorKind::Retryable, AskedWait::Nothing, code(status)));
    }
    assert_eq!(kind_and_wait(Refusal::Unreachable), (ErrorKind::Retryable, AskedWait::Nothing, None));
}

#[test]
fn services_take_money_once_per_key() {
    let services = world("{}");
    let first = services.gateway().charge("17-charge", Decimal::cents(6752), "EUR").unwrap();
    let repeated = services.gateway().charge("17-charge", Decimal::cents(6752), "EUR").unwrap();
    assert_eq!(first, repeated);
    services.gateway().charge("18-charge", Decimal::cents(100), "EUR").unwrap();
    assert_eq!(services.gateway().charged(), [Decimal::cents(6752), Decimal::cents(100)]);
}

#[test]
fn services_give_back_no_more_than_was_taken() {
    let services = world(r#"{"payments": [{"id": "pay_1", "amount": 10, "refunded": 4.5, "currency": "EUR"}]}"#);
    let gateway = services.gateway();
    let refund = gateway.refund("1", "pay_1", Decimal::cents(500)).unwrap();
    assert_eq!(gateway.refund("1", "pay_1", Decimal::cents(500)), Ok(refund));
    assert_eq!(gateway.refund("2", "pay_1", Decimal::cents(51)), Err(Refusal::Says("amount_too_high".to_owned())));
    assert!(gateway.refund("3", "pay_1", Decimal::cents(50)).is_ok());
    assert_eq!(gateway.refund("4", "pay_9", Decimal::cents(1)), Err(Refusal::status(404)));
    assert_eq!(gateway.refunds(), 2);
}

#[test]
fn services_reserve_what_is_there() {
    let services = world(
        r#"{"products": [{"sku": "tea-1", "name": "tea", "price": 1, "grams": 1, "stock": 3}],
            "deliveries": [{"sku": "tea-1", "stock": 9, "before_call": 5}]}"#,
    );
    let warehouse = services.warehouse();
    assert_eq!(warehouse.reserve("1", "tea-1", 2), Ok(()));
    assert_eq!(warehouse.reserve("1", "tea-1", 2), Ok(()), "the same key again takes nothing");
    assert_eq!(warehouse.reserve("2", "tea-1", 2), Err(Refusal::Says("short".to_owned())));
    assert_eq!(warehouse.reserve("2", "hat-1", 1), Err(Refusal::status(404)));
    assert_eq!(warehouse.reserve("2", "tea-1", 2), Ok(()), "the delivery has arrived");
    assert_eq!((warehouse.reserved("tea-1"), warehouse.on_shelf("tea-1")), (4, 7));
    warehouse.put_back("3", "tea-1", 1).unwrap();
    warehouse.put_back("3", "tea-1", 1).unwrap();
    assert_eq!(warehouse.on_shelf("tea-1"), 8);
}

#[test]
fn services_send_each_mail_once_and_only_to_addresses() {
    let services = world("{}");
    let mailer = services.mailer();
    assert_eq!(mailer.send("1", "ada@example.org", "hello"), mailer.send("1", "ada@example.org", "hello"));
    assert_eq!(mailer.send("2", "nobody", "hello"), Err(Refusal::Says("invalid_address".to_owned())));
    assert_eq!(mailer.sent().len(), 1);
}

#[test]
fn services_stores_answer_as_rest_resources_do() {
    let services = world("{}");
    let orders = services.orders();
    assert_eq!(orders.get("1"), Err(Refusal::status(404)));
    assert_eq!(orders.post("1", "new".into()), Ok("new".into()));
    assert_eq!(orders.post("1", "newer".into()), Err(Refusal::status(409)));
    assert_eq!(orders.patch("1", |order| *order = "paid".into()), Ok("paid".into()));
    assert_eq!(orders.patch("2", |_| ()), Err(Refusal::status(404)));
    assert_eq!(orders.all(), ["paid"]);
}
