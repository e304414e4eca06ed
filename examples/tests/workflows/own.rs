//! The definitions of this folder whose handlers are Rust: every context, every stub, every line of `expected.json`.

use std::path::{Path, PathBuf};

use tasker_domain::json::Json;
use tasker_examples::bound::Handlers;
use tasker_examples::services::{Services, World};
use tasker_examples::{checkout, refund, registration, stock};

use crate::expected::{Case, Expected, compare_part};
use crate::harness::{self, Bench};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Runs every case of a folder and fails with all differences at once.
async fn check_all(name: &str, handlers: fn(&Services) -> Handlers) {
    let folder = folder(name);
    let template = harness::template(&folder.join(format!("{name}.yaml")), 0);
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Expected<World> = serde_json::from_str(&text).unwrap();

    let bench = Bench::new().await;
    let mut failures = Vec::new();
    for (number, case) in expected.cases.iter().enumerate() {
        let context = std::fs::read_to_string(folder.join(&case.input)).unwrap();
        let services = Services::new(joined(expected.world.as_ref(), case.stub.as_ref()));
        let ended = bench.run(&template, &context, handlers(&services)).await;
        let mut differences = case.differences(&template, &ended);
        differences.extend(effect_differences(case, &services));
        differences.extend(services.script().uncalled().into_iter().map(|name| format!("nobody called `{name}`")));
        let title = format!("{name} case {} ({}, {})", number + 1, case.input, case.because.as_deref().unwrap_or("-"));
        failures.extend(differences.into_iter().map(|difference| format!("{title}: {difference}")));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert_every_context_is_used(&folder, &expected.cases);
    println!("count: {} cases of examples/{name}", expected.cases.len());
}

fn joined(world: Option<&World>, stub: Option<&World>) -> World {
    let mut joined = World::default();
    for part in [world, stub].into_iter().flatten().cloned() {
        // Of two records with the same key the later one counts.
        joined.products.extend(part.products);
        joined.deliveries.extend(part.deliveries);
        joined.payments.extend(part.payments);
        joined.members.extend(part.members);
        joined.script.extend(part.script);
    }
    joined
}

fn effect_differences(case: &Case<World>, services: &Services) -> Vec<String> {
    let mut differences = Vec::new();
    let Some(effects) = &case.effects else { return differences };
    let amounts: Vec<String> = services.gateway().charged().iter().map(ToString::to_string).collect();
    let products = ["tea-1", "pot-1", "cup-1", "can-1"];
    let per_product = |count: &dyn Fn(&str) -> u32| {
        let counts: Vec<String> = products.iter().map(|sku| format!("\"{sku}\": {}", count(sku))).collect();
        format!("{{{}}}", counts.join(", "))
    };
    let seen = format!(
        r#"{{"charged": [{}], "refunds": {}, "mails": {}, "ledger": {}, "supplier": {}, "members": {},
             "reserved": {}, "on_shelf": {}}}"#,
        amounts.join(", "),
        services.gateway().refunds(),
        services.mailer().sent().len(),
        services.ledger().all().len(),
        services.supplier().all().len(),
        services.members().all().len(),
        per_product(&|sku| services.warehouse().reserved(sku)),
        per_product(&|sku| services.warehouse().on_shelf(sku)),
    );
    compare_part("effects", effects, &Json::parse(&seen).unwrap(), &mut differences);
    differences
}

fn assert_every_context_is_used(folder: &Path, cases: &[Case<World>]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("context") {
            assert!(cases.iter().any(|case| case.input == name), "no case uses {}", folder.join(name).display());
        }
    }
}

#[tokio::test]
async fn example_workflow_checkout() {
    check_all("checkout", checkout::handlers).await;
}

#[tokio::test]
async fn example_workflow_refund() {
    check_all("refund", refund::handlers).await;
}

#[tokio::test]
async fn example_workflow_registration() {
    check_all("registration", registration::handlers).await;
}

#[tokio::test]
async fn example_workflow_stock() {
    check_all("stock", stock::handlers).await;
}
