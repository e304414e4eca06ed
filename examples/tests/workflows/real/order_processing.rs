//! Handlers of the generated application's order processing.

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound, request_key};
use tasker_examples::decimal::Decimal;

use super::backend::{Backend, Cart, permanent};

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("Ecommerce::StepHandlers::ValidateCartStepHandler", bound(backend, validate_cart)),
        ("Ecommerce::StepHandlers::CheckInventoryStepHandler", bound(backend, check_inventory)),
        ("Ecommerce::StepHandlers::CalculatePricingStepHandler", bound(backend, calculate_pricing)),
        ("Ecommerce::StepHandlers::CreateOrderStepHandler", bound(backend, create_order)),
    ]
}

#[derive(Deserialize)]
struct Context {
    cart_id: i64,
    user_id: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Validated {
    cart: Cart,
}

async fn validate_cart(backend: Backend, step: StepContext) -> Result<Validated, StepError> {
    let Context { cart_id, .. } = step.context()?;
    backend.ask_plainly("validate_cart")?;
    let cart = backend.cart(cart_id).ok_or_else(|| permanent("HTTP_404", format!("there is no cart {cart_id}")))?;
    Ok(Validated { cart })
}

#[derive(Serialize, Deserialize)]
struct Available {
    lines: Vec<AvailableLine>,
}

#[derive(Serialize, Deserialize)]
struct AvailableLine {
    id: i64,
    quantity: u32,
    stock: u32,
    price: Decimal,
}

async fn check_inventory(backend: Backend, step: StepContext) -> Result<Available, StepError> {
    let Validated { cart } = step.results_of("validate_cart").await?;
    backend.ask_plainly("check_inventory")?;
    let mut lines = Vec::new();
    for line in cart.products {
        let product = backend
            .product(line.id)
            .ok_or_else(|| permanent("HTTP_404", format!("there is no product {}", line.id)))?;
        if product.stock < line.quantity {
            let message =
                format!("{} pieces of product {} are wanted, {} are left", line.quantity, line.id, product.stock);
            return Err(StepError::retryable(message).with_code("OUT_OF_STOCK"));
        }
        lines.push(AvailableLine { id: line.id, quantity: line.quantity, stock: product.stock, price: product.price });
    }
    Ok(Available { lines })
}

#[derive(Serialize, Deserialize)]
struct Priced {
    subtotal: Decimal,
    discount: Decimal,
    tax: Decimal,
    shipping: Decimal,
    total: Decimal,
}

/// Discounts of the cart off the prices, 8 % tax on what remains, and 5.99 for the parcel.
async fn calculate_pricing(_backend: Backend, step: StepContext) -> Result<Priced, StepError> {
    let Validated { cart } = step.results_of("validate_cart").await?;
    let Available { lines } = step.results_of("check_inventory").await?;
    let mut subtotal = Decimal::ZERO;
    let mut discount = Decimal::ZERO;
    for (line, wanted) in lines.iter().zip(&cart.products) {
        let amount = line.price.times(Decimal::from(line.quantity))?;
        subtotal = subtotal.plus(amount)?;
        discount = discount.plus(amount.percent(wanted.discount_percentage)?)?;
    }
    let discount = discount.rounded_to_cents();
    let discounted = subtotal.minus(discount)?;
    let tax = discounted.percent(Decimal::from(8))?.rounded_to_cents();
    let shipping = Decimal::cents(599);
    let total = discounted.plus(tax)?.plus(shipping)?;
    Ok(Priced { subtotal, discount, tax, shipping, total })
}

#[derive(Serialize)]
struct Created {
    order: String,
    user_id: Option<i64>,
    tracking_number: String,
    total: Decimal,
}

async fn create_order(backend: Backend, step: StepContext) -> Result<Created, StepError> {
    let Context { user_id, .. } = step.context()?;
    let Priced { total, .. } = step.results_of("calculate_pricing").await?;
    backend.ask_plainly("create_order")?;
    let order = request_key(&step);
    backend.had(|effects| {
        effects.orders.insert(order.clone(), total);
    });
    Ok(Created { tracking_number: format!("TRK-{:08}", step.task_id()), order, user_id, total })
}
