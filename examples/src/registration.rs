//! Handlers of `registration/registration.yaml`: somebody becomes a member of a library of things.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tasker_core::step_handler::{StepContext, StepError};

use crate::bound::{Handlers, bound, request_key};
use crate::services::{Member, Refusal, Services};

/// The handlers by the names the template calls them.
pub fn handlers(services: &Services) -> Handlers {
    vec![
        ("Members::CreateMember", bound(services, create_member)),
        ("Members::OpenSubscription", bound(services, open_subscription)),
        ("Members::JoinNewsletter", bound(services, join_newsletter)),
        ("Members::PrintCard", bound(services, print_card)),
        ("Members::SendWelcome", bound(services, send_welcome)),
        ("Members::ActivateMember", bound(services, activate_member)),
    ]
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    name: String,
    // The next two have a default in the context's schema.
    plan: String,
    newsletter: bool,
    payment_method: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Created {
    number: u32,
    status: String,
}

async fn create_member(services: Services, step: StepContext) -> Result<Created, StepError> {
    let wanted: Registration = step.context()?;
    let number = u32::try_from(services.members().all().len()).unwrap_or(u32::MAX).saturating_add(1);
    let member = Member {
        number,
        email: wanted.email.clone(),
        name: wanted.name.clone(),
        plan: wanted.plan.clone(),
        active: false,
    };
    match services.members().post(&wanted.email, member) {
        Ok(member) => Ok(Created { number: member.number, status: "created".to_owned() }),
        // Either an earlier attempt got through without our knowing, or the address belongs to somebody else.
        Err(Refusal::Status { status: 409, .. }) => {
            let known =
                services.members().get(&wanted.email).map_err(|refusal| refusal.into_error("reading the member"))?;
            if known.name != wanted.name || known.plan != wanted.plan {
                let message = format!("`{}` is registered already, with other data", wanted.email);
                return Err(StepError::permanent(message).with_code("MEMBER_CONFLICT"));
            }
            Ok(Created { number: known.number, status: "known".to_owned() })
        }
        Err(refusal) => Err(refusal.into_error("registering the member")),
    }
}

#[derive(Serialize)]
struct Subscribed {
    number: u32,
    plan: String,
    paid: bool,
}

async fn open_subscription(services: Services, step: StepContext) -> Result<Subscribed, StepError> {
    let wanted: Registration = step.context()?;
    let Created { number, .. } = step.results_of("create_member").await?;
    let paid = wanted.plan != "borrower";
    if paid && wanted.payment_method.is_none() {
        let message = format!("the plan `{}` costs something, but no way to pay is given", wanted.plan);
        return Err(StepError::permanent(message).with_code("NO_PAYMENT_METHOD"));
    }
    let record = json!({ "plan": wanted.plan, "payment_method": wanted.payment_method });
    match services.subscriptions().post(&number.to_string(), record) {
        Ok(_) | Err(Refusal::Status { status: 409, .. }) => Ok(Subscribed { number, plan: wanted.plan, paid }),
        Err(refusal) => Err(refusal.into_error("opening the subscription")),
    }
}

#[derive(Serialize)]
struct Joined {
    number: u32,
    joined: bool,
}

async fn join_newsletter(services: Services, step: StepContext) -> Result<Joined, StepError> {
    let wanted: Registration = step.context()?;
    let Created { number, .. } = step.results_of("create_member").await?;
    if !wanted.newsletter {
        return Ok(Joined { number, joined: false });
    }
    match services.newsletter().post(&wanted.email, json!({ "name": wanted.name })) {
        Ok(_) | Err(Refusal::Status { status: 409, .. }) => Ok(Joined { number, joined: true }),
        Err(refusal) => Err(refusal.into_error("joining the newsletter")),
    }
}

#[derive(Serialize, Deserialize)]
struct Card {
    number: u32,
    barcode: String,
}

async fn print_card(_services: Services, step: StepContext) -> Result<Card, StepError> {
    let Created { number, .. } = step.results_of("create_member").await?;
    let digits = format!("{number:08}");
    // The last digit makes the sum of all digits a multiple of ten, so that a scanner notices a misread one.
    let sum: u32 = digits.chars().filter_map(|digit| digit.to_digit(10)).sum();
    Ok(Card { number, barcode: format!("{digits}{}", (10 - sum % 10) % 10) })
}

#[derive(Serialize)]
struct Welcomed {
    number: u32,
    mail: String,
}

async fn send_welcome(services: Services, step: StepContext) -> Result<Welcomed, StepError> {
    let wanted: Registration = step.context()?;
    let Card { number, barcode } = step.results_of("print_card").await?;
    let subject = format!("Welcome, {}: your card is {barcode}", wanted.name);
    let mail =
        services.mailer().send(&request_key(&step), &wanted.email, &subject).map_err(|refusal| match &refusal {
            Refusal::Says(word) if word == "invalid_address" => {
                StepError::permanent(format!("`{}` is not a mail address", wanted.email)).with_code("INVALID_EMAIL")
            }
            _ => refusal.into_error("sending the welcome"),
        })?;
    Ok(Welcomed { number, mail })
}

#[derive(Serialize)]
struct Activated {
    number: u32,
    active: bool,
}

async fn activate_member(services: Services, step: StepContext) -> Result<Activated, StepError> {
    let wanted: Registration = step.context()?;
    let member = services
        .members()
        .patch(&wanted.email, |member| member.active = true)
        .map_err(|refusal| refusal.into_error("activating the member"))?;
    Ok(Activated { number: member.number, active: member.active })
}
