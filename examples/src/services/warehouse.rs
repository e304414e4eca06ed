//! The catalogue and the shelves behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::script::{Refusal, Script, locked};
use crate::decimal::Decimal;

/// An article of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its number.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// Price of one piece.
    pub price: Decimal,
    /// Weight of one piece in grams.
    pub grams: u32,
    /// Pieces on the shelf.
    pub stock: u32,
    /// Pieces sold in the last seven days.
    #[serde(default)]
    pub sold_last_week: u32,
    /// Whether it is no longer sold.
    #[serde(default)]
    pub withdrawn: bool,
}

/// A change that comes from outside while a workflow runs: a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The article.
    pub sku: String,
    /// How many pieces there are afterwards.
    pub stock: u32,
    /// The call of `warehouse.find` or `warehouse.reserve` before which it arrives, both counted together from 1.
    pub before_call: u32,
}

/// Pieces set aside under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reservation {
    sku: String,
    quantity: u32,
}

/// Catalogue and shelves.
#[derive(Debug)]
pub struct Warehouse {
    script: Arc<Script>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    products: BTreeMap<String, Product>,
    reservations: BTreeMap<String, Reservation>,
    deliveries: Vec<Delivery>,
    returns: BTreeSet<String>,
}

impl Warehouse {
    pub(super) fn new(script: Arc<Script>, products: Vec<Product>, deliveries: Vec<Delivery>) -> Self {
        let products = products.into_iter().map(|product| (product.sku.clone(), product)).collect();
        Self { script, state: Mutex::new(State { products, deliveries, ..State::default() }) }
    }

    fn receive_deliveries(&self) {
        let calls = self.script.calls_of("warehouse.find") + self.script.calls_of("warehouse.reserve");
        let state = &mut *locked(&self.state);
        for delivery in state.deliveries.extract_if(.., |delivery| delivery.before_call <= calls) {
            if let Some(product) = state.products.get_mut(&delivery.sku) {
                product.stock = delivery.stock;
            }
        }
    }

    /// The articles of these numbers, in the order asked for; unknown numbers are left out.
    ///
    /// # Errors
    /// What the script says.
    pub fn find<'a>(&self, skus: impl IntoIterator<Item = &'a str>) -> Result<Vec<Product>, Refusal> {
        let outcome = self.script.call("warehouse.find");
        self.receive_deliveries();
        outcome?;
        let state = locked(&self.state);
        Ok(skus.into_iter().filter_map(|sku| state.products.get(sku).cloned()).collect())
    }

    /// All articles, in the order of their numbers.
    ///
    /// # Errors
    /// What the script says.
    pub fn list(&self) -> Result<Vec<Product>, Refusal> {
        self.script.call("warehouse.list")?;
        Ok(locked(&self.state).products.values().cloned().collect())
    }

    /// Pieces of each article sold in the last seven days.
    ///
    /// # Errors
    /// What the script says.
    pub fn sales(&self) -> Result<BTreeMap<String, u32>, Refusal> {
        self.script.call("warehouse.sales")?;
        let state = locked(&self.state);
        Ok(state.products.values().map(|product| (product.sku.clone(), product.sold_last_week)).collect())
    }

    /// Takes pieces off the shelf and sets them aside. The same key again changes nothing.
    ///
    /// # Errors
    /// `Says("short")` if there are too few, 404 for an unknown article, or what the script says.
    pub fn reserve(&self, key: &str, sku: &str, quantity: u32) -> Result<(), Refusal> {
        let outcome = self.script.call("warehouse.reserve");
        self.receive_deliveries();
        outcome?;
        let state = &mut *locked(&self.state);
        if state.reservations.contains_key(key) {
            return Ok(());
        }
        let product = state.products.get_mut(sku).ok_or(Refusal::status(404))?;
        product.stock = product.stock.checked_sub(quantity).ok_or(Refusal::Says("short".to_owned()))?;
        state.reservations.insert(key.to_owned(), Reservation { sku: sku.to_owned(), quantity });
        Ok(())
    }

    /// Puts pieces back on the shelf. The same key again changes nothing.
    ///
    /// # Errors
    /// 404 for an unknown article, or what the script says.
    pub fn put_back(&self, key: &str, sku: &str, quantity: u32) -> Result<(), Refusal> {
        self.script.call("warehouse.put_back")?;
        let state = &mut *locked(&self.state);
        let product = state.products.get_mut(sku).ok_or(Refusal::status(404))?;
        if state.returns.insert(key.to_owned()) {
            product.stock = product.stock.saturating_add(quantity);
        }
        Ok(())
    }

    /// How many pieces of an article are on the shelf.
    pub fn on_shelf(&self, sku: &str) -> u32 {
        locked(&self.state).products.get(sku).map_or(0, |product| product.stock)
    }

    /// How many pieces of an article are set aside.
    pub fn reserved(&self, sku: &str) -> u32 {
        locked(&self.state).reservations.values().filter(|held| held.sku == sku).map(|held| held.quantity).sum()
    }
}
