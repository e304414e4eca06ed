//! Handlers of `checkout/checkout.yaml`: a basket becomes a paid, booked and confirmed order.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tasker_core::step_handler::{StepContext, StepError};

use crate::bound::{Handlers, bound, request_key};
use crate::decimal::Decimal;
use crate::services::{Refusal, Services};

/// The handlers by the names the template calls them.
pub fn handlers(services: &Services) -> Handlers {
    vec![
        ("Shop::PriceBasket", bound(services, price_basket)),
        ("Shop::CheckAddress", bound(services, check_address)),
        ("Shop::ReserveStock", bound(services, reserve_stock)),
        ("Shop::ChargeCard", bound(services, charge_card)),
        ("Shop::BookCourier", bound(services, book_courier)),
        ("Shop::SendReceipt", bound(services, send_receipt)),
        ("Shop::CloseOrder", bound(services, close_order)),
    ]
}

#[derive(Deserialize)]
struct Checkout {
    customer: Customer,
    basket: Vec<BasketLine>,
    card: Card,
    delivery: Delivery,
    expected_total: Option<Decimal>,
}

#[derive(Deserialize)]
struct Customer {
    email: String,
}

#[derive(Deserialize)]
struct BasketLine {
    sku: String,
    quantity: u32,
}

#[derive(Deserialize)]
struct Card {
    token: String,
    currency: String,
}

#[derive(Deserialize)]
struct Delivery {
    // Both are filled in from the defaults of the context's schema where the caller leaves them out.
    speed: String,
    country: String,
    postcode: String,
}

#[derive(Serialize, Deserialize)]
struct PricedBasket {
    lines: Vec<PricedLine>,
    goods: Decimal,
    vat: Decimal,
    postage: Decimal,
    total: Decimal,
    grams: u32,
}

#[derive(Serialize, Deserialize)]
struct PricedLine {
    sku: String,
    quantity: u32,
    amount: Decimal,
}

/// Percentage that the law adds to the price of the goods.
const VAT_PERCENT: u32 = 9;

/// Prices every line from the catalogue; what the caller thinks a piece costs does not count.
async fn price_basket(services: Services, step: StepContext) -> Result<PricedBasket, StepError> {
    let checkout: Checkout = step.context()?;
    if checkout.basket.is_empty() {
        return Err(StepError::permanent("the basket is empty").with_code("EMPTY_BASKET"));
    }
    let articles = services
        .warehouse()
        .find(checkout.basket.iter().map(|line| line.sku.as_str()))
        .map_err(|refusal| refusal.into_error("looking the basket up in the catalogue"))?;

    let mut lines = Vec::with_capacity(checkout.basket.len());
    let mut goods = Decimal::ZERO;
    let mut grams: u32 = 0;
    for BasketLine { sku, quantity } in checkout.basket {
        let article = articles.iter().find(|article| article.sku == sku).ok_or_else(|| {
            StepError::permanent(format!("the catalogue has no article `{sku}`")).with_code("UNKNOWN_ARTICLE")
        })?;
        if article.withdrawn {
            return Err(
                StepError::permanent(format!("`{}` is no longer sold", article.name)).with_code("ARTICLE_WITHDRAWN")
            );
        }
        let amount = article.price.times(Decimal::from(quantity))?;
        goods = goods.plus(amount)?;
        grams = grams.saturating_add(article.grams.saturating_mul(quantity));
        lines.push(PricedLine { sku, quantity, amount });
    }
    let vat = goods.percent(Decimal::from(VAT_PERCENT))?.rounded_to_cents();
    let postage = postage(grams, &checkout.delivery.speed)?;
    let total = goods.plus(vat)?.plus(postage)?;
    Ok(PricedBasket { lines, goods, vat, postage, total, grams })
}

fn postage(grams: u32, speed: &str) -> Result<Decimal, StepError> {
    let standard = match grams {
        0..=500 => Decimal::cents(395),
        501..=2000 => Decimal::cents(675),
        _ => Decimal::cents(1250),
    };
    match speed {
        "standard" => Ok(standard),
        "express" => Ok(standard.times(Decimal::from(2))?),
        other => Err(StepError::permanent(format!("nobody delivers at speed `{other}`")).with_code("UNKNOWN_SPEED")),
    }
}

#[derive(Serialize, Deserialize)]
struct Destination {
    country: String,
    postcode: String,
}

/// Countries that the courier drives to.
const SERVED: [&str; 4] = ["BE", "DE", "LU", "NL"];

async fn check_address(_services: Services, step: StepContext) -> Result<Destination, StepError> {
    let Checkout { delivery, .. } = step.context()?;
    if !SERVED.contains(&delivery.country.as_str()) {
        let message = format!("no courier drives to `{}`; served are {}", delivery.country, SERVED.join(", "));
        return Err(StepError::permanent(message).with_code("COUNTRY_NOT_SERVED"));
    }
    // The courier's own form: capitals, no blanks.
    let postcode = delivery.postcode.to_uppercase().replace(' ', "");
    Ok(Destination { country: delivery.country, postcode })
}

#[derive(Serialize, Deserialize)]
struct Reserved {
    pieces: u32,
}

async fn reserve_stock(services: Services, step: StepContext) -> Result<Reserved, StepError> {
    let basket: PricedBasket = step.results_of("price_basket").await?;
    let mut pieces: u32 = 0;
    for line in &basket.lines {
        let key = format!("{}-{}", request_key(&step), line.sku);
        services.warehouse().reserve(&key, &line.sku, line.quantity).map_err(|refusal| match refusal {
            // Tomorrow's delivery may bring some; until then asking again at once is useless.
            Refusal::Says(word) if word == "short" => {
                StepError::retryable(format!("fewer than {} pieces of `{}` are left", line.quantity, line.sku))
                    .with_code("OUT_OF_STOCK")
                    .retry_after(Duration::from_secs(60))
            }
            other => other.into_error("reserving stock"),
        })?;
        pieces = pieces.saturating_add(line.quantity);
    }
    Ok(Reserved { pieces })
}

#[derive(Serialize, Deserialize)]
struct Charged {
    payment: String,
    amount: Decimal,
    currency: String,
}

async fn charge_card(services: Services, step: StepContext) -> Result<Charged, StepError> {
    let checkout: Checkout = step.context()?;
    let PricedBasket { total, .. } = step.results_of("price_basket").await?;
    if let Some(expected) = checkout.expected_total.filter(|expected| *expected != total) {
        let message = format!("the customer agreed to pay {expected:.2}, but the order comes to {total:.2}");
        return Err(StepError::permanent(message).with_code("PRICE_CHANGED"));
    }
    if checkout.card.token.is_empty() {
        return Err(StepError::permanent("the card has no token").with_code("MISSING_CARD"));
    }
    let payment = services.gateway().charge(&request_key(&step), total, &checkout.card.currency).map_err(
        |refusal| match &refusal {
            Refusal::Says(word) if word == "declined" => {
                StepError::permanent("the bank declined the card").with_code("CARD_DECLINED")
            }
            _ => refusal.into_error("charging the card"),
        },
    )?;
    Ok(Charged { payment: payment.id, amount: payment.amount, currency: payment.currency })
}

#[derive(Serialize, Deserialize)]
struct Parcel {
    parcel: String,
}

async fn book_courier(services: Services, step: StepContext) -> Result<Parcel, StepError> {
    let destination: Destination = step.results_of("check_address").await?;
    let basket: PricedBasket = step.results_of("price_basket").await?;
    let parcel = format!("parcel-{}", step.task_id());
    let booking = json!({ "to": destination.postcode, "country": destination.country, "grams": basket.grams });
    match services.courier().post(&parcel, booking) {
        // An attempt whose answer was lost has booked it already.
        Ok(_) | Err(Refusal::Status { status: 409, .. }) => Ok(Parcel { parcel }),
        Err(refusal) => Err(refusal.into_error("booking the courier")),
    }
}

#[derive(Serialize, Deserialize)]
struct Receipt {
    mail: String,
    to: String,
}

async fn send_receipt(services: Services, step: StepContext) -> Result<Receipt, StepError> {
    let Checkout { customer, .. } = step.context()?;
    let charged: Charged = step.results_of("charge_card").await?;
    let subject = format!("Your receipt: {:.2} {}", charged.amount, charged.currency);
    let mail =
        services.mailer().send(&request_key(&step), &customer.email, &subject).map_err(|refusal| match &refusal {
            Refusal::Says(word) if word == "invalid_address" => {
                StepError::permanent(format!("`{}` is not a mail address", customer.email)).with_code("INVALID_EMAIL")
            }
            _ => refusal.into_error("sending the receipt"),
        })?;
    Ok(Receipt { mail, to: customer.email })
}

#[derive(Serialize)]
struct ClosedOrder {
    order: String,
    payment: String,
    parcel: String,
    total: Decimal,
}

async fn close_order(services: Services, step: StepContext) -> Result<ClosedOrder, StepError> {
    let charged: Charged = step.results_of("charge_card").await?;
    let Parcel { parcel } = step.results_of("book_courier").await?;
    let _receipt: Receipt = step.results_of("send_receipt").await?;
    let order = format!("ORD-{:06}", step.task_id());
    let record = json!({ "payment": charged.payment, "parcel": parcel, "total": charged.amount.to_string() });
    match services.orders().post(&order, record) {
        Ok(_) | Err(Refusal::Status { status: 409, .. }) => {}
        Err(refusal) => return Err(refusal.into_error("filing the order")),
    }
    Ok(ClosedOrder { order, payment: charged.payment, parcel, total: charged.amount })
}
