//! Handlers of the payments team's refund.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound};
use tasker_examples::decimal::Decimal;
use tasker_examples::services::Refusal;

use super::backend::{Backend, permanent};

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("BlogExamples::Post04::StepHandlers::ValidatePaymentEligibilityHandler", bound(backend, validate)),
        ("BlogExamples::Post04::StepHandlers::ProcessGatewayRefundHandler", bound(backend, refund)),
        ("BlogExamples::Post04::StepHandlers::UpdatePaymentRecordsHandler", bound(backend, update_records)),
        ("BlogExamples::Post04::StepHandlers::NotifyCustomerHandler", bound(backend, notify)),
    ]
}

const NAMESPACE: &str = "payments";

#[derive(Deserialize)]
struct Context {
    payment_id: Option<String>,
    refund_amount: Option<Decimal>,
    customer_email: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Validated {
    payment_validated: bool,
    payment_id: String,
    refund_amount: Decimal,
    namespace: String,
}

async fn validate(backend: Backend, step: StepContext) -> Result<Validated, StepError> {
    let context: Context = step.context()?;
    let payment_id = context.payment_id.ok_or_else(|| permanent("MISSING_PAYMENT_ID", "the payment has no id"))?;
    let refund_amount =
        context.refund_amount.ok_or_else(|| permanent("MISSING_REFUND_AMOUNT", "no amount is to be refunded"))?;
    if !refund_amount.is_positive() {
        return Err(permanent("INVALID_REFUND_AMOUNT", format!("{refund_amount} cannot be refunded")));
    }
    let suffix = payment_id.strip_prefix("pay_").unwrap_or_default();
    if suffix.is_empty() || !suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(permanent("INVALID_PAYMENT_ID", format!("`{payment_id}` is not the id of a payment")));
    }
    backend.ask("validate_payment_eligibility").map_err(|refusal| match &refusal {
        Refusal::Says(word) if word == "ineligible" || word == "insufficient_funds" => {
            permanent(&word.to_uppercase(), format!("the payment cannot be refunded: {word}"))
        }
        Refusal::Says(word) if word == "processing" || word == "pending" => {
            StepError::retryable(format!("the payment is still {word}")).with_code("STILL_PENDING")
        }
        _ => refusal.into_error("validating the payment"),
    })?;
    Ok(Validated { payment_validated: true, payment_id, refund_amount, namespace: NAMESPACE.to_owned() })
}

#[derive(Serialize, Deserialize)]
struct Refunded {
    refund_processed: bool,
    refund_id: String,
    refund_amount: Decimal,
    namespace: String,
}

async fn refund(backend: Backend, step: StepContext) -> Result<Refunded, StepError> {
    let context: Context = step.context()?;
    let validated: Validated = step.results_of("validate_payment_eligibility").await?;
    if !validated.payment_validated {
        return Err(permanent("PAYMENT_NOT_VALIDATED", "the payment has not been validated"));
    }
    if context.refund_amount != Some(validated.refund_amount) {
        return Err(permanent("REFUND_AMOUNT_MISMATCH", "the amount is not the one that was validated"));
    }
    backend.ask("process_gateway_refund").map_err(|refusal| match &refusal {
        Refusal::Says(word) if word == "pending" => {
            StepError::retryable("the gateway has not finished the refund").with_code("STILL_PENDING")
        }
        Refusal::Says(word) if word == "rate_limited" => {
            StepError::retryable("the gateway limits the rate").with_code("RATE_LIMITED")
        }
        Refusal::Says(word)
            if ["failed", "insufficient_funds", "invalid_payment", "already_refunded"].contains(&&**word) =>
        {
            permanent(&word.to_uppercase(), format!("the gateway refuses the refund: {word}"))
        }
        Refusal::Unreachable => StepError::retryable("the gateway did not answer in time").with_code("GATEWAY_TIMEOUT"),
        _ => refusal.into_error("refunding"),
    })?;
    Ok(Refunded {
        refund_processed: true,
        refund_id: format!("refund_{}", validated.payment_id),
        refund_amount: validated.refund_amount,
        namespace: NAMESPACE.to_owned(),
    })
}

#[derive(Serialize, Deserialize)]
struct Updated {
    records_updated: bool,
    audit_trail_id: String,
    namespace: String,
}

async fn update_records(backend: Backend, step: StepContext) -> Result<Updated, StepError> {
    let refunded: Refunded = step.results_of("process_gateway_refund").await?;
    if !refunded.refund_processed {
        return Err(permanent("REFUND_NOT_PROCESSED", "nothing has been refunded"));
    }
    backend.ask_plainly("update_payment_records")?;
    let audit_trail_id = format!("audit_{}", refunded.refund_id);
    Ok(Updated { records_updated: true, audit_trail_id, namespace: NAMESPACE.to_owned() })
}

#[derive(Serialize)]
struct Notified {
    customer_notified: bool,
    notification_id: String,
    namespace: String,
}

async fn notify(backend: Backend, step: StepContext) -> Result<Notified, StepError> {
    let context: Context = step.context()?;
    let updated: Updated = step.results_of("update_payment_records").await?;
    if !updated.records_updated {
        return Err(permanent("RECORDS_NOT_UPDATED", "the records have not been updated"));
    }
    let email =
        context.customer_email.ok_or_else(|| permanent("MISSING_CUSTOMER_EMAIL", "there is no address to write to"))?;
    backend.ask("notify_customer").map_err(|refusal| match refusal {
        Refusal::Status { status: 429, retry_after } => StepError::retryable("the mailer limits the rate")
            .retry_after(Duration::from_secs(retry_after.unwrap_or(60))),
        other => other.into_error("notifying the customer"),
    })?;
    let notification_id = format!("notification_{}", step.task_id());
    backend.had(|effects| {
        effects.mails.insert(notification_id.clone(), email);
    });
    Ok(Notified { customer_notified: true, notification_id, namespace: NAMESPACE.to_owned() })
}
