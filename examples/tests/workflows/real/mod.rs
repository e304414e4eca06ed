//! Seven definitions that other people wrote for the original, with handlers of ours that do what their
//! `expected.md` says.
//!
//! Their text is not part of this project. The tests read the folder that `TASKER_WORKFLOWS` names and say `not run`
//! where it is unset.

mod alone;
mod backend;
mod cart_integration;
mod order_processing;
mod process_order;
mod process_refund;
mod sample_task;
mod stock_management;
mod stub;
mod user_registration;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_examples::bound::Handlers;
use tasker_examples::decimal::Decimal;

use self::backend::{Backend, Cart, Data, Product, User};
use self::stub::Stub;
use crate::expected::{Case, Expected, compare_part};
use crate::harness::{self, Bench, Ended, Report};

/// A real definition: its folder, its handlers, and what of a run `expected.json` does not say but `expected.md` does.
struct Workflow {
    folder: &'static str,
    handlers: fn(&Backend) -> Handlers,
    more: fn(&Case<String>, &Report, &Backend) -> Vec<String>,
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TASKER_WORKFLOWS").map(PathBuf::from);
    if folder.is_none() {
        println!("not run: TASKER_WORKFLOWS is unset");
    }
    folder
}

async fn check_all(workflow: Workflow) {
    let Some(root) = folder() else { return };
    let folder = root.join(workflow.folder);
    // One definition names three events without a namespace, which is worth a warning each (R-40).
    let warnings = if workflow.folder == "user_registration" { 3 } else { 0 };
    let template = harness::template(&folder.join("task.yaml"), warnings);
    let expected: Expected<String> = read_json(&folder.join("expected.json"));

    let bench = Bench::new().await;
    let mut failures = Vec::new();
    for (number, case) in expected.cases.iter().enumerate() {
        let context = std::fs::read_to_string(folder.join(&case.input)).unwrap();
        let backend = Backend::new(data(&root, workflow.folder, &template, case, &context));
        let ended = bench.run(&template, &context, (workflow.handlers)(&backend)).await;
        let mut differences = case.differences(&template, &ended);
        if let Ended::Ran(report) = &ended {
            differences.extend((workflow.more)(case, report, &backend));
        }
        let uncalled = backend.script().uncalled();
        differences.extend(uncalled.into_iter().map(|name| format!("nobody called `{name}`")));
        let stub = case.stub.as_deref().unwrap_or("no stub");
        let title = format!("{} case {} ({}, {stub})", workflow.folder, number + 1, case.input);
        failures.extend(differences.into_iter().map(|difference| format!("{title}: {difference}")));
    }
    assert!(!expected.cases.is_empty(), "{} has no cases", workflow.folder);
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    println!("count: {} cases of the real definition {}", expected.cases.len(), workflow.folder);
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the services of a definition hold, with what the case's stub changes.
fn data(root: &Path, folder: &str, template: &Template, case: &Case<String>, context: &str) -> Data {
    let mut data = match folder {
        "cart_integration" | "app_ecommerce_order_processing" | "app_inventory_stock_management" => shop(root),
        "ecommerce_checkout" => Data { products: widgets(), ..Data::default() },
        _ => Data::default(),
    };
    let Some(sentence) = &case.stub else { return data };
    let steps: Vec<&str> = template.steps.iter().map(|step| step.name.as_str()).collect();
    match stub::read(sentence, &steps).unwrap_or_else(|message| panic!("{folder}: {message}")) {
        Stub::Script(rule) => data.script.push(rule),
        Stub::WithoutProduct(id) => data.products.retain(|product| product.id != id),
        Stub::StockRaised { product, pieces, before_attempt } => {
            data.raised_stock.push((steps[0].to_owned(), before_attempt, product, pieces));
        }
        Stub::UserExists { equal } => data.users.push(user_of(context, equal)),
    }
    data
}

/// Carts and products as the cart integration brings them along.
fn shop(root: &Path) -> Data {
    #[derive(Deserialize)]
    struct Products {
        products: Vec<Product>,
    }
    #[derive(Deserialize)]
    struct Carts {
        carts: Vec<Cart>,
    }
    let data = root.join("cart_integration/data");
    let Products { products } = read_json(&data.join("products.json"));
    let Carts { carts } = read_json(&data.join("carts.json"));
    Data { products, carts, ..Data::default() }
}

fn widgets() -> Vec<Product> {
    [(1, "Widget A", 2999), (2, "Widget B", 4999)]
        .map(|(id, title, cents)| Product {
            id,
            title: title.to_owned(),
            price: Decimal::cents(cents),
            stock: 10,
            active: true,
            category: None,
        })
        .to_vec()
}

/// The user of a registration's context, as if registered before, or somebody else under the same address.
fn user_of(context: &str, equal: bool) -> User {
    let context = Json::parse(context).unwrap();
    let text =
        |key: &str| context.get("user_info").and_then(|user| user.get(key)).and_then(Json::as_str).unwrap().to_owned();
    let name = if equal { text("name") } else { "Somebody Else".to_owned() };
    User { id: 1, email: text("email"), name, plan: text("plan"), status: "new".to_owned() }
}

/// Compares a step's results with a part of them written as JSON.
fn results(report: &Report, step: &str, part: &str) -> Vec<String> {
    let mut differences = Vec::new();
    match &report.step(step).results {
        Some(results) => compare_part(step, &Json::parse(part).unwrap(), results, &mut differences),
        None => differences.push(format!("{step} has no results")),
    }
    differences
}

/// Compares the code of the last failure of a step.
fn code(report: &Report, step: &str, code: &str) -> Vec<String> {
    let last = report.attempts_of(step).pop().map(|attempt| attempt.outcome.clone());
    match last {
        Some(Err(error)) if error.code() == Some(code) => Vec::new(),
        other => vec![format!("{step} should have failed with {code}: {other:?}")],
    }
}

/// Compares the waits of a step.
fn waits(report: &Report, step: &str, waits: &[u64]) -> Vec<String> {
    report.check_waits(step, waits).err().into_iter().collect()
}

/// Compares a number that the backend has counted.
fn counted<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Vec<String> {
    if found == expected { Vec::new() } else { vec![format!("{what}: {found:?}, not {expected:?}")] }
}

#[tokio::test]
async fn real_workflow_cart_integration() {
    check_all(Workflow { folder: "cart_integration", handlers: cart_integration::handlers, more: more_of_cart }).await;
}

fn more_of_cart(case: &Case<String>, report: &Report, _backend: &Backend) -> Vec<String> {
    let stub = case.stub.as_deref();
    let mut found = Vec::new();
    if report.state == "complete" {
        found.extend(results(
            report,
            "create_order",
            r#"{"order_id": 1, "total": 175.95, "discounted_total": 164.198241}"#,
        ));
        let published = r#"{"published": true, "publish_results": {"status": "placed_pending_fulfillment"}}"#;
        found.extend(results(report, "publish_event", published));
    }
    found.extend(match stub {
        Some("fetch_cart answers 404") => code(report, "fetch_cart", "HTTP_404"),
        Some("fetch_products answers 503 on calls 1 and 2") => waits(report, "fetch_products", &[2, 4]),
        Some("fetch_products answers 429 with Retry-After 30 on call 1") => waits(report, "fetch_products", &[30]),
        Some("fetch_products leaves out product 6") => code(report, "validate_products", "PRODUCT_NOT_FOUND"),
        _ => Vec::new(),
    });
    found
}

#[tokio::test]
async fn real_workflow_order_processing() {
    let folder = "app_ecommerce_order_processing";
    check_all(Workflow { folder, handlers: order_processing::handlers, more: more_of_order_processing }).await;
}

fn more_of_order_processing(case: &Case<String>, report: &Report, backend: &Backend) -> Vec<String> {
    let mut found = counted("orders", backend.effects().orders.len(), usize::from(report.state == "complete"));
    if report.state == "complete" {
        // 175.95 less 11.75, 8 % of the rest, one parcel.
        let priced = r#"{"subtotal": 175.95, "discount": 11.75, "tax": 13.14, "shipping": 5.99, "total": 183.33}"#;
        found.extend(results(report, "calculate_pricing", priced));
        let user = if case.input == "input-no-user.json" { r#"{"user_id": null}"# } else { r#"{"user_id": 5}"# };
        found.extend(results(report, "create_order", user));
    }
    if case.input == "input-unknown-cart.json" {
        found.extend(code(report, "validate_cart", "HTTP_404"));
    }
    found
}

#[tokio::test]
async fn real_workflow_stock_management() {
    let folder = "app_inventory_stock_management";
    check_all(Workflow { folder, handlers: stock_management::handlers, more: more_of_stock_management }).await;
}

fn more_of_stock_management(case: &Case<String>, report: &Report, backend: &Backend) -> Vec<String> {
    if report.state != "complete" {
        return waits(report, "monitor_stock_levels", &[2, 4]);
    }
    let below = |threshold: u32| backend.products().iter().filter(|product| product.stock < threshold).count();
    let expected = match case.input.as_str() {
        "input-nothing-low.json" => 0,
        "input-no-category.json" => backend.products().len(),
        _ => below(10),
    };
    let results = report.step("identify_low_stock").results.as_ref();
    let low = results.and_then(|results| results.get("low_stock")).and_then(Json::as_array).map(<[Json]>::len);
    counted("articles that are low", low, Some(expected))
}

#[tokio::test]
async fn real_workflow_sample_task() {
    check_all(Workflow { folder: "generated_default", handlers: sample_task::handlers, more: more_of_sample_task })
        .await;
}

fn more_of_sample_task(_case: &Case<String>, report: &Report, _backend: &Backend) -> Vec<String> {
    results(report, "complete_task", r#"{"id": 42, "sum": 85, "completed": true}"#)
}

#[tokio::test]
async fn real_workflow_checkout() {
    let folder = "ecommerce_checkout";
    check_all(Workflow { folder, handlers: process_order::handlers, more: more_of_checkout }).await;
}

fn more_of_checkout(case: &Case<String>, report: &Report, backend: &Backend) -> Vec<String> {
    let effects = backend.effects();
    let mut found = Vec::new();
    if report.step("validate_cart").state == "complete" && case.input != "input-out-of-stock.json" {
        let totals = r#"{"subtotal": 109.97, "tax": 8.8, "shipping": 5.99, "total": 124.76, "item_count": 3}"#;
        found.extend(results(report, "validate_cart", totals));
    }
    if report.state == "complete" {
        let total = if case.input == "input-out-of-stock.json" { 42026 } else { 12476 };
        found.extend(counted("payments", effects.payments.into_values().collect(), vec![Decimal::cents(total)]));
        let pieces = if case.input == "input-out-of-stock.json" { 12 } else { 3 };
        found.extend(counted("pieces reserved", effects.reserved.values().sum::<u32>(), pieces));
        found.extend(counted("mails", effects.mails.len(), 1));
        let number = report.step("create_order").results.as_ref().and_then(|order| order.get("order_number")).cloned();
        let number = number.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned();
        let parts: Vec<&str> = number.split('-').collect();
        let digits =
            |part: &str, radix, length| part.len() == length && part.chars().all(|digit| digit.is_digit(radix));
        if !matches!(parts.as_slice(), ["ORD", day, hex] if digits(day, 10, 8) && digits(hex, 16, 8)) {
            found.push(format!("`{number}` is not an order number"));
        }
    }
    found.extend(match (case.input.as_str(), case.stub.as_deref()) {
        ("input-amount-mismatch.json", _) => code(report, "process_payment", "PAYMENT_AMOUNT_MISMATCH"),
        ("input-empty-cart.json", _) => code(report, "validate_cart", "MISSING_CART_ITEMS"),
        ("input-out-of-stock.json", None) => waits(report, "validate_cart", &[2, 4]),
        (_, Some("send_confirmation fails retryably on calls 1 to 4")) => {
            waits(report, "send_confirmation", &[2, 4, 8, 16])
        }
        (_, Some("send_confirmation always fails retryably")) => counted("orders", effects.orders.len(), 1),
        _ => Vec::new(),
    });
    found
}

#[tokio::test]
async fn real_workflow_refund() {
    let folder = "payments_process_refund";
    check_all(Workflow { folder, handlers: process_refund::handlers, more: more_of_refund }).await;
}

fn more_of_refund(case: &Case<String>, report: &Report, backend: &Backend) -> Vec<String> {
    let mut found = counted("mails", backend.effects().mails.len(), usize::from(report.state == "complete"));
    if report.state == "complete" {
        found.extend(results(
            report,
            "validate_payment_eligibility",
            r#"{"payment_validated": true, "namespace": "payments"}"#,
        ));
        let refunded = r#"{"refund_processed": true, "refund_amount": 7500, "namespace": "payments"}"#;
        found.extend(results(report, "process_gateway_refund", refunded));
        found.extend(results(
            report,
            "update_payment_records",
            r#"{"records_updated": true, "namespace": "payments"}"#,
        ));
        found.extend(results(report, "notify_customer", r#"{"customer_notified": true, "namespace": "payments"}"#));
    }
    found.extend(match case.input.as_str() {
        "input-no-customer-email.json" => code(report, "notify_customer", "MISSING_CUSTOMER_EMAIL"),
        "input-bad-payment-id.json" => code(report, "validate_payment_eligibility", "INVALID_PAYMENT_ID"),
        "input-zero-amount.json" => code(report, "validate_payment_eligibility", "INVALID_REFUND_AMOUNT"),
        _ => Vec::new(),
    });
    found
}

#[tokio::test]
async fn real_workflow_user_registration() {
    let folder = "user_registration";
    check_all(Workflow { folder, handlers: user_registration::handlers, more: more_of_registration }).await;
}

fn more_of_registration(case: &Case<String>, report: &Report, _backend: &Backend) -> Vec<String> {
    let stub = case.stub.as_deref();
    let mut found = Vec::new();
    if report.state == "complete" {
        for step in &report.steps {
            found.extend(results(report, &step.name, r#"{"user_id": 1}"#));
        }
        let known = stub == Some("create_user_account answers 409 and the stored user has equal data");
        let status = if known { "already_exists" } else { "created" };
        found.extend(results(report, "create_user_account", &format!(r#"{{"status": "{status}"}}"#)));
        found.extend(results(report, "update_user_status", r#"{"status": "active"}"#));
    }
    found.extend(match stub {
        Some("create_user_account answers 409 and the stored user differs") => {
            code(report, "create_user_account", "USER_CONFLICT")
        }
        Some("setup_billing_profile always answers 503") => waits(report, "setup_billing_profile", &[2, 4]),
        Some("send_welcome_sequence answers 429 with Retry-After 45 on call 1") => {
            waits(report, "send_welcome_sequence", &[45])
        }
        Some("send_welcome_sequence answers 500 on calls 1 and 2") => waits(report, "send_welcome_sequence", &[2, 4]),
        Some("update_user_status answers 404") => code(report, "update_user_status", "HTTP_404"),
        _ => Vec::new(),
    });
    found
}

/// A folder whose `task.yaml` no test above covers would go unnoticed.
#[test]
fn real_workflow_folders_are_all_covered() {
    const COVERED: [&str; 7] = [
        "app_ecommerce_order_processing",
        "app_inventory_stock_management",
        "cart_integration",
        "ecommerce_checkout",
        "generated_default",
        "payments_process_refund",
        "user_registration",
    ];
    let Some(root) = folder() else { return };
    let entries = std::fs::read_dir(root).unwrap().map(Result::unwrap);
    let mut found: Vec<String> = entries
        .filter(|entry| entry.path().join("task.yaml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, COVERED);
}

/// A sentence that means nothing to us must not pass for a case in which everything is well.
#[test]
fn real_workflow_stub_sentences_that_fit_no_pattern_are_errors() {
    let steps = ["fetch", "notify_customer"];
    for sentence in [
        "",
        "fetch",
        "fetch sleeps",
        "fetch answers",
        "fetch answers teapot",
        "fetch answers 503 on",
        "fetch answers 503 on calls 1 or 2",
        "fetch always answers 503 on call 1",
        "fetch answers 429 with Retry-After soon on call 1",
        "fetch fails retryably on Tuesdays",
        "stock of product 1 is raised to 20 before the last attempt",
        "unknown answers 503",
    ] {
        let read = stub::read(sentence, &steps);
        assert!(read.as_ref().is_err_and(|message| message.contains(sentence)), "{sentence:?}: {read:?}");
    }
    let read = stub::read("notification fails on calls 2 to 4", &steps).unwrap();
    let Stub::Script(rule) = read else { panic!("{read:?}") };
    assert_eq!(rule.operation, "notify_customer");
    assert_eq!(rule.calls, tasker_examples::services::Calls::Numbers(vec![2, 3, 4]));
}
