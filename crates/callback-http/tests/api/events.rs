//! The stream of events: what is in it, where it begins, and what becomes of its readers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use callback_domain::id::ServiceId;
use callback_engine::ledger::{Line, Subject};
use callback_engine::memory::MemoryStore;
use callback_engine::store::{Rows as _, Store};
use callback_http::{Options, serve};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::harness::{Installation, NOBODY, details, id, memory, pass, settle, start};

const LONG: Duration = Duration::from_secs(600);

/// One block of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// Takes a stream apart as it comes.
#[derive(Default)]
pub(crate) struct Blocks {
    text: String,
}

impl Blocks {
    fn take(&mut self) -> Option<Block> {
        let (block, rest) = self.text.split_once("\n\n")?;
        let field = |name: &str| {
            let lines = block.lines().filter_map(|line| line.strip_prefix(name));
            lines.map(|value| value.strip_prefix(": ").unwrap_or(value)).next().map(str::to_owned)
        };
        let data = field("data").map(|data| serde_json::from_str(&data).unwrap());
        let block = Block {
            id: field("id").unwrap_or_default(),
            event: field("event").unwrap_or_default(),
            data: data.unwrap_or_default(),
        };
        self.text = rest.to_owned();
        Some(block)
    }

    fn events(&mut self) -> Vec<Block> {
        std::iter::from_fn(|| self.take()).filter(|block| !block.event.is_empty()).collect()
    }
}

/// A reader at the router.
pub(crate) struct Reader {
    body: Body,
    blocks: Blocks,
}

impl Reader {
    pub(crate) async fn open(api: &Installation, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("/v1.0/events{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = api.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body(), blocks: Blocks::default() }
    }

    /// The next block of any kind.
    pub(crate) async fn block(&mut self) -> Block {
        loop {
            if let Some(block) = self.blocks.take() {
                return block;
            }
            let frame = timeout(LONG, self.body.frame()).await.unwrap().unwrap().unwrap();
            let bytes = frame.into_data().unwrap();
            self.blocks.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    pub(crate) async fn event(&mut self) -> Block {
        loop {
            let block = self.block().await;
            if !block.event.is_empty() {
                return block;
            }
        }
    }

    async fn events(&mut self, number: usize) -> Vec<Block> {
        let mut events = Vec::new();
        while events.len() < number {
            events.push(self.event().await);
        }
        events
    }

    /// Whether nothing comes for a while.
    async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_secs(10), self.event()).await.is_err()
    }
}

fn ids(events: &[Block]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_is_a_line_of_the_history_with_its_subject_and_service() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let mut reader = Reader::open(&api, "", None).await;
    let made = api.callback(&json!({})).await;
    let event = reader.event().await;
    let history = api.get(&format!("/v1.0/callbacks/{}/history", id(&made))).await.expect(200);
    let mut data = event.data.clone();
    let members = data.as_object_mut().unwrap();
    assert_eq!(members.remove("Subject"), Some(json!({"Kind": "Callback", "Id": made["Id"]})));
    assert_eq!(members.remove("Service"), Some(json!(service)));
    assert_eq!(data, history[0]);
    assert_eq!(event.event, "Created");
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_now_or_at_the_start() {
    let api = Installation::new().await;
    api.hotline().await;
    let mut whole = Reader::open(&api, "?from=start", None).await;
    let mut later = Reader::open(&api, "", None).await;
    api.callback(&json!({})).await;
    assert_eq!(later.event().await.event, "Created");
    let names: Vec<_> = whole.events(2).await.into_iter().map(|event| event.event).collect();
    assert_eq!(names, ["ServiceCreated", "Created"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let api = Installation::new().await;
    api.hotline().await;
    let mut first = Reader::open(&api, "", None).await;
    let nothing_yet = first.block().await.id;
    assert!(!nothing_yet.is_empty(), "there is a place to resume from before anything happens");
    for _ in 0..30 {
        api.callback(&json!({"DueDate": "2030-01-01T00:00"})).await;
    }
    let seen = first.events(10).await;
    drop(first);
    for _ in 0..10 {
        api.callback(&json!({"DueDate": "2030-01-01T00:00"})).await;
    }
    let last = &seen[9].id;
    let mut by_header = Reader::open(&api, "?from=start", Some(last)).await;
    let mut by_query = Reader::open(&api, &format!("?lastEventId={last}"), None).await;
    let mut whole = Reader::open(&api, &format!("?lastEventId={nothing_yet}"), None).await;
    let rest = by_header.events(30).await;
    assert_eq!(by_query.events(30).await, rest);
    let whole = whole.events(40).await;
    assert_eq!(ids(&whole), [ids(&seen), ids(&rest)].concat());
    assert!(by_header.is_silent().await && by_query.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn readers_far_behind_and_close_by_see_the_same() {
    let store = memory();
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    let mut close = Reader::open(&api, "", None).await;
    for number in 0..3_000 {
        append(&store, number, "");
        if number % 500 == 0 {
            settle().await;
        }
    }
    pass(Duration::from_secs(4)).await;
    let mut far = Reader::open(&api, "?from=start", None).await;
    let (close, far) = (close.events(3_000).await, far.events(3_000).await);
    assert_eq!(close, far);
    let numbers: Vec<_> =
        far.iter().map(|event| event.data["Details"]["Number"].as_u64()).collect();
    assert_eq!(numbers, (0..3_000).map(Some).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn filters_narrow_by_service_kind_and_event() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let other = json!({"Name": "Other", "SipUri": "sip:other@dev.local"});
    let other = api.service(&other).await;
    api.callback(&json!({})).await;
    api.callback(&json!({"ServiceSip": "sip:other@dev.local"})).await;
    api.agent(&service, &json!({"Presence": "Offline"})).await;
    settle().await;
    for (query, names) in [
        ("&kind=user", vec!["UserCreated"]),
        ("&kind=service&kind=user", vec!["ServiceCreated", "ServiceCreated", "UserCreated"]),
        ("&event=Queued", vec!["Queued", "Queued"]),
        (&format!("&service={other}"), vec!["ServiceCreated", "Created", "Queued"]),
        (&format!("&service={other}&kind=callback&event=Created"), vec!["Created"]),
        (&format!("&service={other}&service={service}&event=Created"), vec!["Created", "Created"]),
        (&format!("&service={NOBODY}"), vec![]),
    ] {
        let mut reader = Reader::open(&api, &format!("?from=start{query}"), None).await;
        let mut found: Vec<_> =
            reader.events(names.len()).await.into_iter().map(|event| event.event).collect();
        found.sort();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(found, names, "{query}");
        assert!(reader.is_silent().await, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_learns_how_far_it_is_when_all_is_passed_over() {
    let api = Installation::new().await;
    let mut reader = Reader::open(&api, "?kind=user", None).await;
    let first = reader.block().await.id;
    let service = api.hotline().await;
    let block = loop {
        let block = reader.block().await;
        if !block.id.is_empty() {
            break block;
        }
    };
    assert!(block.event.is_empty() && block.id > first, "{block:?}");
    let mut again = Reader::open(&api, "?kind=user", Some(&block.id)).await;
    api.agent(&service, &json!({})).await;
    assert_eq!(again.event().await.event, "UserCreated");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_meant_is_refused() {
    let api = Installation::new().await;
    for (query, member, code) in [
        ("lastEventId=7", "lastEventId", "Malformed"),
        ("lastEventId=", "lastEventId", "Malformed"),
        ("lastEventId=+00000000000000a", "lastEventId", "Malformed"),
        ("lastEventId=00000000000000007", "lastEventId", "Malformed"),
        ("lastEventId=00000000000000ff", "Last-Event-ID", "UnknownEvent"),
        ("lastEventId=ffffffffffffffff", "Last-Event-ID", "UnknownEvent"),
        ("from=yesterday", "from", "UnknownValue"),
        ("kind=agent", "kind", "UnknownValue"),
        ("event=created", "event", "UnknownValue"),
        ("service=hotline", "service", "WrongType"),
        ("since=now", "since", "UnknownParameter"),
    ] {
        let refused = api.get(&format!("/v1.0/events?{query}")).await;
        let found = details(&refused.refused(400, "ValidationFailed"));
        assert_eq!(found, [(member.to_owned(), code.to_owned())], "{query}");
    }
    let request = Request::get("/v1.0/events").header("Last-Event-ID", "\u{e9}");
    let refused = api.send(request.body(Body::empty()).unwrap()).await;
    let found = details(&refused.refused(400, "ValidationFailed"));
    assert_eq!(found, [("Last-Event-ID".to_owned(), "Malformed".to_owned())]);
}

#[tokio::test]
async fn two_hundred_readers_see_every_line_once_and_end_with_the_server() {
    const READERS: usize = 200;
    const CALLBACKS: usize = 150;
    let api = Installation::new().await;
    let (address, stop, server) = served(&api).await;
    let mut readers = JoinSet::new();
    let (ready, mut opened) = mpsc::channel(READERS);
    let (done, mut finished) = mpsc::channel(READERS);
    for _ in 0..READERS {
        let (mut opening, mut finishing) = (Some(ready.clone()), Some(done.clone()));
        readers.spawn(async move {
            let mut connection = TcpStream::connect(address).await.unwrap();
            ask(&mut connection, "/v1.0/events?kind=callback&event=Created").await;
            let mut text = vec![0; 16 * 1024];
            let mut blocks = Blocks::default();
            loop {
                let read = connection.read(&mut text).await.unwrap();
                if read == 0 {
                    return blocks.events();
                }
                blocks.text.push_str(std::str::from_utf8(&text[..read]).unwrap());
                if blocks.text.contains("retry:")
                    && let Some(ready) = opening.take()
                {
                    ready.send(()).await.unwrap();
                }
                if blocks.text.matches("event: Created").count() == CALLBACKS
                    && let Some(done) = finishing.take()
                {
                    done.send(()).await.unwrap();
                }
            }
        });
    }
    for _ in 0..READERS {
        opened.recv().await.unwrap();
    }
    api.hotline().await;
    let mut made = Vec::new();
    for _ in 0..CALLBACKS {
        made.push(api.callback(&json!({})).await["Id"].clone());
    }
    for _ in 0..READERS {
        finished.recv().await.unwrap();
    }
    stop.send(()).unwrap();
    let mut ended = 0;
    while let Some(events) = readers.join_next().await {
        let seen: Vec<_> =
            events.unwrap().iter().map(|event| event.data["Subject"]["Id"].clone()).collect();
        assert_eq!(seen, made);
        ended += 1;
    }
    assert_eq!(ended, READERS);
    server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut_off() {
    const LINES: u64 = 4_000;
    let store = memory();
    let fat = "x".repeat(8 * 1024);
    for number in 0..LINES {
        append(&store, number, &fat);
    }
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    let (address, _stop, _server) = served(&api).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut connection = socket.connect(address).await.unwrap();
    ask(&mut connection, "/v1.0/events?from=start").await;
    pass(Duration::from_secs(120)).await;
    let mut left = Vec::new();
    let ended = timeout(LONG, connection.read_to_end(&mut left)).await;
    assert!(ended.is_ok(), "the connection is closed");
    assert!(left.len() < usize::try_from(LINES).unwrap() * fat.len() / 2, "{}", left.len());
}

fn append(store: &MemoryStore, number: u64, filler: &str) {
    let service = ServiceId::from_u128(7);
    let details = json!({"Number": number, "Filler": filler});
    let line = Line {
        sequence: 0,
        subject: Subject::Service(service),
        service: Some(service),
        at: start(),
        what: "ServiceEdited".to_owned(),
        from: None,
        to: None,
        actor: "operator".to_owned(),
        details: details.as_object().cloned().unwrap_or_else(Map::new),
    };
    store.transact(async |rows| rows.append(&line).await).unwrap();
}

type Server = tokio::task::JoinHandle<std::io::Result<()>>;

async fn served(api: &Installation) -> (std::net::SocketAddr, oneshot::Sender<()>, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, api.router.clone(), async move {
        let _dropped = stopped.await.is_err();
    }));
    (address, stop, server)
}

/// Asks in HTTP/1.0, so that the answer comes as it is and ends with the connection.
async fn ask(connection: &mut TcpStream, path: &str) {
    let head = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
}
