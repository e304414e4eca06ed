//! Handlers of `refund/refund.yaml`: money goes back to a customer, goods go back on the shelf.

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
        ("Payments::FindPayment", bound(services, find_payment)),
        ("Payments::CheckPolicy", bound(services, check_policy)),
        ("Payments::RefundCard", bound(services, refund_card)),
        ("Payments::TakeBackGoods", bound(services, take_back_goods)),
        ("Payments::BookLedger", bound(services, book_ledger)),
        ("Payments::TellCustomer", bound(services, tell_customer)),
    ]
}

#[derive(Deserialize)]
struct Refund {
    payment: String,
    amount: Decimal,
    reason: String,
    #[serde(default)]
    returned: Vec<ReturnedLine>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct ReturnedLine {
    sku: String,
    quantity: u32,
}

#[derive(Serialize, Deserialize)]
struct FoundPayment {
    paid: Decimal,
    refundable: Decimal,
    currency: String,
}

async fn find_payment(services: Services, step: StepContext) -> Result<FoundPayment, StepError> {
    let refund: Refund = step.context()?;
    let payment = services.gateway().find(&refund.payment).map_err(|refusal| match refusal {
        Refusal::Status { status: 404, .. } => {
            StepError::permanent(format!("there is no payment `{}`", refund.payment)).with_code("UNKNOWN_PAYMENT")
        }
        other => other.into_error("looking the payment up"),
    })?;
    Ok(FoundPayment {
        paid: payment.amount,
        refundable: payment.amount.minus(payment.refunded)?,
        currency: payment.currency,
    })
}

#[derive(Serialize, Deserialize)]
struct Approved {
    amount: Decimal,
    /// Whether nothing of the payment is left afterwards.
    in_full: bool,
}

async fn check_policy(_services: Services, step: StepContext) -> Result<Approved, StepError> {
    let refund: Refund = step.context()?;
    let payment: FoundPayment = step.results_of("find_payment").await?;
    if !refund.amount.is_positive() {
        return Err(StepError::permanent("nothing is to be refunded").with_code("NOTHING_TO_REFUND"));
    }
    if refund.amount > payment.refundable {
        let message =
            format!("{:.2} is asked for, but only {:.2} of the payment is left", refund.amount, payment.refundable);
        return Err(StepError::permanent(message).with_code("AMOUNT_TOO_HIGH"));
    }
    if refund.reason == "goods_returned" && refund.returned.is_empty() {
        let message = "goods are said to have come back, but none are listed";
        return Err(StepError::permanent(message).with_code("NO_GOODS_LISTED"));
    }
    Ok(Approved { amount: refund.amount, in_full: refund.amount == payment.refundable })
}

#[derive(Serialize, Deserialize)]
struct Refunded {
    refund: String,
    amount: Decimal,
}

async fn refund_card(services: Services, step: StepContext) -> Result<Refunded, StepError> {
    let refund: Refund = step.context()?;
    let approved: Approved = step.results_of("check_policy").await?;
    let number =
        services.gateway().refund(&request_key(&step), &refund.payment, approved.amount).map_err(|refusal| {
            match &refusal {
                Refusal::Says(word) if word == "pending" => StepError::retryable("the payment is still being settled")
                    .with_code("STILL_PENDING")
                    .retry_after(Duration::from_secs(20)),
                Refusal::Says(word) if word == "amount_too_high" || word == "chargeback_open" => {
                    StepError::permanent(format!("the provider refuses the refund: {word}"))
                        .with_code(word.to_uppercase())
                }
                _ => refusal.into_error("refunding"),
            }
        })?;
    Ok(Refunded { refund: number, amount: approved.amount })
}

#[derive(Serialize)]
struct TakenBack {
    pieces: u32,
}

/// Runs beside the refund: the customer need not wait for the warehouse.
async fn take_back_goods(services: Services, step: StepContext) -> Result<TakenBack, StepError> {
    let refund: Refund = step.context()?;
    let mut pieces: u32 = 0;
    for line in &refund.returned {
        let key = format!("{}-{}", request_key(&step), line.sku);
        services
            .warehouse()
            .put_back(&key, &line.sku, line.quantity)
            .map_err(|refusal| refusal.into_error("putting goods back"))?;
        pieces = pieces.saturating_add(line.quantity);
    }
    Ok(TakenBack { pieces })
}

#[derive(Serialize)]
struct Booked {
    entry: String,
}

async fn book_ledger(services: Services, step: StepContext) -> Result<Booked, StepError> {
    let refund: Refund = step.context()?;
    let refunded: Refunded = step.results_of("refund_card").await?;
    let entry = format!("entry-{}", refunded.refund);
    let record = json!({ "payment": refund.payment, "amount": refunded.amount.to_string(), "reason": refund.reason });
    match services.ledger().post(&entry, record) {
        Ok(_) | Err(Refusal::Status { status: 409, .. }) => Ok(Booked { entry }),
        Err(refusal) => Err(refusal.into_error("booking the refund")),
    }
}

#[derive(Serialize)]
struct Told {
    /// Number of the mail; nothing where the customer left no address.
    mail: Option<String>,
}

async fn tell_customer(services: Services, step: StepContext) -> Result<Told, StepError> {
    let refund: Refund = step.context()?;
    let refunded: Refunded = step.results_of("refund_card").await?;
    let payment: FoundPayment = step.results_of("find_payment").await?;
    let Some(email) = refund.email else {
        return Ok(Told { mail: None });
    };
    let subject = format!("We have sent you {:.2} {}", refunded.amount, payment.currency);
    let mail = services.mailer().send(&request_key(&step), &email, &subject).map_err(|refusal| match &refusal {
        Refusal::Says(word) if word == "invalid_address" => {
            StepError::permanent(format!("`{email}` is not a mail address")).with_code("INVALID_EMAIL")
        }
        _ => refusal.into_error("telling the customer"),
    })?;
    Ok(Told { mail: Some(mail) })
}
