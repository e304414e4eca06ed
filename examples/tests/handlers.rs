//! Handlers of our own workflows one by one: what no whole run of `expected.json` reaches.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use tasker_core::step_handler::{ErrorKind, Output, StepContext, StepError};
use tasker_domain::json::Json;
use tasker_examples::bound::Handlers;
use tasker_examples::services::{Services, World};
use tasker_examples::{checkout, refund, registration, stock};

/// Runs one handler with a context and results of steps before it, all given as JSON.
async fn call(handlers: Handlers, class: &str, context: &str, parents: &[(&str, &str)]) -> Result<Json, StepError> {
    let handler = handlers.into_iter().find(|(name, _)| *name == class).unwrap().1;
    let output = |text: &str| Arc::new(Output::raw(serde_json::from_str(text).unwrap()));
    let parents: HashMap<_, _> = parents.iter().map(|(step, text)| ((*step).to_owned(), output(text))).collect();
    let step = StepContext::builder(class).context(output(context)).parents(parents).build();
    let results = handler.process_boxed(step).await?;
    Ok(Json::parse(results.get()).unwrap())
}

fn services(json: &str) -> Services {
    Services::new(serde_json::from_str::<World>(json).unwrap())
}

#[track_caller]
fn assert_permanent(outcome: Result<Json, StepError>, code: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some(code)), "{error}");
}

const SHOP: &str = r#"{"products": [{"sku": "tea-1", "name": "Tea", "price": 0.5, "grams": 500, "stock": 99}]}"#;

fn basket(quantity: u32, speed: &str, token: &str) -> String {
    format!(
        r#"{{"customer": {{"email": "a@example.org"}}, "basket": [{{"sku": "tea-1", "quantity": {quantity}}}],
             "card": {{"token": "{token}", "currency": "EUR"}},
             "delivery": {{"speed": "{speed}", "country": "NL", "postcode": "1"}}}}"#
    )
}

#[tokio::test]
async fn handler_price_basket_takes_postage_by_weight() {
    for (quantity, postage) in [(1, "3.95"), (2, "6.75"), (4, "6.75"), (5, "12.5")] {
        let handlers = checkout::handlers(&services(SHOP));
        let priced = call(handlers, "Shop::PriceBasket", &basket(quantity, "standard", "t"), &[]).await.unwrap();
        assert_eq!(priced.get("postage"), Some(&Json::Number(postage.to_owned())), "{quantity}");
    }
}

#[tokio::test]
async fn handler_price_basket_knows_two_speeds() {
    let handlers = checkout::handlers(&services(SHOP));
    assert_permanent(call(handlers, "Shop::PriceBasket", &basket(1, "pigeon", "t"), &[]).await, "UNKNOWN_SPEED");
}

#[tokio::test]
async fn handler_says_where_a_context_does_not_fit() {
    let error = call(checkout::handlers(&services(SHOP)), "Shop::PriceBasket", r#"{"customer": 1}"#, &[]).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Permanent, "InvalidContext"));
}

#[tokio::test]
async fn handler_charge_card_needs_a_token_and_the_priced_basket() {
    let priced = r#"{"lines": [], "goods": 1, "vat": 0, "postage": 0, "total": 1, "grams": 1}"#;
    let context = basket(1, "standard", "");
    let services = services(SHOP);
    let outcome = call(checkout::handlers(&services), "Shop::ChargeCard", &context, &[("price_basket", priced)]).await;
    assert_permanent(outcome, "MISSING_CARD");
    let outcome = call(checkout::handlers(&services), "Shop::ChargeCard", &context, &[]).await;
    assert_permanent(outcome, "MISSING_STEP_RESULTS");
    let outcome =
        call(checkout::handlers(&services), "Shop::ChargeCard", &context, &[("price_basket", r#"{"total": "1"}"#)])
            .await;
    assert_permanent(outcome, "INVALID_STEP_RESULTS");
    assert!(services.gateway().charged().is_empty());
}

#[tokio::test]
async fn handler_refund_card_gives_back_nothing_that_is_gone() {
    let services = services(r#"{"payments": [{"id": "pay_1", "amount": 10, "refunded": 10, "currency": "EUR"}]}"#);
    let context = r#"{"payment": "pay_1", "amount": 5, "reason": "goodwill"}"#;
    let approved = ("check_policy", r#"{"amount": 5, "in_full": false}"#);
    let outcome = call(refund::handlers(&services), "Payments::RefundCard", context, &[approved]).await;
    assert_permanent(outcome, "AMOUNT_TOO_HIGH");
    assert_eq!(services.gateway().refunds(), 0);
}

#[tokio::test]
async fn handler_print_card_adds_a_check_digit() {
    for (number, barcode) in [(1, "000000019"), (19, "000000190"), (12_345_678, "123456784")] {
        let member = format!(r#"{{"number": {number}, "status": "created"}}"#);
        let handlers = registration::handlers(&services("{}"));
        let card = call(handlers, "Members::PrintCard", "{}", &[("create_member", &member)]).await.unwrap();
        assert_eq!(card.get("barcode").and_then(Json::as_str), Some(barcode));
        let sum: u32 = barcode.chars().filter_map(|digit| digit.to_digit(10)).sum();
        assert_eq!(sum % 10, 0);
    }
}

#[tokio::test]
async fn handler_activate_member_needs_a_member() {
    let context = r#"{"email": "x@example.org", "name": "X", "plan": "borrower", "newsletter": true}"#;
    let outcome = call(registration::handlers(&services("{}")), "Members::ActivateMember", context, &[]).await;
    assert_permanent(outcome, "HTTP_404");
}

#[tokio::test]
async fn handler_draft_orders_rounds_each_piece_and_keeps_to_the_cent() {
    let shortages = ("find_shortages", r#"{"short": [{"sku": "tea-1", "pieces": 0, "wanted": 3, "price": 0.99}]}"#);
    // 60 % of 0.99 is 0.594: 0.59 a piece, 1.77 for three.
    let context = |budget: &str| format!(r#"{{"budget": {budget}, "reorder_below": 1, "weeks_of_cover": 1}}"#);
    let handlers = || stock::handlers(&services("{}"));
    let draft = call(handlers(), "Stock::DraftOrders", &context("1.77"), &[shortages]).await.unwrap();
    assert_eq!(draft.get("cost"), Some(&Json::Number("1.77".to_owned())));
    assert_permanent(call(handlers(), "Stock::DraftOrders", &context("1.76"), &[shortages]).await, "OVER_BUDGET");
}
