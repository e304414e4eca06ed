//! Reading and checking templates, and judging contexts.
#![allow(missing_docs)]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tasker_domain::context::ContextCheck;
use tasker_domain::json::Json;
use tasker_domain::template::{Difference, Source, Template, parse};

/// Layers of ten steps, each waiting for two of the layer before, with the keys that templates usually have.
fn written(steps: usize) -> String {
    let mut text =
        "name: big\nnamespace_name: bench\nversion: 1.0.0\ntask_handler_class: Big\nstep_templates:\n".to_owned();
    for step in 0..steps {
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "  - name: step_{step}\n    description: Step number {step}\n    handler_class: Bench::Step\n    \
             default_retry_limit: 5\n    handler_config:\n      type: api\n      url: https://api.example.com/{step}\n      \
             headers: {{ Accept: application/json }}"
        );
        if let Some(layer) = (step / 10).checked_sub(1) {
            let first = layer * 10 + step % 10;
            let second = layer * 10 + (step + 1) % 10;
            let _ = writeln!(text, "    depends_on_steps: [step_{first}, step_{second}]");
        }
    }
    text
}

fn template(text: &str) -> Template {
    match parse(&Source::new("big.yaml", text), None) {
        Ok(checked) => checked.template,
        Err(problems) => panic!("the template of the benchmark is refused: {problems}"),
    }
}

fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|error| panic!("the JSON of the benchmark is none: {error}"))
}

fn templates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("template");
    for steps in [100, 1_000, 5_000] {
        let source = Source::new("big.yaml", written(steps));
        group.throughput(Throughput::Elements(steps as u64));
        group.bench_with_input(BenchmarkId::new("parse_and_check", steps), &source, |bencher, source| {
            bencher.iter(|| parse(black_box(source), None).is_ok());
        });
        let old = template(&written(steps));
        group.bench_with_input(BenchmarkId::new("content_hash", steps), &old, |bencher, old| {
            bencher.iter(|| black_box(old).content_hash());
        });
        let new = template(&written(steps).replace("default_retry_limit: 5", "default_retry_limit: 6"));
        group.bench_function(BenchmarkId::new("difference", steps), |bencher| {
            bencher.iter(|| Difference::between(black_box(&old), black_box(&new)).changed.len());
        });
    }
    group.finish();
}

fn contexts(criterion: &mut Criterion) {
    let schema = json(
        r#"{"type": "object", "required": ["order_id", "items", "customer"], "properties": {
            "order_id": {"type": "integer", "minimum": 1},
            "currency": {"type": "string", "enum": ["EUR", "USD"], "default": "EUR"},
            "customer": {"type": "object", "required": ["email"], "properties": {
                "email": {"type": "string", "format": "email"}, "newsletter": {"type": "boolean", "default": false}}},
            "items": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["sku"], "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"}, "quantity": {"type": "integer", "default": 1}}}}}}"#,
    );
    let check = match ContextCheck::compile(Some(&schema), false) {
        Ok(check) => check,
        Err(problems) => panic!("the schema of the benchmark is refused: {problems}"),
    };
    let good = json(
        r#"{"order_id": 7, "customer": {"email": "ann@example.com"},
            "items": [{"sku": "ABC-1"}, {"sku": "ABC-2", "quantity": 3}, {"sku": "XYZ-9"}]}"#,
    );
    let bad = json(r#"{"order_id": 0, "customer": {"email": 7}, "items": [{"sku": "abc"}, {}], "currency": "DM"}"#);
    let mut group = criterion.benchmark_group("context");
    group.throughput(Throughput::Elements(1));
    group.bench_function("good", |bencher| bencher.iter(|| check.check(black_box(&good)).is_ok()));
    group.bench_function("bad", |bencher| bencher.iter(|| check.check(black_box(&bad)).is_ok()));
    group.finish();
}

criterion_group!(benches, templates, contexts);
criterion_main!(benches);
