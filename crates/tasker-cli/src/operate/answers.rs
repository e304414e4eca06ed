//! What became of a change by hand, task by task or step by step.

use serde_json::{Value, json};
use tasker_postgres::ledger::Operated;

use super::{How, print, print_json};
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// One answer: what it is about (`task 7`, `step 9 (task 7, ship)`), its ids, and what became of it.
pub(super) struct Answer {
    pub(super) about: String,
    pub(super) ids: Value,
    pub(super) operated: Operated,
}

/// What was to be done: the command's word, and what is said where the state does not change by it.
pub(super) struct Deed {
    pub(super) word: &'static str,
    pub(super) done: String,
}

/// Prints the answers; the exit status says whether everything that was asked for is so now.
pub(super) fn tell(deed: &Deed, answers: &[Answer], how: &How) -> Result<ExitStatus, Failure> {
    if how.json {
        let results: Vec<Value> = answers.iter().map(document).collect();
        print_json(&json!({ "operation": deed.word, "dry_run": how.dry_run, "results": results }))?;
    } else {
        let mut text = String::new();
        for answer in answers {
            text.push_str(&visible(&on_one_line(&line(deed, answer, how.dry_run))));
            text.push('\n');
        }
        if answers.len() > 1 {
            text.push_str(&sum(answers, how.dry_run));
            text.push('\n');
        }
        print(&text)?;
    }
    let bad = answers.iter().any(|answer| matches!(answer.operated, Operated::Refused(_) | Operated::Unknown));
    Ok(if bad { ExitStatus::Failed } else { ExitStatus::Success })
}

fn line(deed: &Deed, Answer { about, operated, .. }: &Answer, dry_run: bool) -> String {
    match operated {
        Operated::Done { from, to } if from == to => {
            let would = if dry_run { "would be done: " } else { "" };
            format!("{about}: {would}{}; it stays {to}", deed.done)
        }
        Operated::Done { from, to } if dry_run => format!("{about}: would go from {from} to {to}"),
        Operated::Done { from, to } => format!("{about}: {from} → {to}"),
        Operated::AlreadySo => format!("{about}: already so, nothing to change"),
        Operated::Refused(why) => format!("{about}: refused: {why}"),
        Operated::Unknown => format!("{about}: there is none in this database"),
    }
}

fn sum(answers: &[Answer], dry_run: bool) -> String {
    let number = |fits: fn(&Operated) -> bool| answers.iter().filter(|answer| fits(&answer.operated)).count();
    let done = if dry_run { "would be changed" } else { "changed" };
    in_words(&[
        (number(|operated| matches!(operated, Operated::Done { .. })), done),
        (number(|operated| matches!(operated, Operated::AlreadySo)), "already so"),
        (number(|operated| matches!(operated, Operated::Refused(_))), "refused"),
        (number(|operated| matches!(operated, Operated::Unknown)), "not there"),
    ])
}

/// How many of each kind there are, without those of which there are none.
pub(super) fn in_words(parts: &[(usize, &str)]) -> String {
    let words: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    words.join(", ")
}

fn document(answer: &Answer) -> Value {
    let mut document = answer.ids.clone();
    let mut put = |key: &str, value: Value| document[key] = value;
    match &answer.operated {
        Operated::Done { from, to } => {
            put("outcome", json!("done"));
            put("from", json!(from));
            put("to", json!(to));
        }
        Operated::AlreadySo => put("outcome", json!("already_so")),
        Operated::Refused(why) => {
            put("outcome", json!("refused"));
            put("why", json!(why));
        }
        Operated::Unknown => put("outcome", json!("unknown")),
    }
    document
}
