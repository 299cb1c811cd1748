//! A line to PostgreSQL that can be cut, or made to swallow whatever is sent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio_postgres::{NoTls, SimpleQueryMessage};

/// What the line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Cut,
    Swallows,
}

/// A proxy before a server.
#[derive(Debug)]
pub(crate) struct Proxy {
    line: Arc<Line>,
    address: String,
}

#[derive(Debug)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts before the server of an address; answers the address that leads through it.
    pub(crate) fn before(address: &str) -> (Self, String) {
        let (head, rest) = address.rsplit_once('@').expect("the address names a user");
        let (server, database) = rest.split_once('/').expect("the address names a database");
        let server: SocketAddr = server.parse().expect("the server is named by its number");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let own = listener.local_addr().expect("it listens");
        let line = Arc::new(Line {
            state: Mutex::new(State::Whole),
            changed: Condvar::new(),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&line);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.lead(client, server);
            }
        });
        (Self { line, address: address.to_owned() }, format!("{head}@{own}/{database}"))
    }

    /// Breaks every connection, and refuses new ones.
    pub(crate) fn cut(&self) {
        self.line.set(State::Cut);
        self.line.break_all();
    }

    /// Lets nothing through, and says nothing of it.
    pub(crate) fn swallow(&self) {
        self.line.set(State::Swallows);
    }

    /// Is a line again; what was swallowed is lost, with its connections.
    pub(crate) fn mend(&self) {
        self.line.break_all();
        self.line.set(State::Whole);
    }

    /// Asks the server itself for one value.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&self.address, NoTls).await.expect("the server answers");
            tokio::spawn(connection);
            let rows = client.simple_query(sql).await.expect("the question is understood");
            let value = rows.iter().find_map(|message| {
                let SimpleQueryMessage::Row(row) = message else { return None };
                row.get(0).map(str::to_owned)
            });
            value.expect("there is a value")
        })
    }
}

impl Line {
    fn set(&self, state: State) {
        *self.state() = state;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn break_all(&self) {
        for connection in self.open().drain(..) {
            // The other side may be gone already.
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// Connects a client with the server; a line that is cut drops it.
    fn lead(self: &Arc<Self>, client: TcpStream, server: SocketAddr) {
        if *self.state() == State::Cut {
            return;
        }
        let Ok(server) = TcpStream::connect(server) else { return };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
            let line = Arc::clone(self);
            thread::spawn(move || line.carry(from, to));
        }
        self.open().extend([client, server]);
    }

    /// Carries bytes one way; while the line swallows, they wait and are never delivered.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            let mut state = self.state();
            let swallowed = *state == State::Swallows;
            while *state == State::Swallows {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            if swallowed || to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        // Either side may be gone already.
        drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
    }
}
