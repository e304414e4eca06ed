//! Which licences and sources of dependencies are accepted.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use serde_json::{Value, json};
use xtask::licences::{ALLOWED, check, objection};

#[test]
fn expressions_that_can_be_met_are_accepted() {
    for expression in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        "GPL-2.0 OR MIT",
    ] {
        assert_eq!(objection(Some(expression)), None, "{expression}");
    }
}

#[test]
fn expressions_that_cannot_be_met_are_refused() {
    for expression in
        ["GPL-3.0-only", "MIT AND GPL-2.0-or-later", "MPL-2.0", "LicenseRef-Own", "(MIT OR ISC) AND AGPL-3.0"]
    {
        let expected = format!("`{expression}` cannot be met with the allowed licences");
        assert_eq!(objection(Some(expression)), Some(expected));
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    assert_eq!(objection(None).unwrap(), "names no licence expression");
    for expression in ["", "MIT OR", "Public Domain", "MIT, ISC"] {
        let reason = objection(Some(expression)).unwrap();
        assert!(reason.starts_with(&format!("`{expression}` is no licence expression: ")), "{reason}");
    }
}

#[test]
fn every_allowed_name_is_known_and_has_its_reason() {
    for (licence, reason) in ALLOWED {
        assert_eq!(objection(Some(licence)), None, "{licence}");
        assert!(!reason.is_empty(), "{licence}");
    }
}

const REGISTRY: &str = "registry+index";

fn package(name: &str, licence: Value, source: Value) -> Value {
    json!({"name": name, "version": "1.2.3", "license": licence, "source": source})
}

#[test]
fn offences_name_the_package_and_our_own_are_passed_over() {
    let metadata = json!({"packages": [
        package("own", Value::Null, Value::Null),
        package("good", json!("MIT"), json!(REGISTRY)),
        package("copyleft", json!("GPL-3.0-only"), json!(REGISTRY)),
        package("silent", Value::Null, json!(REGISTRY)),
        package("elsewhere", json!("MIT"), json!("git+somewhere")),
    ]});
    let findings = check(&metadata).unwrap();
    let offences: Vec<String> =
        findings.offences.iter().map(|offence| format!("{}: {}", offence.package, offence.reason)).collect();
    assert_eq!(
        offences,
        [
            "copyleft 1.2.3: `GPL-3.0-only` cannot be met with the allowed licences",
            "silent 1.2.3: names no licence expression",
            "elsewhere 1.2.3: comes from git+somewhere and not from a package registry",
        ]
    );
    assert_eq!(findings.expressions["MIT"], 2);
}

#[test]
fn something_else_than_metadata_is_an_error() {
    assert!(check(&json!({})).is_err());
    assert!(check(&json!({"packages": [{"version": "1.0.0"}]})).is_err());
}
