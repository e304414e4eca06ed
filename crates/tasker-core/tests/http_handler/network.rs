//! Through the network, to polite servers and rude ones.

use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::step_handler::http::{ApiClient, ApiConfig, HttpHandler};
use tasker_core::step_handler::{AskedWait, ErrorKind, StepContext, StepHandler};
use tokio_util::sync::CancellationToken;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::manual_clock::ManualClock;
use super::rude_server::{RudeServer, gzip_bomb};
use super::steps::{call, raw, step, to_json};

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
        call(config).await.unwrap_err().asked()
    };
    assert_eq!(wait("busy", true).await, AskedWait::AtLeast(Duration::from_secs(30)));
    assert_eq!(wait("down", true).await, AskedWait::Table);
    assert_eq!(wait("down", false).await, AskedWait::Nothing);
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
    assert_eq!(error.asked(), AskedWait::AtLeast(Duration::from_secs(8)));
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
