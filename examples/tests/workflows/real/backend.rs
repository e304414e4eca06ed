//! What the real definitions' handlers talk to: shared data, effects that were had, and a script of what fails.
//!
//! The operations of the script are the names of the steps: each step makes one scripted call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::StepError;
use tasker_examples::decimal::Decimal;
use tasker_examples::services::{Refusal, Rule, Script};

/// An article as the catalogues of the real definitions describe it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    pub id: i64,
    pub title: String,
    pub price: Decimal,
    pub stock: u32,
    #[serde(default = "active")]
    pub active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

fn active() -> bool {
    true
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cart {
    pub id: i64,
    pub products: Vec<CartLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CartLine {
    pub id: i64,
    pub quantity: u32,
    pub discount_percentage: Decimal,
}

/// A user as the user service keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: u32,
    pub email: String,
    pub name: String,
    pub plan: String,
    pub status: String,
}

/// What there is before a workflow begins.
#[derive(Debug, Clone, Default)]
pub struct Data {
    pub products: Vec<Product>,
    pub carts: Vec<Cart>,
    pub users: Vec<User>,
    /// Stock of products that changes before a call of a step: (step, call, product, pieces).
    pub raised_stock: Vec<(String, u32, i64, u32)>,
    pub script: Vec<Rule>,
}

/// What the handlers brought about.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    pub payments: BTreeMap<String, Decimal>,
    pub reserved: BTreeMap<String, u32>,
    pub orders: BTreeMap<String, Decimal>,
    pub mails: BTreeMap<String, String>,
}

/// Everything the handlers share; every clone is the same one.
#[derive(Debug, Clone)]
pub struct Backend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    script: Script,
    raised_stock: Vec<(String, u32, i64, u32)>,
    products: Mutex<Vec<Product>>,
    carts: Vec<Cart>,
    users: Mutex<Vec<User>>,
    effects: Mutex<Effects>,
}

impl Backend {
    pub fn new(data: Data) -> Self {
        Self {
            inner: Arc::new(Inner {
                script: Script::new(data.script),
                raised_stock: data.raised_stock,
                products: Mutex::new(data.products),
                carts: data.carts,
                users: Mutex::new(data.users),
                effects: Mutex::default(),
            }),
        }
    }

    /// Counts a call of a step's service and fails if the script says so.
    pub fn ask(&self, step: &'static str) -> Result<(), Refusal> {
        let outcome = self.inner.script.call(step);
        let call = self.inner.script.calls_of(step);
        for (_, _, product, pieces) in
            self.inner.raised_stock.iter().filter(|raised| raised.0 == step && raised.1 == call)
        {
            for article in self.inner.products.lock().unwrap().iter_mut().filter(|article| article.id == *product) {
                article.stock = *pieces;
            }
        }
        outcome
    }

    /// [`Backend::ask`] for steps that have nothing special to say about a refusal.
    pub fn ask_plainly(&self, step: &'static str) -> Result<(), StepError> {
        self.ask(step).map_err(|refusal| refusal.into_error(step))
    }

    pub fn script(&self) -> &Script {
        &self.inner.script
    }

    pub fn products(&self) -> Vec<Product> {
        self.inner.products.lock().unwrap().clone()
    }

    pub fn product(&self, id: i64) -> Option<Product> {
        self.products().into_iter().find(|product| product.id == id)
    }

    pub fn cart(&self, id: i64) -> Option<Cart> {
        self.inner.carts.iter().find(|cart| cart.id == id).cloned()
    }

    pub fn effects(&self) -> Effects {
        self.inner.effects.lock().unwrap().clone()
    }

    pub fn had(&self, change: impl FnOnce(&mut Effects)) {
        change(&mut self.inner.effects.lock().unwrap());
    }

    /// Makes a user; 409 if the address is taken.
    pub fn create_user(&self, mut user: User) -> Result<User, Refusal> {
        let mut users = self.inner.users.lock().unwrap();
        if users.iter().any(|known| known.email == user.email) {
            return Err(Refusal::status(409));
        }
        user.id = u32::try_from(users.len()).unwrap() + 1;
        users.push(user.clone());
        Ok(user)
    }

    pub fn user(&self, email: &str) -> Result<User, Refusal> {
        let users = self.inner.users.lock().unwrap();
        users.iter().find(|user| user.email == email).cloned().ok_or(Refusal::status(404))
    }

    /// Sets a user's status; 404 if there is none.
    pub fn set_status(&self, id: u32, status: &str) -> Result<(), Refusal> {
        let mut users = self.inner.users.lock().unwrap();
        let user = users.iter_mut().find(|user| user.id == id).ok_or(Refusal::status(404))?;
        user.status = status.to_owned();
        Ok(())
    }
}

/// A permanent failure with a code.
pub fn permanent(code: &str, message: impl Into<String>) -> StepError {
    StepError::permanent(message).with_code(code)
}
