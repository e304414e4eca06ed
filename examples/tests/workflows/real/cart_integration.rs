//! Handlers of the cart integration.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound};
use tasker_examples::decimal::Decimal;

use super::backend::{Backend, Cart, Product, permanent};

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("ApiTask::StepHandler::CartFetchStepHandler", bound(backend, fetch_cart)),
        ("ApiTask::StepHandler::ProductsFetchStepHandler", bound(backend, fetch_products)),
        ("ApiTask::StepHandler::ProductsValidateStepHandler", bound(backend, validate_products)),
        ("ApiTask::StepHandler::CreateOrderStepHandler", bound(backend, create_order)),
        ("ApiTask::StepHandler::PublishEventStepHandler", bound(backend, publish_event)),
    ]
}

#[derive(Deserialize)]
struct Context {
    cart_id: i64,
}

#[derive(Serialize, Deserialize)]
struct FetchedCart {
    cart: Cart,
}

async fn fetch_cart(backend: Backend, step: StepContext) -> Result<FetchedCart, StepError> {
    let Context { cart_id } = step.context()?;
    backend.ask_plainly("fetch_cart")?;
    let cart = backend.cart(cart_id).ok_or_else(|| permanent("HTTP_404", "Cart not found"))?;
    Ok(FetchedCart { cart })
}

#[derive(Serialize, Deserialize)]
struct FetchedProducts {
    products: Vec<Product>,
}

async fn fetch_products(backend: Backend, _step: StepContext) -> Result<FetchedProducts, StepError> {
    backend.ask_plainly("fetch_products")?;
    Ok(FetchedProducts { products: backend.products() })
}

#[derive(Serialize, Deserialize)]
struct Validated {
    valid_products: Vec<ValidProduct>,
}

#[derive(Clone, Serialize, Deserialize)]
struct ValidProduct {
    id: i64,
    quantity: u32,
    price: Decimal,
    total: Decimal,
    discounted_total: Decimal,
}

async fn validate_products(_backend: Backend, step: StepContext) -> Result<Validated, StepError> {
    let FetchedCart { cart } = step.results_of("fetch_cart").await?;
    let FetchedProducts { products } = step.results_of("fetch_products").await?;
    if cart.products.is_empty() {
        return Err(permanent("INVALID_CART_PRODUCTS", format!("cart {} is empty", cart.id)));
    }
    let mut valid_products = Vec::new();
    for line in &cart.products {
        let product = products.iter().find(|product| product.id == line.id).ok_or_else(|| {
            permanent("PRODUCT_NOT_FOUND", format!("product {} of cart {} does not exist", line.id, cart.id))
        })?;
        let total = product.price.times(Decimal::from(line.quantity))?;
        let discounted_total = total.minus(total.percent(line.discount_percentage)?)?;
        valid_products.push(ValidProduct {
            id: line.id,
            quantity: line.quantity,
            price: product.price,
            total,
            discounted_total,
        });
    }
    Ok(Validated { valid_products })
}

#[derive(Serialize, Deserialize)]
struct Order {
    order_id: i64,
    products: Vec<ValidProduct>,
    total: Decimal,
    discounted_total: Decimal,
}

async fn create_order(backend: Backend, step: StepContext) -> Result<Order, StepError> {
    let FetchedCart { cart } = step.results_of("fetch_cart").await?;
    let Validated { valid_products } = step.results_of("validate_products").await?;
    backend.ask_plainly("create_order")?;
    let mut total = Decimal::ZERO;
    let mut discounted_total = Decimal::ZERO;
    for product in &valid_products {
        total = total.plus(product.total)?;
        discounted_total = discounted_total.plus(product.discounted_total)?;
    }
    backend.had(|effects| {
        effects.orders.insert(cart.id.to_string(), discounted_total);
    });
    Ok(Order { order_id: cart.id, products: valid_products, total, discounted_total })
}

async fn publish_event(backend: Backend, step: StepContext) -> Result<serde_json::Value, StepError> {
    let order: Order = step.results_of("create_order").await?;
    backend.ask_plainly("publish_event")?;
    Ok(json!({
        "published": true,
        "publish_results": { "order_id": order.order_id, "status": "placed_pending_fulfillment" },
    }))
}
