//! The admin page, over its server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use entourage_blueprint::{Blueprint, Counters, Describe, Edge, Node, Sink};
use entourage_core::Shutdown;
use entourage_http::{Admin, Request, Server, text};
use http::{Method, StatusCode};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::raw::{Answer, Raw, get};

struct Page {
    raw: Raw,
    task: JoinHandle<()>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Page {
    async fn of(admin: Admin) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(admin);
        let task = tokio::spawn(async move {
            server.run(listener, Shutdown::new()).await;
        });
        Self { raw: Raw::of(tokio::net::TcpStream::connect(address).await.unwrap()), task }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.raw.send(get(path)).await;
        self.raw.answer().await
    }

    async fn accepting(&mut self, path: &str, accept: &str) -> Answer {
        self.raw.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\naccept: {accept}\r\n\r\n")).await;
        self.raw.answer().await
    }
}

#[derive(Clone)]
struct Composed {
    counters: Counters,
}

impl Describe for Composed {
    fn describe(&self, blueprint: &mut Blueprint) {
        blueprint.add_node(Node::new("source", "in").source().with_counters(self.counters.clone()));
        blueprint.add_node(Node::new("store", "out").sink(Sink::default()));
        blueprint.add_edge(Edge::new("in", "out", "things"));
    }
}

#[tokio::test]
async fn a_process_is_alive_until_it_says_otherwise() {
    let admin = Admin::new().with_check("never", || Err("no".to_owned()));
    let liveness = admin.liveness();
    let mut page = Page::of(admin).await;
    let alive = page.get("/livez").await;
    assert_eq!((alive.status, &alive.body[..]), (200, "ok\n"));
    liveness.ends("the writer's thread is gone");
    liveness.ends("and something else");
    let dead = page.get("/livez").await;
    assert_eq!((dead.status, &dead.body[..]), (503, "the writer's thread is gone\n"));
}

#[tokio::test]
async fn readiness_names_the_check_that_fails() {
    let is_up = Arc::new(AtomicBool::new(true));
    let (seen, shutdown) = (Arc::clone(&is_up), Shutdown::new());
    let admin = Admin::new()
        .with_check("store", move || {
            if seen.load(Ordering::Relaxed) { Ok(()) } else { Err("no \"answer\"".to_owned()) }
        })
        .with_check("disk", || Ok(()))
        .with_shutdown(shutdown.clone());
    let mut page = Page::of(admin).await;
    let ready = page.get("/readyz").await;
    assert_eq!((ready.status, ready.field("content-type")), (200, Some("application/json")));
    assert_eq!(
        ready.body,
        r#"{"checks":{"disk":{"ready":true},"store":{"ready":true}},"draining":false,"ready":true}"#
    );
    is_up.store(false, Ordering::Relaxed);
    let unready = page.get("/readyz").await;
    assert_eq!(unready.status, 503);
    assert_eq!(
        unready.body,
        r#"{"checks":{"disk":{"ready":true},"store":{"ready":false,"why":"no \"answer\""}},"draining":false,"ready":false}"#
    );
    is_up.store(true, Ordering::Relaxed);
    assert_eq!(page.get("/readyz").await.status, 200);
    shutdown.drain();
    let draining = page.get("/readyz").await;
    assert_eq!(draining.status, 503);
    assert!(draining.body.contains(r#""draining":true,"ready":false"#), "{draining:?}");
    assert_eq!(page.get("/livez").await.status, 200, "who drains is not dead");
}

#[tokio::test]
async fn a_check_or_collector_that_panics_fails_alone() {
    let admin = Admin::new()
        .with_check("bad", || panic!("on purpose"))
        .with_check("good", || Ok(()))
        .with_metrics(|_| panic!("on purpose"))
        .with_metrics(|page| page.gauge("good", "", &[], 1_u64));
    let mut page = Page::of(admin).await;
    let ready = page.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains(r#""good":{"ready":true}"#), "{ready:?}");
    assert!(ready.body.contains("the check panicked: on purpose"), "{ready:?}");
    let metrics = page.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("\ngood 1\n"), "{metrics:?}");
    assert!(metrics.body.contains("\nentourage_exposition_panics 1\n"), "{metrics:?}");
}

#[tokio::test]
async fn metrics_are_the_blueprints_counters_and_the_programs() {
    let counters = Counters::new(&["items_total"]);
    let admin = Admin::new()
        .with_blueprint(Composed { counters: counters.clone() })
        .with_metrics(|page| page.gauge("depth", "How deep.", &[("of", "a\"b")], 2.5));
    let mut page = Page::of(admin).await;
    counters.counter("items_total").add(41);
    counters.counter("items_total").increment();
    let metrics = page.get("/metrics").await;
    assert_eq!(metrics.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("\nentourage_source_items_total{node=\"in\"} 42\n"), "{metrics:?}");
    assert!(metrics.body.contains("\ndepth{of=\"a\\\"b\"} 2.5\n"), "{metrics:?}");
}

#[tokio::test]
async fn a_blueprint_comes_in_the_form_that_is_asked_for() {
    let mut page = Page::of(Admin::new().with_blueprint(Composed { counters: Counters::default() })).await;
    for (path, accept, content_type, begins) in [
        ("/blueprint", "*/*", "application/json", "{"),
        ("/blueprint", "text/plain", "text/plain; charset=utf-8", "flowchart LR"),
        ("/blueprint", "text/plain;q=0.5, application/json", "application/json", "{"),
        ("/blueprint", "text/*, */*;q=0.1", "text/plain; charset=utf-8", "flowchart LR"),
        ("/blueprint?as=mermaid", "application/json", "text/plain; charset=utf-8", "flowchart LR"),
        ("/blueprint?x=y&as=json", "text/plain", "application/json", "{"),
        ("/blueprint?as=dot", "*/*", "text/plain; charset=utf-8", "digraph"),
    ] {
        let answer = page.accepting(path, accept).await;
        assert_eq!(
            (answer.status, answer.field("content-type")),
            (200, Some(content_type)),
            "{path} {accept}"
        );
        assert!(answer.body.starts_with(begins), "{answer:?}");
    }
    let plain = page.get("/blueprint").await;
    let read: serde_json::Value = serde_json::from_str(&plain.body).unwrap();
    assert_eq!(read["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(page.get("/blueprint?as=svg").await.status, 400);
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_told() {
    let mut page = Page::of(Admin::new()).await;
    for path in ["/", "/livez/", "/LIVEZ", "/metrics/x", "/%6civez"] {
        assert_eq!(page.get(path).await.status, 404, "{path}");
    }
    page.raw.send("POST /readyz HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}").await;
    let refused = page.raw.answer().await;
    assert_eq!((refused.status, refused.field("allow")), (405, Some("GET, HEAD")));
    for path in ["/livez", "/readyz", "/metrics", "/blueprint"] {
        let whole = page.get(path).await;
        page.raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let head = page.raw.answer_to_head().await;
        assert_eq!(
            (head.status, head.field("content-length")),
            (200, whole.field("content-length")),
            "{path}"
        );
        assert_eq!(head.field("content-type"), whole.field("content-type"));
        assert_eq!(whole.field("content-length"), Some(whole.body.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn a_program_adds_routes_of_its_own() {
    let router = Admin::new().into_router().route(Method::PUT, "/mine", |request: Request| async move {
        text(StatusCode::ACCEPTED, request.into_body())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(Server::new(router).run(listener, Shutdown::new()));
    let mut raw = Raw::of(tokio::net::TcpStream::connect(address).await.unwrap());
    raw.send("PUT /mine HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi".to_owned() + &get("/livez"))
        .await;
    assert_eq!(raw.answer().await.body, "hi");
    assert_eq!(raw.answer().await.body, "ok\n");
    task.abort();
}
