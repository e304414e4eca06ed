//! The other systems that the examples talk to, kept in memory: a warehouse, a payment provider, a mailer, registers.
//!
//! They do their work, know a repeated request by its key, and fail where a [`Script`] tells them to. That is all a
//! test of a workflow needs; a program of yours would hold HTTP clients in their place.

mod mail;
mod payments;
mod script;
mod store;
mod warehouse;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use mail::{Mail, Mailer};
pub use payments::{Gateway, Payment};
pub use script::{Calls, Refusal, Rule, Script};
pub use store::{Operations, Store};
pub use warehouse::{Delivery, Product, Warehouse};

/// A person who has joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Number given by the register.
    pub number: u32,
    /// Mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// What the person pays for.
    pub plan: String,
    /// Whether the person may use the service yet.
    #[serde(default)]
    pub active: bool,
}

/// What there is before a workflow begins, and what is to go wrong while it runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Articles of the catalogue.
    pub products: Vec<Product>,
    /// Deliveries that arrive on the way.
    pub deliveries: Vec<Delivery>,
    /// Payments made earlier.
    pub payments: Vec<Payment>,
    /// Members who joined earlier.
    pub members: Vec<Member>,
    /// What goes wrong.
    pub script: Vec<Rule>,
}

/// All services; cheap to clone, and every clone speaks to the same ones.
#[derive(Debug, Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

/// Declares the registers that hold plain documents; each has the operations `name.post`, `name.get`, `name.patch`.
macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        #[derive(Debug)]
        struct Inner {
            script: Arc<Script>,
            warehouse: Warehouse,
            gateway: Gateway,
            mailer: Mailer,
            members: Store<Member>,
            $($name: Store<Value>,)*
        }

        impl Services {
            /// Services as the world describes them.
            pub fn new(world: World) -> Self {
                let script = Arc::new(Script::new(world.script));
                let members = Store::new(script.clone(), operations!(members));
                for member in world.members {
                    members.seed(member.email.clone(), member);
                }
                Self {
                    inner: Arc::new(Inner {
                        warehouse: Warehouse::new(script.clone(), world.products, world.deliveries),
                        gateway: Gateway::new(script.clone(), world.payments),
                        mailer: Mailer::new(script.clone()),
                        members,
                        $($name: Store::new(script.clone(), operations!($name)),)*
                        script,
                    }),
                }
            }

            $($(#[$doc])* pub fn $name(&self) -> &Store<Value> {
                &self.inner.$name
            })*
        }
    };
}

macro_rules! operations {
    ($name:ident) => {
        Operations {
            post: concat!(stringify!($name), ".post"),
            get: concat!(stringify!($name), ".get"),
            patch: concat!(stringify!($name), ".patch"),
        }
    };
}

registers! {
    /// Orders of the shop.
    orders;
    /// Parcels booked with the courier.
    courier;
    /// Entries of the bookkeeping.
    ledger;
    /// Running subscriptions.
    subscriptions;
    /// Who gets the newsletter.
    newsletter;
    /// Orders sent to suppliers.
    supplier;
}

impl Services {
    /// Rules and call counts.
    pub fn script(&self) -> &Script {
        &self.inner.script
    }

    /// Catalogue and shelves.
    pub fn warehouse(&self) -> &Warehouse {
        &self.inner.warehouse
    }

    /// The payment provider.
    pub fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// Outgoing mail.
    pub fn mailer(&self) -> &Mailer {
        &self.inner.mailer
    }

    /// The register of members, by mail address.
    pub fn members(&self) -> &Store<Member> {
        &self.inner.members
    }
}
