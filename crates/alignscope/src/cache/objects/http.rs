//! HTTP for the object store, by the client that the hub has: the program has one TLS.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use ureq::Agent;
use ureq::http::request::Parts;
use ureq::http::{Method, Request};

use super::super::object_error::{NoAnswer, NoList, NoMetadata};
use crate::hub::PATIENCE;

/// Answers are read as a whole: parts of files, and lists.
const MAX_ANSWER_BYTES: u64 = 256 << 20;
/// A server of its cloud's answers a machine at once or not at all.
const METADATA_PATIENCE: Duration = Duration::from_secs(2);
/// The user is told that a server is waited for at most so often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Makes clients that all are one.
#[derive(Debug)]
pub(super) struct Connector {
    client: Client,
}

/// Speaks to servers, and says where it has to wait for one.
#[derive(Debug, Clone)]
struct Client {
    agent: Agent,
    metadata: Agent,
    /// Where a machine of a cloud asks for its role.
    metadata_servers: Arc<[String]>,
    waiting: Arc<Waiting>,
}

/// Who is told what is waited for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    listener: Mutex<Option<Sender<String>>>,
    told: Mutex<Option<Instant>>,
    is_failing: AtomicBool,
}

impl Waiting {
    /// Notes go here from now on.
    pub(super) fn listen(&self, listener: Option<Sender<String>>) {
        *self.listener.lock().expect("no thread panics while it holds it") = listener;
    }

    /// Tells something.
    pub(super) fn tell(&self, note: String) {
        let listener = self.listener.lock().expect("no thread panics while it holds it");
        if let Some(listener) = &*listener {
            // Whoever listened is gone where the run is.
            let _ = listener.send(note);
        }
    }

    /// Whether there was an answer when something was asked last.
    pub(super) fn is_answering(&self) -> bool {
        !self.is_failing.load(Ordering::Relaxed)
    }

    /// Tells that a server is waited for, unless that was told just now.
    fn failed(&self, server: &str, why: &str) {
        self.is_failing.store(true, Ordering::Relaxed);
        let mut told = self.told.lock().expect("no thread panics while it holds it");
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            self.tell(format!("cache: {server} does not answer ({why}); trying again"));
        }
    }
}

impl Connector {
    /// A client of its own. It takes proxies from the environment (`HTTPS_PROXY`, …), as that of
    /// the hub.
    ///
    /// `metadata_servers` — where a machine of a cloud asks for its role: host, and port if there
    /// is one
    pub(super) fn new(waiting: Arc<Waiting>, metadata_servers: Vec<String>) -> Self {
        let agent = |connect: Duration, silent: Duration| {
            Agent::config_builder()
                .max_redirects(0)
                .max_redirects_will_error(false)
                .http_status_as_error(false)
                .timeout_connect(Some(connect))
                .timeout_recv_response(Some(silent))
                .timeout_per_read(Some(silent))
                .timeout_per_write(Some(silent))
                .user_agent(concat!("alignscope/", env!("CARGO_PKG_VERSION")))
                .build()
                .into()
        };
        let client = Client {
            agent: agent(PATIENCE / 3, PATIENCE),
            metadata: agent(METADATA_PATIENCE, METADATA_PATIENCE),
            metadata_servers: metadata_servers.into(),
            waiting,
        };
        Self { client }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.client.clone()))
    }
}

impl HttpService for Client {
    fn call<'life0, 'async_trait>(
        &'life0 self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let client = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let exchange = move || client.exchange(parts, body);
            let done = tokio::task::spawn_blocking(exchange).await;
            done.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?
        })
    }
}

impl Client {
    /// Sends a request and reads the whole answer.
    fn exchange(&self, parts: Parts, body: Bytes) -> Result<HttpResponse, HttpError> {
        let server = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
        let is_metadata = self.metadata_servers.contains(&server);
        let agent = if is_metadata { &self.metadata } else { &self.agent };
        // A page of the web would pass for a list of nothing.
        let is_list = parts.method == Method::GET
            && parts.uri.query().is_some_and(|query| query.contains("list-type=2"));
        let has_body = matches!(parts.method, Method::PUT | Method::POST | Method::PATCH);
        let request = Request::from_parts(parts, ());
        let answer = match has_body {
            true => agent.run(request.map(|()| body.to_vec())),
            false => agent.run(request),
        };
        let read = answer.and_then(|answer| {
            let (parts, mut body) = answer.into_parts();
            let bytes = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
            Ok((parts, bytes))
        });
        match read {
            Ok((parts, bytes)) => {
                if parts.status.is_server_error() || parts.status.as_u16() == 429 {
                    self.waiting.failed(&server, &format!("status {}", parts.status));
                } else {
                    self.waiting.is_failing.store(false, Ordering::Relaxed);
                }
                let text = || String::from_utf8_lossy(&bytes);
                if is_list && parts.status.is_success() && !text().contains("<ListBucketResult") {
                    let error = NoList(format!("status {}, and no list of objects", parts.status));
                    return Err(HttpError::new(HttpErrorKind::Decode, error));
                }
                Ok(HttpResponse::from_parts(parts, bytes.into()))
            }
            // Whoever has no role of its own is asked once.
            Err(error) if is_metadata => {
                let error = NoMetadata(error.to_string());
                Err(HttpError::new(HttpErrorKind::Unknown, error))
            }
            // All that is asked may be asked again: what is written has the same bytes.
            Err(error) => {
                let error = NoAnswer(error.to_string());
                self.waiting.failed(&server, &error.0);
                Err(HttpError::new(HttpErrorKind::Request, error))
            }
        }
    }
}
