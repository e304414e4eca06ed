//! Handlers of the generated application's stock management.

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound};

use super::backend::{Backend, Product};

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("Inventory::StepHandlers::MonitorStockLevelsStepHandler", bound(backend, monitor_stock_levels)),
        ("Inventory::StepHandlers::IdentifyLowStockStepHandler", bound(backend, identify_low_stock)),
    ]
}

#[derive(Deserialize)]
struct Context {
    threshold: i64,
    category: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Levels {
    products: Vec<Product>,
}

/// The service hands out at most this many articles at once.
const PAGE: usize = 100;

async fn monitor_stock_levels(backend: Backend, _step: StepContext) -> Result<Levels, StepError> {
    backend.ask_plainly("monitor_stock_levels")?;
    Ok(Levels { products: backend.products().into_iter().take(PAGE).collect() })
}

#[derive(Serialize)]
struct LowStock {
    low_stock: Vec<Product>,
}

async fn identify_low_stock(backend: Backend, step: StepContext) -> Result<LowStock, StepError> {
    let Context { threshold, category } = step.context()?;
    let Levels { products } = step.results_of("monitor_stock_levels").await?;
    backend.ask_plainly("identify_low_stock")?;
    let in_category = |product: &Product| match (&category, &product.category) {
        (Some(wanted), Some(category)) => wanted == category,
        // A catalogue without categories cannot be filtered by them.
        _ => true,
    };
    let low_stock =
        products.into_iter().filter(|product| i64::from(product.stock) < threshold && in_category(product)).collect();
    Ok(LowStock { low_stock })
}
