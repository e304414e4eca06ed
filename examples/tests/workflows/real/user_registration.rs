//! Handlers of the user registration over several services.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound};
use tasker_examples::services::Refusal;

use super::backend::{Backend, User, permanent};

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("BlogExamples::Post03::StepHandlers::CreateUserAccountHandler", bound(backend, create_user_account)),
        ("BlogExamples::Post03::StepHandlers::SetupBillingProfileHandler", bound(backend, setup_billing_profile)),
        ("BlogExamples::Post03::StepHandlers::InitializePreferencesHandler", bound(backend, initialize_preferences)),
        ("BlogExamples::Post03::StepHandlers::SendWelcomeSequenceHandler", bound(backend, send_welcome_sequence)),
        ("BlogExamples::Post03::StepHandlers::UpdateUserStatusHandler", bound(backend, update_user_status)),
    ]
}

#[derive(Deserialize)]
struct Context {
    user_info: UserInfo,
    billing_info: Option<BillingInfo>,
}

#[derive(Deserialize)]
struct UserInfo {
    email: Option<String>,
    name: Option<String>,
    plan: String,
}

#[derive(Deserialize)]
struct BillingInfo {
    payment_method: Option<String>,
}

impl UserInfo {
    fn email(&self) -> Result<&str, StepError> {
        self.email.as_deref().ok_or_else(|| permanent("MISSING_EMAIL", "the user has no address"))
    }

    fn name(&self) -> Result<&str, StepError> {
        self.name.as_deref().ok_or_else(|| permanent("MISSING_NAME", "the user has no name"))
    }
}

#[derive(Serialize, Deserialize)]
struct Account {
    user_id: Option<u32>,
    email: String,
    status: String,
}

/// The number of the user that the first step left behind.
async fn user_id(step: &StepContext) -> Result<u32, StepError> {
    let account: Account = step.results_of("create_user_account").await?;
    account.user_id.ok_or_else(|| permanent("MISSING_USER_ID", "the account has no number"))
}

async fn create_user_account(backend: Backend, step: StepContext) -> Result<Account, StepError> {
    let Context { user_info, .. } = step.context()?;
    let (email, name) = (user_info.email()?.to_owned(), user_info.name()?.to_owned());
    let wanted = User {
        id: 0,
        email: email.clone(),
        name: name.clone(),
        plan: user_info.plan.clone(),
        status: "new".to_owned(),
    };
    match backend.ask("create_user_account").and_then(|()| backend.create_user(wanted)) {
        Ok(user) if user.id == 0 || user.email.is_empty() => {
            Err(permanent("INVALID_RESPONSE", "the user service made an account without number or address"))
        }
        Ok(user) => Ok(Account { user_id: Some(user.id), email, status: "created".to_owned() }),
        Err(Refusal::Status { status: 409, .. }) => {
            let known = backend.user(&email).map_err(|refusal| refusal.into_error("fetching the user"))?;
            if (known.name, known.plan) != (name, user_info.plan) {
                return Err(permanent("USER_CONFLICT", format!("{email} is taken by somebody else")));
            }
            Ok(Account { user_id: Some(known.id), email, status: "already_exists".to_owned() })
        }
        Err(refusal) => Err(refusal.into_error("creating the user")),
    }
}

/// A resource that exists already has been made by an earlier attempt.
fn made_or_existing(answer: Result<(), Refusal>, doing: &str) -> Result<&'static str, StepError> {
    match answer {
        Ok(()) => Ok("created"),
        Err(Refusal::Status { status: 409, .. }) => Ok("already_exists"),
        Err(refusal) => Err(refusal.into_error(doing)),
    }
}

#[derive(Serialize)]
struct Billing {
    billing_id: String,
    user_id: u32,
    plan: String,
    status: String,
}

async fn setup_billing_profile(backend: Backend, step: StepContext) -> Result<Billing, StepError> {
    let Context { user_info, billing_info } = step.context()?;
    let user_id = user_id(&step).await?;
    let paid = user_info.plan != "free";
    if paid && billing_info.and_then(|billing| billing.payment_method).is_none() {
        return Err(permanent("HTTP_422", format!("plan {} needs a way to pay", user_info.plan)));
    }
    let status = made_or_existing(backend.ask("setup_billing_profile"), "making the billing profile")?;
    Ok(Billing { billing_id: format!("billing_{user_id}"), user_id, plan: user_info.plan, status: status.to_owned() })
}

#[derive(Serialize)]
struct Preferences {
    preferences_id: String,
    user_id: u32,
    status: String,
}

async fn initialize_preferences(backend: Backend, step: StepContext) -> Result<Preferences, StepError> {
    let user_id = user_id(&step).await?;
    let status = made_or_existing(backend.ask("initialize_preferences"), "storing the preferences")?;
    Ok(Preferences { preferences_id: format!("preferences_{user_id}"), user_id, status: status.to_owned() })
}

#[derive(Serialize)]
struct Welcome {
    sequence_id: String,
    user_id: u32,
    emails_sent: u32,
    plan: String,
}

async fn send_welcome_sequence(backend: Backend, step: StepContext) -> Result<Welcome, StepError> {
    let Context { user_info, .. } = step.context()?;
    let user_id = user_id(&step).await?;
    let (email, name) = (user_info.email()?, user_info.name()?);
    backend.ask("send_welcome_sequence").map_err(|refusal| match refusal {
        Refusal::Status { status: 429, retry_after } => {
            StepError::retryable("the notification service limits the rate")
                .with_code("HTTP_429")
                .retry_after(Duration::from_secs(retry_after.unwrap_or(30)))
        }
        other => other.into_error("sending the welcome"),
    })?;
    // Whoever pays gets a tour of what they pay for.
    let emails_sent = if user_info.plan == "free" { 2 } else { 3 };
    let sequence_id = format!("welcome_{user_id}");
    backend.had(|effects| {
        effects.mails.insert(sequence_id.clone(), format!("{name} <{email}>"));
    });
    Ok(Welcome { sequence_id, user_id, emails_sent, plan: user_info.plan })
}

#[derive(Serialize)]
struct Status {
    user_id: u32,
    status: String,
}

async fn update_user_status(backend: Backend, step: StepContext) -> Result<Status, StepError> {
    let user_id = user_id(&step).await?;
    backend
        .ask("update_user_status")
        .and_then(|()| backend.set_status(user_id, "active"))
        .map_err(|refusal| refusal.into_error("activating the user"))?;
    Ok(Status { user_id, status: "active".to_owned() })
}
