//! Handlers of the e-commerce checkout.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound, request_key};
use tasker_examples::decimal::Decimal;
use tasker_examples::services::Refusal;

use super::backend::{Backend, permanent};

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("BlogExamples::Post01::StepHandlers::ValidateCartHandler", bound(backend, validate_cart)),
        ("BlogExamples::Post01::StepHandlers::ProcessPaymentHandler", bound(backend, process_payment)),
        ("BlogExamples::Post01::StepHandlers::UpdateInventoryHandler", bound(backend, update_inventory)),
        ("BlogExamples::Post01::StepHandlers::CreateOrderHandler", bound(backend, create_order)),
        ("BlogExamples::Post01::StepHandlers::SendConfirmationHandler", bound(backend, send_confirmation)),
    ]
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    cart_items: Vec<CartItem>,
    payment_info: Option<PaymentInfo>,
    customer_info: Option<CustomerInfo>,
}

#[derive(Deserialize)]
struct CartItem {
    product_id: Option<i64>,
    quantity: i64,
}

#[derive(Deserialize)]
struct PaymentInfo {
    method: Option<String>,
    amount: Option<Decimal>,
    currency: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct CustomerInfo {
    email: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ValidatedCart {
    validated_items: Vec<ValidatedItem>,
    subtotal: Decimal,
    tax: Decimal,
    shipping: Decimal,
    total: Decimal,
    item_count: u32,
}

#[derive(Clone, Serialize, Deserialize)]
struct ValidatedItem {
    product_id: i64,
    name: String,
    quantity: u32,
    price: Decimal,
    line_total: Decimal,
}

async fn validate_cart(backend: Backend, step: StepContext) -> Result<ValidatedCart, StepError> {
    let Context { cart_items, .. } = step.context()?;
    if cart_items.is_empty() {
        return Err(permanent("MISSING_CART_ITEMS", "the cart has no items"));
    }
    backend.ask_plainly("validate_cart")?;
    let mut validated_items = Vec::new();
    let mut subtotal = Decimal::ZERO;
    let mut item_count: u32 = 0;
    for item in cart_items {
        let product_id =
            item.product_id.ok_or_else(|| permanent("MISSING_PRODUCT_ID", "an item of the cart has no product id"))?;
        let quantity = u32::try_from(item.quantity).ok().filter(|quantity| *quantity > 0).ok_or_else(|| {
            permanent("INVALID_QUANTITY", format!("{} pieces of product {product_id}", item.quantity))
        })?;
        let product = backend
            .product(product_id)
            .ok_or_else(|| permanent("PRODUCT_NOT_FOUND", format!("there is no product {product_id}")))?;
        if !product.active {
            return Err(permanent("PRODUCT_INACTIVE", format!("product {product_id} is not sold any more")));
        }
        if product.stock < quantity {
            let message = format!("{quantity} pieces of product {product_id} are wanted, {} are left", product.stock);
            return Err(StepError::retryable(message).with_code("OUT_OF_STOCK"));
        }
        let line_total = product.price.times(Decimal::from(quantity))?;
        subtotal = subtotal.plus(line_total)?;
        item_count = item_count.saturating_add(quantity);
        validated_items.push(ValidatedItem {
            product_id,
            name: product.title,
            quantity,
            price: product.price,
            line_total,
        });
    }
    let tax = subtotal.percent(Decimal::from(8))?.rounded_to_cents();
    // A piece weighs half a unit: 4 pieces make 2, 20 make 10.
    let shipping = match item_count {
        0..=4 => Decimal::cents(599),
        5..=20 => Decimal::cents(999),
        _ => Decimal::cents(1499),
    };
    let total = subtotal.plus(tax)?.plus(shipping)?;
    Ok(ValidatedCart { validated_items, subtotal, tax, shipping, total, item_count })
}

#[derive(Serialize, Deserialize)]
struct Payment {
    payment_id: String,
    amount_charged: Decimal,
    currency: String,
    transaction_id: String,
    status: String,
}

async fn process_payment(backend: Backend, step: StepContext) -> Result<Payment, StepError> {
    let Context { payment_info, .. } = step.context()?;
    let ValidatedCart { total, .. } = step.results_of("validate_cart").await?;
    let payment = payment_info.ok_or_else(|| permanent("MISSING_PAYMENT_INFO", "there is no way to pay"))?;
    if payment.method.is_none() || payment.token.is_none() {
        return Err(permanent("MISSING_PAYMENT_INFO", "method or token of the payment is missing"));
    }
    if payment.amount != Some(total) {
        return Err(permanent("PAYMENT_AMOUNT_MISMATCH", format!("the order comes to {total:.2}")));
    }
    backend.ask("process_payment").map_err(|refusal| match &refusal {
        Refusal::Says(word) if ["declined", "insufficient_funds", "invalid_card"].contains(&&**word) => {
            permanent("PAYMENT_DECLINED", format!("the payment was refused: {word}"))
        }
        Refusal::Says(word) if word == "rate_limited" => {
            StepError::retryable("the payment service limits the rate").retry_after(Duration::from_secs(30))
        }
        _ => refusal.into_error("charging"),
    })?;
    let payment_id = format!("pay_{}", request_key(&step));
    backend.had(|effects| {
        effects.payments.insert(payment_id.clone(), total);
    });
    Ok(Payment {
        transaction_id: format!("txn_{}", step.task_id()),
        payment_id,
        amount_charged: total,
        currency: payment.currency,
        status: "succeeded".to_owned(),
    })
}

#[derive(Serialize, Deserialize)]
struct Inventory {
    updated_products: Vec<i64>,
    total_items_reserved: u32,
    inventory_changes: Vec<Change>,
}

#[derive(Serialize, Deserialize)]
struct Change {
    product_id: i64,
    quantity: u32,
    reservation: String,
}

async fn update_inventory(backend: Backend, step: StepContext) -> Result<Inventory, StepError> {
    let Context { customer_info, .. } = step.context()?;
    let cart: ValidatedCart = step.results_of("validate_cart").await?;
    if cart.validated_items.is_empty() || customer_info.is_none() {
        return Err(permanent("MISSING_ORDER_DATA", "validated items or customer are missing"));
    }
    backend.ask_plainly("update_inventory")?;
    let mut inventory_changes = Vec::new();
    for item in &cart.validated_items {
        if backend.product(item.product_id).is_none_or(|product| product.stock < item.quantity) {
            let message = format!("product {} is not available any more", item.product_id);
            return Err(StepError::retryable(message).with_code("OUT_OF_STOCK"));
        }
        let reservation = format!("{}-{}", request_key(&step), item.product_id);
        backend.had(|effects| {
            effects.reserved.insert(reservation.clone(), item.quantity);
        });
        inventory_changes.push(Change { product_id: item.product_id, quantity: item.quantity, reservation });
    }
    Ok(Inventory {
        updated_products: inventory_changes.iter().map(|change| change.product_id).collect(),
        total_items_reserved: inventory_changes.iter().map(|change| change.quantity).sum(),
        inventory_changes,
    })
}

#[derive(Serialize, Deserialize)]
struct Order {
    order_id: i64,
    order_number: String,
    total_amount: Decimal,
    customer_email: Option<String>,
}

async fn create_order(backend: Backend, step: StepContext) -> Result<Order, StepError> {
    let Context { customer_info, .. } = step.context()?;
    let cart: ValidatedCart = step.results_of("validate_cart").await?;
    let payment: Payment = step.results_of("process_payment").await?;
    let _inventory: Inventory = step.results_of("update_inventory").await?;
    if payment.amount_charged != cart.total {
        return Err(permanent("INVALID_ORDER", "the amount charged is not the total of the cart"));
    }
    backend.ask_plainly("create_order")?;
    let day = step.clock().wall_time().format("%Y%m%d");
    // Made of the ids, so that every attempt of the same day gives the order the same number.
    let number = u32::try_from(step.task_id() & 0xffff_ffff).unwrap_or_default().wrapping_mul(0x9e37_79b1);
    let order_number = format!("ORD-{day}-{number:08x}");
    backend.had(|effects| {
        effects.orders.insert(request_key(&step), cart.total);
    });
    let customer_email = customer_info.and_then(|customer| customer.email);
    Ok(Order { order_id: step.task_id(), order_number, total_amount: cart.total, customer_email })
}

#[derive(Serialize)]
struct Confirmation {
    email_sent: bool,
    recipient: String,
    message_id: String,
}

async fn send_confirmation(backend: Backend, step: StepContext) -> Result<Confirmation, StepError> {
    let order: Order = step.results_of("create_order").await?;
    let cart: ValidatedCart = step.results_of("validate_cart").await?;
    let recipient = order.customer_email.ok_or_else(|| permanent("MISSING_EMAIL", "the order has no address"))?;
    if cart.validated_items.is_empty() {
        return Err(permanent("MISSING_ORDER_ITEMS", "the order has no items"));
    }
    if !recipient.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')) {
        return Err(permanent("INVALID_EMAIL", format!("`{recipient}` is not an address")));
    }
    backend.ask("send_confirmation").map_err(|refusal| match &refusal {
        Refusal::Says(word) if word == "rate_limited" => {
            StepError::retryable("the mailer limits the rate").retry_after(Duration::from_secs(60))
        }
        _ => refusal.into_error("sending the confirmation"),
    })?;
    let message_id = format!("msg-{}", request_key(&step));
    backend.had(|effects| {
        effects.mails.insert(message_id.clone(), recipient.clone());
    });
    Ok(Confirmation { email_sent: true, recipient, message_id })
}
