//! What an answer means and what is stored of it.

use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::clock::Clock;
use tasker_core::step_handler::http::{ApiConfig, ApiResponse, Backoff, classify};
use tasker_core::step_handler::{AskedWait, ErrorKind, StepContext};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::manual_clock::ManualClock;
use super::steps::{call, judged, to_json};

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
        assert_eq!((error.kind(), error.asked()), (ErrorKind::Retryable, AskedWait::Table), "{status}");
        assert_eq!(error.message(), format!("API call failed with retryable status {status}"));
    }
    let others = [
        0, 100, 199, 227, 299, 301, 302, 304, 399, 402, 405, 408, 409, 421, 423, 425, 428, 430, 500, 502, 504, 599, 999,
    ];
    for status in others {
        let response = ApiResponse::new(status).with_header("Retry-After", "9");
        let error = judged(&response).unwrap_err();
        assert_eq!((error.kind(), error.asked()), (ErrorKind::Retryable, AskedWait::Nothing), "{status}");
        assert!(error.message().starts_with(&format!("API call failed with server error {status}")), "{error}");
    }
}

#[test]
fn retry_after_is_taken_where_it_can_be_understood() {
    let rows = [
        ("30", AskedWait::AtLeast(Duration::from_secs(30))),
        ("0", AskedWait::AtLeast(Duration::ZERO)),
        ("99999", AskedWait::AtLeast(Duration::from_secs(99_999))),
        ("Tue, 01 Jul 2025 12:01:40 GMT", AskedWait::AtLeast(Duration::from_secs(100))),
        ("Tue, 01 Jul 2025 11:00:00 GMT", AskedWait::AtLeast(Duration::ZERO)),
        ("soon", AskedWait::Table),
        ("", AskedWait::Table),
        ("-5", AskedWait::Table),
    ];
    for (value, wait) in rows {
        let error = judged(&ApiResponse::new(429).with_header("retry-AFTER", value)).unwrap_err();
        assert_eq!(error.asked(), wait, "{value}");
    }
}

#[test]
fn the_table_wait_can_be_switched_off() {
    let now = ManualClock::new().wall_time();
    let error = classify(&ApiResponse::new(503), Backoff::Off, now).unwrap_err();
    assert_eq!(error.asked(), AskedWait::Nothing);
    let asked = classify(&ApiResponse::new(503).with_header("Retry-After", "4"), Backoff::Off, now).unwrap_err();
    assert_eq!(asked.asked(), AskedWait::AtLeast(Duration::from_secs(4)));
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
fn an_answer_without_a_body_has_an_empty_text() {
    for status in [200, 201, 202, 204] {
        let response = ApiResponse::new(status);
        assert!(judged(&response).is_ok(), "{status}");
        let stored: Value = response.output(1000).unwrap().read().unwrap();
        assert_eq!((&stored["status"], &stored["body"]), (&json!(status), &json!("")), "{status}");
    }
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
