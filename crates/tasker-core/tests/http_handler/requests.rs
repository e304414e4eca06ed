//! What is asked for, and what is wrong with settings.

use serde_json::json;
use tasker_core::step_handler::http::{ApiConfig, HttpHandler};
use tasker_core::step_handler::{ErrorKind, StepContext, StepHandler};
use tasker_domain::json::Json;
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::steps::{address, call, problems, raw, step, to_json};

#[test]
fn the_query_is_merged_later_wins_keys_sorted() {
    let config = json!({ "type": "api", "url": "https://h/p?q=1&z=0&q=3#top", "params": { "z": 2, "a": "x y&" } });
    assert_eq!(address(config, "{}").unwrap(), "https://h/p?a=x+y%26&q=1&q=3&z=2#top");
    assert_eq!(address(json!({ "url": "https://h/p" }), "{}").unwrap(), "https://h/p");
}

#[test]
fn params_may_be_texts_numbers_booleans_and_lists() {
    let params = json!({ "t": "x", "n": 1.50, "b": true, "l": [1, "two"], "gone": null });
    assert_eq!(
        address(json!({ "url": "http://h", "params": params }), "{}").unwrap(),
        "http://h/?b=true&l%5B%5D=1&l%5B%5D=two&n=1.5&t=x"
    );
}

#[test]
fn places_are_filled_from_the_context() {
    let config = json!({ "url": "https://h/carts/{cart_id}/items?name={name}", "params": { "x": "no. {n}" } });
    let context = r#"{"cart_id": "a/b?c#d e", "name": "Ø&=", "n": 1.10, "unused": null}"#;
    assert_eq!(
        address(config, context).unwrap(),
        "https://h/carts/a%2Fb%3Fc%23d%20e/items?name=%C3%98%26%3D&x=no.+1.10"
    );
}

#[test]
fn text_in_braces_that_is_no_place_stays() {
    let params = json!({ "api_key": "${ECOMMERCE_API_KEY}", "q": "{not a name} {} {1} {open" });
    assert_eq!(
        address(json!({ "url": "https://h/", "params": params }), "{}").unwrap(),
        "https://h/?api_key=%24%7BECOMMERCE_API_KEY%7D&q=%7Bnot+a+name%7D+%7B%7D+%7B1%7D+%7Bopen"
    );
}

#[test]
fn a_place_that_cannot_be_filled_is_permanent_and_named() {
    let config = json!({ "url": "https://h/carts/{cart_id}/items" });
    let rows = [
        ("{}", "the task's context has no `cart_id`, which the request needs for `{cart_id}`"),
        (
            r#"{"cart_id": {"a": 1}}"#,
            "`cart_id` of the task's context must be a text, a number or a boolean to be filled in for `{cart_id}`",
        ),
        (r#"{"cart_id": ""}"#, "`cart_id` of the task's context is empty and stands in the path of the URL"),
        (r#"{"cart_id": ".."}"#, "a value of the task's context changes the path of the URL: https://h/items"),
        (r#"{"cart_id": "."}"#, "a value of the task's context changes the path of the URL: https://h/carts/items"),
    ];
    for (context, message) in rows {
        let error = address(config.clone(), context).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Permanent, message));
        assert_eq!(error.class(), "InvalidRequest");
    }
}

#[test]
fn methods_and_bodies_have_sensible_defaults() {
    let rows = [
        (json!({}), "GET", None),
        (json!({ "method": "post" }), "POST", Some(r#"{"a": 1.10}"#)),
        (json!({ "method": "PUT", "body": "none" }), "PUT", None),
        (json!({ "method": "DELETE" }), "DELETE", None),
        (json!({ "body": "context" }), "POST", Some(r#"{"a": 1.10}"#)),
        (json!({ "body": { "b": [1] } }), "POST", Some(r#"{"b":[1]}"#)),
    ];
    for (mut settings, method, body) in rows {
        settings["url"] = json!("http://h");
        let config = ApiConfig::read(&to_json(&settings)).unwrap();
        let step = StepContext::builder("s").context(raw(r#"{"a": 1.10}"#)).build();
        let request = config.request(&step).unwrap();
        assert_eq!((request.method.as_str(), request.body.as_deref()), (method, body), "{settings}");
        assert_eq!(request.headers.contains_key("content-type"), body.is_some(), "{settings}");
        assert_eq!(request.headers["accept"], "application/json");
    }
}

#[test]
fn a_literal_body_keeps_its_numbers() {
    let config =
        ApiConfig::read(&Json::parse(r#"{"url": "http://h", "body": {"n": 1.10, "b": 1e400}}"#).unwrap()).unwrap();
    let request = config.request(&StepContext::builder("s").build()).unwrap();
    assert_eq!(request.body.unwrap(), r#"{"n":1.10,"b":1e400}"#);
}

#[tokio::test]
async fn headers_are_added_to_the_defaults_and_user_and_password_become_one() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/orders"))
        .and(header("content-type", "application/vnd.api+json"))
        .and(header("accept", "application/json"))
        .and(header("x-tenant", "7"))
        .and(header("authorization", "Basic YW5uOnMzY3JldA=="))
        .and(body_string(r#"{"total": 12345678901234567890.10}"#))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    let url = format!("{}/orders", server.uri().replace("http://", "http://ann:s3cret@"));
    let headers = json!({ "Content-Type": "application/vnd.api+json", "X-Tenant": 7 });
    let step = step(&json!({ "url": url, "method": "POST", "headers": headers }))
        .context(raw(r#"{"total": 12345678901234567890.10}"#))
        .build();
    let output = HttpHandler::new().process(step).await.unwrap();
    assert!(!output.get().contains("s3cret"), "{}", output.get());
}

#[test]
fn every_problem_of_the_settings_is_told_at_once() {
    let config = json!({
        "type": "rest",
        "url": "https://{tenant}.example.com/x",
        "method": "FETCH",
        "params": { "deep": { "a": 1 }, "list": [[1]] },
        "headers": { "bad name": "x", "X-Line": "a\nb", "Content-Length": "5", "X-List": [] },
        "body": "everything",
        "timeout": 5,
        "timeout_seconds": 6,
        "enable_exponential_backoff": "no",
        "ssl": { "verify": false },
    });
    assert_eq!(
        problems(config),
        [
            "handler_config.type: must be `api`, not `rest`",
            "handler_config.url: `{tenant}` stands in the host, which the task's context must not choose; places begin \
             after it",
            "handler_config.body: must be `context`, `none`, or a map or list that is sent as it stands",
            "handler_config.method: must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, not `FETCH`",
            "handler_config.params.deep: must be a text, a number, a boolean or a list of them, not an object",
            "handler_config.params.list: must be a list of texts, numbers or booleans",
            "handler_config.headers.Content-Length: is set by the request itself; leave it out",
            "handler_config.headers.X-Line: has characters that a header cannot carry",
            "handler_config.headers.X-List: must be a text, not a list",
            "handler_config.headers.bad name: is not the name of a header",
            "handler_config.timeout: says something else than `timeout_seconds`; give one of them",
            "handler_config.enable_exponential_backoff: must be true or false, not a text",
            "handler_config.ssl: is not there yet; certificates are checked against those of the machine",
        ]
    );
}

#[test]
fn a_url_must_have_a_scheme_that_is_http_and_a_host() {
    let rows = [
        (json!({}), "is missing; give the address to call, such as https://api.example.com/orders"),
        (json!({ "url": 5 }), "must be a text, not a number"),
        (
            json!({ "url": " " }),
            "is not a URL with a scheme and a host, such as https://api.example.com: relative URL without a base",
        ),
        (
            json!({ "url": "api.example.com/x" }),
            "is not a URL with a scheme and a host, such as https://api.example.com: relative URL without a base",
        ),
        (
            json!({ "url": "https://" }),
            "is not a URL with a scheme and a host, such as https://api.example.com: empty host",
        ),
        (json!({ "url": "ftp://h/x" }), "must begin with http:// or https://, not ftp:"),
        (json!({ "url": "file:///etc/passwd" }), "must begin with http:// or https://, not file:"),
    ];
    for (config, message) in rows {
        assert_eq!(problems(config), [format!("handler_config.url: {message}")]);
    }
}

#[test]
fn unknown_keys_are_warnings_with_the_nearest_that_exists() {
    let config = json!({ "url": "http://h", "parms": {}, "colour": 1, "retry_delay": 1.0, "jitter_factor": 0.5 });
    let config = ApiConfig::read(&to_json(&config)).unwrap();
    let warnings: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].starts_with("handler_config.colour: unknown key; the keys are type, url, "), "{warnings:?}");
    assert_eq!(warnings[1], "handler_config.parms: unknown key, did you mean `params`?");
}

#[tokio::test]
async fn a_step_with_bad_settings_fails_for_good() {
    let error = call(json!({ "url": "ftp://h" })).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Permanent, "InvalidConfiguration"));
    assert_eq!(error.message(), "handler_config.url: must begin with http:// or https://, not ftp:");
    let error = HttpHandler::new().process(StepContext::builder("fetch_cart").build()).await.unwrap_err();
    assert_eq!(error.message(), "step `fetch_cart` has no handler_config; give at least its url");
}
