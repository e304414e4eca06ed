//! The handlers of the real definitions one by one: the failures that `expected.md` lists and no input reaches.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tasker_core::step_handler::{AskedWait, ErrorKind, Output, StepContext, StepError};
use tasker_domain::json::Json;
use tasker_examples::bound::Handlers;
use tasker_examples::services::{Calls, Refusal, Rule};

use super::backend::{Backend, Data};
use super::{process_order, process_refund, stock_management, user_registration, widgets};

async fn call(handlers: Handlers, class: &str, context: &str, parents: &[(&str, &str)]) -> Result<Json, StepError> {
    let found = handlers.into_iter().find(|(name, _)| name.ends_with(&format!("::{class}")));
    let output = |text: &str| Arc::new(Output::raw(serde_json::from_str(text).unwrap()));
    let parents: HashMap<_, _> = parents.iter().map(|(step, text)| ((*step).to_owned(), output(text))).collect();
    let step = StepContext::builder(class).context(output(context)).parents(parents).build();
    let results = found.unwrap().1.process_boxed(step).await?;
    Ok(Json::parse(results.get()).unwrap())
}

fn backend(operation: &str, answer: Option<Refusal>) -> Backend {
    let mut products = widgets();
    products[1].active = false;
    let script = answer.map(|answer| Rule { operation: operation.to_owned(), calls: Calls::Always, answer });
    Backend::new(Data { products, script: script.into_iter().collect(), ..Data::default() })
}

fn says(word: &str) -> Option<Refusal> {
    Some(Refusal::Says(word.to_owned()))
}

#[track_caller]
fn assert_permanent(outcome: Result<Json, StepError>, code: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some(code)), "{error}");
}

#[track_caller]
fn assert_retryable(outcome: Result<Json, StepError>, wait: AskedWait) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.asked()), (ErrorKind::Retryable, wait), "{error}");
}

#[tokio::test]
async fn real_workflow_handler_validate_cart_names_each_mistake() {
    for (item, code) in [
        (r#"{"quantity": 1}"#, "MISSING_PRODUCT_ID"),
        (r#"{"product_id": 1, "quantity": 0}"#, "INVALID_QUANTITY"),
        (r#"{"product_id": 1, "quantity": -3}"#, "INVALID_QUANTITY"),
        (r#"{"product_id": 9, "quantity": 1}"#, "PRODUCT_NOT_FOUND"),
        (r#"{"product_id": 2, "quantity": 1}"#, "PRODUCT_INACTIVE"),
    ] {
        let context = format!(r#"{{"cart_items": [{item}]}}"#);
        let handlers = process_order::handlers(&backend("", None));
        assert_permanent(call(handlers, "ValidateCartHandler", &context, &[]).await, code);
    }
}

#[tokio::test]
async fn real_workflow_handler_validate_cart_ships_by_weight() {
    for (quantity, shipping) in [(4, "5.99"), (5, "9.99"), (10, "9.99")] {
        let context = format!(r#"{{"cart_items": [{{"product_id": 1, "quantity": {quantity}}}]}}"#);
        let handlers = process_order::handlers(&backend("", None));
        let cart = call(handlers, "ValidateCartHandler", &context, &[]).await.unwrap();
        assert_eq!(cart.get("shipping"), Some(&Json::Number(shipping.to_owned())), "{quantity}");
    }
}

const CART: (&str, &str) = (
    "validate_cart",
    r#"{"validated_items": [], "subtotal": 1, "tax": 0, "shipping": 0, "total": 1, "item_count": 0}"#,
);

fn payment(token: &str) -> String {
    format!(r#"{{"payment_info": {{"method": "paypal", "amount": 1.00, "currency": "USD"{token}}}}}"#)
}

#[tokio::test]
async fn real_workflow_handler_process_payment_judges_the_answer() {
    let ask = async |answer| {
        let handlers = process_order::handlers(&backend("process_payment", answer));
        call(handlers, "ProcessPaymentHandler", &payment(r#", "token": "t""#), &[CART]).await
    };
    assert!(ask(None).await.is_ok());
    for word in ["declined", "insufficient_funds", "invalid_card"] {
        assert_permanent(ask(says(word)).await, "PAYMENT_DECLINED");
    }
    assert_retryable(ask(says("rate_limited")).await, AskedWait::AtLeast(Duration::from_secs(30)));
    assert_retryable(ask(says("never heard of")).await, AskedWait::Nothing);
    assert_retryable(ask(Some(Refusal::Unreachable)).await, AskedWait::Nothing);

    let handlers = process_order::handlers(&backend("", None));
    assert_permanent(call(handlers, "ProcessPaymentHandler", &payment(""), &[CART]).await, "MISSING_PAYMENT_INFO");
    let handlers = process_order::handlers(&backend("", None));
    assert_permanent(call(handlers, "ProcessPaymentHandler", "{}", &[]).await, "MISSING_STEP_RESULTS");
}

#[tokio::test]
async fn real_workflow_handler_update_inventory_and_confirmation_need_their_data() {
    let handlers = || process_order::handlers(&backend("", None));
    assert_permanent(call(handlers(), "UpdateInventoryHandler", "{}", &[CART]).await, "MISSING_ORDER_DATA");
    let cart = (
        CART.0,
        r#"{"validated_items": [{"product_id": 1, "name": "A", "quantity": 1, "price": 1, "line_total": 1}],
            "subtotal": 1, "tax": 0, "shipping": 0, "total": 1, "item_count": 1}"#,
    );
    for (email, code) in [("null", "MISSING_EMAIL"), (r#""nobody""#, "INVALID_EMAIL")] {
        let order =
            format!(r#"{{"order_id": 1, "order_number": "ORD-1", "total_amount": 1, "customer_email": {email}}}"#);
        let parents = [cart, ("create_order", order.as_str())];
        assert_permanent(call(handlers(), "SendConfirmationHandler", "{}", &parents).await, code);
    }
    let order = r#"{"order_id": 1, "order_number": "ORD-1", "total_amount": 1, "customer_email": "a@b.c"}"#;
    let handlers = process_order::handlers(&backend("send_confirmation", says("rate_limited")));
    let outcome = call(handlers, "SendConfirmationHandler", "{}", &[cart, ("create_order", order)]).await;
    assert_retryable(outcome, AskedWait::AtLeast(Duration::from_secs(60)));
}

#[tokio::test]
async fn real_workflow_handler_refund_judges_the_answer() {
    let context = r#"{"payment_id": "pay_1", "refund_amount": 7500}"#;
    let validate = async |answer| {
        let handlers = process_refund::handlers(&backend("validate_payment_eligibility", answer));
        call(handlers, "ValidatePaymentEligibilityHandler", context, &[]).await
    };
    assert_permanent(validate(says("ineligible")).await, "INELIGIBLE");
    assert_permanent(validate(says("insufficient_funds")).await, "INSUFFICIENT_FUNDS");
    for word in ["processing", "pending", "never heard of"] {
        assert_retryable(validate(says(word)).await, AskedWait::Nothing);
    }
    let refund = async |answer, amount: &str| {
        let validated = format!(
            r#"{{"payment_validated": true, "payment_id": "pay_1", "refund_amount": {amount}, "namespace": "payments"}}"#
        );
        let handlers = process_refund::handlers(&backend("process_gateway_refund", answer));
        call(handlers, "ProcessGatewayRefundHandler", context, &[("validate_payment_eligibility", &validated)]).await
    };
    assert!(refund(None, "7500.0").await.is_ok());
    assert_permanent(refund(None, "7499").await, "REFUND_AMOUNT_MISMATCH");
    for word in ["failed", "insufficient_funds", "invalid_payment", "already_refunded"] {
        assert_permanent(refund(says(word), "7500").await, &word.to_uppercase());
    }
    for word in ["pending", "rate_limited", "never heard of"] {
        assert_retryable(refund(says(word), "7500").await, AskedWait::Nothing);
    }
    assert_retryable(refund(Some(Refusal::Unreachable), "7500").await, AskedWait::Nothing);
    let handlers = process_refund::handlers(&backend("", None));
    assert_permanent(call(handlers, "UpdatePaymentRecordsHandler", context, &[]).await, "MISSING_STEP_RESULTS");
}

#[tokio::test]
async fn real_workflow_handler_billing_needs_a_way_to_pay_for_a_paid_plan() {
    let account = ("create_user_account", r#"{"user_id": 1, "email": "a@b.c", "status": "created"}"#);
    let context = |plan: &str| format!(r#"{{"user_info": {{"email": "a@b.c", "name": "A", "plan": "{plan}"}}}}"#);
    let bill = async |answer, context: String, account| {
        let handlers = user_registration::handlers(&backend("setup_billing_profile", answer));
        call(handlers, "SetupBillingProfileHandler", &context, &[account]).await
    };
    assert!(bill(None, context("free"), account).await.is_ok());
    assert_permanent(bill(None, context("pro"), account).await, "HTTP_422");
    let known = bill(Some(Refusal::status(409)), context("free"), account).await.unwrap();
    assert_eq!(known.get("status").and_then(Json::as_str), Some("already_exists"));
    let nobody = ("create_user_account", r#"{"user_id": null, "email": "a@b.c", "status": "created"}"#);
    assert_permanent(bill(None, context("free"), nobody).await, "MISSING_USER_ID");
}

#[tokio::test]
async fn real_workflow_handler_registration_names_what_is_missing() {
    for (user, code) in [(r#""name": "A""#, "MISSING_EMAIL"), (r#""email": "a@b.c""#, "MISSING_NAME")] {
        let context = format!(r#"{{"user_info": {{{user}, "plan": "free"}}}}"#);
        let handlers = user_registration::handlers(&backend("", None));
        assert_permanent(call(handlers, "CreateUserAccountHandler", &context, &[]).await, code);
    }
    let account = ("create_user_account", r#"{"user_id": 1, "email": "a@b.c", "status": "created"}"#);
    let context = r#"{"user_info": {"email": "a@b.c", "name": "A", "plan": "free"}}"#;
    let handlers = user_registration::handlers(&backend("send_welcome_sequence", Some(Refusal::status(429))));
    let outcome = call(handlers, "SendWelcomeSequenceHandler", context, &[account]).await;
    assert_retryable(outcome, AskedWait::AtLeast(Duration::from_secs(30)));
}

#[tokio::test]
async fn real_workflow_handler_low_stock_of_no_products_is_an_empty_list() {
    let handlers = stock_management::handlers(&backend("", None));
    let levels = ("monitor_stock_levels", r#"{"products": []}"#);
    let low = call(handlers, "IdentifyLowStockStepHandler", r#"{"threshold": 10}"#, &[levels]).await.unwrap();
    assert_eq!(low.get("low_stock").and_then(Json::as_array), Some(&[][..]));
}
