//! The payment provider.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::script::{Refusal, Script, locked};
use crate::decimal::Decimal;

/// Money taken from a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// Its number.
    pub id: String,
    /// What was taken.
    pub amount: Decimal,
    /// What of it has been given back.
    #[serde(default = "nothing")]
    pub refunded: Decimal,
    /// In what currency.
    pub currency: String,
}

fn nothing() -> Decimal {
    Decimal::ZERO
}

/// Takes money and gives it back. Every request carries a key, so that a repeated one is answered as the first was.
#[derive(Debug)]
pub struct Gateway {
    script: Arc<Script>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    payments: BTreeMap<String, Payment>,
    /// Answers by the key of the request.
    charges: BTreeMap<String, String>,
    refunds: BTreeMap<String, String>,
}

impl Gateway {
    pub(super) fn new(script: Arc<Script>, payments: Vec<Payment>) -> Self {
        let payments = payments.into_iter().map(|payment| (payment.id.clone(), payment)).collect();
        Self { script, state: Mutex::new(State { payments, ..State::default() }) }
    }

    /// Takes an amount.
    ///
    /// # Errors
    /// What the script says: `Says("declined")`, `Says("rate_limited")`, a status.
    pub fn charge(&self, key: &str, amount: Decimal, currency: &str) -> Result<Payment, Refusal> {
        self.script.call("gateway.charge")?;
        let state = &mut *locked(&self.state);
        if let Some(known) = state.charges.get(key).and_then(|id| state.payments.get(id)) {
            return Ok(known.clone());
        }
        let id = format!("pay_{:04}", state.payments.len() + 1);
        let payment = Payment { id: id.clone(), amount, refunded: Decimal::ZERO, currency: currency.to_owned() };
        state.charges.insert(key.to_owned(), id.clone());
        state.payments.insert(id, payment.clone());
        Ok(payment)
    }

    /// Looks a payment up.
    ///
    /// # Errors
    /// 404 if there is none, or what the script says.
    pub fn find(&self, id: &str) -> Result<Payment, Refusal> {
        self.script.call("gateway.find")?;
        locked(&self.state).payments.get(id).cloned().ok_or(Refusal::status(404))
    }

    /// Gives an amount back; answers the number of the refund.
    ///
    /// # Errors
    /// 404 if there is no such payment, `Says("amount_too_high")` if less is left of it, or what the script says.
    pub fn refund(&self, key: &str, id: &str, amount: Decimal) -> Result<String, Refusal> {
        self.script.call("gateway.refund")?;
        let state = &mut *locked(&self.state);
        if let Some(known) = state.refunds.get(key) {
            return Ok(known.clone());
        }
        let too_high = || Refusal::Says("amount_too_high".to_owned());
        let payment = state.payments.get_mut(id).ok_or(Refusal::status(404))?;
        let refunded = payment.refunded.plus(amount).map_err(|_| too_high())?;
        if refunded > payment.amount {
            return Err(too_high());
        }
        payment.refunded = refunded;
        let refund = format!("ref_{:04}", state.refunds.len() + 1);
        state.refunds.insert(key.to_owned(), refund.clone());
        Ok(refund)
    }

    /// What was taken by requests of this run, in the order of the payments' numbers.
    pub fn charged(&self) -> Vec<Decimal> {
        let state = locked(&self.state);
        state.charges.values().filter_map(|id| state.payments.get(id)).map(|payment| payment.amount).collect()
    }

    /// How many refunds were made.
    pub fn refunds(&self) -> usize {
        locked(&self.state).refunds.len()
    }
}
