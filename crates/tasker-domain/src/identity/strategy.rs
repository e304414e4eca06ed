//! What decides whether two requests are the same.

use std::str::FromStr;
use std::sync::Arc;

use super::IdentityInput;

/// Most characters of an identity: as many as its column holds.
pub const MAX_IDENTITY_LENGTH: usize = 128;

/// A rule of the program's own: says what makes requests the same (B-IDN-004).
///
/// Two requests with the same text are the same; the second is refused. Text that differs each time refuses none.
pub trait CustomIdentity: std::fmt::Debug + Send + Sync {
    /// The identity of a request: at most [`MAX_IDENTITY_LENGTH`] characters, used as it is.
    fn identity(&self, input: &IdentityInput<'_>) -> String;
}

/// What decides whether two requests are the same.
#[derive(Debug, Clone, Default)]
pub enum IdentityStrategy {
    /// Nothing: each request gets a UUID of its own, so that all differ (B-IDN-001). The original calls it `default`.
    #[default]
    Uuid,
    /// Name, context, reason, initiator, source system, bypass list and the minute, digested as the original does
    /// (B-IDN-002). A second request is refused.
    Hash,
    /// A key that the caller gives: the same key means the same task, which is then given back.
    Key,
    /// A rule of the program's own. A second request is refused.
    Custom(Arc<dyn CustomIdentity>),
}

/// The identity of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Identity {
    /// None that another request could have: whoever stores the task draws a UUID.
    #[default]
    Random,
    /// This text, at most [`MAX_IDENTITY_LENGTH`] characters.
    Given(String),
}

/// A strategy cannot say what a request's identity is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The strategy `key` and no key.
    #[error("the identity strategy `key` needs a key: give the request one, or use `uuid` or `hash`")]
    KeyMissing,
    /// A key that is empty or white space.
    #[error("the key of a request cannot be blank")]
    KeyBlank,
    /// A key, and a strategy that does not look at keys.
    #[error("a key was given, but the identity strategy `{strategy}` does not use keys: use `key`, or leave it out")]
    KeyUnused {
        /// Name of the strategy.
        strategy: &'static str,
    },
}

/// A name that is no strategy's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownStrategy {
    /// It is none.
    #[error("Unknown identity_strategy: {0} (use `uuid`, `hash` or `key`)")]
    Name(String),
    /// `custom` is a strategy, but no text can say which code it is.
    #[error(
        "Custom identity strategy selected but no identity_strategy_class provided: \
         a program sets `IdentityStrategy::Custom` with its own type"
    )]
    CustomByName,
}

impl IdentityStrategy {
    /// A rule of the program's own.
    pub fn custom(strategy: impl CustomIdentity + 'static) -> Self {
        Self::Custom(Arc::new(strategy))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Hash => "hash",
            Self::Key => "key",
            Self::Custom(_) => "custom",
        }
    }

    /// The identity of a request. `key` is what the caller gave as one.
    ///
    /// # Errors
    /// A missing or blank key where the strategy is [`IdentityStrategy::Key`], and a key where it is another: a caller that gave
    /// one relies on it.
    pub fn identity(&self, key: Option<&str>, input: &IdentityInput<'_>) -> Result<Identity, IdentityError> {
        match (self, key) {
            (Self::Key, None) => Err(IdentityError::KeyMissing),
            (Self::Key, Some(key)) if key.chars().all(char::is_whitespace) => Err(IdentityError::KeyBlank),
            (Self::Key, Some(key)) => Ok(Identity::Given(key.to_owned())),
            (_, Some(_)) => Err(IdentityError::KeyUnused { strategy: self.name() }),
            (Self::Uuid, None) => Ok(Identity::Random),
            (Self::Hash, None) => Ok(Identity::Given(input.digest())),
            (Self::Custom(strategy), None) => Ok(Identity::Given(strategy.identity(input))),
        }
    }
}

/// Reads the names of the strategies that need no code; `default` is the original's word for `uuid`.
impl FromStr for IdentityStrategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "uuid" | "default" => Ok(Self::Uuid),
            "hash" => Ok(Self::Hash),
            "key" => Ok(Self::Key),
            "custom" => Err(UnknownStrategy::CustomByName),
            other => Err(UnknownStrategy::Name(other.to_owned())),
        }
    }
}
