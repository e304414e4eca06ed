//! The stub sentences of the real `expected.json` files, read into scripts.
//!
//! A sentence that no pattern fits is an error that quotes it: a case is never passed over.

use tasker_examples::services::{Calls, Refusal, Rule};

/// What a sentence asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stub {
    /// A service fails.
    Script(Rule),
    /// The product list lacks a product.
    WithoutProduct(i64),
    /// A delivery arrives before an attempt of the first step.
    StockRaised { product: i64, pieces: u32, before_attempt: u32 },
    /// The user exists already, with the data of the context or with other data.
    UserExists { equal: bool },
}

/// Services that sentences call by a name that is not the step's.
const SERVICES: [(&str, &str); 3] = [
    ("gateway", "process_gateway_refund"),
    ("validation", "validate_payment_eligibility"),
    ("notification", "notify_customer"),
];

const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// Reads a sentence; `steps` are the names that may stand in it.
pub fn read(sentence: &str, steps: &[&str]) -> Result<Stub, String> {
    let unknown = || format!("no pattern fits the stub sentence `{sentence}`");
    let words: Vec<&str> = sentence.split_whitespace().collect();
    match words.as_slice() {
        [_, "leaves", "out", "product", product] => {
            return Ok(Stub::WithoutProduct(product.parse().map_err(|_| unknown())?));
        }
        ["stock", "of", "product", product, "is", "raised", "to", pieces, "before", "the", ordinal, "attempt"] => {
            let place = ORDINALS.iter().position(|known| known == ordinal).ok_or_else(unknown)?;
            return Ok(Stub::StockRaised {
                product: product.parse().map_err(|_| unknown())?,
                pieces: pieces.parse().map_err(|_| unknown())?,
                before_attempt: u32::try_from(place + 1).map_err(|_| unknown())?,
            });
        }
        [_, "answers", "409", "and", "the", "stored", "user", "has", "equal", "data"] => {
            return Ok(Stub::UserExists { equal: true });
        }
        [_, "answers", "409", "and", "the", "stored", "user", "differs"] => {
            return Ok(Stub::UserExists { equal: false });
        }
        _ => {}
    }

    let (subject, rest) = words.split_first().ok_or_else(unknown)?;
    let operation = SERVICES.iter().find(|(service, _)| service == subject).map_or(*subject, |(_, step)| step);
    if !steps.contains(&operation) {
        return Err(format!("the stub sentence `{sentence}` speaks of `{subject}`, which is no step and no service"));
    }
    let (always, rest) = match rest {
        ["always", rest @ ..] => (true, rest),
        _ => (false, rest),
    };
    let (answer, rest) = match rest {
        ["answers", status, "with", "Retry-After", seconds, rest @ ..] => {
            let status = status.parse().map_err(|_| unknown())?;
            (Refusal::Status { status, retry_after: Some(seconds.parse().map_err(|_| unknown())?) }, rest)
        }
        ["answers", status, rest @ ..] => (Refusal::status(status.parse().map_err(|_| unknown())?), rest),
        ["fails", "retryably", rest @ ..] | ["fails", rest @ ..] => (Refusal::Unreachable, rest),
        ["says", word, rest @ ..] => (Refusal::Says((*word).to_owned()), rest),
        _ => return Err(unknown()),
    };
    let number = |text: &&str| text.parse::<u32>().map_err(|_| unknown());
    let calls = match rest {
        // "answers 404" without a count describes the service as it is, not one call of it.
        [] => Calls::Always,
        ["on", "call", one] if !always => Calls::Numbers(vec![number(one)?]),
        ["on", "calls", one, "and", other] if !always => Calls::Numbers(vec![number(one)?, number(other)?]),
        ["on", "calls", first, "to", last] if !always => Calls::Numbers((number(first)?..=number(last)?).collect()),
        _ => return Err(unknown()),
    };
    Ok(Stub::Script(Rule { operation: operation.to_owned(), calls, answer }))
}
