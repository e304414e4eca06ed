//! API steps: the requests they make, what answers mean, and that no server can hold or flood the worker.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod manual_clock;
mod rude_server;

use std::sync::Arc;
use std::time::Duration;

use manual_clock::ManualClock;
use rude_server::{RudeServer, gzip_bomb};
use serde_json::{Value, json};
use tasker_core::clock::Clock;
use tasker_core::step_handler::http::{ApiClient, ApiConfig, ApiResponse, Backoff, HttpHandler, classify};
use tasker_core::step_handler::{ErrorKind, Output, StepContext, StepContextBuilder, StepError, StepHandler, Wait};
use tasker_domain::json::Json;
use tokio_util::sync::CancellationToken;
use wiremock::matchers::{body_string, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn to_json(value: &Value) -> Json {
    Json::parse(&value.to_string()).unwrap()
}

fn raw(text: &str) -> Arc<Output> {
    Arc::new(Output::raw(serde_json::value::RawValue::from_string(text.to_owned()).unwrap()))
}

fn step(config: &Value) -> StepContextBuilder {
    StepContext::builder("fetch_cart").handler_config(Some(to_json(config)))
}

async fn call(config: Value) -> Result<Output, StepError> {
    HttpHandler::new().process(step(&config).build()).await
}

/// The address that a step with these settings calls, in a task with this context.
fn address(config: Value, context: &str) -> Result<String, StepError> {
    let config = ApiConfig::read(&to_json(&config)).unwrap();
    let step = StepContext::builder("fetch_cart").context(raw(context)).build();
    Ok(config.request(&step)?.url.to_string())
}

fn problems(config: Value) -> Vec<String> {
    let found = ApiConfig::read(&to_json(&config)).err().unwrap();
    found.iter().map(ToString::to_string).collect()
}

fn judged(response: &ApiResponse) -> Result<(), StepError> {
    classify(response, Backoff::Table, ManualClock::new().wall_time())
}

// ── What is asked for ──

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

// ── What is wrong with the settings ──

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

// ── What an answer means: no network needed ──

#[test]
fn the_table_of_statuses() {
    for status in [200, 201, 204, 226] {
        assert!(judged(&ApiResponse::new(status)).is_ok(), "{status}");
    }
    for status in [400, 401, 403, 404, 422] {
        let error = judged(&ApiResponse::new(status).with_body("no such cart")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permanent, "{status}");
        assert_eq!(error.code(), Some(format!("HTTP_{status}").as_str()));
        assert_eq!(error.message(), format!("API call failed with permanent status {status}: no such cart"));
    }
    for status in [429, 503] {
        let error = judged(&ApiResponse::new(status)).unwrap_err();
        assert_eq!((error.kind(), error.wait()), (ErrorKind::Retryable, Wait::Table), "{status}");
        assert_eq!(error.message(), format!("API call failed with retryable status {status}"));
    }
    let others = [
        0, 100, 199, 227, 299, 301, 302, 304, 399, 402, 405, 408, 409, 421, 423, 425, 428, 430, 500, 502, 504, 599, 999,
    ];
    for status in others {
        let response = ApiResponse::new(status).with_header("Retry-After", "9");
        let error = judged(&response).unwrap_err();
        assert_eq!((error.kind(), error.wait()), (ErrorKind::Retryable, Wait::Default), "{status}");
        assert!(error.message().starts_with(&format!("API call failed with server error {status}")), "{error}");
    }
}

#[test]
fn retry_after_is_taken_where_it_can_be_understood() {
    let rows = [
        ("30", Wait::Requested(Duration::from_secs(30))),
        ("0", Wait::Requested(Duration::ZERO)),
        ("99999", Wait::Requested(Duration::from_secs(99_999))),
        ("Tue, 01 Jul 2025 12:01:40 GMT", Wait::Requested(Duration::from_secs(100))),
        ("Tue, 01 Jul 2025 11:00:00 GMT", Wait::Requested(Duration::ZERO)),
        ("soon", Wait::Table),
        ("", Wait::Table),
        ("-5", Wait::Table),
    ];
    for (value, wait) in rows {
        let error = judged(&ApiResponse::new(429).with_header("retry-AFTER", value)).unwrap_err();
        assert_eq!(error.wait(), wait, "{value}");
    }
}

#[test]
fn the_table_wait_can_be_switched_off() {
    let now = ManualClock::new().wall_time();
    let error = classify(&ApiResponse::new(503), Backoff::Off, now).unwrap_err();
    assert_eq!(error.wait(), Wait::Default);
    let asked = classify(&ApiResponse::new(503).with_header("Retry-After", "4"), Backoff::Off, now).unwrap_err();
    assert_eq!(asked.wait(), Wait::Requested(Duration::from_secs(4)));
    let off = ApiConfig::read(&to_json(&json!({ "url": "http://h", "enable_exponential_backoff": false }))).unwrap();
    let null = ApiConfig::read(&to_json(&json!({ "url": "http://h", "enable_exponential_backoff": null }))).unwrap();
    assert_eq!((off.backoff(), null.backoff()), (Backoff::Off, Backoff::Table));
}

#[test]
fn an_error_shows_neither_the_whole_answer_nor_secrets_of_the_address() {
    let url = "https://ann:s3cret@api.example.com/carts?api_key=s3cret#s3cret".parse().unwrap();
    let body = format!("\u{1b}[31m{}", "é".repeat(10_000));
    let response = ApiResponse::new(429).with_header("Retry-After", "3").with_body(body).with_url(url);
    let error = judged(&response).unwrap_err();
    let details = error.details().unwrap();
    assert_eq!(details["response_status"], 429);
    assert_eq!(details["url"], "https://api.example.com/carts");
    assert_eq!(details["retry_after"], 3);
    let shown = details["response_body"].as_str().unwrap();
    assert!(shown.starts_with("éé") && shown.ends_with("é…") && shown.len() <= 1024 + "…".len(), "{}", shown.len());
    assert!(!format!("{response:?} {error:?}").contains("s3cret"));

    let long = judged(&ApiResponse::new(404).with_body("x".repeat(10_000))).unwrap_err();
    assert!(long.message().len() < 300, "{}", long.message().len());
}

#[test]
fn settings_and_requests_hide_their_secrets_when_printed() {
    let config =
        json!({ "url": "http://u:s3cret@h/?k=s3cret", "headers": { "Authorization": "s3cret" }, "body": ["s3cret"] });
    let config = ApiConfig::read(&to_json(&config)).unwrap();
    let request = config.request(&StepContext::builder("s").build()).unwrap();
    let printed = format!("{config:?} {request:?} {:?}", request.headers);
    assert!(!printed.contains("s3cret"), "{printed}");
}

// ── What is stored ──

#[tokio::test]
async fn an_answer_is_stored_as_text_and_as_exact_json() {
    let server = MockServer::start().await;
    let answer = r#"{"price": 12345678901234567890.10}"#;
    Mock::given(method("GET"))
        .and(path("/cart"))
        .and(query_param("id", "1"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_raw(answer, "application/json; charset=utf-8")
                .append_header("X-Part", "1")
                .append_header("X-Part", "2"),
        )
        .mount(&server)
        .await;
    let output =
        call(json!({ "type": "api", "url": format!("{}/cart", server.uri()), "params": { "id": 1 } })).await.unwrap();
    let stored: Value = output.read().unwrap();
    assert_eq!(stored["status"], 200);
    assert_eq!(stored["body"], answer);
    assert_eq!(stored["url"], format!("{}/cart?id=1", server.uri()));
    assert_eq!(stored["response_headers"]["x-part"], "1, 2");
    assert!(output.get().ends_with(&format!(r#""json":{answer}}}"#)), "{}", output.get());
}

#[test]
fn json_is_only_read_where_the_answer_says_so_and_is() {
    let stored = |content_type: &str, body: &str| -> Value {
        let response = ApiResponse::new(200).with_header("Content-Type", content_type).with_body(body);
        response.output(1000).unwrap().read().unwrap()
    };
    assert_eq!(stored("application/problem+json", "[1]")["json"], json!([1]));
    assert_eq!(stored("Application/JSON", "null").get("json"), Some(&Value::Null));
    assert!(stored("text/plain", "[1]").get("json").is_none());
    let broken = stored("application/json", "[1");
    assert!(broken.get("json").is_none());
    assert_eq!(broken["body"], "[1");
    assert!(
        ApiResponse::new(200).with_body("[1]").output(1000).unwrap().read::<Value>().unwrap().get("json").is_none()
    );
}

#[test]
fn a_result_beyond_the_limit_names_the_setting() {
    let response = ApiResponse::new(200).with_body("x".repeat(1000));
    let error = response.output(1000).unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "ResultTooLarge"));
    assert!(error.message().contains("more than the 1000 that execution.max_result_bytes allows"), "{error}");
}

#[test]
fn a_handler_reads_the_body_into_its_own_type() {
    let response = ApiResponse::new(200).with_body(r#"{"id": 4}"#);
    assert_eq!(response.json::<Value>().unwrap()["id"], 4);
    let error = ApiResponse::new(200).with_body("<html>").json::<Value>().unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "InvalidResponse"));
}

#[tokio::test]
async fn latin_1_is_read_as_what_it_says() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(b"K\xf8benhavn".to_vec(), "text/plain; charset=ISO-8859-1");
    Mock::given(path("/latin")).respond_with(answer).mount(&server).await;
    let other = ResponseTemplate::new(200).set_body_raw(b"K\xf8benhavn".to_vec(), "text/plain");
    Mock::given(path("/unsaid")).respond_with(other).mount(&server).await;
    let body = async |path: &str| {
        let output = call(json!({ "url": format!("{}/{path}", server.uri()) })).await.unwrap();
        output.read::<Value>().unwrap()["body"].clone()
    };
    assert_eq!(body("latin").await, "København");
    assert_eq!(body("unsaid").await, "K\u{fffd}benhavn");
}

#[tokio::test]
async fn a_packed_answer_is_unpacked() {
    let packed = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 83, 178, 82, 48, 212, 51, 52, 168, 5, 0, 111, 138, 150, 209, 11,
        0, 0, 0,
    ];
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_bytes(packed).append_header("Content-Encoding", "gzip");
    Mock::given(header("accept-encoding", "gzip")).respond_with(answer).mount(&server).await;
    let stored: Value = call(json!({ "url": server.uri() })).await.unwrap().read().unwrap();
    assert_eq!(stored["body"], r#"{"n": 1.10}"#);
}

// ── Through the network ──

#[tokio::test]
async fn a_refusal_arrives_as_a_permanent_error() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(404).set_body_string("Cart not found");
    Mock::given(path("/carts/9")).respond_with(answer).mount(&server).await;
    let step =
        step(&json!({ "url": format!("{}/carts/{{cart_id}}", server.uri()) })).context(raw(r#"{"cart_id":9}"#)).build();
    let error = HttpHandler::new().process(step).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some("HTTP_404")));
    assert_eq!(error.message(), "API call failed with permanent status 404: Cart not found");
}

#[tokio::test]
async fn a_busy_server_is_waited_for_as_long_as_it_says() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).append_header("Retry-After", "30");
    Mock::given(path("/busy")).respond_with(busy).mount(&server).await;
    Mock::given(path("/down")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let wait = async |path: &str, backoff: bool| {
        let config = json!({ "url": format!("{}/{path}", server.uri()), "enable_exponential_backoff": backoff });
        call(config).await.unwrap_err().wait()
    };
    assert_eq!(wait("busy", true).await, Wait::Requested(Duration::from_secs(30)));
    assert_eq!(wait("down", true).await, Wait::Table);
    assert_eq!(wait("down", false).await, Wait::Default);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).append_header("Location", "/elsewhere");
    Mock::given(path("/here")).respond_with(redirect).mount(&server).await;
    Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let error = call(json!({ "url": format!("{}/here", server.uri()) })).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retryable);
    assert_eq!(error.message(), "API call failed with server error 302: redirects are not followed");
}

#[tokio::test]
async fn nobody_listening_is_retryable_and_keeps_the_query_to_itself() {
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = call(json!({ "url": format!("http://127.0.0.1:{port}/x?key=s3cret") })).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Retryable, "ConnectionFailed"));
    assert!(error.message().starts_with(&format!("http://127.0.0.1:{port}/x did not answer: ")), "{error}");
    assert!(error.message().contains("Connection refused"), "{error}");
    assert!(!format!("{} {:?}", error.message(), error.details()).contains("s3cret"), "{error}");
}

#[tokio::test]
async fn tls_works_without_a_provider_installed_for_the_process() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.send(b"this is no TLS\r\n").await;
    })
    .await;
    let error = call(json!({ "url": server.url().replace("http://", "https://") })).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Retryable, "ConnectionFailed"));
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_when_the_time_is_up() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.hold().await;
    })
    .await;
    let clock = ManualClock::new();
    let handler = HttpHandler::new();
    let running = handler.process(step(&json!({ "url": server.url(), "timeout": 7.5 })).clock(clock.clone()).build());
    let (outcome, ()) = tokio::join!(running, async {
        clock.somebody_waits(Duration::from_millis(7500)).await;
        clock.advance(Duration::from_millis(7500));
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Retryable, "RequestTimeout"));
    assert_eq!(error.message(), format!("{} gave no whole answer within 7.5 s", server.url()));
}

#[tokio::test]
async fn an_answer_that_stops_midway_is_left_when_the_time_is_up() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
        connection.hold().await;
    })
    .await;
    let clock = ManualClock::new();
    let handler = HttpHandler::new();
    let running = handler.process(step(&json!({ "url": server.url() })).clock(clock.clone()).build());
    let (outcome, ()) = tokio::join!(running, async {
        server.somebody_came().await;
        clock.somebody_waits(Duration::from_secs(30)).await;
        clock.advance(Duration::from_secs(30));
    });
    assert_eq!(outcome.unwrap_err().class(), "RequestTimeout");
}

#[tokio::test]
async fn a_connection_that_breaks_is_retryable() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    })
    .await;
    let error = call(json!({ "url": server.url() })).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Retryable, "ConnectionFailed"));
    assert!(error.message().starts_with(&format!("the answer of {} broke off after ", server.url())), "{error}");
}

#[tokio::test]
async fn what_is_no_http_is_retryable() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.send(b"220 mail.example.com ESMTP\r\n").await;
    })
    .await;
    let error = call(json!({ "url": server.url() })).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Retryable, "ConnectionFailed"));
}

#[tokio::test]
async fn an_endless_body_is_cut_off_and_the_setting_named() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while connection.send(&[b'x'; 65_536]).await {}
    })
    .await;
    let error = call(json!({ "url": server.url() })).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "ResultTooLarge"));
    assert!(error.message().contains("more than the 1048576 bytes that execution.max_result_bytes allows"), "{error}");
}

#[tokio::test]
async fn a_bomb_is_counted_after_it_is_unpacked() {
    let bomb = gzip_bomb(1_000_000);
    let unpacked_at_least = 250 * 1_000_000;
    assert!(bomb.len() < unpacked_at_least / 100);
    let server = RudeServer::start(move |mut connection| {
        let bomb = bomb.clone();
        async move {
            connection.read_some().await;
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n").await;
            connection.send(&bomb).await;
        }
    })
    .await;
    let error = call(json!({ "url": server.url() })).await.unwrap_err();
    assert_eq!(error.class(), "ResultTooLarge");
}

#[tokio::test]
async fn a_failure_with_an_endless_explanation_is_judged_by_its_status() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.send(b"HTTP/1.1 503 Busy\r\nRetry-After: 8\r\n\r\n").await;
        while connection.send(&[b'x'; 65_536]).await {}
    })
    .await;
    let error = call(json!({ "url": server.url() })).await.unwrap_err();
    assert_eq!(error.wait(), Wait::Requested(Duration::from_secs(8)));
    assert_eq!(error.message(), "API call failed with retryable status 503");
}

#[tokio::test]
async fn cancellation_ends_the_call() {
    let server = RudeServer::start(|mut connection| async move {
        connection.read_some().await;
        connection.hold().await;
    })
    .await;
    let cancelled = CancellationToken::new();
    let handler = HttpHandler::new();
    let running = handler
        .process(step(&json!({ "url": server.url() })).cancelled(cancelled.clone()).clock(ManualClock::new()).build());
    let (outcome, ()) = tokio::join!(running, async {
        server.somebody_came().await;
        cancelled.cancel();
    });
    assert_eq!(outcome.unwrap_err().class(), "Tasker::Cancelled");
}

#[tokio::test]
async fn a_handler_of_ones_own_uses_the_same_parts() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "id": 4 }));
    Mock::given(path("/base/extra")).respond_with(answer).mount(&server).await;
    let config = ApiConfig::read(&to_json(&json!({ "url": format!("{}/base", server.uri()) }))).unwrap();
    let step = StepContext::builder("s").build();
    let client = ApiClient::new().unwrap().with_max_response_bytes(50);
    let mut request = config.request(&step).unwrap();
    request.url.set_path("/base/extra");
    let response = client.send(&step, request).await.unwrap();
    assert!(response.is_success());
    assert_eq!(response.json::<Value>().unwrap(), json!({ "id": 4 }));

    // `send` hands back a refusal, `call` judges it.
    let response = client.send(&step, config.request(&step).unwrap()).await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(client.call(&step, &config).await.unwrap_err().code(), Some("HTTP_404"));
    let handler = HttpHandler::with_client(client).with_max_result_bytes(10);
    let step = StepContext::builder("s")
        .handler_config(Some(to_json(&json!({ "url": format!("{}/base/extra", server.uri()) }))))
        .build();
    assert_eq!(handler.process(step).await.unwrap_err().class(), "ResultTooLarge");
}
