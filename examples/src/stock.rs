//! Handlers of `stock/stock.yaml`: what is running low is ordered, within a budget.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tasker_core::step_handler::{StepContext, StepError};

use crate::bound::{Handlers, bound};
use crate::decimal::Decimal;
use crate::services::{Refusal, Services};

/// The handlers by the names the template calls them.
pub fn handlers(services: &Services) -> Handlers {
    vec![
        ("Stock::CountShelves", bound(services, count_shelves)),
        ("Stock::ReadSales", bound(services, read_sales)),
        ("Stock::FindShortages", bound(services, find_shortages)),
        ("Stock::DraftOrders", bound(services, draft_orders)),
        ("Stock::SendOrders", bound(services, send_orders)),
        ("Stock::WriteReport", bound(services, write_report)),
    ]
}

#[derive(Deserialize)]
struct Review {
    budget: Decimal,
    // The next two have a default in the context's schema.
    reorder_below: u32,
    weeks_of_cover: u32,
}

#[derive(Serialize, Deserialize)]
struct Count {
    articles: Vec<Counted>,
}

#[derive(Serialize, Deserialize)]
struct Counted {
    sku: String,
    pieces: u32,
    price: Decimal,
}

async fn count_shelves(services: Services, _step: StepContext) -> Result<Count, StepError> {
    let products = services.warehouse().list().map_err(|refusal| refusal.into_error("counting the shelves"))?;
    let articles = products
        .into_iter()
        .filter(|product| !product.withdrawn)
        .map(|product| Counted { sku: product.sku, pieces: product.stock, price: product.price })
        .collect();
    Ok(Count { articles })
}

#[derive(Serialize, Deserialize)]
struct Sales {
    last_week: BTreeMap<String, u32>,
}

async fn read_sales(services: Services, _step: StepContext) -> Result<Sales, StepError> {
    let last_week = services.warehouse().sales().map_err(|refusal| refusal.into_error("reading the sales"))?;
    Ok(Sales { last_week })
}

#[derive(Serialize, Deserialize)]
struct Shortages {
    short: Vec<Shortage>,
}

#[derive(Serialize, Deserialize)]
struct Shortage {
    sku: String,
    pieces: u32,
    wanted: u32,
    price: Decimal,
}

/// An article is short when fewer pieces are left than the floor, or than will be sold in the weeks to be covered. An
/// empty list is a good day, not a failure.
async fn find_shortages(_services: Services, step: StepContext) -> Result<Shortages, StepError> {
    let review: Review = step.context()?;
    let Count { articles } = step.results_of("count_shelves").await?;
    let Sales { last_week } = step.results_of("read_sales").await?;
    let short = articles
        .into_iter()
        .filter_map(|Counted { sku, pieces, price }| {
            let sold = last_week.get(&sku).copied().unwrap_or(0);
            let needed = review.reorder_below.max(sold.saturating_mul(review.weeks_of_cover));
            let wanted = needed.checked_sub(pieces).filter(|wanted| *wanted > 0)?;
            Some(Shortage { sku, pieces, wanted, price })
        })
        .collect();
    Ok(Shortages { short })
}

#[derive(Serialize, Deserialize)]
struct Draft {
    lines: Vec<DraftLine>,
    cost: Decimal,
}

#[derive(Serialize, Deserialize)]
struct DraftLine {
    sku: String,
    quantity: u32,
    cost: Decimal,
}

/// What the supplier takes of the shelf price, in percent.
const PURCHASE_PERCENT: u32 = 60;

async fn draft_orders(_services: Services, step: StepContext) -> Result<Draft, StepError> {
    let review: Review = step.context()?;
    let Shortages { short } = step.results_of("find_shortages").await?;
    let mut lines = Vec::with_capacity(short.len());
    let mut cost = Decimal::ZERO;
    for Shortage { sku, wanted, price, .. } in short {
        let piece = price.percent(Decimal::from(PURCHASE_PERCENT))?.rounded_to_cents();
        let line = DraftLine { sku, quantity: wanted, cost: piece.times(Decimal::from(wanted))? };
        cost = cost.plus(line.cost)?;
        lines.push(line);
    }
    if cost > review.budget {
        let message = format!("the orders come to {cost:.2}, the budget is {:.2}", review.budget);
        return Err(StepError::permanent(message).with_code("OVER_BUDGET"));
    }
    Ok(Draft { lines, cost })
}

#[derive(Serialize, Deserialize)]
struct Sent {
    orders: Vec<String>,
}

async fn send_orders(services: Services, step: StepContext) -> Result<Sent, StepError> {
    let Draft { lines, .. } = step.results_of("draft_orders").await?;
    let mut orders = Vec::with_capacity(lines.len());
    for line in lines {
        let order = format!("{}-{}", step.task_id(), line.sku);
        // A repeated attempt meets the orders that the one before it placed.
        match services.supplier().post(&order, json!({ "sku": line.sku, "quantity": line.quantity })) {
            Ok(_) | Err(Refusal::Status { status: 409, .. }) => orders.push(order),
            Err(refusal) => return Err(refusal.into_error("sending the orders")),
        }
    }
    Ok(Sent { orders })
}

#[derive(Serialize)]
struct Report {
    summary: String,
}

async fn write_report(_services: Services, step: StepContext) -> Result<Report, StepError> {
    let Count { articles } = step.results_of("count_shelves").await?;
    let Draft { lines, cost } = step.results_of("draft_orders").await?;
    let pieces: u64 = lines.iter().map(|line| u64::from(line.quantity)).sum();
    let summary = format!("{} articles counted, {} short, {pieces} pieces for {cost:.2}", articles.len(), lines.len());
    Ok(Report { summary })
}
